"""Remembers which ids have been seen, in far less memory than a set of them takes."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.formats.coco.category import whole

_PAGE = 512


class SeenIds:
    """Ids seen so far: consecutive integers take no memory, other integers a few bits, texts a set's entry.

    A text that is an integer counts as the integer: in the canonical schema both are the same id.
    """

    def __init__(self) -> None:
        self._run = range(0)
        self._pages: dict[int, int] = {}
        self._texts: set[str] = set()
        self._stand_ins: SeenIds | None = None
        self.largest = 0

    def add_all(self, ids: Sequence[int | str]) -> bool:
        """Add ids; False if one of them was there or is twice among them, and then none is added."""
        if not ids:
            return True
        start, stop = ids[0], len(ids)
        if isinstance(start, int) and not self._pages and (not self._run or start == self._run.stop):
            stop += start
            if ids == list(range(start, stop)):
                self._run = range(self._run.start if self._run else start, stop)
                self.largest = max(self.largest, stop - 1)
                return True
        numbers = [each if isinstance(each, int) else _number(each) for each in ids]
        if len(set(numbers)) < len(numbers) or any(map(self._has, numbers)):
            return False
        for number in numbers:
            self._add(number)
        return True

    def add_stand_in(self, number: int | str) -> None:
        """Take an id that was added for a mere number in the file, beside which stands the row's own id."""
        self._stand_ins = self._stand_ins or SeenIds()
        self._stand_ins.add_all([number])

    def has(self, row_id: str) -> bool:
        """Whether an id was added, and is no stand-in."""
        value = _number(row_id)
        return self._has(value) and not (self._stand_ins and self._stand_ins._has(value))

    def _has(self, value: int | str) -> bool:
        if isinstance(value, str):
            return value in self._texts
        return value in self._run or bool(self._pages.get(value // _PAGE, 0) >> value % _PAGE & 1)

    def _add(self, value: int | str) -> None:
        if isinstance(value, str):
            self._texts.add(value)
            return
        page, place = divmod(value, _PAGE)
        self._pages[page] = self._pages.get(page, 0) | 1 << place
        self.largest = max(self.largest, value)


def _number(text: str) -> int | str:
    number = whole(text)
    return text if number is None else number
