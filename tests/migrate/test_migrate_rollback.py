"""Rollback: what a migration has made is deleted where that can be, and nothing of anybody else's."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from memory import MemoryAdapter, MemoryPredictions, MemorySettings, State, hook_caller, open_memory
from moving import ITEMS, LABELS, PREDICTIONS, SCOPE, dataset_of, is_empty, items_of, labels_of, predictions_of

from dragoman import Box, Conflict, Gap, Label, Migration, Prediction, Provenance, facet
from dragoman.interface import Predictions
from dragoman.migrate import Ledger
from dragoman.migrate import State as RowState
from dragoman.migrate.rollback import RolledBack
from dragoman.migrate.states import Settled


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Where the ledger is."""
    return tmp_path / "plan.ledger"


def test_a_target_is_as_empty_as_it_was(migration: Migration, target: MemoryAdapter, book: Path) -> None:
    plan = migration.plan()
    migration.apply(plan, ledger=book)

    done = migration.rollback(plan, ledger=book)

    assert done.ok
    assert done.deleted == {
        "version": 1,
        "model": 1,
        "dataset": 1,
        "ontology": 1,
        "items": ITEMS,
        "labels": LABELS,
        "predictions": PREDICTIONS,
    }
    assert (target.state.datasets, target.state.models, target.state.versions) == ({}, {}, {})


def test_what_was_rolled_back_can_be_applied_again(migration: Migration, target: MemoryAdapter, book: Path) -> None:
    plan = migration.plan()
    migration.apply(plan, ledger=book)
    migration.rollback(plan, ledger=book)

    again = migration.apply(plan, ledger=book)

    assert again.reports["labels"].counts == {"created": LABELS}
    assert migration.verify(plan).ok


def test_a_dataset_with_rows_of_somebody_elses_stays(migration: Migration, target: MemoryAdapter, book: Path) -> None:
    plan = migration.plan()
    migration.apply(plan, ledger=book)
    target.labels.write([Label("img-0", "cat", Box(0, 0, 2, 2), id="theirs")], dataset=dataset_of(target))

    done = migration.rollback(plan, ledger=book)

    assert not done.ok
    assert done.left["dataset"] == "It holds 1 labels that this migration did not put there."
    assert "theirs" in labels_of(target)
    assert done.left.keys() == {"dataset", "items", "labels", "ontology"}
    assert not target.state.models


def test_things_that_were_there_before_stay(
    source: MemoryAdapter, target: MemoryAdapter, migration: Migration, book: Path
) -> None:
    dataset = target.datasets.create("pets")
    target.datasets.write_items(items_of(source).values(), dataset=dataset)
    model = target.models.create("theirs", task="object_detection", features=["cat", "dog"], key="det-1")
    version = target.versions.create(model, name="v1")
    old = Prediction("img-0", "cat", Box(0, 0, 1, 1), id="old", confidence=0.5)
    target.predictions.write([old], version=version, dataset=dataset)
    plan = migration.plan()
    migration.apply(plan, ledger=book)
    assert len(predictions_of(target)) == PREDICTIONS + 1

    done = migration.rollback(plan, ledger=book)

    assert list(predictions_of(target)) == ["old"], "ours are deleted one by one"
    assert done.deleted == {"predictions": PREDICTIONS}
    assert done.left == {"labels": "there deletes no single labels.", "ontology": done.left["ontology"]}
    assert len(target.state.models) == len(target.state.versions) == len(target.state.datasets) == 1


def test_a_rollback_that_was_cut_off_is_finished_by_the_next(
    migration: Migration, target: MemoryAdapter, book: Path
) -> None:
    plan = migration.plan()
    migration.apply(plan, ledger=book)
    target.versions.delete(next(iter(target.state.versions)))

    done = migration.rollback(plan, ledger=book)

    assert done.ok
    assert not target.state.datasets
    assert not target.state.models
    assert migration.apply(plan, ledger=book).reports["predictions"].counts == {"created": PREDICTIONS}


