"""Carries the rows of one kind to the target: in batches, several at once, every step of every row in the ledger.

Rows of one item go down one lane, so that two requests never change one item at a time. A request that fails for good
although it may be repeated is sent again in smaller batches, slower; rows that the target refuses are set aside with
the reason, and the rest goes on.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from dragoman.calls.bulk import LEFT_OUT, SENT_TWICE
from dragoman.errors import DragomanError, InvalidData, WouldLose
from dragoman.fidelity import LossPolicy
from dragoman.migrate.conditions import RowKind
from dragoman.migrate.expect import Choice, Expected
from dragoman.migrate.hooks import NO_HOOKS, Hooks
from dragoman.migrate.lanes import Lanes
from dragoman.migrate.ledger import Ledger
from dragoman.migrate.pace import Pace
from dragoman.migrate.present import Present
from dragoman.migrate.reading import key_of
from dragoman.migrate.states import Entry, Settled, State
from dragoman.schema import Outcome, Report, RowResult

LOOKED_UP = 500
"""Rows whose state is asked of the ledger at once."""
FAILURES = 10
"""Requests that may fail for good one after the other, before the run stops."""
ATTEMPTS_OF_UNKNOWN = 3
"""How often a row is sent of which no answer says what became of it."""

EARLIER = "Settled by an earlier run."
UNCLEAR = RowResult("unknown", reason=f"It was sent {ATTEMPTS_OF_UNKNOWN} times, and no answer says what became of it.")
THERE = {
    "same": "It was there already.",
    "changed": "It was there already, and it differs.",
    "twin": "It was there already under another id.",
}

PUT_THERE = Settled(State.CONFIRMED)

Way = tuple[int, LossPolicy]
"""The lane of a row, and the policy for it."""
Write = Callable[[Sequence[Any], LossPolicy], Report]
"""Writes rows to the target under a policy."""


class Numbered(msgspec.Struct, gc=False):
    """A row with its place in the stream, and its number in the ledger if an earlier run had sent it."""

    place: int
    row: Any
    number: int | None = None


class Told(NamedTuple):
    """A row with its place in the stream and what has become of it."""

    place: int
    row: Any
    result: RowResult


@dataclass(slots=True)
class Batch:
    """Rows for one request. `again` if they may be there from an attempt whose answer was lost."""

    rows: Sequence[Numbered]
    numbers: Sequence[int]
    policy: LossPolicy
    again: bool = False

    def part(self, chosen: Sequence[int], *, again: bool) -> Batch:
        """Return a batch of the rows at some positions."""
        return Batch([self.rows[n] for n in chosen], [self.numbers[n] for n in chosen], self.policy, again)


@dataclass
class Carrier:
    """Carries the rows of one kind.

    Args:
        kind: What they are.
        ledger: Where their state is kept.
        write: Writes to the target.
        sleep: Waits some seconds.
        pace: How much at once.
        lanes: How many requests may be under way.
        choice: What is done with losses.
        present: What the target held before, if anything was looked up.
        expect: Tells what the target would hold of a row.
        owned: Whether a row that was sent was certainly not there before, so that it is ours if it is there.
        hooks: The caller's.
    """

    kind: RowKind
    ledger: Ledger
    write: Write
    sleep: Callable[[float], None]
    pace: Pace
    lanes: int = 1
    choice: Choice = field(default_factory=Choice)
    present: Present | None = None
    expect: Callable[[Any], Expected] | None = None
    owned: bool = True
    hooks: Hooks = NO_HOOKS

    def __post_init__(self) -> None:
        self.report = Report()
        self._mutex = threading.Lock()
        self._failures = 0
        self._fresh = self.ledger.is_new_to(self.kind)
        item, key = ("row.key", "row.key") if self.kind == "items" else ("row.item", "row.id")
        self._item, self._key = attrgetter(item), attrgetter(key)

    def run(self, rows: Iterable[Any]) -> Report:
        """Carry the rows and return their outcomes; those that an earlier run has settled are `ignored`.

        Raises:
            DragomanError: The target failed for good; `error.report` has the outcomes so far. Running again goes on.
        """
        buffers: defaultdict[Way, list[Numbered]] = defaultdict(list)
        try:
            with Lanes(self.lanes, self._send) as lanes:
                for chunk in self._unsettled(rows):
                    for way, entries in self._parted(chunk):
                        waiting = buffers[way]
                        waiting += entries
                        while len(waiting) >= (size := self.pace.size):
                            lanes.put(way[0], self._batch(waiting[:size], way[1]))
                            del waiting[:size]
                for way, waiting in buffers.items():
                    if waiting:
                        lanes.put(way[0], self._batch(waiting, way[1]))
        except DragomanError as error:
            error.report = self.report
            raise
        finally:
            self.report.losses = self.ledger.losses(self.kind)
        return self.report

    # -- before they are sent ------------------------------------------------------------------------------------------

    def _unsettled(self, rows: Iterable[Any]) -> Iterator[list[Numbered]]:
        """Yield the rows that are to be sent, some at a time, and account for the others."""
        stream = map(Numbered, count(), rows)
        while chunk := list(islice(stream, LOOKED_UP)):
            yield chunk if self._fresh and not self.present else self._left_of(chunk)

    def _left_of(self, chunk: Sequence[Numbered]) -> list[Numbered]:
        """Return the rows that are not settled and not on the target, and account for the others."""
        known = {} if self._fresh else self.ledger.known(self.kind, list(map(self._key, chunk)))
        left: list[Numbered] = []
        there: list[Told] = []
        for numbered in chunk:
            place, row = numbered.place, numbered.row
            entry = known.get(key_of(row))
            presence = self.present.find(row, self.expect(row)) if self.present and self.expect else None
            if entry is not None and entry.state.settled:
                self._tell([Told(place, row, _earlier(entry))])
            elif entry is not None:
                left.append(Numbered(place, row, entry.number))
            elif presence is not None:
                there.append(Told(place, row, RowResult("ignored", reason=THERE[presence])))
            else:
                left.append(Numbered(place, row))
        self._ignore(there)
        return left

    def _ignore(self, there: Sequence[Told]) -> None:
        """Account for rows that need not be sent."""
        if there:
            numbers = self.ledger.plan(self.kind, [key_of(told.row) for told in there])
            results = [Settled(State.IGNORED, reason=told.result.reason) for told in there]
            self.ledger.settle(self.kind, numbers, results)
            self._tell(there)

    def _parted(self, chunk: list[Numbered]) -> Iterable[tuple[Way, list[Numbered]]]:
        """Part rows by the lane that their item has and by the policy that was chosen for them."""
        forms, default, lanes = self.choice.forms, self.choice.default, self.lanes
        if lanes == 1 and not forms:
            return [((0, default), chunk)]
        parts: defaultdict[Way, list[Numbered]] = defaultdict(list)
        item, policy = self._item, default
        for entry in chunk:
            if forms and self.kind != "items":
                policy = self.choice.of(entry.row.geometry.form)
            parts[hash(item(entry)) % lanes, policy].append(entry)
        return parts.items()

    def _batch(self, rows: Sequence[Numbered], policy: LossPolicy) -> Batch:
        """Enter a batch as planned. Rows that an earlier run had sent keep their numbers and stand first."""
        if self._fresh:
            return Batch(rows, self.ledger.plan(self.kind, list(map(self._key, rows))), policy)
        old = [entry for entry in rows if entry.number is not None]
        new = [entry for entry in rows if entry.number is None]
        numbers = self.ledger.plan(self.kind, list(map(self._key, new)))
        return Batch([*old, *new], [*(entry.number or 0 for entry in old), *numbers], policy, bool(old))

    # -- sending -------------------------------------------------------------------------------------------------------

    def _send(self, batch: Batch) -> None:
        """Send a batch until every row of it is settled or the target has failed for good."""
        left: Batch | None = batch
        silent = 0
        while left is not None:
            left, answered = self._send_once(left)
            silent += not answered
            if left is not None and silent == ATTEMPTS_OF_UNKNOWN:
                self._tell([Told(entry.place, entry.row, UNCLEAR) for entry in left.rows])
                return

    def _send_once(self, batch: Batch) -> tuple[Batch | None, bool]:
        """Send a batch, in parts where it fails.

        Returns:
            What is to be sent once more, and whether the target has said what became of the batch.
        """
        rows = [entry.row for entry in batch.rows]
        self.hooks.before_batch(self.kind, rows)
        self.ledger.sent(self.kind, batch.numbers)
        started = time.perf_counter()
        try:
            report = self.write(rows, batch.policy)
        except (InvalidData, WouldLose) as error:
            return self._set_aside(batch, error), True
        except DragomanError as error:
            if not (error.retryable or error.maybe_applied):
                raise
            self._send_slower(batch, error)
            return None, True
        with self._mutex:
            self._failures = 0
        self.pace.answered(len(rows), time.perf_counter() - started)
        if self.pace.pause:
            self.sleep(self.pace.pause)
        return self._settle(batch, report)

    def _set_aside(self, batch: Batch, error: InvalidData | WouldLose) -> Batch | None:
        """Reject the row that an error names, and return the rest."""
        place = error.row
        if place is None or not 0 <= place < len(batch.rows):
            raise error
        bad = batch.part([place], again=batch.again)
        self._account(bad, [Outcome(0, key_of(bad.rows[0].row), "rejected", reason=error.message)])
        rest = [position for position in range(len(batch.rows)) if position != place]
        return batch.part(rest, again=batch.again) if rest else None

    def _send_slower(self, batch: Batch, error: DragomanError) -> None:
        """Send a batch again that failed, in parts as small as the pace says by now."""
        with self._mutex:
            self._failures += 1
            if self._failures >= FAILURES:
                unknown = Settled(State.UNKNOWN, reason=error.message)
                self.ledger.settle(self.kind, batch.numbers, [unknown] * len(batch.numbers))
                raise error
        self.pace.failed()
        self.sleep(error.retry_after or self.pace.pause)
        everything = range(len(batch.rows))
        again = batch.again or error.maybe_applied
        for start in range(0, len(batch.rows), size := self.pace.size):
            self._send(batch.part(everything[start : start + size], again=again))

    def _settle(self, batch: Batch, report: Report) -> tuple[Batch | None, bool]:
        common = report.common if len(report) == len(batch.rows) and self.hooks is NO_HOOKS else None
        if common and common.status not in ("rejected", "unknown"):  # most batches end so
            self.ledger.settle_alike(self.kind, batch.numbers, self._settled(common, batch.again), report.losses)
            with self._mutex:
                self.report.add_alike([entry.place for entry in batch.rows], list(map(self._key, batch.rows)), common)
            return None, True
        outcomes = list(report)
        self._account(batch, outcomes, report)
        if not report.counts["unknown"]:
            return None, True
        unclear = [position for position, outcome in enumerate(outcomes) if outcome.status == "unknown"]
        return batch.part(unclear, again=True), False

    def _account(self, batch: Batch, outcomes: Sequence[Outcome], report: Report | None = None) -> None:
        """Record the outcomes of a batch in the ledger and in the report, and tell the hooks."""
        results = [
            self._settled(outcome, batch.again, entry.row) for outcome, entry in zip(outcomes, batch.rows, strict=True)
        ]
        self.ledger.settle(self.kind, batch.numbers, results, report.losses if report else ())
        self._pass_on(
            [
                (entry.row, Outcome(entry.place, outcome.key, outcome.status, outcome.id, outcome.reason))
                for entry, outcome in zip(batch.rows, outcomes, strict=True)
                if outcome.status != "unknown"
            ]
        )

    def _settled(self, outcome: Outcome | RowResult, again: bool, row: msgspec.Struct | None = None) -> Settled:
        if outcome.status == "rejected":
            return Settled(State.REJECTED, outcome.id, outcome.reason, msgspec.json.encode(row))
        if outcome.status == "unknown":
            return Settled(State.UNKNOWN, outcome.id, outcome.reason)
        if outcome.status != "ignored":
            return (
                PUT_THERE
                if outcome.id is outcome.reason is None
                else Settled(State.CONFIRMED, outcome.id, outcome.reason)
            )
        ours = self.owned and (again or outcome.reason == SENT_TWICE) and outcome.reason != LEFT_OUT
        return Settled(State.CONFIRMED if ours else State.IGNORED, outcome.id, outcome.reason)

    def _tell(self, told: Sequence[Told]) -> None:
        self._pass_on(
            [
                (one.row, Outcome(one.place, key_of(one.row), one.result.status, one.result.id, one.result.reason))
                for one in told
            ]
        )

    def _pass_on(self, told: Sequence[tuple[Any, Outcome]]) -> None:
        with self._mutex:
            self.report.add(outcome for _, outcome in told)
        if self.hooks is not NO_HOOKS:
            for row, outcome in told:
                self.hooks.after_row(self.kind, row, outcome)


def _earlier(entry: Entry) -> RowResult:
    if entry.state is State.REJECTED:
        return RowResult("rejected", entry.id, entry.reason)
    return RowResult("ignored", entry.id, EARLIER)
