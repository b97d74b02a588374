"""Numbers that come in pieces and are wanted in one array."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class Numbers:
    """Numbers to whose end more are added.

    They lie in an array of numpy's and not of the standard library's: for large ones it asks for large pages, without
    which to touch the memory for the first time takes as long as all else that is done with them here.

    Args:
        kind: Of the numbers.
    """

    def __init__(self, kind: type[np.generic]) -> None:
        self._held: npt.NDArray[Any] = np.empty(0, kind)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, numbers: Any) -> None:
        """Add the numbers of an array of any kind and shape, which are of the same type."""
        if not len(numbers):
            return
        more = np.frombuffer(memoryview(numbers).cast("B"), self._held.dtype)
        count = self._count + len(more)
        if count > len(self._held):
            held = np.empty(max(count, 2 * len(self._held)), self._held.dtype)
            held[: self._count] = self.all
            self._held = held
        self._held[self._count : count] = more
        self._count = count

    @property
    def all(self) -> npt.NDArray[Any]:
        """All numbers, in order. What is added later is not in it."""
        return self._held[: self._count]
