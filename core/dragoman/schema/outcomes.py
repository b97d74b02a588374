"""Outcomes of bulk calls: one per row, and the report that holds them all in bounded memory."""

from __future__ import annotations

import json
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import Any, Literal

import msgspec

from dragoman.errors import PartialFailure
from dragoman.showing import MOST, Showing, Shown

OutcomeStatus = Literal["created", "updated", "ignored", "rejected", "unknown"]


class RowResult(msgspec.Struct, frozen=True, gc=False):
    """What an adapter says of one row of a batch; the core makes an `Outcome` of it."""

    status: OutcomeStatus
    id: str | None = None
    reason: str | None = None


CREATED = RowResult("created")
UPDATED = RowResult("updated")
IGNORED = RowResult("ignored")

SPOOL_BYTES = 1 << 20
"""Outcomes beyond this many bytes of NDJSON go to a temporary file."""


class Outcome(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What happened to one row of a bulk call.

    Args:
        row: Zero-based position of the row in the caller's input.
        key: The row's own id (labels, predictions) or key (items).
        status: `created`; `updated` (it was there and is now as sent); `ignored` (it was there and was left alone, or
            the caller chose to drop it); `rejected` (the platform refused it); `unknown` (it was sent and no answer
            says what became of it).
        id: The platform's id, when it gave one.
        reason: Why it was rejected, ignored or unknown, or how the status was found out.
    """

    row: int
    key: str
    status: OutcomeStatus
    id: str | None = None
    reason: str | None = None


class MeasuredLoss(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What rows lost, and how much where that can be measured.

    Args:
        what: `"geometry rotated_box"`, `"field attributes"`.
        survival: `approximate`, `stored` or `dropped`.
        how: What became of it.
        rows: How many rows lost it.
        worst_iou: Lowest intersection over union of a geometry with what it became, 0 to 1.
        mean_iou: Their mean.
    """

    what: str
    survival: str
    how: str
    rows: int
    worst_iou: float | None = None
    mean_iou: float | None = None


class _Alike(msgspec.Struct, frozen=True, gc=False):
    """Outcomes of rows that differ in their keys only: of some rows, or of those from `rows` on."""

    keys: list[str]
    rows: list[int] | int
    result: RowResult

    def outcomes(self) -> Iterator[Outcome]:
        result = self.result
        rows = count(self.rows) if isinstance(self.rows, int) else self.rows
        for row, key in zip(rows, self.keys, strict=False):
            yield Outcome(row, key, result.status, result.id, result.reason)


_ALIKE = b'{"keys":'
"""How the line of an `_Alike` begins."""


class Report(Showing):
    """All outcomes of a bulk call, in the order of the rows; `losses` are what was converted, stored or dropped.

    Counts are at hand; the outcomes themselves are spooled to a temporary file once they are many, so a report of a
    million rows takes no more memory than one of ten thousand. Iterate as often as you like.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.losses: tuple[MeasuredLoss, ...] = ()
        self.common: RowResult | None = None
        """What all rows have come to, where that was said of them together."""
        self._spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - lives as long as the report
        weakref.finalize(self, self._spool.close)
        self._encoder = msgspec.json.Encoder()

    def __getstate__(self) -> dict[str, Any]:
        # Reports leave the processes of a pool with what is in the file, or within an error.
        self._spool.seek(0)
        return {"counts": self.counts, "losses": self.losses, "common": self.common, "spooled": self._spool.read()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]
        self.counts, self.losses, self.common = state["counts"].copy(), state["losses"], state["common"]
        self._spool.write(state["spooled"])

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Append outcomes."""
        batch = list(outcomes)
        if batch:
            self.common = None
        self.counts.update(outcome.status for outcome in batch)
        self._spool.seek(0, 2)
        self._spool.write(self._lines(batch))

    def add_alike(self, rows: list[int] | int, keys: list[str], result: RowResult) -> None:
        """Append outcomes that differ in their rows and keys only; they are one line of the spool.

        Args:
            rows: Positions of the rows, or of the first of consecutive ones.
            keys: As in `Outcome`, of each row; at least one.
            result: What became of all of them.
        """
        self.common = result if not self.counts or self.common == result else None
        self.counts[result.status] += len(keys)
        self._spool.seek(0, 2)
        self._spool.write(self._lines([_Alike(keys, rows, result)]))

    def _lines(self, outcomes: list[Any]) -> bytes:
        try:
            return self._encoder.encode_lines(outcomes)
        except UnicodeEncodeError:  # such as of the name of a file that is told with the reason why it cannot be read
            lines = (json.dumps(msgspec.to_builtins(one), ensure_ascii=False) for one in outcomes)
            return "".join(f"{line}\n" for line in lines).encode(errors="replace")

    def __iter__(self) -> Iterator[Outcome]:
        decoder, alike = msgspec.json.Decoder(Outcome), msgspec.json.Decoder(_Alike)
        position = 0
        while True:
            self._spool.seek(position)
            line = self._spool.readline()
            if not line:
                return
            position = self._spool.tell()
            if line.startswith(_ALIKE):
                yield from alike.decode(line).outcomes()
            else:
                yield decoder.decode(line)

    def __len__(self) -> int:
        return self.counts.total()

    @property
    def ok(self) -> bool:
        """Whether every row is on the platform: none rejected, none unknown."""
        return not (self.counts["rejected"] or self.counts["unknown"])

    def problems(self) -> Iterator[Outcome]:
        """Yield the outcomes of the rows that were rejected or are unknown."""
        return (outcome for outcome in self if outcome.status in ("rejected", "unknown"))

    def raise_for_problems(self) -> Report:
        """Return the report itself if all rows are on the platform.

        Raises:
            PartialFailure: Some are not; the message names the first of them and the error carries the report.
        """
        if self.ok:
            return self
        first = next(self.problems())
        bad = self.counts["rejected"] + self.counts["unknown"]
        raise PartialFailure(
            f"{bad} of {len(self)} rows were not accepted; the first is row {first.row} ({first.key}): {first.reason}",
            hint="Iterate over error.report.problems() for all of them.",
            report=self,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the counts and losses as plain values."""
        losses = {"losses": msgspec.to_builtins(self.losses)} if self.losses else {}
        return {"rows": len(self), **dict(self.counts), **losses}

    def _shown(self) -> Shown:
        counts = [(status, str(count), "") for status, count in sorted(self.counts.items())]
        problems = [(one.status, one.key, one.reason or "") for one in islice(() if self.ok else self.problems(), MOST)]
        losses = "; ".join(f"{loss.rows} rows: {loss.what} {loss.survival}, {loss.how}" for loss in self.losses)
        return Shown(f"Report of {len(self)} rows", ("outcome", "rows", "reason"), [*counts, *problems], losses)

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items())) or "no rows"
        return f"<Report: {counts}>"
