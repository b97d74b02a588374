"""What somebody renames or removes after a run: nothing is said to be there, or to be deleted, that is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from memory import MemoryAdapter, hook_caller, open_memory
from moving import ITEMS, LABELS, PREDICTIONS, SCOPE, dataset_of, items_of

from dragoman import Conflict, Migration
from dragoman.migrate import Ledger, Plan, State
from dragoman.migrate.files import open_file


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Where the ledger is."""
    return tmp_path / "plan.ledger"


@pytest.fixture
def applied(migration: Migration, book: Path) -> Plan:
    """A plan that was applied."""
    plan = migration.plan()
    migration.apply(plan, ledger=book)
    return plan


def rename(backend: MemoryAdapter, name: str) -> None:
    """Give the only dataset of a platform another name."""
    dataset = dataset_of(backend)
    backend.state.datasets[dataset.id] = dataset.model_copy(update={"name": name})


# -- rollback ---------------------------------------------------------------------------------------------------------


def test_a_dataset_of_another_name_by_now_is_rolled_back(
    migration: Migration, applied: Plan, target: MemoryAdapter, book: Path
) -> None:
    rename(target, "cats")

    assert migration.rollback(applied, ledger=book).ok
    assert not target.state.datasets


@pytest.mark.parametrize("gone", ["renamed", "deleted"])
def test_a_rollback_needs_nothing_of_the_source(
    source: MemoryAdapter, migration: Migration, applied: Plan, target: MemoryAdapter, book: Path, gone: str
) -> None:
    if gone == "renamed":
        rename(source, "cats")
    else:
        source.datasets.delete(dataset_of(source).id)
        source.models.delete(next(iter(source.state.models)))

    done = migration.rollback(applied, ledger=book)

    assert done.ok
    assert (done.deleted["items"], done.deleted["labels"]) == (ITEMS, LABELS)
    assert not target.state.datasets
    assert not target.state.models


def test_a_thing_whose_id_no_answer_told_is_rolled_back(
    migration: Migration, applied: Plan, target: MemoryAdapter, book: Path
) -> None:
    ledger = Ledger(book)
    ledger.set_thing("dataset", State.SENT, ours=True)
    ledger.close()

    assert migration.rollback(applied, ledger=book).ok
    assert not target.state.datasets


# -- apply once more --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dataset", "model", "version"])
def test_rows_that_went_with_what_held_them_are_not_called_settled(
    migration: Migration, applied: Plan, target: MemoryAdapter, book: Path, kind: str
) -> None:
    held = {"dataset": target.datasets, "model": target.models, "version": target.versions}[kind]
    ids = {"dataset": target.state.datasets, "model": target.state.models, "version": target.state.versions}[kind]
    held.delete(next(iter(ids)))  # type: ignore[attr-defined]

    with pytest.raises(Conflict, match=rf"The {kind} .* is not on the target any more") as refused:
        migration.apply(applied, ledger=book)
    assert "name another ledger" in str(refused.value)

    again = migration.apply(applied, ledger=book.with_name("another"))
    assert again.reports["predictions"].counts == {"created": PREDICTIONS}
    assert migration.verify(applied).ok


def test_a_ledger_is_not_taken_for_that_of_another_account(
    source: MemoryAdapter, applied: Plan, target: MemoryAdapter, book: Path
) -> None:
    elsewhere = open_memory(name="there")
    elsewhere.datasets.create("other")
    elsewhere.datasets.create("pets")

    with pytest.raises(Conflict, match="is not on the target any more"):
        Migration(source, elsewhere, SCOPE).apply(applied, ledger=book)
    assert len(items_of(target)) == ITEMS


def test_a_file_that_was_removed_is_not_written_without_its_rows(
    source: MemoryAdapter, tmp_path: Path, book: Path
) -> None:
    path = tmp_path / "pets.ndjson"

    def migration() -> Migration:
        return Migration(source, open_file("ndjson", path, hook_caller()), SCOPE)

    plan = migration().plan()
    migration().apply(plan, ledger=book)
    written = path.read_bytes()
    path.unlink()

    with pytest.raises(Conflict, match="is not on the target any more"):
        migration().apply(plan, ledger=book)
    assert not path.exists()

    assert migration().apply(plan, ledger=book.with_name("another")).ok
    assert path.read_bytes() == written
