"""What a verification found: differences, one line each, counts, and measured losses with the worst examples."""

from __future__ import annotations

import heapq
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import msgspec

from dragoman.schema import AnyGeometry, MeasuredLoss

Verdict = Literal["missing", "extra", "changed", "lossy", "twin"]
SPOOL_BYTES = 1 << 20
"""Differences beyond this many bytes go to a temporary file."""
EXAMPLES = 12
"""How many of the worst rows are kept as examples."""


class Difference(msgspec.Struct, frozen=True):
    """One row that is not the same on both sides.

    `lossy` rows lost what was declared, and nothing else; a `twin` is the same row under another id. Neither counts
    against a verification.
    """

    kind: str
    verdict: Verdict
    key: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.verdict} {self.kind} {self.key}" + (f" {self.detail}" if self.detail else "")


class Example(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row that lost much of its shape: how it was, how it is, and where the item's media is."""

    kind: str
    key: str
    item: str
    feature: str
    iou: float
    before: AnyGeometry
    after: AnyGeometry
    frame: int | None = None
    uri: str | None = None
    width: int | None = None
    height: int | None = None


class Measurement:
    """The overlap of rows that lost one thing."""

    def __init__(self) -> None:
        self.rows = 0
        self.measured = 0
        self.worst = 1.0
        self._total = 0.0

    def add(self, overlap: float | None) -> None:
        """Take a row into account; None where its overlap cannot be told."""
        self.rows += 1
        if overlap is not None:
            self.measured += 1
            self.worst = min(self.worst, overlap)
            self._total += overlap

    def loss(self, what: str) -> MeasuredLoss:
        """Return it as a loss."""
        mean = self._total / self.measured if self.measured else None
        return MeasuredLoss(what, "measured", "", self.rows, self.worst if self.measured else None, mean)


class Differences:
    """All differences; beyond a mebibyte they are in a temporary file, so memory does not grow with them."""

    def __init__(self) -> None:
        self._spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - lives as long as this
        weakref.finalize(self, self._spool.close)
        self._encode = msgspec.json.Encoder().encode
        self._count = 0

    def append(self, difference: Difference) -> None:
        """Add one."""
        self._spool.seek(0, 2)
        self._spool.write(self._encode(difference) + b"\n")
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Difference]:
        decoder = msgspec.json.Decoder(Difference)
        place = 0
        while True:
            self._spool.seek(place)
            if not (line := self._spool.readline()):
                return
            place = self._spool.tell()
            yield decoder.decode(line)


class Verification:
    """The result: how many rows are the same, by kind, what is not, and what the lossy ones lost."""

    def __init__(self) -> None:
        self.same: Counter[str] = Counter()
        self.differences = Differences()
        self.examples: list[Example] = []
        self._verdicts: Counter[tuple[str, Verdict]] = Counter()
        self._measured: dict[tuple[str, str], Measurement] = {}
        self._worst: list[tuple[float, int, Example]] = []

    @property
    def ok(self) -> bool:
        """Whether everything arrived; declared losses and new ids do not count against it."""
        return all(verdict in ("lossy", "twin") for _, verdict in self._verdicts)

    def counts(self, kind: str) -> dict[str, int]:
        """Return the rows of one kind by verdict, `same` among them."""
        return {"same": self.same[kind], **{verdict: n for (of, verdict), n in self._verdicts.items() if of == kind}}

    def losses(self, kind: str) -> tuple[MeasuredLoss, ...]:
        """Return what the rows of one kind have lost, measured on both sides as they were read."""
        return tuple(one.loss(what) for (of, what), one in sorted(self._measured.items()) if of == kind)

    def add(self, difference: Difference) -> None:
        """Add a difference."""
        self.differences.append(difference)
        self._verdicts[difference.kind, difference.verdict] += 1

    def measure(self, kind: str, what: str, overlap: float | None) -> None:
        """Take into account what a row has lost."""
        self._measured.setdefault((kind, what), Measurement()).add(overlap)

    def show(self, example: Example) -> None:
        """Keep an example, if it is among the worst."""
        entry = (-example.iou, len(self.differences), example)
        if len(self._worst) < EXAMPLES:
            heapq.heappush(self._worst, entry)
        else:
            heapq.heappushpop(self._worst, entry)

    def worst(self) -> list[Example]:
        """Return the examples so far, the worst first."""
        return [example for *_, example in sorted(self._worst, reverse=True)]

    def save(self, path: Path) -> None:
        """Write everything as JSON, for the report."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self.to_dict())) + b"\n")

    def to_dict(self, most: int | None = None) -> dict[str, Any]:
        """Return everything as plain values, with `most` differences at most."""
        lines = [str(difference) for difference in islice(self.differences, most)]
        return {
            "ok": self.ok,
            "counts": {kind: self.counts(kind) for kind in self.same},
            "losses": {kind: msgspec.to_builtins(self.losses(kind)) for kind in self.same if self.losses(kind)},
            "differences": lines,
            "examples": msgspec.to_builtins(self.examples),
        }