def test_a_target_that_is_another_is_refused_and_the_ledger_forgets_nothing(
    migration: Migration, source: MemoryAdapter, target: MemoryAdapter, book: Path
) -> None:
    plan = migration.plan()
    migration.apply(plan, ledger=book)
    another = open_memory(name="there", state=State())

    with pytest.raises(Conflict, match=r"dataset '.*', model '.*', version '.*'") as refused:
        Migration(source, another, SCOPE).rollback(plan, ledger=book)

    assert "the target of before" in str(refused.value.hint)
    assert migration.rollback(plan, ledger=book).deleted["labels"] == LABELS
    assert not target.state.datasets


def test_a_rollback_that_was_cut_off_at_its_end_is_finished_by_the_next(
    migration: Migration, target: MemoryAdapter, tmp_path: Path
) -> None:
    def cut_off(transition: str) -> None:
        if transition == "before dataset forgotten":
            raise KeyboardInterrupt

    plan = migration.plan()
    with closing(Ledger(tmp_path / "cut.ledger", watch=cut_off)) as book:
        migration.apply(plan, ledger=book)
        with pytest.raises(KeyboardInterrupt):
            migration.rollback(plan, ledger=book)
    assert not target.state.datasets

    assert migration.rollback(plan, ledger=tmp_path / "cut.ledger").ok


def test_nothing_that_was_not_applied_is_rolled_back(migration: Migration, target: MemoryAdapter, book: Path) -> None:
    target.datasets.create("pets")

    done = migration.rollback(migration.plan(), ledger=book)

    assert done.ok
    assert not done.deleted
    assert target.state.datasets


def test_an_empty_target_has_nothing_to_roll_back(source: MemoryAdapter, book: Path) -> None:
    target = open_memory(name="there", state=State())
    migration = Migration(source, target, SCOPE)

    assert migration.rollback(migration.plan(), ledger=Ledger(book)).ok
    assert is_empty(target.state)


def applied_and_rolled_back(source: MemoryAdapter, target: MemoryAdapter, book: Path) -> RolledBack:
    """Move everything to an empty target, and take it back."""
    target.state = State()
    migration = Migration(source, target, SCOPE, on_loss="drop")
    plan = migration.plan()
    migration.apply(plan, ledger=book)
    return migration.rollback(plan, ledger=book)


class NoPredictions(Predictions):
    """Predictions of a platform that stores none."""

    _read = Gap.impossible("It stores no predictions.")
    _write = Gap.impossible("It stores no predictions.")
    _delete = Gap.impossible("It stores no predictions.")


class Unread(MemoryAdapter):
    """A platform that takes no predictions and gives none out."""

    predictions = facet(NoPredictions)


def test_a_target_that_stores_no_predictions_holds_none_of_others(source: MemoryAdapter, book: Path) -> None:
    target = Unread(MemorySettings(), hook_caller())
    done = applied_and_rolled_back(source, target, book)

    assert done.ok
    assert (target.state.datasets, target.state.models, target.state.versions) == ({}, {}, {})


class WriteOnly(MemoryPredictions):
    """Predictions that go in and never come out."""

    _read = Gap.impossible("It shows no predictions.")


class Silent(MemoryAdapter):
    """A platform that takes predictions and gives none out."""

    predictions = facet(WriteOnly)


def test_a_version_whose_predictions_cannot_be_told_apart_stays(source: MemoryAdapter, book: Path) -> None:
    target = Silent(MemorySettings(), hook_caller())
    done = applied_and_rolled_back(source, target, book)

    assert "cannot be told. It shows no predictions." in done.left["version"]
    assert len(target.state.versions) == 1
    assert not target.state.datasets


def test_rows_that_the_target_keeps_under_ids_of_its_own_are_ours(
    migration: Migration, target: MemoryAdapter, book: Path
) -> None:
    plan = migration.plan()
    migration.apply(plan, ledger=book)
    held = labels_of(target)
    ledger = Ledger(book)
    for number, entry in enumerate(ledger.rows(RowState.CONFIRMED, kind="labels")):
        ledger.settle("labels", [entry.number], [Settled(RowState.CONFIRMED, f"own-{number}")])
        row = held.pop(entry.key)
        held[f"derived-{number}"] = msgspec.structs.replace(
            row, id=f"derived-{number}", provenance=Provenance("there", f"own-{number}")
        )
    ledger.close()

    done = migration.rollback(plan, ledger=book)

    assert done.ok
    assert done.deleted["labels"] == LABELS
