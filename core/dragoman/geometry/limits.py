"""How much geometry work is done at most, so that hostile or broken data ends in an error and not in a full memory.

The limits are far above what images and their annotations reach; whoever meets one has other data than expected.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dragoman.errors import InvalidData

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Booleans: TypeAlias = npt.NDArray[np.bool_]

MAX_PIXELS = 2**30
"""Most pixels that a mask array may have: the limit that OpenCV sets for images."""

MAX_VERTICES = 1_000_000
"""Most vertices that a polygon or polyline may have to be traced, drawn or simplified."""

MAX_SHAPE_VERTICES = 200_000
"""Most vertices that a polygon may have to be compared or clipped: about 10 seconds at worst."""

MAX_CROSSINGS = 2**25
"""Most (edge, pixel column) pairs that are held at a time: about 1 GiB of temporary arrays."""

MAX_KNOTS = 20_000
"""Most places where the outline of a polygon may cross itself: about 2 seconds of repair."""

MAX_COORDINATE = 1e9
"""Largest distance from the origin, in pixels. Areas and slopes of what lies within are far from overflow."""


def check_size(width: int, height: int) -> None:
    """Raise `InvalidData` for an image size that is not positive, or whose pixels 64-bit numbers cannot count."""
    if width <= 0 or height <= 0 or width * height >= 2**62:
        raise InvalidData(f"The image size is {width} x {height}.", field="size")


def check_pixels(width: int, height: int) -> None:
    """Raise `InvalidData` where an array of this size would have more than `MAX_PIXELS`."""
    if width * height > MAX_PIXELS:
        raise InvalidData(
            f"A mask of {width} x {height} has {width * height} pixels; an array may have {MAX_PIXELS}.",
            hint="Work on its run lengths, or crop it first.",
            field="geometry",
        )


def check_vertices(count: int, limit: int = MAX_VERTICES) -> None:
    """Raise `InvalidData` for more vertices than the limit."""
    if count > limit:
        raise InvalidData(
            f"The outline has {count} vertices; {limit} are handled here.",
            hint="Simplify it before, or thin it out where it is made.",
            field="geometry",
        )


def check_crossings(count: int) -> None:
    """Raise `InvalidData` where an outline crosses more than `MAX_CROSSINGS` pixel columns in all."""
    if count > MAX_CROSSINGS:
        raise InvalidData(
            f"The outline crosses {count} pixel columns; {MAX_CROSSINGS} are handled.",
            hint="Simplify it, or draw it at a smaller size.",
            field="geometry",
        )


def check_knots(count: int) -> None:
    """Raise `InvalidData` for an outline that crosses itself more than `MAX_KNOTS` times."""
    if count > MAX_KNOTS:
        raise InvalidData(
            f"The outline crosses itself more than {MAX_KNOTS} times.",
            hint="It is no outline of an object; look at where it comes from.",
            field="geometry",
        )


def check_reach(coordinates: Floats) -> None:
    """Raise `InvalidData` for a coordinate that is not finite or lies beyond `MAX_COORDINATE`."""
    # NaN fails every comparison, so it is refused too.
    if coordinates.size and not np.abs(coordinates).max() <= MAX_COORDINATE:
        raise InvalidData(
            f"A coordinate is not within {MAX_COORDINATE:.0e} pixels of the origin.",
            hint="Coordinates are absolute pixels.",
            field="geometry",
        )
