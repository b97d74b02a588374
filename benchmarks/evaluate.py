"""Evaluation from files against hotcoco and pycocotools reading COCO's own files, each in a process of its own.

COCO's val2017 in size: 5 000 images, 35 000 labels, 100 predictions an image. Every side reads two files, the labels'
and the predictions', and computes COCO's twelve averages: ours canonical rows as lines of JSON or as Parquet, and gives
the averages of each feature besides; the others COCO's JSON. The averages of all are compared before anything is
printed. Times are CPU seconds from opening the files to the averages, and those of the whole processes; of several
turns the median counts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from benchmarks.measure import cpu_seconds, medians, report
from dragoman import Box, Feature, Item, Label, Ontology, Prediction
from dragoman.formats.native import NdjsonWriter, ParquetWriter

IMAGES, FEATURES, LABELS, PREDICTIONS = 5000, 80, 7, 100
RUNS = 7
OURS = {"ndjson": "lines of JSON", "parquet": "Parquet"}
LARGEST = 600.0
"""MiB that an evaluation of a million predictions may take."""


def run() -> None:
    """Print the ratios of CPU time and the peaks of memory."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, IMAGES)
        # The slowest takes minutes, so it runs once.
        found = {"pycocotools": _measured(folder, "pycocotools")}
        rounds = [{kind: _measured(folder, kind) for kind in (*OURS, "hotcoco")} for _ in range(RUNS + 1)]
    # The first round is not counted: files come from the disk then.
    found |= {kind: medians([one[kind] for one in rounds[1:]]) for kind in rounds[0]}
    for kind, title in OURS.items():
        _compare(found, kind, f"evaluate {IMAGES * PREDICTIONS:,} boxes of {title}")
    _run_memory()


def _compare(found: dict[str, dict[str, Any]], kind: str, rows: str) -> None:
    ours, fast, slow = found[kind], found["hotcoco"], found["pycocotools"]
    for peer in (fast, slow):
        assert np.allclose(ours["figures"], peer["figures"], rtol=0, atol=1e-6), (ours, peer)
    report(f"{rows}, against hotcoco", ours["seconds"], fast["seconds"], limit=1.0, unit="s")
    report("the same with start and imports", ours["whole"], fast["whole"], limit=1.0, unit="s")
    report("the same, against pycocotools", ours["whole"], slow["whole"], limit=0.2, unit="s")
    report("the same, peak memory", ours["peak"], slow["peak"], limit=0.5, unit="MiB")


def _measured(folder: Path, kind: str) -> dict[str, Any]:
    """Run a side and return what it tells, and the CPU seconds of its whole process."""
    whole = cpu_seconds([sys.executable, "-m", "benchmarks.evaluate_sides", kind, str(folder)])
    return {**json.loads((folder / f"{kind}.json").read_text()), "whole": whole}


def _run_memory() -> None:
    """Print the peak of memory for a million predictions, against what it may be."""
    images = 1_000_000 // PREDICTIONS
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, images)
        for kind, title in OURS.items():
            peak = _measured(folder, kind)["peak"]
            report(f"evaluate a million boxes of {title}, peak memory", peak, LARGEST, limit=1.0, unit="MiB")


def _write(folder: Path, images: int) -> None:
    """Write the same rows as NDJSON, as Parquet and as COCO."""
    ontology = Ontology(name="o", features=tuple(Feature(name=f"f{number}") for number in range(FEATURES)))
    items = [Item(str(number), width=800, height=800) for number in range(images)]
    both = list(_rows(images))
    for name, kind in (("truth", Label), ("said", Prediction)):
        rows = [row for row in both if type(row) is kind]
        NdjsonWriter(folder / f"{name}.ndjson").write(ontology, items, rows)
        ParquetWriter(folder / name).write(ontology, items, rows)
    sides: dict[type, list[dict[str, Any]]] = {Label: [], Prediction: []}
    for row in both:
        sides[type(row)].append(_as_coco(row, len(sides[type(row)]) + 1))
    dataset = {
        "images": [{"id": number, "width": 800, "height": 800} for number in range(images)],
        "categories": [{"id": number + 1, "name": f"f{number}"} for number in range(FEATURES)],
        "annotations": sides[Label],
    }
    (folder / "truth.json").write_bytes(msgspec.json.encode(dataset))
    (folder / "said.json").write_bytes(msgspec.json.encode(sides[Prediction]))


def _rows(images: int) -> Iterator[Label]:
    random = np.random.default_rng(0)
    for image in range(images):
        boxes = random.uniform((0, 0, 5, 5), (500, 400, 200, 200), (LABELS, 4)).round(2)
        features = random.integers(0, FEATURES, LABELS)
        source = random.integers(0, LABELS, PREDICTIONS)
        near = (boxes[source] + random.normal(0, 8, (PREDICTIONS, 4))).round(2)
        near[:, 2:] = abs(near[:, 2:])
        for n, (box, feature) in enumerate(zip(boxes.tolist(), features.tolist(), strict=True)):
            yield Label(f"{image}", f"f{feature}", Box(*box), id=f"l{image}-{n}")
        said = zip(near.tolist(), features[source].tolist(), random.random(PREDICTIONS).tolist(), strict=True)
        for n, (box, feature, score) in enumerate(said):
            yield Prediction(f"{image}", f"f{feature}", Box(*box), confidence=score, id=f"p{image}-{n}")


def _as_coco(row: Label, number: int) -> dict[str, Any]:
    assert isinstance(row.geometry, Box)
    box = [row.geometry.x, row.geometry.y, row.geometry.width, row.geometry.height]
    named = {"image_id": int(row.item), "category_id": int(row.feature[1:]) + 1, "bbox": box}
    if isinstance(row, Prediction):
        return {**named, "score": row.confidence}
    return {"id": number, **named, "area": box[2] * box[3], "iscrowd": 0}
