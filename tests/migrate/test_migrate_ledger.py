"""The ledger: one state per row, kept over runs; one run at a time; rejected rows are set aside and tried again."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from memory import Busy, LostAnswer, MemoryAdapter, Refused
from moving import COLORED, ITEMS, LABELS, PREDICTIONS, dataset_of, labels_of, predictions_of

from dragoman import Box, Conflict, InvalidData, Label, Migration, NotFound, Unavailable
from dragoman.migrate import Ledger, State, letters
from dragoman.migrate.carry import FAILURES
from dragoman.migrate.ledger import AT_ONCE
from dragoman.migrate.states import Settled
from dragoman.schema import MeasuredLoss

LOSS = MeasuredLoss("field attributes", "dropped", "there is no such field", rows=2)
BAD = Label("no such image", "cat", Box(0, 0, 1, 1), id="bad")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Where the ledger is."""
    return tmp_path / "plan.ledger"


def counts_of(path: Path) -> dict[str, dict[State, int]]:
    ledger = Ledger(path)
    counts = {str(kind): dict(of) for kind, of in ledger.counts().items()}
    ledger.close()
    return counts


def test_every_row_is_in_it(migration: Migration, book: Path) -> None:
    migration.apply(migration.plan(), ledger=book)

    assert counts_of(book) == {
        "items": {State.CONFIRMED: ITEMS},
        "labels": {State.CONFIRMED: LABELS},
        "predictions": {State.CONFIRMED: PREDICTIONS},
    }


@pytest.mark.parametrize("count", [0, 1, AT_ONCE, 2 * AT_ONCE + 1])
def test_rows_are_entered_in_their_order_whatever_their_names(book: Path, count: int) -> None:
    keys = ["", "\0", "a\0b", "'; drop table rows", "\u2028", *map(str, range(count))]
    ledger = Ledger(book)

    assert list(ledger.plan("labels", keys)) == list(range(1, len(keys) + 1))
    assert list(ledger.plan("items", ["next"])) == [len(keys) + 1]

    assert [(entry.number, entry.key) for entry in ledger.rows(State.PLANNED, kind="labels")] == [
        *enumerate(keys, start=1)
    ]
    ledger.close()


def test_rows_that_come_to_the_same_are_settled_together(book: Path) -> None:
    ledger = Ledger(book)
    numbers = ledger.plan("labels", ["a", "b", "c", "d"])

    ledger.settle_alike("labels", [numbers[0], numbers[2]], Settled(State.IGNORED, "7", "it is there"), [LOSS])
    ledger.settle_alike("labels", numbers[3:], Settled(State.CONFIRMED), [LOSS])

    found = {entry.key: (entry.state, entry.id, entry.reason) for entry in ledger.rows(*State)}
    there = (State.IGNORED, "7", "it is there")
    assert found == {"a": there, "b": (State.PLANNED, None, None), "c": there, "d": (State.CONFIRMED, None, None)}
    assert ledger.losses("labels") == (msgspec.structs.replace(LOSS, rows=4),)
    ledger.close()


def test_a_finished_run_sends_nothing_again(migration: Migration, target: MemoryAdapter, book: Path) -> None:
    plan = migration.plan()
    migration.apply(plan, ledger=book)
    before = dict(target.state.calls)

    again = migration.apply(plan, ledger=book)

    writes = [call for call in target.state.calls if call.endswith(("write", "write_items", "create"))]
    assert {call: target.state.calls[call] for call in writes} == {call: before[call] for call in writes}
    assert {kind: dict(report.counts) for kind, report in again.reports.items()} == {
        "items": {"ignored": ITEMS},
        "labels": {"ignored": LABELS},
        "predictions": {"ignored": PREDICTIONS},
    }


