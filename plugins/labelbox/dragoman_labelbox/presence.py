"""What a run or project holds already, so that nothing is written twice: Labelbox itself does not look.

It is read by one export before the first write of a connection, and kept up with what that writes: the items by name,
the rows as hashes of their ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dragoman.schema import Label, Mask
from dragoman_labelbox.codec import Masks
from dragoman_labelbox.wire import Line

_NO_MASK = Mask(1, 1, (1,))


class Presence:
    """The items and rows that one run or project holds.

    Args:
        lines: The lines of an export of it.
        rows: The rows of a line.
    """

    def __init__(self, lines: Iterable[Line], rows: Callable[[Line, Masks], Iterator[Label]]) -> None:
        self.global_keys: set[str] = set()
        self._ids: set[int] = set()
        for line in lines:
            self.global_keys.add(line.data_row.global_key or "")
            # Masks are not fetched: only ids matter here.
            self._ids.update(hash(row.id) for row in rows(line, lambda _: _NO_MASK))

    def has(self, row_id: str) -> bool:
        """Say whether a row of that id is there."""
        return hash(row_id) in self._ids

    def add(self, row_id: str, global_key: str) -> None:
        """Note a row that was written."""
        self._ids.add(hash(row_id))
        self.global_keys.add(global_key)
