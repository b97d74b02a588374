"""Bulk writes: rows from any iterable, in batches, one outcome per row, bounded memory.

A batch that the platform refuses as a whole is halved until the bad rows stand alone. Rows whose fate an answer does
not tell are looked up where the adapter can. When a write stops early, the error carries the outcomes so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Generic, TypeVar, get_args

from msgspec import structs

from dragoman.calls.pipeline import Operation, Pipeline
from dragoman.errors import DragomanError, InvalidData, PluginError, WouldLose
from dragoman.schema import MeasuredLoss, Outcome, Report, RowResult
from dragoman.schema.outcomes import OutcomeStatus

Row = TypeVar("Row")
PIECE = 250
"""Rows that are made and looked at in one go."""
STATUSES: tuple[str, ...] = get_args(OutcomeStatus)
LEFT_OUT = "Left out, as on_loss says: the platform has no place for it."
SENT_TWICE = "It was there when the batch was sent again: from before, or from the attempt whose answer was lost."


@dataclass(frozen=True)
class BulkWrite(Generic[Row]):
    """One bulk write to one platform.

    Args:
        pipeline: Carries the calls.
        operation: What is called; its writes must be keyed, so that a batch may be sent twice.
        key: Name of a row: its id or key.
        send: Translates and sends a batch; returns one result per row, in order.
        find: Looks rows up; returns one result per row, None where the platform has no such row.
        keep: Returns a row as the platform keeps it, or None to leave it out; raises `InvalidData` or `WouldLose` for
            a row that must not be sent.
        passes: Says at a glance that `keep` would return every row of a batch as it is; False where that takes a closer
            look.
        losses: Returns what `keep` has changed so far.
    """

    pipeline: Pipeline
    operation: Operation
    key: Callable[[Row], str]
    send: Callable[[Sequence[Row]], Sequence[RowResult]]
    find: Callable[[Sequence[Row]], Sequence[RowResult | None]] | None = None
    keep: Callable[[Row], Row | None] | None = None
    passes: Callable[[Sequence[Row]], bool] | None = None
    losses: Callable[[], tuple[MeasuredLoss, ...]] = tuple

    def run(self, rows: Iterable[Row]) -> Report:
        """Write all rows and return their outcomes.

        Raises:
            InvalidData: A row must not be sent; the error names it. Batches before it have been written.
            WouldLose: A row would lose something; likewise.
            DragomanError: The platform failed for good. In both cases `error.report` has the outcomes so far.
        """
        report = Report()
        stream, batch = iter(rows), _Batch[Row](0, [], [])
        try:
            while self._fill(batch, stream):
                self._settle(batch, report)
                batch.start += len(batch.rows)
        except DragomanError as error:
            error.report = report
            raise
        finally:
            report.losses = self.losses()
        return report

    def _fill(self, batch: _Batch[Row], stream: Iterator[Row]) -> bool:
        """Put the next rows into a batch, each as it is kept, and return whether there are any.

        They are looked at while the processor still has them at hand, and take the place of those before them piece by
        piece, whose memory they are given: a batch that is let go as a whole is memory that has to be asked for anew.
        """
        size, done = self.pipeline.limits.batch_size, 0
        while piece := list(islice(stream, min(PIECE, size - done))):
            end = done + len(piece)
            batch.kept[done:end] = self._kept(piece, batch.start + done)
            batch.rows[done:end] = piece
            done = end
        del batch.rows[done:], batch.kept[done:]
        return bool(done)

    def _kept(self, rows: list[Row], start: int) -> Sequence[Row | None]:
        if self.keep is None or (self.passes is not None and self.passes(rows)):
            return rows
        keep, kept = self.keep, []
        try:
            for row in rows:
                kept.append(keep(row))
        except (InvalidData, WouldLose) as error:
            error.row = start + len(kept)
            error.platform = self.pipeline.platform
            error.operation = str(self.operation)
            raise
        return kept

    def _settle(self, batch: _Batch[Row], report: Report) -> None:
        """Send what is to be sent of a batch and add the outcomes of all of it, in order."""
        sent = [row for row in batch.kept if row is not None]
        try:
            results = self._send(sent) if sent else []
        except InvalidData as error:
            if len(sent) == 1:
                self._add(report, batch, [RowResult("rejected", reason=error.message)])
                return
            for half in batch.halves():
                self._settle(half, report)
        except DragomanError as error:
            if error.maybe_applied:
                unknown = RowResult("unknown", reason=f"No answer says what became of it: {error.message}")
                self._add(report, batch, self._looked_up(sent, [unknown] * len(sent), absent=unknown))
            raise
        else:
            absent = RowResult("rejected", reason="The platform did not take it and does not say why.")
            self._add(report, batch, self._looked_up(sent, results, absent=absent))

    def _send(self, rows: Sequence[Row]) -> Sequence[RowResult]:
        results, call = self.pipeline.carry(self.operation, self.send, rows)
        if wrong := _wrong(results, len(rows)):
            raise PluginError(wrong, platform=self.pipeline.platform, operation=str(self.operation))
        if not call.doubtful:
            return results
        return [
            structs.replace(result, reason=SENT_TWICE) if result.status == "ignored" and not result.reason else result
            for result in results
        ]

    def _looked_up(
        self, batch: Sequence[Row], results: Sequence[RowResult], *, absent: RowResult
    ) -> Sequence[RowResult]:
        """Replace the unknown results by what a look-up finds; an absent row keeps its own reason if it has one."""
        if _alike(results) and results[0].status != "unknown":  # most batches end so
            return results
        unclear = [position for position, result in enumerate(results) if result.status == "unknown"]
        if not unclear or self.find is None:
            return results
        try:
            found = self.pipeline.call(self.operation, self.find, [batch[position] for position in unclear])
        except DragomanError:
            return results
        settled = list(results)
        for position, result in zip(unclear, found, strict=True):
            settled[position] = result or absent
        return settled

    def _add(self, report: Report, batch: _Batch[Row], results: Sequence[RowResult]) -> None:
        if len(results) < len(batch.kept):
            of_sent, left_out = iter(results), RowResult("ignored", reason=LEFT_OUT)
            results = [left_out if row is None else next(of_sent) for row in batch.kept]
        if _alike(results):
            report.add_alike(batch.start, list(map(self.key, batch.rows)), results[0])
            return
        report.add(
            Outcome(number, key, result.status, result.id, result.reason)
            for number, key, result in zip(count(batch.start), map(self.key, batch.rows), results, strict=False)
        )


def _wrong(results: object, rows: int) -> str | None:
    """Return what is wrong with what an adapter said of a batch, None if it is as it should be."""
    if not isinstance(results, Sequence):
        return f"A {type(results).__name__} was returned in the place of a list of RowResult."
    if len(results) != rows:
        return f"{len(results)} results were answered for {rows} rows."
    # Whoever makes one of them wrong makes all of them so, and a look at each takes time.
    first = results[0]
    if not isinstance(first, RowResult) or first.status not in STATUSES:
        return f"A row's result is {first!r}; it is a RowResult, whose status is one of: {', '.join(STATUSES)}."
    return None


def _alike(results: Sequence[RowResult]) -> bool:
    return bool(results) and results.count(results[0]) == len(results)


@dataclass(slots=True)
class _Batch(Generic[Row]):
    """Rows on their way: where they begin in the caller's input, the rows, and what is sent of each, if anything."""

    start: int
    rows: list[Row]
    kept: list[Row | None]

    def halves(self) -> Iterator[_Batch[Row]]:
        middle = len(self.rows) // 2
        yield _Batch(self.start, self.rows[:middle], self.kept[:middle])
        yield _Batch(self.start + middle, self.rows[middle:], self.kept[middle:])
