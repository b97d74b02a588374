"""Numbers instead of names: what the columns of an evaluation are made of."""

from __future__ import annotations

from collections.abc import Iterable
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


def item_of(unit: Any) -> str:
    """Return the key of an image's item."""
    return unit if isinstance(unit, str) else str(unit[0])


def in_order(units: Iterable[Any]) -> list[Any]:
    """Return images in the order of their keys, frames of one item in their own order.

    So an evaluation does not depend on the order of the rows, and COCO's own file names sort as its image ids do.
    """
    return sorted(units, key=lambda unit: (unit, -1) if isinstance(unit, str) else unit)
