"""What surrounds one call: observers, limiter, retry, deadline, streams and pages."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextvars import ContextVar
from threading import Condition, Event, current_thread

import pyrate_limiter.clocks
import pyrate_limiter.limiter
import pytest
from calling import CREATE, READ, Clock, Observer, failing, make

from dragoman import (
    AuthenticationError,
    Conflict,
    DragomanError,
    InvalidData,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    PlatformError,
    PluginError,
    RateLimited,
    Timeout,
    Unavailable,
)
from dragoman.calls.ahead import reading_ahead
from dragoman.calls.pipeline import Page, Pipeline

# -- retry ------------------------------------------------------------------------------------------------------------


def test_a_call_hands_its_arguments_over_and_the_answer_back(pipeline: Pipeline) -> None:
    assert pipeline.call(READ, lambda *arguments: arguments, 1, "two") == (1, "two")


@pytest.mark.parametrize("kind", [RateLimited, Unavailable, Timeout])
def test_errors_that_may_pass_are_tried_again(pipeline: Pipeline, clock: Clock, kind: type[DragomanError]) -> None:
    assert pipeline.call(READ, failing(kind("once"), kind("twice"))) == "answer"
    assert len(clock.slept) == 2


@pytest.mark.parametrize(
    "kind",
    [AuthenticationError, PermissionDenied, NotFound, Conflict, InvalidData, PlatformError, PluginError],
)
def test_errors_that_stay_are_not_tried_again(pipeline: Pipeline, clock: Clock, kind: type[DragomanError]) -> None:
    with pytest.raises(kind, match="for good"):
        pipeline.call(READ, failing(kind("for good")))

    assert clock.slept == []


def test_a_repeatable_call_whose_answer_was_lost_is_sent_again(pipeline: Pipeline) -> None:
    assert pipeline.call(READ, failing(Unavailable("cut off", maybe_applied=True))) == "answer"


def test_an_unrepeatable_call_that_did_not_arrive_is_sent_again(pipeline: Pipeline) -> None:
    assert pipeline.call(CREATE, failing(Unavailable("refused"), RateLimited("slow down"))) == "answer"


@pytest.mark.parametrize("kind", [Unavailable, Timeout])
def test_an_unrepeatable_call_whose_answer_was_lost_is_unknown_and_not_sent_again(
    pipeline: Pipeline, clock: Clock, kind: type[DragomanError]
) -> None:
    lost = kind("cut off", maybe_applied=True)

    with pytest.raises(OutcomeUnknown, match="cut off") as caught:
        pipeline.call(CREATE, failing(lost))

    assert clock.slept == []
    assert caught.value.__cause__ is lost
    assert (caught.value.platform, caught.value.operation) == ("acme", "models.create")


@pytest.mark.parametrize("seconds", [0, 0.25, 7, 61.5])
def test_the_wait_that_a_platform_asks_for_is_kept_exactly(pipeline: Pipeline, clock: Clock, seconds: float) -> None:
    pipeline.call(READ, failing(RateLimited("slow down", retry_after=seconds)))

    assert clock.slept == [seconds]


def test_without_a_wish_the_wait_is_full_jitter_that_doubles(clock: Clock) -> None:
    pipeline = make(clock, attempts=12, deadline=1e9)
    waits: list[list[float]] = []
    random.seed(7)
    for _ in range(200):
        clock.slept.clear()
        pipeline.call(READ, failing(*[Unavailable("busy")] * 11))
        waits.append(list(clock.slept))

    for attempt, seen in enumerate(zip(*waits, strict=True)):
        bound = min(30, 0.5 * 2**attempt)
        assert all(0 <= wait <= bound for wait in seen)
        assert max(seen) > 0.8 * bound
        assert min(seen) < 0.2 * bound


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_a_call_is_given_up_after_the_attempts_it_has(clock: Clock, observer: Observer, attempts: int) -> None:
    pipeline = make(clock, observer, attempts=attempts)

    with pytest.raises(Unavailable, match=f"try {attempts}$"):
        pipeline.call(READ, failing(*[Unavailable(f"try {number}") for number in range(1, 9)]))

    assert observer.after[0].attempts == attempts


def test_a_call_is_not_tried_again_after_its_deadline(clock: Clock, observer: Observer) -> None:
    pipeline = make(clock, observer, attempts=100, deadline=10)

    with pytest.raises(RateLimited):
        pipeline.call(READ, failing(*[RateLimited("slow down", retry_after=4)] * 50))

    assert clock.slept == [4, 4]


def test_a_wait_that_would_outlast_the_deadline_is_not_begun(clock: Clock) -> None:
    with pytest.raises(RateLimited):
        make(clock, deadline=300).call(READ, failing(RateLimited("come back tomorrow", retry_after=86_400)))

    assert clock.slept == []


# -- observers --------------------------------------------------------------------------------------------------------


def test_observers_see_a_call_once_however_often_it_is_tried(pipeline: Pipeline, observer: Observer) -> None:
    pipeline.call(READ, failing(Unavailable("busy"), Unavailable("busy")))

    assert observer.before == observer.after
    (call,) = observer.after
    assert (call.platform, str(call.operation), call.attempts, call.error) == ("acme", "models.get", 3, None)
    assert call.seconds is not None
    assert call.seconds >= 0


def test_observers_see_the_error_that_the_caller_sees(pipeline: Pipeline, observer: Observer) -> None:
    with pytest.raises(PlatformError) as caught:
        pipeline.call(READ, failing(RuntimeError("odd")))

    (call,) = observer.after
    assert call.error is caught.value
    assert call.attempts == 1


def test_an_interrupt_passes_untouched_and_observers_learn_of_the_end(pipeline: Pipeline, observer: Observer) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        pipeline.call(READ, interrupted)

    assert caught.value.__cause__ is None
    (call,) = observer.after
    assert call.seconds is not None


# -- limiter ----------------------------------------------------------------------------------------------------------


def test_the_limiter_keeps_the_rate_of_attempts(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyrate_limiter.limiter, "sleep", clock.sleep)
    monkeypatch.setattr(pyrate_limiter.clocks, "monotonic_ns", lambda: int(clock.now * 1e9))
    pipeline = make(clock, calls_per_second=5)
    sent: list[float] = []

    def translate() -> None:
        sent.append(clock.now)
        if len(sent) % 4 == 0:
            raise RateLimited("again", retry_after=0)

    for _ in range(30):
        pipeline.call(READ, translate)

    assert len(sent) > 30
    for first, sixth in zip(sent, sent[5:], strict=False):
        assert sixth - first >= 1.0
    assert sent[-1] - sent[0] < len(sent) / 5 * 1.5


def test_without_a_rate_nothing_waits(pipeline: Pipeline, clock: Clock) -> None:
    for _ in range(1000):
        pipeline.call(READ, failing())

    assert clock.slept == []


# -- streams ----------------------------------------------------------------------------------------------------------


def test_a_stream_is_one_call_that_lasts_until_it_ends(pipeline: Pipeline, observer: Observer) -> None:
    stream = pipeline.stream(READ, lambda count: iter(range(count)), 3)

    assert observer.before == []
    assert next(stream) == 0
    assert len(observer.before) == 1
    assert observer.after == []
    assert list(stream) == [1, 2]
    (call,) = observer.after
    assert (call.attempts, call.error) == (1, None)


def test_a_stream_that_breaks_binds_its_error_and_is_not_begun_again(pipeline: Pipeline, observer: Observer) -> None:
    begun = []

    def translate() -> Iterator[int]:
        begun.append(1)
        yield 1
        raise OSError("cut off")

    stream = pipeline.stream(READ, translate)

    assert next(stream) == 1
    with pytest.raises(PlatformError, match="cut off") as caught:
        next(stream)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.operation == "models.get"
    assert len(begun) == 1
    assert observer.after[0].error is caught.value


def test_a_stream_that_nobody_reads_to_the_end_is_closed(pipeline: Pipeline, observer: Observer) -> None:
    closed = []

    def translate() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    stream = pipeline.stream(READ, translate)
    next(stream)
    stream.close()

    assert closed == [True]
    assert observer.after[0].error is None


# -- pages ------------------------------------------------------------------------------------------------------------


def test_pages_are_fetched_when_they_are_needed(pipeline: Pipeline, observer: Observer) -> None:
    asked: list[tuple[str | None, int]] = []

    def fetch(cursor: str | None, size: int) -> Page[int]:
        asked.append((cursor, size))
        start = int(cursor or 0)
        return Page(range(start, start + 2), str(start + 2) if start < 4 else None)

    rows = pipeline.pages(READ, fetch, 2)

    assert asked == []
    assert [next(rows), next(rows)] == [0, 1]
    assert asked == [(None, 2)]
    assert list(rows) == [2, 3, 4, 5]
    assert asked == [(None, 2), ("2", 2), ("4", 2)]
    assert len(observer.after) == 3


class Counted:
    """Five pages of two numbers; says which were asked for, and in which threads."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.threads: set[str] = set()
        self.told = Condition()
        self.broken: str | None = None

    def fetch(self, cursor: str | None, size: int) -> Page[int]:
        with self.told:
            self.asked.append(cursor)
            self.threads.add(f"{current_thread().name} {VARIABLE.get()}")
            self.told.notify_all()
        if cursor == self.broken is not None:
            raise OSError("cut off")
        start = int(cursor or 0)
        return Page(range(start, start + 2), str(start + 2) if start < 8 else None)

    def was_asked(self, cursor: str) -> bool:
        with self.told:
            return self.told.wait_for(lambda: cursor in self.asked, timeout=30)


