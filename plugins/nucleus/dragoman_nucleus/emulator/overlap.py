"""How much two rows overlap: boxes and polygons by the area that they share, cuboids by the volume.

Lines, keypoints, masks and categories cover nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import shapely
from shapely import affinity

from dragoman.geometry.overlap import iou_of_shapes
from dragoman_nucleus.emulator.rows import Box, Cuboid, Polygon, Row

Floats: TypeAlias = npt.NDArray[np.float64]
Comparable: TypeAlias = Box | Polygon | Cuboid
"""Rows that can overlap."""


def comparable(rows: Sequence[Row]) -> list[Comparable]:
    """Return those of some rows that can overlap."""
    return [row for row in rows if isinstance(row, Comparable)]


def overlaps(first: Sequence[Comparable], second: Sequence[Comparable]) -> Floats:
    """Return the intersection over union of every row in `first`, n of them, with every one in `second`, m of them.

    Returns:
        An array (n, m). A cuboid overlaps only cuboids, and what has no extent overlaps nothing.
    """
    result = np.zeros((len(first), len(second)))
    for solid, compute in ((False, _shared_areas), (True, _shared_volumes)):
        rows, columns = _places(first, solid), _places(second, solid)
        if rows and columns:
            # Coordinates near the end of the range of floats have no area that could be computed.
            with np.errstate(over="ignore", invalid="ignore"):
                result[np.ix_(rows, columns)] = compute([first[n] for n in rows], [second[n] for n in columns])
    return np.nan_to_num(result, nan=0.0, posinf=0.0)


def area(row: Row) -> float | None:
    """Return the area of a box or polygon in square pixels; `None` for other rows."""
    return float(_outline(row).area) if isinstance(row, Box | Polygon) else None


def _places(rows: Sequence[Comparable], solid: bool) -> list[int]:
    return [place for place, row in enumerate(rows) if isinstance(row, Cuboid) == solid]


def _shared_areas(first: Sequence[Comparable], second: Sequence[Comparable]) -> Floats:
    shared: Floats = iou_of_shapes(_outlines(first), _outlines(second))
    return shared


def _outlines(rows: Sequence[Comparable]) -> npt.NDArray[np.object_]:
    return np.array([_outline(row) for row in rows], object)


def _outline(row: Comparable) -> shapely.Geometry:
    if isinstance(row, Box):
        box = row.geometry
        # The platform checks no sign, so a width may point to the left.
        xs, ys = sorted((box.x, box.x + box.width)), sorted((box.y, box.y + box.height))
        return shapely.box(xs[0], ys[0], xs[1], ys[1])
    if isinstance(row, Polygon):
        points = [(point.x, point.y) for point in row.geometry.vertices]
        return shapely.make_valid(shapely.Polygon(points)) if len(points) > 2 else shapely.Polygon()
    place, size, turn = row.geometry.position, row.geometry.dimensions, row.geometry.yaw
    footprint = shapely.box(-size.x / 2, -size.y / 2, size.x / 2, size.y / 2)
    cosine, sine = np.cos(turn), np.sin(turn)
    return affinity.affine_transform(footprint, [cosine, -sine, sine, cosine, place.x, place.y])


def _shared_volumes(first: Sequence[Comparable], second: Sequence[Comparable]) -> Floats:
    ours, theirs = _outlines(first), _outlines(second)
    (low, high), (lower, higher) = _heights(first), _heights(second)
    grounds = shapely.area(shapely.intersection(ours[:, None], theirs[None, :]))
    shared = grounds * np.clip(np.minimum(high[:, None], higher) - np.maximum(low[:, None], lower), 0, None)
    volumes, others = shapely.area(ours) * (high - low), shapely.area(theirs) * (higher - lower)
    union = volumes[:, None] + others - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _heights(rows: Sequence[Comparable]) -> Floats:
    """Return the lowest and the highest point of cuboids, shape (2, n)."""
    solids = [row.geometry for row in rows if isinstance(row, Cuboid)]
    middles, halves = [solid.position.z for solid in solids], [abs(solid.dimensions.z) / 2 for solid in solids]
    return np.array([np.subtract(middles, halves), np.add(middles, halves)], np.float64)
