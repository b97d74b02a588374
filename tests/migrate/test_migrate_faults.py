"""Migrations between two emulators that fail all the time, as scripted: nothing is lost and nothing is doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from platforms import opened

from dragoman import Box, Item, Label, Migration, Prediction, Unavailable
from dragoman.emulate import Answer, Delay, DropAfter, DropBefore
from dragoman.migrate import Ledger, Scope, State

ITEMS, ROWS = 12, 60
EVERY = 5
"""One request in so many is spoiled: 20 %."""
TOO_MANY = Answer(429, headers={"Retry-After": "1"})
SCOPE = Scope(dataset="street", model="det")


@pytest.fixture
def source(tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    """A platform with a dataset, a model, and predictions, and its emulator."""
    with opened("nucleus", tmp_path) as (backend, live):
        dataset = backend.datasets.create("street")
        items = [Item(f"{n}", uri=f"https://example.com/{n}.png", width=64, height=48) for n in range(ITEMS)]
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
        labels = [Label(f"{n % ITEMS}", "car", Box(n, 1, 9, 9), id=f"l{n}") for n in range(ROWS)]
        backend.labels.write(labels, dataset=dataset).raise_for_problems()
        model = backend.models.create("detector", task="object_detection", features=["car"], key="det")
        version = backend.versions.create(model, name="first", dataset=dataset)
        rows = [Prediction(f"{n % ITEMS}", "car", Box(n, 2, 9, 9), id=f"p{n}", confidence=0.5) for n in range(ROWS)]
        backend.predictions.write(rows, version=version, dataset=dataset).raise_for_problems()
        yield backend, live


@pytest.fixture
def target(tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    """An empty platform, and its emulator."""
    with opened("nucleus", tmp_path) as both:
        yield both


def spoil(live: Any, action: Any, times: int = 60) -> None:
    """Let one request in `EVERY` of the next ones fail."""
    for _ in range(times):
        live.faults.add(action, skip=EVERY - 1)


def held(backend: Any) -> dict[str, Counter[str]]:
    """Return how often everything is on a platform."""
    datasets, models = list(backend.datasets.list()), list(backend.models.list())
    versions = [version for model in models for version in backend.versions.list(model)]
    rows = [row for version in versions for row in backend.predictions.read(version, dataset=datasets[0])]
    return {
        "things": Counter([*(one.name for one in datasets), *(one.key for one in models), *(v.name for v in versions)]),
        "items": Counter(item.key for item in backend.datasets.read_items(datasets[0])),
        "labels": Counter(row.id for row in backend.labels.read(datasets[0])),
        "predictions": Counter(row.id for row in rows),
    }


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize(
    "action",
    [Answer(503), TOO_MANY, DropBefore(), DropAfter(), Delay(0.02)],
    ids=["unavailable", "too many calls", "cut off before", "cut off after", "slow"],
)
def test_nothing_is_lost_and_nothing_doubled(
    source: tuple[Any, Any], target: tuple[Any, Any], tmp_path: Path, action: Any, lanes: int
) -> None:
    (here, reading), (there, writing) = source, target
    migration = Migration(here, there, SCOPE, in_flight=lanes)
    plan = migration.plan()
    reading.settings.page_limit = 1
    for live in (reading, writing):
        spoil(live, action)

    applied = migration.apply(plan, ledger=tmp_path / "ledger")

    for live in (reading, writing):
        live.faults.clear()
    assert applied.ok
    assert held(there) == held(here)
    assert set(held(there)["predictions"].values()) == {1}
    assert migration.verify(plan).ok


def test_a_target_that_is_gone_stops_the_run_and_the_next_goes_on(
    source: tuple[Any, Any], target: tuple[Any, Any], tmp_path: Path
) -> None:
    (here, _), (there, writing) = source, target
    migration, path = Migration(here, there, SCOPE), tmp_path / "ledger"
    plan = migration.plan()
    writing.faults.add(Answer(503), path="*/annotate", times=None)

    with pytest.raises(Unavailable, match="503"):
        migration.apply(plan, ledger=path)
    writing.faults.clear()
    ledger = Ledger(path)
    counts = ledger.counts()
    assert counts["items"][State.CONFIRMED] == ITEMS
    assert not counts["labels"][State.CONFIRMED]
    ledger.close()

    assert migration.apply(plan, ledger=path).ok
    assert held(there) == held(here)
