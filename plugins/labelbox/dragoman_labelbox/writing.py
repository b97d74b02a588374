"""Writing rows into a run or project: what is there is left alone, the rest is imported, every row gets its outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from dragoman.errors import InvalidData
from dragoman.schema import IGNORED, Label, Mask, RowResult
from dragoman_labelbox.codec import Find, bare_out, row_out
from dragoman_labelbox.imports import CREATED, PIECE, UNCLEAR, Importer, Lines
from dragoman_labelbox.keys import Keys
from dragoman_labelbox.metrics import metrics_out
from dragoman_labelbox.nodes import Known
from dragoman_labelbox.presence import Presence
from dragoman_labelbox.tracks import grouped, is_timed, masks_out, track_out
from dragoman_labelbox.wire import BareBox, ImportRow

FIXED = RowResult("rejected", reason="Labelbox changes no annotation once it is there, and has one of that id.")
TWICE = RowResult("rejected", reason="Another row of this batch has the same id.")

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
        row_ids = [row.id for row in rows]
        fresh = self._fresh(rows, row_ids, results, update, known)
        self._admit(rows, fresh)
        lines = self._translated(rows, fresh, known, results)
        fates = self.importer.send(lines, anew=anew) if lines.uuids else []
        if not anew and self.look_again and IGNORED in fates and self._keeps_ids(rows, known):
            # An earlier call has imported these rows. Whether they are still there, an export says.
            return replace(self, presence=self.look_again()).write(rows, update=update, anew=True)
        _settle(lines, fates, results)
        written = [position for position in fresh if results[position] is CREATED]
        items = {rows[position].item for position in written}
        self.presence.add([row_ids[position] for position in written], map(self.keys.out, items))
        return [result or UNCLEAR for result in results]

    def _keeps_ids(self, rows: Sequence[Label], find: Find) -> bool:
        """Say whether rows can be known again in an export: only by the id that is kept beside them."""
        if any(isinstance(row.geometry, Mask) and is_timed(row) for row in rows):
            return False
        found = [find(*pair) for pair in {(row.feature, row.geometry.kind) for row in rows}]
        return all(known is None or known.keeps for known in found)

    def _fresh(
        self, rows: Sequence[Label], row_ids: Sequence[str], results: Results, update: bool, find: Find
    ) -> Sequence[int]:
        """Return the positions of rows that are to be sent; put the results of the others."""
        kinds = {(row.feature, type(row.geometry)) for row in rows}
        unknown = {(feature, kind) for feature, kind in kinds if find(feature, kind.kind) is None}
        if not unknown and self.presence.lacks(row_ids):  # as of most batches
            return range(len(rows))
        there = self.presence.has(row_ids)
        fresh: dict[str, int] = {}
        for position, (row, row_id) in enumerate(zip(rows, row_ids, strict=True)):
            if there[position]:
                results[position] = FIXED if update else IGNORED
            elif row_id in fresh:
                results[position] = TWICE
            elif (row.feature, type(row.geometry)) in unknown:
                results[position] = RowResult("rejected", reason=f"The ontology has no feature {row.feature!r}.")
            else:
                fresh[row_id] = position
        return list(fresh.values())

    def _admit(self, rows: Sequence[Label], fresh: Iterable[int]) -> None:
        wanted = map(self.keys.out, dict.fromkeys([rows[position].item for position in fresh]))
        if missing := [key for key in wanted if key not in self.presence.global_keys]:
            self.admit(missing)

    def _translated(self, rows: Sequence[Label], fresh: Sequence[int], find: Find, results: Results) -> Lines:
        """Return what is sent; put as results why some rows cannot be."""
        lines = Lines()
        timed: list[int] = []
        for start in range(0, len(fresh), PIECE):
            piece = fresh[start : start + PIECE]
            found = bare_out([rows[position] for position in piece], find, self.keys.out)
            bare = [made for made in found if made is not None]
            if len(bare) == len(piece):  # as in most
                lines.extend(bare, piece)
                continue
            for position, made in zip(piece, found, strict=True):
                if is_timed(rows[position]):
                    timed.append(position)
                else:
                    self._add(lines, position, rows[position], made, find, results)
        for positions in grouped(rows, timed):
            try:
                track, metrics = self._of_video([rows[position] for position in positions], find)
            except InvalidData as error:
                for position in positions:
                    results[position] = RowResult("rejected", reason=str(error))
                continue
            lines.add(track, positions, metrics)
        return lines

    def _add(self, lines: Lines, position: int, row: Label, bare: BareBox | None, find: Find, results: Results) -> None:
        """Add a row that is not on a frame to what is sent, or put as its result why it cannot be."""
        global_key = self.keys.out(row.item)
        try:
            made = bare or row_out(row, _sure(find(row.feature, row.geometry.kind)), global_key)
            metrics = list(metrics_out(row, global_key)) if row.metadata else ()
        except InvalidData as error:
            results[position] = RowResult("rejected", reason=str(error))
        else:
            lines.add(made, [position], metrics)

    def _of_video(self, rows: Sequence[Label], find: Find) -> tuple[ImportRow, list[ImportRow]]:
        """Return the one row of an import that all keyframes of an object on a video are, and their metrics."""
        first = rows[0]
        global_key = self.keys.out(first.item)
        if isinstance(first.geometry, Mask):
            made = masks_out(rows, global_key)
        else:
            made = track_out(rows, _sure(find(first.feature, first.geometry.kind)), global_key)
        return made, [metric for row in rows if row.metadata for metric in metrics_out(row, global_key)]


def _sure(known: Known | None) -> Known:
    """Return what the ontology knows of a feature of which that was found out before."""
    assert known is not None
    return known


def _settle(lines: Lines, fates: Sequence[RowResult], results: Results) -> None:
    """Put the results of rows that were sent."""
    if not lines.metrics and fates.count(CREATED) == len(results):  # each is a row of its own, as in most batches
        results[:] = fates
        return
    for uuid, positions, result in zip(lines.uuids, lines.owners, fates, strict=True):
        if uuid not in lines.metrics:
            for position in positions:
                results[position] = result
        elif result.status == "rejected":
            _refuse_metric(lines.metrics[uuid], positions, result, results)


def _refuse_metric(metric: str, positions: Iterable[int], result: RowResult, results: Results) -> None:
    """Put the result of rows that were taken without a metric of theirs, which comes after them."""
    reason = f"The annotation was taken; its metric {metric!r} was not: {result.reason}"
    for position in positions:
        if results[position] is CREATED:
            results[position] = RowResult("rejected", reason=reason)
