"""The sides of `benchmarks.evaluate`, each run as a process that imports nothing of the others."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.measure import peak_mib

Work = Callable[[], list[float]]
"""From opening the files to COCO's twelve averages."""


def ndjson(folder: Path) -> Work:
    """Evaluate lines of JSON with Dragoman."""
    from dragoman.formats.native.ndjson import NdjsonReader

    return _ours(lambda name: NdjsonReader(folder / f"{name}.ndjson"))


def parquet(folder: Path) -> Work:
    """Evaluate Parquet with Dragoman."""
    from dragoman.formats.native.parquet import ParquetReader

    # The reader imports it when it is used, which would be on the clock.
    import_module("pyarrow.parquet")

    return _ours(lambda name: ParquetReader(folder / name))


def hotcoco(folder: Path) -> Work:
    """Evaluate COCO's JSON with hotcoco."""
    from hotcoco import COCO, COCOeval

    return lambda: _summary(COCO, COCOeval, folder)


def pycocotools(folder: Path) -> Work:
    """Evaluate COCO's JSON with pycocotools."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    return lambda: _summary(COCO, COCOeval, folder)


def _ours(reader: Callable[[str], Any]) -> Work:
    from dragoman.evaluate import evaluate
    from dragoman.evaluate.detection import METRICS
    from dragoman.evaluate.files import FileRows
    from dragoman.schema import Label, Prediction

    # `evaluate` imports it when it is used, which would be on the clock.
    import_module("dragoman.evaluate.studies")

    def run() -> list[float]:
        labels, predictions = FileRows(reader("truth"), Label), FileRows(reader("said"), Prediction)
        found = evaluate(labels, predictions, version="v", dataset="d").metrics
        return [found[name] for name in METRICS]

    return run


def _summary(dataset: Any, evaluation: Any, folder: Path) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = dataset(str(folder / "truth.json"))
        found = evaluation(truth, truth.loadRes(str(folder / "said.json")), "bbox")
        found.evaluate()
        found.accumulate()
        found.summarize()
    return [float(value) for value in found.stats]


SIDES = {side.__name__: side for side in (ndjson, parquet, hotcoco, pycocotools)}

if __name__ == "__main__":
    kind, place = sys.argv[1], Path(sys.argv[2])
    work = SIDES[kind](place)
    started = process_time()
    figures = work()
    told = {"figures": figures, "seconds": process_time() - started, "peak": peak_mib()}
    (place / f"{kind}.json").write_text(json.dumps(told))
