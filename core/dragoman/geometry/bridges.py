"""One ring out of many: holes and parts are joined by bridges of no width.

For platforms whose polygons are a single ring. The area stays what it was: a bridge is walked once in each direction.
Outer rings are wound clockwise on screen and holes counter-clockwise, so that the signed area, the even-odd rule and
the non-zero rule all agree. Such a ring touches itself along its bridges, so that strict readers call it invalid.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from dragoman.geometry.limits import Floats
from dragoman.geometry.shapes import Part


def joined(parts: Sequence[Part]) -> Floats:
    """Return one ring, shape (n, 2), that encloses what all parts do.

    Each hole hangs on the nearest vertex of its outer ring, each further part on the nearest vertex of the largest
    one. Parts that overlap are covered twice, so unite them before.
    """
    rings = [_hung(_wound(part[0], 1), [_wound(hole, -1) for hole in part[1:]]) for part in parts]
    base = max(range(len(parts)), key=lambda number: abs(signed_area(parts[number][0])))
    return _hung(rings[base], rings[:base] + rings[base + 1 :])


def signed_area(ring: Floats) -> float:
    """Return the area of a ring by the shoelace formula: positive where it is clockwise on screen (y down)."""
    # Measured from the first vertex, so that far-off coordinates do not eat the digits.
    x, y = (ring - ring[0]).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _wound(ring: Floats, sign: int) -> Floats:
    return ring[::-1] if signed_area(ring) * sign < 0 else ring


def _hung(base: Floats, rings: Sequence[Floats]) -> Floats:
    """Insert rings into a base ring, each at the vertex of the base that is nearest to it."""
    if not rings:
        return base
    tree = shapely.STRtree(shapely.points(base))
    lengths = [len(ring) for ring in rings]
    query, found, distances = _nearest(tree, np.concatenate(rings))
    owner = np.repeat(np.arange(len(rings)), lengths)[query]
    # The first of each ring in this order is the pair with the shortest bridge.
    order = np.lexsort((found, query, distances, owner))
    best = order[np.searchsorted(owner[order], np.arange(len(rings)))]
    at, begin = found[best], query[best] - (np.cumsum(lengths) - lengths)
    detours = [
        np.concatenate([np.roll(ring, -start, axis=0), ring[start : start + 1], base[place : place + 1]])
        for ring, start, place in zip(rings, begin, at, strict=True)
    ]
    after = np.repeat(at + 1, [len(detour) for detour in detours])
    return np.insert(base, after, np.concatenate(detours), axis=0)


def _nearest(tree: shapely.STRtree, points: Floats) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    (query, found), distances = tree.query_nearest(shapely.points(points), return_distance=True, all_matches=False)
    return query, found, distances
