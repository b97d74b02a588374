"""Lanes and pace: several requests at once, bounded memory, order within an item, and a speed that the answers set."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from memory import Busy, MemoryAdapter, open_memory
from moving import LABELS, SCOPE, labels_of

from dragoman import Migration
from dragoman.calls.limits import Limits
from dragoman.migrate import Ledger
from dragoman.migrate.lanes import WAITING, Lanes
from dragoman.migrate.pace import LONG_ANSWER, START, Pace
from dragoman.migrate.reading import KeySet


def test_work_of_one_lane_is_done_in_order() -> None:
    done: list[int] = []

    with Lanes[int](1, done.append) as lanes:
        for number in range(20):
            lanes.put(0, number)

    assert done == list(range(20))


def test_several_lanes_work_at_once() -> None:
    meeting = threading.Barrier(3, timeout=30)

    def carry(work: int) -> None:
        meeting.wait()

    with Lanes[int](3, carry) as lanes:
        for number in range(3):
            lanes.put(number, number)


def test_a_full_lane_holds_its_giver_back() -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()
    given: list[int] = []

    def carry(work: int) -> None:
        begun.release()
        go_on.wait(30)

    def give(lanes: Lanes[int]) -> None:
        for number in range(10):
            lanes.put(0, number)
            given.append(number)

    with Lanes[int](1, carry) as lanes:
        giver = threading.Thread(target=give, args=[lanes])
        giver.start()
        assert begun.acquire(timeout=30)
        giver.join(0.3)
        assert len(given) <= 1 + WAITING
        go_on.set()
        giver.join(30)
    assert len(given) == 10


def test_an_error_stops_all_lanes_and_is_raised() -> None:
    def carry(work: int) -> None:
        raise KeyError(work)

    def give() -> None:
        with Lanes[int](2, carry) as lanes:
            for number in range(100):
                lanes.put(number % 2, number)

    with pytest.raises(KeyError):
        give()


def test_an_interruption_waits_for_what_is_under_way_and_drops_the_rest() -> None:
    done: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def carry(work: int) -> None:
        begun.set()
        go_on.wait(30)
        done.append(work)

    def interrupted(lanes: Lanes[int]) -> None:
        lanes.put(0, 1)
        assert begun.wait(30)
        lanes.put(0, 2)
        threading.Timer(0.1, go_on.set).start()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Lanes[int](1, carry) as lanes:
        interrupted(lanes)
    assert done == [1]


def test_rows_of_one_item_are_never_in_two_requests(
    source: MemoryAdapter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = open_memory(name="there", limits=Limits(batch_size=1, page_size=2))
    open_items: set[str] = set()
    mutex, together = threading.Lock(), []
    write = type(target.labels)._write

    def watched(facet: Any, dataset: str, batch: Sequence[Any], update: bool) -> Any:
        items = {row.item for row in batch}
        with mutex:
            together.extend(items & open_items)
            open_items.update(items)
        try:
            return write(facet, dataset, batch, update)
        finally:
            with mutex:
                open_items.difference_update(items)

    monkeypatch.setattr(type(target.labels), "_write", watched)
    migration = Migration(source, target, SCOPE, in_flight=4)

    assert migration.apply(migration.plan(), ledger=tmp_path / "ledger").ok

    assert len(labels_of(target)) == LABELS
    assert together == []


# -- interruption -----------------------------------------------------------------------------------------------------


def test_an_interrupted_run_is_continued(source: MemoryAdapter, target: MemoryAdapter, tmp_path: Path) -> None:
    class Interrupting:
        def track(self, rows: Any, description: str, total: int | None = None) -> Iterator[Any]:
            for number, row in enumerate(rows):
                if description == "write labels" and number == 5:
                    raise KeyboardInterrupt
                yield row

    plan = Migration(source, target, SCOPE).plan()
    with pytest.raises(KeyboardInterrupt):
        Migration(source, target, SCOPE, progress=Interrupting()).apply(plan, ledger=tmp_path / "ledger")
    there = len(labels_of(target))
    assert there < LABELS

    migration = Migration(source, target, SCOPE)
    assert migration.apply(plan, ledger=tmp_path / "ledger").reports["labels"].counts == {
        "created": LABELS - there,
        **({"ignored": there} if there else {}),
    }
    assert migration.verify(plan).ok


# -- pace -------------------------------------------------------------------------------------------------------------


def test_batches_grow_while_answers_are_quick_up_to_the_limit() -> None:
    pace = Pace(3 * START)
    assert pace.size == START

    for _ in range(5):
        pace.answered(pace.size, 0.01)

    assert pace.size == 3 * START


def test_a_batch_that_was_not_full_says_nothing_of_larger_ones() -> None:
    pace = Pace(3 * START)

    pace.answered(START - 1, 0.01)

    assert pace.size == START


def test_batches_shrink_when_answers_last() -> None:
    pace = Pace(START)

    pace.answered(START, LONG_ANSWER * 5)

    assert pace.size == START // 5


def test_failures_make_batches_small_and_pauses_long_and_answers_undo_it() -> None:
    pace = Pace(START)

    for _ in range(20):
        pace.failed()
    assert (pace.size, pace.pause) == (1, 30.0)

    for _ in range(40):
        pace.answered(pace.size, 0.01)
    assert (pace.size, pace.pause) == (START, 0.0)


def test_a_struggling_target_gets_less_at_once(source: MemoryAdapter, tmp_path: Path) -> None:
    sizes: list[int] = []
    target = open_memory(name="there", limits=Limits(batch_size=8, page_size=50, attempts=1))
    target.state.fail("labels.write", Busy("later"), times=2)
    write = target.labels.write

    def seen(rows: Sequence[Any], **options: Any) -> Any:
        sizes.append(len(rows))
        return write(rows, **options)

    target.labels.write = seen  # type: ignore[method-assign, assignment]
    migration = Migration(source, target, SCOPE)

    assert migration.apply(migration.plan(), ledger=tmp_path / "ledger").ok

    assert sizes[:3] == [8, 4, 2]
    assert target.slept, "it is given time"


def test_a_source_that_breaks_off_is_read_again_behind_what_is_settled(
    source: MemoryAdapter, target: MemoryAdapter, tmp_path: Path
) -> None:
    migration = Migration(source, target, SCOPE)
    plan = migration.plan()
    source.state.fail("labels.read", Busy("later"), times=source.limits.attempts * 2)

    applied = migration.apply(plan, ledger=tmp_path / "ledger", recheck=False)

    assert applied.ok
    assert migration.verify(plan).ok


def test_a_ledger_can_be_read_while_it_is_written(migration: Migration, tmp_path: Path) -> None:
    class Looking:
        def track(self, rows: Any, description: str, total: int | None = None) -> Iterator[Any]:
            yield from rows
            if description == "write predictions":
                reader = Ledger(tmp_path / "ledger")
                seen.append(sum(reader.counts()["labels"].values()))
                reader.close()

    seen: list[int] = []
    watching = Migration(migration.source, migration.target, SCOPE, progress=Looking())

    watching.apply(migration.plan(), ledger=tmp_path / "ledger")

    assert seen == [LABELS]


def test_a_set_of_keys_knows_its_keys() -> None:
    keys = KeySet(f"key {n}" for n in range(1000))

    assert all(f"key {n}" in keys for n in range(1000))
    assert not any(f"other {n}" in keys for n in range(1000))
