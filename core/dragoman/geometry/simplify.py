"""Fewer vertices for polygons and polylines, by Ramer-Douglas-Peucker, within a tolerance in pixels.

GEOS does it (`shapely.simplify`, which keeps lines from crossing): Ramer 1972, Douglas and Peucker 1973. No vertex that
is left out lies farther than the tolerance from the new outline, and every vertex that stays is one of the old ones.
"""

from __future__ import annotations

from math import inf

import numpy as np
import shapely

from dragoman.errors import InvalidData
from dragoman.geometry.limits import Floats
from dragoman.geometry.shapes import line_shape, parts_of_polygon, polygon_of_parts
from dragoman.schema import Polygon, Polyline


def simplify(geometry: Polygon | Polyline, tolerance: float) -> Polygon | Polyline:
    """Return a polygon or polyline with fewer vertices.

    Of a polygon every part and every hole stays, with three vertices at least, and a valid polygon stays valid: rings
    that would cross keep more vertices. A polyline keeps its ends.

    Args:
        geometry: A polygon or polyline; one of more than `limits.MAX_VERTICES` vertices is refused.
        tolerance: Largest distance, in pixels, of a vertex left out from the new outline. With 0 only vertices on a
            straight line go.

    Raises:
        InvalidData: The tolerance is negative or not finite, or there are too many vertices.
    """
    if not 0 <= tolerance < inf:
        raise InvalidData(f"The tolerance is {tolerance}; it is a number of pixels, 0 or more.", field="tolerance")
    if isinstance(geometry, Polyline):
        line = shapely.simplify(line_shape(geometry), tolerance, preserve_topology=False)
        return Polyline(tuple(shapely.get_coordinates(line).ravel().tolist()))
    parts = parts_of_polygon(geometry)
    # GEOS would take a closed ring up to twice as far; lines keep their ends, and with them the tolerance. All rings
    # go together, so that they do not grow into each other.
    thirds = [shapely.linestrings(third) for part in parts for ring in part for third in _thirds(ring)]
    with np.errstate(all="ignore"):  # GEOS divides by the length of edges, which may be 0, and minds the outcome itself
        lines = shapely.get_parts(shapely.simplify(shapely.multilinestrings(thirds), tolerance))
    rings = (
        np.concatenate([shapely.get_coordinates(third)[:-1] for third in lines[start : start + 3]])
        for start in range(0, len(lines), 3)
    )
    return polygon_of_parts([tuple(next(rings) for _ in part) for part in parts])


def _thirds(ring: Floats) -> list[Floats]:
    """Cut a ring at three corners that are far from each other: the leftmost, the farthest from it, and from both."""
    first = int(np.lexsort(ring.T[::-1])[0])
    ring = np.roll(ring, -first, axis=0)
    away = ring - ring[0]
    second = 1 + int(np.hypot(*away[1:].T).argmax())
    across = np.abs(away[second, 0] * away[:, 1] - away[second, 1] * away[:, 0])
    across[[0, second]] = -1
    low, high = sorted((second, int(across.argmax())))
    return [ring[: low + 1], ring[low : high + 1], np.concatenate([ring[high:], ring[:1]])]