VARIABLE = ContextVar("VARIABLE", default="not set")


def test_a_page_is_fetched_while_the_one_before_it_is_used(pipeline: Pipeline, observer: Observer) -> None:
    pages = Counted()
    rows = pipeline.pages(READ, pages.fetch, 2)
    before = VARIABLE.set("set")

    with reading_ahead():
        assert pages.asked == []
        assert next(rows) == 0
        assert pages.was_asked("2")
        assert "4" not in pages.asked
        assert list(rows) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert pages.asked == [None, "2", "4", "6", "8"]
    assert pages.threads == {"MainThread set", "ahead set"}
    assert len(observer.after) == 5
    VARIABLE.reset(before)


def test_what_fails_ahead_is_said_when_it_is_needed(pipeline: Pipeline) -> None:
    pages = Counted()
    pages.broken = "2"
    rows = pipeline.pages(READ, pages.fetch, 2)

    with reading_ahead():
        assert [next(rows) for _ in range(2)] == [0, 1]
        with pytest.raises(PlatformError, match="cut off") as caught:
            next(rows)
    assert (caught.value.platform, caught.value.operation) == ("acme", "models.get")
    assert pages.asked == [None, "2"]


def test_who_stops_early_waits_for_nothing_that_was_asked_ahead(pipeline: Pipeline) -> None:
    pages, stopped = Counted(), Event()

    def slow(cursor: str | None, size: int) -> Page[int]:
        page = pages.fetch(cursor, size)
        assert cursor is None or stopped.wait(30)
        return page

    rows = pipeline.pages(READ, slow, 2)
    with reading_ahead():
        assert next(rows) == 0
    assert pages.was_asked("2")
    rows.close()
    stopped.set()
    assert pages.asked == [None, "2"]


