"""100 000 box predictions into the Nucleus emulator: Dragoman against the SDK's own objects and upload route.

Each side runs in a process of its own. Afterwards both runs are exported and compared, so equal work is certain.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Any, NamedTuple

import nucleus

import dragoman
from benchmarks.measure import emulator, peak_mib, report
from dragoman import Box, Item, Prediction

ROWS = 100_000
ITEMS = 1000
RUNS = 3
FEATURES = tuple("abcdefghij")


def run() -> None:
    """Print the ratios of wall and client CPU time, and how much memory grows with the rows."""
    results: dict[str, list[dict[str, float]]] = {"ours": [], "sdk": []}
    with emulator("nucleus") as ready:
        target = _prepare(ready)
        for turn in range(RUNS):
            versions = {}
            for side in results:
                versions[side] = _version(ready, target["model"], target["dataset"], f"{side} {turn}")
                results[side].append(_child(side, ready, target["dataset"], versions[side], ROWS))
            _check_equal(ready, versions["ours"], versions["sdk"])
        grown = [
            _child("ours", ready, target["dataset"], _version(ready, target["model"], target["dataset"], f"m {n}"), n)
            for n in (ROWS // 10, ROWS, 2 * ROWS)
        ]
    for figure, name in (("wall", "wall time"), ("cpu", "client CPU")):
        ours, sdk = (median(one[figure] for one in results[side]) for side in ("ours", "sdk"))
        report(f"write {ROWS} boxes / SDK upload_predictions, {name}", ours, sdk, limit=1.0, unit="s")
    small, *larger = (one["peak_mib"] for one in grown)
    for rows, peak in zip((ROWS, 2 * ROWS), larger, strict=True):
        report(f"peak memory of writing {rows} rows / {ROWS // 10} rows", peak, small, limit=1.1, unit="MiB")


class Row(NamedTuple):
    """One box prediction as plain values, which both sides build their own objects from."""

    id: str
    item: str
    feature: str
    x: float
    y: float
    width: float
    height: float
    confidence: float


def rows_of(count: int) -> Iterator[Row]:
    """Yield the rows: deterministic, from nothing held."""
    for n in range(count):
        corner, size = (float(n % 613), float(n % 411)), (10.0 + n % 37, 5.0 + n % 53)
        yield Row(f"row-{n}", f"item-{n % ITEMS}", FEATURES[n % 10], *corner, *size, (n % 1000) / 1000)


def _ours(row: Row) -> Prediction:
    box = Box(row.x, row.y, row.width, row.height)
    return Prediction(row.item, row.feature, box, id=row.id, confidence=row.confidence)


def _theirs(row: Row) -> nucleus.BoxPrediction:
    return nucleus.BoxPrediction(
        label=row.feature,
        x=row.x,
        y=row.y,
        width=row.width,
        height=row.height,
        reference_id=row.item,
        confidence=row.confidence,
        annotation_id=row.id,
    )


def _prepare(ready: dict[str, Any]) -> dict[str, str]:
    with dragoman.connect("nucleus", endpoint=ready["url"], **ready["credentials"]) as backend:
        dataset = backend.datasets.create("bench")
        items = (Item(f"item-{n}", uri=f"https://example.com/{n}.jpg", width=640, height=480) for n in range(ITEMS))
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
        model = backend.models.create("bench", task="object_detection", features=FEATURES)
        return {"dataset": dataset.id, "model": model.id}


def _version(ready: dict[str, Any], model: str, dataset: str, name: str) -> str:
    with dragoman.connect("nucleus", endpoint=ready["url"], **ready["credentials"]) as backend:
        return backend.versions.create(model, name=name, dataset=dataset).id


def _child(side: str, ready: dict[str, Any], dataset: str, version: str, rows: int) -> dict[str, float]:
    """Write the rows in a fresh process and return its wall seconds, CPU seconds and peak MiB."""
    arguments = json.dumps([side, ready["url"], ready["credentials"]["api_key"], dataset, version, rows])
    command = [sys.executable, "-m", "benchmarks.write", arguments]
    result: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return result


def _write(side: str, url: str, key: str, dataset: str, version: str, rows: int) -> dict[str, float]:
    if side == "ours":
        backend = dragoman.connect("nucleus", endpoint=url, api_key=key)
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = backend.predictions.write(map(_ours, rows_of(rows)), version=version, dataset=dataset)
        assert outcome.counts == {"created": rows}, outcome
    else:
        target = nucleus.NucleusClient(api_key=key, endpoint=url).get_dataset(dataset)
        wall, cpu = time.perf_counter(), time.process_time()
        answer = target.upload_predictions_for_model_run(version, [_theirs(row) for row in rows_of(rows)])
        assert answer["predictions_processed"] == rows, answer
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak_mib": peak_mib(),
    }


def _check_equal(ready: dict[str, Any], ours: str, sdk: str) -> None:
    client = nucleus.NucleusClient(api_key=ready["credentials"]["api_key"], endpoint=ready["url"])
    exported = []
    for run in (ours, sdk):
        boxes = client.get_model_run(run, None).ungrouped_export()["box"]
        payloads = (box.to_payload() for box in boxes)
        exported.append({payload["annotation_id"]: payload for payload in payloads})
    assert exported[0] == exported[1], "the two sides did not write the same rows"
    assert len(exported[0]) == ROWS


if __name__ == "__main__":
    print(json.dumps(_write(*json.loads(sys.argv[1]))))
