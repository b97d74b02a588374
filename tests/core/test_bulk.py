"""Bulk writes: one outcome per row in order, bad rows bisected out, lost answers looked up, memory flat."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from memory import hook_caller

from dragoman import (
    AuthenticationError,
    DragomanError,
    InvalidData,
    Outcome,
    PluginError,
    Report,
    Unavailable,
    WouldLose,
)
from dragoman.calls.bulk import BulkWrite
from dragoman.calls.limits import Limits
from dragoman.calls.pipeline import Operation, Pipeline
from dragoman.calls.scrub import Scrubber
from dragoman.schema import CREATED, IGNORED, UPDATED, MeasuredLoss, RowResult

WRITE = Operation("predictions", "write")
UNCLEAR = RowResult("unknown", reason="the job does not say")
LOST = Unavailable("cut off", maybe_applied=True)


def bulk(send: Callable[[Sequence[str]], Any], *, batch_size: int = 4, attempts: int = 1, **more: Any) -> BulkWrite:
    pipeline = Pipeline(
        "acme",
        errors={},
        limits=Limits(batch_size=batch_size, attempts=attempts),
        scrubber=Scrubber([]),
        hooks=hook_caller(),
        sleep=lambda seconds: None,
    )
    return BulkWrite(pipeline, WRITE, key=lambda row: f"key of {row}", send=send, **more)


class Sink:
    """A platform that takes rows, except those it is told to refuse, and remembers every batch."""

    def __init__(self, *bad: str) -> None:
        self.bad = bad
        self.batches: list[list[str]] = []
        self.held: list[str] = []

    def __call__(self, batch: Sequence[str]) -> list[RowResult]:
        self.batches.append(list(batch))
        for row in batch:
            if row in self.bad:
                raise InvalidData(f"{row} is bad")
        self.held += batch
        return [RowResult("created", id=f"id of {row}") for row in batch]


def statuses(report: Report) -> str:
    """The first letters of the outcomes, in order."""
    return "".join(outcome.status[0] for outcome in report)


def test_every_row_has_its_outcome_in_the_order_given() -> None:
    answers = {"a": CREATED, "b": UPDATED, "c": IGNORED, "d": RowResult("rejected", reason="no such item")}

    report = bulk(lambda batch: [answers[row] for row in batch], batch_size=3).run("abcda")

    assert list(report) == [
        Outcome(0, "key of a", "created"),
        Outcome(1, "key of b", "updated"),
        Outcome(2, "key of c", "ignored"),
        Outcome(3, "key of d", "rejected", reason="no such item"),
        Outcome(4, "key of a", "created"),
    ]


def test_the_platform_s_id_is_in_the_outcome() -> None:
    (outcome,) = bulk(Sink()).run(["a"])

    assert outcome.id == "id of a"


@pytest.mark.parametrize(
    ("rows", "sizes"), [(0, []), (1, [1]), (4, [4]), (5, [4, 1]), (11, [4, 4, 3])], ids=lambda value: str(value)
)
def test_rows_go_out_in_batches_of_the_size_that_the_platform_bears(rows: int, sizes: list[int]) -> None:
    sink = Sink()

    report = bulk(sink).run(str(number) for number in range(rows))

    assert [len(batch) for batch in sink.batches] == sizes
    assert len(report) == rows


def test_a_batch_that_is_refused_is_halved_until_the_bad_rows_stand_alone() -> None:
    sink = Sink("2", "5", "6")

    report = bulk(sink, batch_size=8).run("0123456789")

    assert statuses(report) == "ccrccrrccc"
    assert sink.held == list("0134789")
    assert [outcome.reason for outcome in report.problems()] == ["2 is bad", "5 is bad", "6 is bad"]
    assert [outcome.row for outcome in report] == list(range(10))


def test_bisecting_takes_few_calls() -> None:
    sink = Sink("77")

    bulk(sink, batch_size=128).run(str(number) for number in range(128))

    assert len(sink.batches) <= 2 * 7 + 1


def test_a_batch_of_bad_rows_only_is_all_rejected() -> None:
    assert statuses(bulk(Sink(*"abc")).run("abc")) == "rrr"


# -- lost answers -----------------------------------------------------------------------------------------------------


def test_rows_whose_fate_the_answer_does_not_tell_are_looked_up() -> None:
    looked_up: list[list[str]] = []

    def find(rows: Sequence[str]) -> list[RowResult | None]:
        looked_up.append(list(rows))
        return [RowResult("created", id="7") if row == "b" else None for row in rows]

    report = bulk(lambda batch: [UNCLEAR if row in "bd" else CREATED for row in batch], find=find).run("abcd")

    assert looked_up == [["b", "d"]]
    assert statuses(report) == "cccr"
    assert list(report)[1].id == "7"
    assert "did not take it" in (list(report)[3].reason or "")


def test_without_a_look_up_what_is_unclear_stays_unknown() -> None:
    report = bulk(lambda batch: [UNCLEAR for _ in batch]).run("ab")

    assert statuses(report) == "uu"
    assert not report.ok


def test_when_the_look_up_fails_too_what_is_unclear_stays_unknown() -> None:
    def find(rows: Sequence[str]) -> list[RowResult | None]:
        raise Unavailable("still down")

    report = bulk(lambda batch: [CREATED, UNCLEAR], find=find).run("ab")

    assert statuses(report) == "cu"


def test_a_lost_answer_is_sent_again_because_writes_are_keyed() -> None:
    sink, answers = Sink(), [LOST, None]

    def send(batch: Sequence[str]) -> list[RowResult]:
        results = sink(batch)
        if error := answers.pop(0):
            raise error
        return results

    assert statuses(bulk(send, attempts=2).run("ab")) == "cc"
    assert len(sink.batches) == 2


@pytest.mark.parametrize("failure", [LOST, Unavailable("closed")])
def test_a_row_that_was_there_when_its_batch_was_sent_again_says_so(failure: Unavailable) -> None:
    answers: list[Any] = [failure, [IGNORED, CREATED]]

    def send(batch: Sequence[str]) -> list[RowResult]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return list(answer)

    there, made = bulk(send, attempts=2).run(["a", "b"])
    assert (there.status, made.status, made.reason) == ("ignored", "created", None)
    assert ("answer was lost" in (there.reason or "")) is failure.maybe_applied


def test_when_no_answer_ever_comes_the_rows_are_unknown_and_the_error_has_the_report() -> None:
    sink = Sink()

    def send(batch: Sequence[str]) -> list[RowResult]:
        if "c" in batch:
            raise LOST
        return sink(batch)

    with pytest.raises(Unavailable, match="cut off") as caught:
        bulk(send, batch_size=2).run("abcdef")

    report = caught.value.report
    assert report is not None
    assert statuses(report) == "ccuu"
    assert sink.held == ["a", "b"]
    assert "cut off" in (list(report)[2].reason or "")


def test_when_no_answer_ever_comes_a_look_up_says_what_arrived() -> None:
    def send(batch: Sequence[str]) -> list[RowResult]:
        raise LOST

    def find(rows: Sequence[str]) -> list[RowResult | None]:
        return [CREATED if row == "a" else None for row in rows]

    with pytest.raises(Unavailable) as caught:
        bulk(send, find=find).run("ab")

    report = caught.value.report
    assert report is not None
    # What a look-up does not find may still arrive: it is unknown, not rejected.
    assert statuses(report) == "cu"


def test_when_a_batch_certainly_did_not_arrive_it_has_no_outcomes() -> None:
    sink = Sink()

    def send(batch: Sequence[str]) -> list[RowResult]:
        if "c" in batch:
            raise AuthenticationError("the key was revoked")
        return sink(batch)

    with pytest.raises(AuthenticationError) as caught:
        bulk(send, batch_size=2).run("abcd")

    assert caught.value.report is not None
    assert statuses(caught.value.report) == "cc"


def test_an_adapter_that_answers_too_few_results_breaks_its_contract() -> None:
    with pytest.raises(PluginError, match="1 results were answered for 3 rows") as caught:
        bulk(lambda batch: [CREATED]).run("abc")

    assert (caught.value.platform, caught.value.operation) == ("acme", "predictions.write")
    assert caught.value.report is not None


# -- checked rows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [InvalidData, WouldLose])
def test_a_bad_row_in_the_middle_is_named_and_the_batches_before_it_are_written(kind: type[DragomanError]) -> None:
    sink = Sink()

    def keep(row: str) -> str:
        if row == "f":
            raise kind("unfit", field="feature")
        return row

    with pytest.raises(kind, match="unfit") as caught:
        bulk(sink, batch_size=2, keep=keep).run("abcdefgh")

    error = caught.value
    assert (error.row, error.field, error.platform, error.operation) == (5, "feature", "acme", "predictions.write")
    assert sink.held == list("abcd")
    assert error.report is not None
    assert [outcome.key for outcome in error.report] == ["key of a", "key of b", "key of c", "key of d"]


def test_an_error_of_ours_in_the_caller_s_rows_carries_the_report_too() -> None:
    def rows() -> Iterator[str]:
        yield from "abcd"
        raise InvalidData("row 4 of the file is not JSON", row=4)

    with pytest.raises(InvalidData, match="not JSON") as caught:
        bulk(Sink(), batch_size=2).run(rows())

    assert caught.value.row == 4
    assert caught.value.report is not None
    assert statuses(caught.value.report) == "cccc"


def test_another_error_in_the_caller_s_rows_passes_as_it_is() -> None:
    def rows() -> Iterator[str]:
        yield "a"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bulk(Sink()).run(rows())


# -- streaming --------------------------------------------------------------------------------------------------------


def test_rows_are_never_read_more_than_one_batch_ahead() -> None:
    read: list[int] = []
    ahead: list[int] = []
    written = 0

    def rows() -> Iterator[str]:
        for number in range(100):
            read.append(number)
            yield str(number)

    def send(batch: Sequence[str]) -> list[RowResult]:
        nonlocal written
        ahead.append(len(read) - written)
        written += len(batch)
        return [CREATED] * len(batch)

    bulk(send, batch_size=10).run(rows())

    assert written == 100
    assert max(ahead) == 10


def test_memory_does_not_grow_with_the_number_of_rows() -> None:
    marks: list[int] = []
    sent = 0

    def send(batch: Sequence[str]) -> list[RowResult]:
        nonlocal sent
        sent += len(batch)
        if sent % 50_000 == 0:
            marks.append(tracemalloc.get_traced_memory()[0])
        return [CREATED] * len(batch)

    tracemalloc.start()
    try:
        report = bulk(send, batch_size=1000).run(f"row {number:09}" for number in range(200_000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(report) == 200_000
    assert marks[-1] - marks[0] < 100_000
    assert peak < 8_000_000


def test_rows_that_the_caller_chose_to_drop_have_an_outcome_in_their_place() -> None:
    sink = Sink("e")
    report = bulk(sink, batch_size=4, keep=lambda row: None if row in "bf" else row).run("abcdefgh")
    assert sink.held == list("acdgh")
    assert [(outcome.row, outcome.status) for outcome in report] == [
        (0, "created"),
        (1, "ignored"),
        (2, "created"),
        (3, "created"),
        (4, "rejected"),
        (5, "ignored"),
        (6, "created"),
        (7, "created"),
    ]
    assert "Left out" in (list(report)[1].reason or "")


def test_a_batch_of_which_nothing_is_left_is_not_sent() -> None:
    calls: list[Sequence[str]] = []
    report = bulk(lambda batch: calls.append(batch), keep=lambda row: None).run("abc")
    assert calls == []
    assert dict(report.counts) == {"ignored": 3}


def test_the_report_says_what_was_lost_also_when_the_write_stops_early() -> None:
    lost = (MeasuredLoss("field attributes", "stored", "kept in the metadata", 2),)

    def keep(row: str) -> str:
        if row == "c":
            raise WouldLose("unfit")
        return row

    with pytest.raises(WouldLose) as caught:
        bulk(Sink(), keep=keep, losses=lambda: lost).run("abc")
    assert caught.value.report is not None
    assert caught.value.report.losses == lost
    assert caught.value.report.to_dict()["losses"][0]["rows"] == 2
