"""Writing rows into a run or project: what is there is left alone, the rest is imported, every row gets its outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain

from dragoman.errors import InvalidData
from dragoman.schema import IGNORED, Label, RowResult
from dragoman_labelbox.codec import row_out
from dragoman_labelbox.imports import CREATED, UNCLEAR, Importer
from dragoman_labelbox.keys import Keys
from dragoman_labelbox.nodes import Known
from dragoman_labelbox.presence import Presence
from dragoman_labelbox.tracks import grouped, is_timed, track_out
from dragoman_labelbox.wire import ImportRow

FIXED = RowResult("rejected", reason="Labelbox changes no annotation once it is there, and has one of that id.")
TWICE = RowResult("rejected", reason="Another row of this batch has the same id.")


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
    known: Callable[[str, str], Known | None]
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
        results: list[RowResult | None] = [None] * len(rows)
        fresh = list(self._fresh(rows, results, update))
        self._admit(rows, fresh)
        timed = [position for position in fresh if is_timed(rows[position])]
        single = fresh if not timed else [position for position in fresh if not is_timed(rows[position])]
        wires: list[ImportRow] = []
        owners: list[Sequence[int]] = []
        known = cache(self.known)
        # One import row for each, but one for all keyframes of an object on a video.
        for positions in chain(((position,) for position in single), grouped(rows, timed)):
            wire = self._wire([rows[position] for position in positions], known)
            if isinstance(wire, RowResult):
                for position in positions:
                    results[position] = wire
            else:
                wires.append(wire)
                owners.append(positions)
        said = self.importer.send(wires, anew=anew) if wires else {}
        if not anew and self.look_again and IGNORED in said.values() and self._keeps_ids(rows, known):
            # An earlier call has imported these rows. Whether they are still there, an export says.
            return replace(self, presence=self.look_again()).write(rows, update=update, anew=True)
        for wire, positions in zip(wires, owners, strict=True):
            result = said.get(wire.uuid, UNCLEAR)
            for position in positions:
                results[position] = result
                if result is CREATED:
                    self.presence.add(rows[position].id, wire.dataRow.globalKey)
        return [result or UNCLEAR for result in results]

    def _keeps_ids(self, rows: Sequence[Label], find: Callable[[str, str], Known | None]) -> bool:
        """Say whether rows can be known again in an export: only by the id that is kept beside them."""
        found = [find(*pair) for pair in {(row.feature, row.geometry.kind) for row in rows}]
        return all(known is None or known.keeps for known in found)

    def _fresh(self, rows: Sequence[Label], results: list[RowResult | None], update: bool) -> Iterator[int]:
        """Yield the positions of rows that are to be sent; put the results of the others."""
        seen: set[str] = set()
        for position, row in enumerate(rows):
            if self.presence.has(row.id):
                results[position] = FIXED if update else IGNORED
            elif row.id in seen:
                results[position] = TWICE
            else:
                seen.add(row.id)
                yield position

    def _admit(self, rows: Sequence[Label], fresh: Sequence[int]) -> None:
        wanted = map(self.keys.out, dict.fromkeys(rows[position].item for position in fresh))
        if missing := [key for key in wanted if key not in self.presence.global_keys]:
            self.admit(missing)

    def _wire(self, rows: Sequence[Label], find: Callable[[str, str], Known | None]) -> ImportRow | RowResult:
        """Return an import row, or why there can be none."""
        first = rows[0]
        known = find(first.feature, first.geometry.kind)
        if known is None:
            return RowResult("rejected", reason=f"The ontology has no feature {first.feature!r}.")
        try:
            global_key = self.keys.out(first.item)
            return track_out(rows, known, global_key) if is_timed(first) else row_out(first, known, global_key)
        except InvalidData as error:
            return RowResult("rejected", reason=str(error))