def test_what_a_broken_run_had_settled_is_not_sent_again(
    migration: Migration, target: MemoryAdapter, book: Path
) -> None:
    plan = migration.plan()
    target.state.fail("labels.write", Busy("later"), times=target.limits.attempts * FAILURES)
    with pytest.raises(Unavailable):
        migration.apply(plan, ledger=book)
    assert counts_of(book)["items"] == {State.CONFIRMED: ITEMS}
    sent = target.state.calls["datasets.write_items"]

    applied = migration.apply(plan, ledger=book)

    assert target.state.calls["datasets.write_items"] == sent
    assert applied.reports["labels"].counts == {"created": LABELS}
    assert migration.verify(plan).ok


def test_rows_whose_answer_was_lost_are_ours_when_they_are_found(
    migration: Migration, target: MemoryAdapter, book: Path
) -> None:
    plan = migration.plan()
    target.state.fail("labels.write", LostAnswer("cut"), applied=True, times=target.limits.attempts * 2)

    assert migration.apply(plan, ledger=book).ok

    assert counts_of(book)["labels"] == {State.CONFIRMED: LABELS}


def test_rows_that_were_there_before_are_not_ours(
    migration: Migration, source: MemoryAdapter, target: MemoryAdapter, book: Path
) -> None:
    dataset = target.datasets.create("pets")
    target.datasets.write_items(source.datasets.read_items(dataset_of(source)), dataset=dataset)
    mine = next(iter(labels_of(source).values()))
    target.labels.write([mine], dataset=dataset)
    plan = migration.plan()

    applied = migration.apply(plan, ledger=book)

    assert plan.step("labels").present == {"same": 1}  # type: ignore[union-attr]
    assert applied.reports["labels"].counts == {"created": LABELS - 1, "ignored": 1}
    assert counts_of(book)["labels"] == {State.CONFIRMED: LABELS - 1, State.IGNORED: 1}
    assert counts_of(book)["items"] == {State.IGNORED: ITEMS}


def test_a_second_run_on_one_ledger_is_refused(migration: Migration, book: Path) -> None:
    plan, ledger = migration.plan(), Ledger(book)

    with ledger.locked(plan.identity), pytest.raises(Conflict, match="Another run is at"):
        migration.apply(plan, ledger=book)

    assert migration.apply(plan, ledger=book).ok


def _hold(path: Path, held: Any, done: Any) -> None:
    with Ledger(path).locked():
        held.set()
        done.wait()


def test_a_run_in_another_process_refuses_a_second_one(migration: Migration, book: Path) -> None:
    context = multiprocessing.get_context("fork")
    held, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(book, held, done))
    other.start()
    try:
        assert held.wait(30)
        with pytest.raises(Conflict, match="Another run is at"):
            migration.apply(migration.plan(), ledger=book)
    finally:
        done.set()
        other.join()


def test_a_ledger_belongs_to_one_plan(migration: Migration, source: MemoryAdapter, book: Path) -> None:
    migration.apply(migration.plan(), ledger=book)
    source.labels.write([COLORED], dataset=dataset_of(source))

    with pytest.raises(Conflict, match="belongs to another plan"):
        migration.apply(migration.plan(), ledger=book)


@pytest.mark.parametrize("content", [b"not a database" * 100, b"{}" * 600])
def test_a_file_that_is_no_ledger_is_refused(book: Path, content: bytes) -> None:
    book.write_bytes(content)

    with pytest.raises(InvalidData, match="is not a ledger"):
        Ledger(book)


# -- rejected rows ----------------------------------------------------------------------------------------------------


@pytest.fixture
def with_bad_row(source: MemoryAdapter, migration: Migration) -> Migration:
    """A migration with one row that the target refuses."""
    labels_of(source)["bad"] = BAD
    return migration


def test_a_bad_row_is_set_aside_with_the_reason_and_the_rest_arrives(
    with_bad_row: Migration, book: Path, tmp_path: Path
) -> None:
    applied = with_bad_row.apply(with_bad_row.plan(), ledger=book)

    assert not applied.ok
    assert applied.reports["labels"].counts == {"created": LABELS, "rejected": 1}
    ledger = Ledger(book)
    assert letters.save(ledger, tmp_path / "dead.ndjson") == 1
    (letter,) = letters.load(tmp_path / "dead.ndjson")
    assert (letter.kind, letter.key, letter.reason) == ("labels", "bad", "There is no item 'no such image'.")
    assert msgspec.structs.replace(letter.decoded(), provenance=None) == BAD


