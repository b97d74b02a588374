"""Evaluation from files against hotcoco and pycocotools reading COCO's own files, each in a process of its own.

COCO's val2017 in size: 5 000 images, 35 000 labels, 100 predictions an image. Ours reads canonical rows. The averages
of all three are compared before anything is printed.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from benchmarks.measure import cpu_seconds, interleaved, peak_mib, report
from dragoman import Box, Label, Prediction

IMAGES, FEATURES, LABELS, PREDICTIONS = 5000, 80, 7, 100
RUNS = 3


def run() -> None:
    """Print the ratios of CPU time and the peak of memory."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder)
        commands = {
            kind: [sys.executable, "-m", "benchmarks.evaluate", kind, name]
            for kind in ("ours", "hotcoco", "pycocotools")
        }
        # The slowest takes minutes, so it runs once.
        seconds = {"pycocotools": cpu_seconds(commands["pycocotools"])}
        seconds |= interleaved({kind: commands[kind] for kind in ("ours", "hotcoco")}, RUNS)
        found = {kind: json.loads((folder / f"{kind}.json").read_text()) for kind in commands}
    for kind in ("hotcoco", "pycocotools"):
        pairs = zip(found["ours"]["figures"], found[kind]["figures"], strict=True)
        assert all(abs(ours - theirs) < 1e-6 for ours, theirs in pairs), (found["ours"], found[kind])
    rows = f"evaluate {IMAGES * PREDICTIONS:,} boxes"
    report(f"{rows}, against hotcoco", seconds["ours"], seconds["hotcoco"], limit=1.0, unit="s")
    report(f"{rows}, against pycocotools", seconds["ours"], seconds["pycocotools"], limit=0.2, unit="s")
    report("the same, peak memory", found["ours"]["peak"], found["pycocotools"]["peak"], limit=0.5, unit="MiB")


def _write(folder: Path) -> None:
    """Write the same rows as NDJSON and as COCO."""
    random = np.random.default_rng(0)
    truth, said = [], []
    with (folder / "rows.ndjson").open("wb") as lines:
        for image in range(IMAGES):
            boxes = random.uniform((0, 0, 5, 5), (500, 400, 200, 200), (LABELS, 4)).round(2)
            features = random.integers(0, FEATURES, LABELS)
            source = random.integers(0, LABELS, PREDICTIONS)
            near = (boxes[source] + random.normal(0, 8, (PREDICTIONS, 4))).round(2)
            near[:, 2:] = abs(near[:, 2:])
            scores = random.random(PREDICTIONS)
            for box, feature in zip(boxes.tolist(), features.tolist(), strict=True):
                label = Label(f"{image}", f"f{feature}", Box(*box), id=f"l{len(truth)}")
                lines.write(msgspec.json.encode({"label": label}) + b"\n")
                shape = {"bbox": box, "area": box[2] * box[3], "iscrowd": 0}
                truth.append({"id": len(truth) + 1, "image_id": image, "category_id": feature + 1, **shape})
            for box, feature, score in zip(near.tolist(), features[source].tolist(), scores.tolist(), strict=True):
                row = Prediction(f"{image}", f"f{feature}", Box(*box), confidence=score, id=f"p{len(said)}")
                lines.write(msgspec.json.encode({"prediction": row}) + b"\n")
                said.append({"image_id": image, "category_id": feature + 1, "bbox": box, "score": score})
    images = [{"id": image, "width": 800, "height": 800} for image in range(IMAGES)]
    categories = [{"id": feature + 1, "name": f"f{feature}"} for feature in range(FEATURES)]
    dataset = {"images": images, "categories": categories, "annotations": truth}
    (folder / "truth.json").write_bytes(msgspec.json.encode(dataset))
    (folder / "said.json").write_bytes(msgspec.json.encode(said))


def _ours(folder: Path) -> list[float]:
    from dragoman.evaluate import evaluate
    from dragoman.evaluate.detection import METRICS

    def rows(kind: type[Any]) -> Iterator[Any]:
        decode = msgspec.json.Decoder(dict[str, kind]).decode  # type: ignore[valid-type]
        name = kind.__name__.lower()
        with (folder / "rows.ndjson").open("rb") as lines:
            for line in lines:
                if line.startswith(b'{"' + name.encode()):
                    yield decode(line)[name]

    found = evaluate(rows(Label), rows(Prediction), version="v", dataset="d").metrics
    return [found[name] for name in METRICS]


def _hotcoco(folder: Path) -> list[float]:
    from hotcoco import COCO, COCOeval

    return _summary(COCO, COCOeval, folder)


def _pycocotools(folder: Path) -> list[float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    return _summary(COCO, COCOeval, folder)


def _summary(dataset: Any, evaluation: Any, folder: Path) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = dataset(str(folder / "truth.json"))
        found = evaluation(truth, truth.loadRes(str(folder / "said.json")), "bbox")
        found.evaluate()
        found.accumulate()
        found.summarize()
    return [float(value) for value in found.stats]


if __name__ == "__main__":
    kind, place = sys.argv[1], Path(sys.argv[2])
    figures = {"ours": _ours, "hotcoco": _hotcoco, "pycocotools": _pycocotools}[kind](place)
    (place / f"{kind}.json").write_text(json.dumps({"figures": figures, "peak": peak_mib()}))
