"""Ids of the rows of an evaluation: kept as they came, since most are never looked at, and told apart by hashes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from dragoman.errors import InvalidData
from dragoman.evaluate.index import Integers
from dragoman.evaluate.numbers import Numbers

Names = list[str] | Any
"""Some ids: strings, or an array of Arrow's strings without empty places."""

TOGETHER = 4096
"""Ids whose hashes are computed in one go: few enough for a processor's cache."""
BASE = 0x9E3779B97F4A7C15
"""What the letters of an id are digits to. Odd, so that it has an inverse; otherwise any number of 64 bits."""

_Words = npt.NDArray[np.uint64]


class Ids(Sequence[str]):
    """The ids of rows, in order."""

    def __init__(self) -> None:
        self._pieces: list[Names] = []
        self._hashes = Numbers(np.int64)
        self._strings = 0
        """How many came as strings; these have other hashes than Arrow's."""

    def add(self, ids: Names) -> None:
        """Add some to the end."""
        if not len(ids):
            return
        if isinstance(ids, list):
            self._strings += len(ids)
            hashes = np.fromiter(map(hash, ids), np.int64, len(ids))
        else:
            hashes = _hashes_of(ids)
        self._pieces.append(ids)
        # Now, while the ids are in the processor's cache.
        self._hashes.add(hashes)

    def check(self) -> None:
        """Raise `InvalidData` for an id that occurs twice: an evaluation counts each row once."""
        if twice := self.twice():
            raise InvalidData(f"The id {twice!r} occurs twice; an evaluation counts each row once.", field="id")

    def twice(self) -> str | None:
        """Return an id that occurs more than once, if there is one."""
        if not self:
            return None
        if self._strings not in (0, len(self)):  # of both kinds, whose hashes cannot be compared
            names = self._names()
            self._pieces, self._hashes, self._strings = [], Numbers(np.int64), 0
            self.add(names)
        # Numbers that are sorted take a fraction of a set's memory.
        hashes = np.sort(self._hashes.all)
        if (hashes[1:] != hashes[:-1]).all():
            return None
        # Equal hashes need not be of equal ids.
        name, count = Counter(self).most_common(1)[0]
        return name if count > 1 else None

    def __len__(self) -> int:
        return len(self._hashes)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        return self._names()[place]

    def _names(self) -> list[str]:
        """Return all as strings, which they stay from then on."""
        if len(self._pieces) != 1 or not isinstance(self._pieces[0], list):
            names: list[str] = []
            for piece in self._pieces:
                names += piece if isinstance(piece, list) else piece.to_pylist()
            self._pieces = [names]
        return self._pieces[0]


def lengths_of(column: Any) -> npt.NDArray[np.int32]:
    """Return how many bytes each of Arrow's strings has."""
    return np.diff(_ends(column)) if len(column) else np.empty(0, np.int32)


def _ends(column: Any) -> npt.NDArray[np.int32]:
    """Return where the letters of each string begin, and where the last one's end."""
    return np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]


def _hashes_of(column: Any) -> Integers:
    """Return a hash of each of Arrow's strings: its letters as digits, modulo 2^64 (Rabin and Karp's fingerprint).

    Those of many are had at once, from the sums over all letters before and after each.
    """
    ends, digits = _ends(column), np.frombuffer(column.buffers()[2], np.uint8)
    found = np.empty(len(column), np.uint64)
    for first in range(0, len(column), TOGETHER):
        some = ends[first : first + TOGETHER + 1].astype(np.int64)
        mine, some = digits[some[0] : some[-1]], some - some[0]
        # Rounded up, so that the powers that were computed serve again.
        powers, inverses = _powers(1 << len(mine).bit_length())
        sums = np.zeros(len(mine) + 1, np.uint64)
        # No letter is zero in UTF-8 but the letter zero: one is added to each, so that it counts too.
        np.cumsum((mine + np.uint64(1)) * powers[: len(mine)], out=sums[1:])
        found[first : first + TOGETHER] = (sums[some[1:]] - sums[some[:-1]]) * inverses[some[:-1]]
    return found.view(np.int64)


@lru_cache(maxsize=1)
def _powers(count: int) -> tuple[_Words, _Words]:
    """Return the powers of the base and of its inverse, modulo 2^64, from the first on."""
    inverse = pow(BASE, -1, 1 << 64)
    powers, inverses = (np.full(count, number, np.uint64) for number in (BASE, inverse))
    return np.cumprod(powers, dtype=np.uint64), np.cumprod(inverses, dtype=np.uint64)
