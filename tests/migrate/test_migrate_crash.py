"""A migration that is killed: at every transition of its ledger, with a target that lives on in a process of its own.

The children are forks of this process, so that they begin at once; the kill is a SIGKILL, which nothing can catch.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import Box, Feature, Item, Label, Migration, Ontology, Prediction
from dragoman.conformance.difficult import HEIGHT, WIDTH, png
from dragoman.migrate import Ledger, Plan, Scope, State

pytestmark = pytest.mark.timeout(400)

SCOPE = Scope(dataset="street", model="detector")
FORK = multiprocessing.get_context("fork")
ITEMS, ROWS = 3, 5


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, Any]]:
    """The target: an emulator in a process of its own, as settings to connect with."""
    command = [sys.executable, "-m", "dragoman", "emulate", "nucleus", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield {"endpoint": ready["url"], **ready["credentials"]}
        process.terminate()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source: the folder of a local backend."""
    root = tmp_path_factory.mktemp("source")
    with dragoman.connect("local", root=root) as local:
        dataset = local.datasets.create("street")
        ontology = Ontology(name="street", features=(Feature(name="car", geometries=("box",)),))
        local.ontologies.create(ontology, dataset=dataset)
        items = [Item(f"{n}.png", uri=str(root / f"{n}.png"), width=WIDTH, height=HEIGHT) for n in range(ITEMS)]
        for number, item in enumerate(items):
            Path(item.uri or "").write_bytes(png(number))
        local.datasets.write_items(items, dataset=dataset).raise_for_problems()
        labels = [Label(f"{n % ITEMS}.png", "car", Box(n, 1, 9, 9)) for n in range(ROWS)]
        local.labels.write(labels, dataset=dataset).raise_for_problems()
        model = local.models.create("detector", task="object_detection", features=["car"])
        version = local.versions.create(model, name="first")
        rows = [Prediction(f"{n % ITEMS}.png", "car", Box(n, 2, 9, 9), confidence=n / ROWS) for n in range(ROWS)]
        local.predictions.write(rows, version=version, dataset=dataset).raise_for_problems()
    return root


class Killer:
    """Kills the process at the moment of that number; `moments` are those that have passed."""

    def __init__(self, moment: int | None = None) -> None:
        self.moments: list[str] = []
        self._moment = moment

    def __call__(self, moment: str) -> None:
        if len(self.moments) == self._moment:
            os.kill(os.getpid(), signal.SIGKILL)
        self.moments.append(moment)


def apply(root: Path, served: dict[str, Any], plan: Plan, ledger: Path, watch: Killer) -> dict[str, Any]:
    """Apply a plan and return what the ledger says then."""
    with dragoman.connect("local", root=root) as source, dragoman.connect("nucleus", **served) as target:
        book = Ledger(ledger, watch=watch)
        Migration(source, target, SCOPE).apply(plan, ledger=book)
        counts = {kind: dict(of) for kind, of in book.counts().items()}
        book.close()
    return counts


def killed_at(moment: int, root: Path, served: dict[str, Any], plan: Plan, ledger: Path) -> bool:
    """Apply a plan in a child that dies at a moment; return whether it got that far."""
    child = FORK.Process(target=apply, args=(root, served, plan, ledger, Killer(moment)))
    child.start()
    child.join()
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


@pytest.fixture
def plan(root: Path, served: dict[str, Any]) -> Plan:
    """A plan, for a target that holds nothing."""
    with dragoman.connect("local", root=root) as source, dragoman.connect("nucleus", **served) as target:
        forget(target)
        return Migration(source, target, SCOPE).plan()


def forget(target: Any) -> None:
    """Delete everything from the target."""
    for version in [run for model in target.models.list() for run in target.versions.list(model)]:
        target.versions.delete(version)
    for model in list(target.models.list()):
        target.models.delete(model)
    for dataset in list(target.datasets.list()):
        target.datasets.delete(dataset)


def held(target: Any) -> dict[str, Any]:
    """Return everything that the target holds, without the ids that it gives."""
    (dataset,) = target.datasets.list()
    (model,) = target.models.list()
    (version,) = target.versions.list(model)
    return {
        "names": (dataset.name, model.name, model.key, version.name),
        "items": sorted(item.key for item in target.datasets.read_items(dataset)),
        "labels": sorted(row.id for row in target.labels.read(dataset)),
        "predictions": sorted(row.id for row in target.predictions.read(version, dataset=dataset)),
    }


def moments_of(root: Path, served: dict[str, Any], folder: Path) -> tuple[list[str], dict[str, Any], dict[str, Any]]:
    """Apply without a kill; return the moments, the ledger's counts, and what the target holds then."""
    watch = Killer()
    with dragoman.connect("local", root=root) as source, dragoman.connect("nucleus", **served) as target:
        forget(target)
        plan = Migration(source, target, SCOPE).plan()
        counts = apply(root, served, plan, folder / "undisturbed", watch)
        there = held(target)
    return watch.moments, counts, there


@pytest.mark.parametrize("part", range(4))
def test_killed_at_any_transition_and_continued_it_ends_the_same(
    root: Path, served: dict[str, Any], tmp_path: Path, part: int
) -> None:
    moments, counts, there = moments_of(root, served, tmp_path)
    assert {"before items sent", "after labels planned", "before predictions settled"} <= set(moments)

    with dragoman.connect("local", root=root) as source, dragoman.connect("nucleus", **served) as target:
        migration = Migration(source, target, SCOPE)
        for moment in range(part, len(moments), 4):
            forget(target)
            plan, ledger = migration.plan(), tmp_path / f"ledger-{moment}"

            assert killed_at(moment, root, served, plan, ledger), moments[moment]
            assert apply(root, served, plan, ledger, Killer()) == counts, moments[moment]

            assert held(target) == there, moments[moment]
            assert migration.verify(plan).ok, moments[moment]


def test_killed_again_and_again_it_still_ends(root: Path, served: dict[str, Any], plan: Plan, tmp_path: Path) -> None:
    ledger, moment = tmp_path / "ledger", 9

    while killed_at(moment, root, served, plan, ledger):
        moment += 1
        assert moment < 200, "it never ends"

    with dragoman.connect("local", root=root) as source, dragoman.connect("nucleus", **served) as target:
        assert Migration(source, target, SCOPE).verify(plan).ok
        assert len(held(target)["labels"]) == ROWS


def test_a_finished_run_is_not_done_again(root: Path, served: dict[str, Any], plan: Plan, tmp_path: Path) -> None:
    ledger, watch = tmp_path / "ledger", Killer()
    first = apply(root, served, plan, ledger, Killer())

    assert apply(root, served, plan, ledger, watch) == first

    assert not [moment for moment in watch.moments if "sent" in moment]
    assert first["labels"] == {State.CONFIRMED: ROWS}