def test_a_rejected_batch_is_halved_to_the_bad_row(
    migration: Migration, target: MemoryAdapter, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = sorted(labels_of(migration.source))[4]  # type: ignore[arg-type]
    write = type(target.labels)._write

    def refuse(facet: Any, dataset: str, batch: Sequence[Label], update: bool) -> Any:
        if any(row.id == poison for row in batch):
            raise Refused("there is something bad in it")
        return write(facet, dataset, batch, update)

    monkeypatch.setattr(type(target.labels), "_write", refuse)

    applied = migration.apply(migration.plan(), ledger=book)

    assert [outcome.key for _, outcome in applied.problems()] == [poison]
    assert applied.reports["labels"].counts == {"created": LABELS - 1, "rejected": 1}


def test_applying_again_leaves_rejected_rows_alone(with_bad_row: Migration, book: Path) -> None:
    plan = with_bad_row.plan()
    with_bad_row.apply(plan, ledger=book)

    again = with_bad_row.apply(plan, ledger=book)

    assert again.reports["labels"].counts == {"ignored": LABELS, "rejected": 1}


def test_retry_sends_the_rejected_rows_and_no_others(
    with_bad_row: Migration, target: MemoryAdapter, book: Path
) -> None:
    with_bad_row.apply(with_bad_row.plan(), ledger=book)
    target.state.calls.clear()

    applied = with_bad_row.retry(with_bad_row.plan(), ledger=book)

    assert {kind: dict(report.counts) for kind, report in applied.reports.items()} == {"labels": {"rejected": 1}}
    assert target.state.calls["labels.write"] == 1


def test_retry_takes_mended_rows(with_bad_row: Migration, target: MemoryAdapter, book: Path) -> None:
    plan = with_bad_row.plan()
    with_bad_row.apply(plan, ledger=book)
    mended = msgspec.json.encode(msgspec.structs.replace(BAD, item="img-0"))
    letter = letters.Letter("labels", "bad", "", msgspec.Raw(mended))

    applied = with_bad_row.retry(plan, ledger=book, letters=[letter])

    assert applied.ok
    assert labels_of(target)["bad"].item == "img-0"
    assert counts_of(book)["labels"] == {State.CONFIRMED: LABELS + 1}


def test_a_row_that_must_not_be_sent_does_not_stop_the_others(
    source: MemoryAdapter, migration: Migration, book: Path
) -> None:
    stray = msgspec.structs.replace(next(iter(predictions_of(source).values())), feature="bird", id="stray")
    predictions_of(source)["stray"] = stray

    applied = migration.apply(migration.plan(), ledger=book)

    assert applied.reports["predictions"].counts == {"created": PREDICTIONS, "rejected": 1}
    assert [(outcome.key, outcome.reason) for _, outcome in applied.problems()] == [
        ("stray", "The model knows no feature 'bird'.")
    ]


def test_a_dead_letter_file_with_a_bad_line_is_refused_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "dead.ndjson"
    path.write_bytes(b'{"kind":"labels","key":"a","reason":"","row":{}}\nnonsense\n')

    with pytest.raises(InvalidData, match="no dead letter") as caught:
        list(letters.load(path))

    assert caught.value.row == 1


def test_a_target_without_the_dataset_has_nothing_to_retry(migration: Migration, book: Path) -> None:
    with pytest.raises(NotFound, match="has no such dataset"):
        migration.retry(migration.plan(), ledger=book)


def test_limits_of_a_batch_are_kept(
    migration: Migration, target: MemoryAdapter, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    write = type(target.labels)._write

    def count(facet: Any, dataset: str, batch: Sequence[Label], update: bool) -> Any:
        seen.append(len(batch))
        return write(facet, dataset, batch, update)

    monkeypatch.setattr(type(target.labels), "_write", count)

    migration.apply(migration.plan(), ledger=book)

    assert sum(seen) == LABELS
    assert max(seen) == target.limits.batch_size
