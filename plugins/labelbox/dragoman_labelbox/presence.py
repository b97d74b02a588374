"""What a run or project holds already, so that nothing is written twice: Labelbox itself does not look.

It is read by one export before the first write of a connection, and kept up with what that writes: the items by name,
the rows as hashes of their ids, eight bytes each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from dragoman.schema import Label, Mask
from dragoman_labelbox.shapes import Masks
from dragoman_labelbox.wire import Line

Hashes = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

_NO_MASK = Mask(1, 1, (1,))


class Presence:
    """The items and rows that one run or project holds.

    Args:
        lines: The lines of an export of it.
        rows: The rows of a line.
    """

    def __init__(self, lines: Iterable[Line], rows: Callable[[Line, Masks], Iterator[Label]]) -> None:
        self.global_keys: set[str] = set()
        self._runs: list[Hashes] = []
        """Sorted; each is longer than the one after it, so that there are few."""
        for line in lines:
            # Masks are not fetched: only ids matter here.
            self.add([row.id for row in rows(line, lambda _: _NO_MASK)], [line.data_row.global_key or ""])

    def lacks(self, row_ids: Sequence[str]) -> bool:
        """Say at a glance whether no row of some ids is there, and no two of the ids are the same."""
        wanted = np.sort(_hashes(row_ids))  # in order they are looked up in a fraction of the time
        return not (wanted[1:] == wanted[:-1]).any() and not self._among(wanted).any()

    def has(self, row_ids: Sequence[str]) -> list[bool]:
        """Say of each id whether a row of it is there."""
        there: list[bool] = self._among(_hashes(row_ids)).tolist()
        return there

    def add(self, row_ids: Sequence[str], global_keys: Iterable[str]) -> None:
        """Note rows that were written, and the items that they are on."""
        self.global_keys.update(global_keys)
        run = np.sort(_hashes(row_ids))
        while self._runs and len(self._runs[-1]) <= len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if len(run):
            self._runs.append(run)

    def _among(self, wanted: Hashes) -> Flags:
        """Say of each hash whether it is one of a row that is there."""
        found = np.zeros(len(wanted), bool)
        for run in self._runs:
            found |= run[np.minimum(np.searchsorted(run, wanted), len(run) - 1)] == wanted
        return found


def _hashes(row_ids: Sequence[str]) -> Hashes:
    return np.fromiter(map(hash, row_ids), np.int64, len(row_ids))