def test_a_page_that_names_itself_is_not_asked_for_ahead(pipeline: Pipeline) -> None:
    asked = []

    def fetch(cursor: str | None, size: int) -> Page[int]:
        asked.append(cursor)
        return Page([1], "same")

    with reading_ahead(), pytest.raises(PluginError, match="names itself"):
        list(pipeline.pages(READ, fetch, None))
    assert asked == [None, "same"]


def test_the_limits_say_the_page_size_when_the_caller_does_not(clock: Clock) -> None:
    pipeline = make(clock, page_size=17)

    assert list(pipeline.pages(READ, lambda cursor, size: Page([size]), None)) == [17]


def test_an_empty_page_is_not_the_end(pipeline: Pipeline) -> None:
    pages = {None: Page([], "a"), "a": Page([], "b"), "b": Page([1], None)}

    assert list(pipeline.pages(READ, lambda cursor, size: pages[cursor], None)) == [1]


def test_a_page_that_names_itself_as_the_next_is_a_fault_of_the_plugin(pipeline: Pipeline) -> None:
    rows = pipeline.pages(READ, lambda cursor, size: Page([1], "same"), None)

    assert [next(rows), next(rows)] == [1, 1]
    with pytest.raises(PluginError, match="names itself") as caught:
        next(rows)
    assert (caught.value.platform, caught.value.operation) == ("acme", "models.get")


def test_a_page_that_fails_is_tried_again_and_no_row_comes_twice(pipeline: Pipeline) -> None:
    broken = failing(None, Unavailable("busy"))

    def fetch(cursor: str | None, size: int) -> Page[str]:
        broken()
        return Page([cursor or "first"], None if cursor else "second")

    assert list(pipeline.pages(READ, fetch, None)) == ["first", "second"]


def test_an_item_that_cannot_be_made_when_it_is_asked_for_is_an_error_of_the_call(pipeline: Pipeline) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("cut off")

    rows = pipeline.pages(READ, lambda cursor, size: Page(items()), None)

    assert next(rows) == 1
    with pytest.raises(PlatformError, match="cut off") as caught:
        next(rows)
    assert isinstance(caught.value.__cause__, OSError)
    assert (caught.value.platform, caught.value.operation) == ("acme", "models.get")
