"""A million predictions from one emulator to another: the rate against raw reading and raw writing, and the memory.

Each figure is taken in a process of its own against the same two emulators. Raw reading and raw writing are the facets'
own `read` and `write` alone; the migration does both at once, with its ledger. What is slower of the two alone bounds
it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

import dragoman
from benchmarks.measure import emulator, peak_mib, report
from dragoman import Adapter, Box, Item, Migration, Prediction, Provenance
from dragoman.migrate import Plan, PlannedStep, Scope

T = TypeVar("T")

ROWS = 1_000_000
SMALL = 250_000
"""Fewer are over before the buffers between reading, sending and the ledger are full."""
ITEMS = 5000
MEMORY = 400
"""MiB of resident memory that a migration may take, however many rows it moves."""
SHARE = 0.8
"""Share of the slower of raw reading and raw writing that a migration must reach."""
LANES = 2
FEATURES = tuple("abcdefghij")
SOURCE, TARGET = "labelbox", "nucleus"


def run(rows: int = ROWS, small: int = SMALL) -> None:
    """Print the rate as a ratio, and the peak of memory for few and for many rows."""
    with emulator(SOURCE) as source, emulator(TARGET) as target:
        peaks = {}
        for count in (small, rows):
            job = _prepare(source, target, count)
            figures = {name: _child(name, job) for name in ("read", "write", "migrate")}
            slower = max(figures["read"]["seconds"], figures["write"]["seconds"])
            what = f"migrate {count} predictions / slower of read, write"
            report(what, figures["migrate"]["seconds"], slower, limit=1 / SHARE, unit="s")
            peaks[count] = figures["migrate"]["peak_mib"]
    report(f"peak memory of {rows} rows / {small} rows", peaks[rows], peaks[small], limit=1.1, unit="MiB")
    report(f"peak memory of {rows} rows / allowed", peaks[rows], MEMORY, limit=1.0, unit="MiB")


def rows_of(count: int) -> Iterator[Prediction]:
    """Yield the predictions: deterministic, from nothing held."""
    for n in range(count):
        box = Box(float(n % 613), float(n % 411), 10.0 + n % 37, 5.0 + n % 53)
        yield Prediction(f"{count}-{n % ITEMS}", FEATURES[n % 10], box, id=f"row-{n}", confidence=(n % 1000) / 1000)


def _prepare(source: dict[str, Any], target: dict[str, Any], count: int) -> dict[str, Any]:
    """Put the rows on the source, and what they are of on both sides; return what a child needs."""
    names: dict[str, Any] = {"source": source, "target": target, "rows": count, "name": f"bench {count}"}
    for side in ("source", "target"):
        with _connected(side, names) as backend:
            names[f"{side}_ids"] = _things(backend, names["name"] if side == "source" else f"raw {count}", count)
    with _connected("source", names) as backend:
        dataset, version = names["source_ids"]
        backend.predictions.write(rows_of(count), version=version, dataset=dataset).raise_for_problems()
    return names


def _things(backend: Adapter, name: str, count: int) -> tuple[str, str]:
    """Make a dataset with its items, a model and a version; return the ids of dataset and version."""
    dataset = backend.datasets.create(name)
    items = (Item(f"{count}-{n}", uri=f"https://example.com/{n}.jpg", width=640, height=480) for n in range(ITEMS))
    backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
    model = backend.models.create(name, task="object_detection", features=FEATURES, key=name)
    return dataset.id, backend.versions.create(model, name="first", dataset=dataset).id


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
        dataset, version = job["source_ids"]
        started = time.perf_counter()
        assert sum(1 for _ in source.predictions.read(version, dataset=dataset)) == job["rows"]
        return time.perf_counter() - started


def _write(job: dict[str, Any]) -> float:
    with _connected("target", job) as target:
        dataset, version = job["target_ids"]
        started = time.perf_counter()
        done = target.predictions.write(map(_with_origin, rows_of(job["rows"])), version=version, dataset=dataset)
        assert done.counts == {"created": job["rows"]}, done
        return time.perf_counter() - started


def _with_origin(row: Prediction) -> Prediction:
    """Return a row as a migration sends it, so that both sides of the ratio write the same."""
    return msgspec.structs.replace(row, provenance=Provenance(SOURCE, row.id, version="first"))


class Watch:
    """Notes how long the predictions take, from the first that is read to the last that is settled."""

    def __init__(self) -> None:
        self.started = 0.0

    def track(self, rows: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """Yield the rows."""
        self.started = time.perf_counter()
        yield from rows


def _migrate(job: dict[str, Any]) -> float:
    watch = Watch()
    with (
        _connected("source", job) as source,
        _connected("target", job) as target,
        tempfile.TemporaryDirectory() as folder,
    ):
        scope = Scope(dataset=job["source_ids"][0], model=job["name"], only=("predictions", "items"))
        steps = (PlannedStep(kind="items", rows=ITEMS), PlannedStep(kind="predictions", rows=job["rows"]))
        plan = Plan(source=SOURCE, target=TARGET, scope=scope, steps=steps)
        migration = Migration(source, target, scope, progress=watch, in_flight=LANES)
        applied = migration.apply(plan, ledger=Path(folder) / "ledger", recheck=False)
        seconds = time.perf_counter() - watch.started
    assert applied.reports["predictions"].counts == {"created": job["rows"]}, applied.reports
    return seconds


ALL = {"read": _read, "write": _write, "migrate": _migrate}

if __name__ == "__main__":
    name, job = json.loads(sys.argv[1])
    seconds = ALL[name](job)
    print(json.dumps({"seconds": seconds, "cpu": time.process_time(), "peak_mib": peak_mib()}))
