"""Moves as many predictions as it is told between two platforms that hold none, and prints its peak memory in MiB.

Run by a test as a process of its own: `python many_rows.py FOLDER_OF_MEMORY ROWS`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dragoman import Box, Migration, Prediction
from dragoman.calls.limits import Limits
from dragoman.calls.pipeline import Page
from dragoman.migrate import Plan, PlannedStep, Scope
from dragoman.schema import CREATED, RowResult

LIMITS = Limits(batch_size=2000, page_size=2000)


def rows_of(count: int) -> Iterator[Prediction]:
    """Yield predictions from nothing held."""
    for n in range(count):
        yield Prediction(f"item-{n % 100}", "car", Box(n % 613, n % 411, 10, 10), id=f"row-{n}", confidence=0.5)


def move(count: int) -> None:
    """Move them, through all of the engine."""
    from memory import open_memory

    source, target = open_memory(name="here", limits=LIMITS), open_memory(name="there", limits=LIMITS)
    source.datasets.create("pets")
    model = source.models.create("detector", task="object_detection", features=["car"], key="det")
    source.versions.create(model, name="first")

    def read(facet: Any, *arguments: Any) -> Page[Prediction]:
        return Page(rows_of(count))

    def write(facet: Any, version: str, dataset: str, batch: Sequence[Any], update: bool) -> list[RowResult]:
        return [CREATED] * len(batch)

    type(source.predictions)._read = read  # type: ignore[method-assign]
    type(target.predictions)._write = write  # type: ignore[method-assign]
    scope = Scope(dataset="pets", model="det", only=("predictions",))
    plan = Plan(source="here", target="there", scope=scope, steps=(PlannedStep(kind="predictions", rows=count),))
    with tempfile.TemporaryDirectory() as folder:
        applied = Migration(source, target, scope, in_flight=2).apply(plan, ledger=Path(folder) / "l", recheck=False)
    assert applied.reports["predictions"].counts == {"created": count}


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    move(int(sys.argv[2]))
    lines = Path("/proc/self/status").read_text().splitlines()
    print(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024)
