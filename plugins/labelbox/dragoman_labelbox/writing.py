"""Writing rows into a run or project: what is there is left alone, the rest is imported, every row gets its outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain

from dragoman.errors import InvalidData
from dragoman.schema import IGNORED, Label, Mask, RowResult
from dragoman_labelbox.codec import row_out
from dragoman_labelbox.imports import CREATED, UNCLEAR, Importer, Lines
from dragoman_labelbox.keys import Keys
from dragoman_labelbox.metrics import metrics_out
from dragoman_labelbox.nodes import Known
from dragoman_labelbox.presence import Presence
from dragoman_labelbox.tracks import grouped, is_timed, masks_out, track_out
from dragoman_labelbox.wire import ImportRow

FIXED = RowResult("rejected", reason="Labelbox changes no annotation once it is there, and has one of that id.")
TWICE = RowResult("rejected", reason="Another row of this batch has the same id.")

Find = Callable[[str, str], Known | None]
Results = list[RowResult | None]


@dataclass(frozen=True)
class Writer:
    """Writes batches of rows into one run or project.

    Args:
        importer: Sends them.
        known: Says what the ontology knows of a feature of a kind.
        keys: Translates item keys.
        presence: What is there.
        admit: Makes items part of the run or project, by global key.
        look_again: Reads anew what is there; None where Labelbox does not tell.
    """

    importer: Importer
    known: Find
    keys: Keys
    presence: Presence
    admit: Callable[[Sequence[str]], None]
    look_again: Callable[[], Presence] | None

    def write(self, rows: Sequence[Label], *, update: bool, anew: bool = False) -> list[RowResult]:
        """Write rows and return one result per row, in order.

        Args:
            rows: The rows.
            update: Whether rows that are there were to be overwritten, which is refused.
            anew: Send what is not there even if an import of it is: it was deleted since.
        """
        results: Results = [None] * len(rows)
        known = cache(self.known)
        fresh = list(self._fresh(rows, results, update, known))
        self._admit(rows, fresh)
        lines = self._translated(rows, fresh, known, results)
        said = self.importer.send(lines, anew=anew) if lines.uuids else {}
        if not anew and self.look_again and IGNORED in said.values() and self._keeps_ids(rows, known):
            # An earlier call has imported these rows. Whether they are still there, an export says.
            return replace(self, presence=self.look_again()).write(rows, update=update, anew=True)
        for uuid, positions in zip(lines.uuids, lines.owners, strict=True):
            result = said.get(uuid, UNCLEAR)
            if uuid not in lines.metrics:
                for position in positions:
                    results[position] = result
            elif result.status == "rejected":
                _refuse_metric(lines.metrics[uuid], positions, result, results)
        written = [rows[position] for position in fresh if results[position] is CREATED]
        self.presence.add((row.id for row in written), {self.keys.out(item) for item in {row.item for row in written}})
        return [result or UNCLEAR for result in results]

    def _keeps_ids(self, rows: Sequence[Label], find: Find) -> bool:
        """Say whether rows can be known again in an export: only by the id that is kept beside them."""
        if any(isinstance(row.geometry, Mask) and is_timed(row) for row in rows):
            return False
        found = [find(*pair) for pair in {(row.feature, row.geometry.kind) for row in rows}]
        return all(known is None or known.keeps for known in found)

    def _fresh(self, rows: Sequence[Label], results: Results, update: bool, find: Find) -> Iterator[int]:
        """Yield the positions of rows that are to be sent; put the results of the others."""
        seen: set[str] = set()
        there = self.presence.has(row.id for row in rows)
        for position, row in enumerate(rows):
            if there[position]:
                results[position] = FIXED if update else IGNORED
            elif row.id in seen:
                results[position] = TWICE
            elif find(row.feature, row.geometry.kind) is None:
                results[position] = RowResult("rejected", reason=f"The ontology has no feature {row.feature!r}.")
            else:
                seen.add(row.id)
                yield position

    def _admit(self, rows: Sequence[Label], fresh: Iterable[int]) -> None:
        wanted = map(self.keys.out, dict.fromkeys(rows[position].item for position in fresh))
        if missing := [key for key in wanted if key not in self.presence.global_keys]:
            self.admit(missing)

    def _translated(self, rows: Sequence[Label], fresh: Sequence[int], find: Find, results: Results) -> Lines:
        """Return what is sent; put as results why some rows cannot be."""
        lines = Lines()
        timed = [position for position in fresh if is_timed(rows[position])]
        single = fresh if not timed else [position for position in fresh if not is_timed(rows[position])]
        # One row of an import for each, but one for all keyframes of an object on a video. Ranges, because Python's
        # garbage collector goes through tuples again and again.
        alone = (range(position, position + 1) for position in single)
        for positions in chain[Sequence[int]](alone, grouped(rows, timed)):
            try:
                lines.add(self._made(rows, positions, find), positions)
            except InvalidData as error:
                for position in positions:
                    results[position] = RowResult("rejected", reason=str(error))
        return lines

    def _made(self, rows: Sequence[Label], positions: Sequence[int], find: Find) -> list[ImportRow]:
        """Return the rows of an import that some rows together are: an annotation, and its metrics after it."""
        first = rows[positions[0]]
        global_key = self.keys.out(first.item)
        known = find(first.feature, first.geometry.kind)
        assert known is not None
        if not is_timed(first):
            made = [row_out(first, known, global_key)]
        elif isinstance(first.geometry, Mask):
            made = [masks_out([rows[position] for position in positions], global_key)]
        else:
            made = [track_out([rows[position] for position in positions], known, global_key)]
        for position in positions:
            if rows[position].metadata:
                made += metrics_out(rows[position], global_key)
        return made


def _refuse_metric(metric: str, positions: Iterable[int], result: RowResult, results: Results) -> None:
    """Put the result of rows that were taken without a metric of theirs, which comes after them."""
    reason = f"The annotation was taken; its metric {metric!r} was not: {result.reason}"
    for position in positions:
        if results[position] is CREATED:
            results[position] = RowResult("rejected", reason=reason)
