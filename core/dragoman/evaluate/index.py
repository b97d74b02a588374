"""Numbers instead of names: what the columns of an evaluation are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Index(dict[Any, int]):
    """Numbers for names, in the order in which they come: a name that is looked up gets one."""

    def __missing__(self, name: Any) -> int:
        number = self[name] = len(self)
        return number

    def names(self) -> list[Any]:
        """Return the names by number."""
        return list(self)
