"""A million predictions from one emulator to another: the rate against raw reading and raw writing, and the memory.

Each figure is taken in a process of its own against the same two emulators. Raw reading and raw writing are the facets'
own `read` and `write` alone; the migration does both at once, with its ledger. What is slower of the two alone bounds
it. They take turns, and of several turns the median time counts, and the highest memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

import dragoman
from benchmarks.measure import emulator, medians, peak_mib, report
from dragoman import Adapter, Box, Item, Migration, Prediction, Provenance
from dragoman.migrate import Plan, PlannedStep, Scope

ROWS = 1_000_000
SMALL = 500_000
"""Fewer are over before the buffers between reading, sending and the ledger are full."""
ITEMS = 5000
MEMORY = 400
"""MiB of resident memory that a migration may take, however many rows it moves."""
SHARE = 0.8
"""Share of the slower of raw reading and raw writing that a migration must reach."""
RUNS = 3
FEATURES = tuple("abcdefghij")
SOURCE, TARGET = "labelbox", "nucleus"


def run(rows: int = ROWS, small: int = SMALL) -> None:
    """Print the rate as a ratio, and the peak of memory for few and for many rows."""
    with emulator(SOURCE) as source, emulator(TARGET) as target:
        peaks = {}
        for count in (small, rows):
            job = _prepare(source, target, count)
            turns = [{name: _child(name, job) for name in ALL} for _ in range(RUNS)]
            seconds = medians([{name: figures["seconds"] for name, figures in turn.items()} for turn in turns])
            what = f"migrate {count} predictions / slower of read, write"
            report(what, seconds["migrate"], max(seconds["read"], seconds["write"]), limit=1 / SHARE, unit="s")
            peaks[count] = max(turn["migrate"]["peak_mib"] for turn in turns)
    report(f"peak memory of {rows} rows / {small} rows", peaks[rows], peaks[small], limit=1.1, unit="MiB")
    report(f"peak memory of {rows} rows / allowed", peaks[rows], MEMORY, limit=1.0, unit="MiB")


def rows_of(count: int) -> Iterator[Prediction]:
    """Yield the predictions: deterministic, from nothing held."""
    for n in range(count):
        box = Box(float(n % 613), float(n % 411), 10.0 + n % 37, 5.0 + n % 53)
        yield Prediction(f"{count}-{n % ITEMS}", FEATURES[n % 10], box, id=f"row-{n}", confidence=(n % 1000) / 1000)


def _prepare(source: dict[str, Any], target: dict[str, Any], count: int) -> dict[str, Any]:
    """Put the rows on the source, and what they are of on both sides; return what a child needs."""
    job: dict[str, Any] = {"source": source, "target": target, "rows": count}
    for side in ("source", "target"):
        with _connected(side, job) as backend:
            job[f"{side}_ids"] = _things(backend, count)
    with _connected("source", job) as backend:
        dataset, model = job["source_ids"]
        version = backend.versions.create(model, name="first", dataset=dataset)
        backend.predictions.write(rows_of(count), version=version, dataset=dataset).raise_for_problems()
    return job


def _things(backend: Adapter, count: int) -> tuple[str, str]:
    """Make a dataset with its items and a model, which have the same names on both sides, and return their ids."""
    dataset = backend.datasets.create(name := f"bench {count}")
    items = (Item(f"{count}-{n}", uri=f"https://example.com/{n}.jpg", width=640, height=480) for n in range(ITEMS))
    backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
    return dataset.id, backend.models.create(name, task="object_detection", features=FEATURES, key=name).id


def _connected(side: str, job: dict[str, Any]) -> Adapter:
    ready, platform = job[side], {"source": SOURCE, "target": TARGET}[side]
    where = {"endpoint": ready["url"]}
    if platform == "labelbox":
        where = {"endpoint": f"{ready['url']}/graphql", "rest_endpoint": f"{ready['url']}/api/v1"}
    return dragoman.connect(platform, **where, **ready["credentials"])


def _child(what: str, job: dict[str, Any]) -> dict[str, float]:
    """Do one thing in a fresh process and return its seconds and peak MiB."""
    command = [sys.executable, "-m", "benchmarks.migrate", json.dumps([what, job])]
    result: dict[str, float] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return result


def _read(job: dict[str, Any]) -> float:
    with _connected("source", job) as source:
        dataset, model = job["source_ids"]
        (version,) = source.versions.list(model)
        started = time.perf_counter()
        assert sum(1 for _ in source.predictions.read(version, dataset=dataset)) == job["rows"]
        return time.perf_counter() - started


def _write(job: dict[str, Any]) -> float:
    with _connected("target", job) as target:
        dataset, model = job["target_ids"]
        version = target.versions.create(model, name="raw", dataset=dataset)
        started = time.perf_counter()
        done = target.predictions.write(map(_with_origin, rows_of(job["rows"])), version=version, dataset=dataset)
        seconds = time.perf_counter() - started
        assert done.counts == {"created": job["rows"]}, done
        target.versions.delete(version)
        return seconds


def _with_origin(row: Prediction) -> Prediction:
    """Return a row as a migration sends it, so that both sides of the ratio write the same."""
    return msgspec.structs.replace(row, provenance=Provenance(SOURCE, row.id, version="first"))


def _migrate(job: dict[str, Any]) -> float:
    dataset, model = job["source_ids"]
    scope = Scope(dataset=dataset, model=model, only=("predictions",))
    steps = (PlannedStep(kind="predictions", rows=job["rows"]),)
    plan = Plan(source=SOURCE, target=TARGET, scope=scope, steps=steps)
    with (
        _connected("source", job) as source,
        _connected("target", job) as target,
        tempfile.TemporaryDirectory() as folder,
    ):
        started = time.perf_counter()
        applied = Migration(source, target, scope).apply(plan, ledger=Path(folder) / "ledger", recheck=False)
        seconds = time.perf_counter() - started
        assert applied.reports["predictions"].counts == {"created": job["rows"]}, applied.reports
        target.versions.delete(applied.ids["version"])
        return seconds


ALL = {"read": _read, "write": _write, "migrate": _migrate}

if __name__ == "__main__":
    name, job = json.loads(sys.argv[1])
    seconds = ALL[name](job)
    print(json.dumps({"seconds": seconds, "cpu": time.process_time(), "peak_mib": peak_mib()}))
