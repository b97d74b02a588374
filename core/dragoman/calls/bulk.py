"""Bulk writes: rows from any iterable, in batches, one outcome per row, bounded memory.

A batch that the platform refuses as a whole is halved until the bad rows stand alone. Rows whose fate an answer does
not tell are looked up where the adapter can. When a write stops early, the error carries the outcomes so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from msgspec import structs

from dragoman.calls.pipeline import Operation, Pipeline
from dragoman.errors import DragomanError, InvalidData, PluginError, WouldLose
from dragoman.schema import MeasuredLoss, Outcome, Report, RowResult

Row = TypeVar("Row")
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
        losses: Returns what `keep` has changed so far.
    """

    pipeline: Pipeline
    operation: Operation
    key: Callable[[Row], str]
    send: Callable[[Sequence[Row]], Sequence[RowResult]]
    find: Callable[[Sequence[Row]], Sequence[RowResult | None]] | None = None
    keep: Callable[[Row], Row | None] | None = None
    losses: Callable[[], tuple[MeasuredLoss, ...]] = tuple

    def run(self, rows: Iterable[Row]) -> Report:
        """Write all rows and return their outcomes.

        Raises:
            InvalidData: A row must not be sent; the error names it. Batches before it have been written.
            WouldLose: A row would lose something; likewise.
            DragomanError: The platform failed for good. In both cases `error.report` has the outcomes so far.
        """
        report = Report()
        stream = self._kept(rows)
        try:
            while batch := list(islice(stream, self.pipeline.limits.batch_size)):
                self._settle(batch, report)
        except DragomanError as error:
            error.report = report
            raise
        finally:
            report.losses = self.losses()
        return report

    def _kept(self, rows: Iterable[Row]) -> Iterator[_Entry[Row]]:
        for number, row in enumerate(rows):
            try:
                kept = row if self.keep is None else self.keep(row)
            except (InvalidData, WouldLose) as error:
                error.row = number
                error.platform = self.pipeline.platform
                error.operation = str(self.operation)
                raise
            yield _Entry(number, self.key(row), kept)

    def _settle(self, batch: Sequence[_Entry[Row]], report: Report) -> None:
        """Send what is to be sent of a batch and add the outcomes of all of it, in order."""
        sent = [entry.row for entry in batch if entry.row is not None]
        try:
            results = self._send(sent) if sent else []
        except InvalidData as error:
            if len(sent) == 1:
                self._add(report, batch, [RowResult("rejected", reason=error.message)])
                return
            middle = len(batch) // 2
            self._settle(batch[:middle], report)
            self._settle(batch[middle:], report)
        except DragomanError as error:
            if error.maybe_applied:
                unknown = RowResult("unknown", reason=f"No answer says what became of it: {error.message}")
                self._add(report, batch, self._looked_up(sent, [unknown] * len(sent), absent=unknown))
            raise
        else:
            if len(results) != len(sent):
                raise PluginError(
                    f"{len(results)} results were answered for {len(sent)} rows.",
                    platform=self.pipeline.platform,
                    operation=str(self.operation),
                )
            absent = RowResult("rejected", reason="The platform did not take it and does not say why.")
            self._add(report, batch, self._looked_up(sent, results, absent=absent))

    def _send(self, rows: Sequence[Row]) -> Sequence[RowResult]:
        results, call = self.pipeline.carry(self.operation, self.send, rows)
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

    def _add(self, report: Report, batch: Sequence[_Entry[Row]], results: Sequence[RowResult]) -> None:
        of_sent = iter(results)
        left_out = RowResult("ignored", reason=LEFT_OUT)
        outcomes = []
        for entry in batch:
            result = left_out if entry.row is None else next(of_sent)
            outcomes.append(Outcome(entry.number, entry.key, result.status, result.id, result.reason))
        report.add(outcomes)


class _Entry(NamedTuple, Generic[Row]):
    """A row on its way: its place in the caller's input, its key, and what is sent of it, if anything."""

    number: int
    key: str
    row: Row | None
