"""Canonical geometries as arrays and as shapely geometries, and back; the limits are kept here.

A part covers what its rings enclose an odd number of times (even-odd), a polygon the union of its parts: `as_shape`
repairs rings that cross accordingly, and `outlines.fill` draws by the same rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians, sin
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import shapely

from dragoman.geometry.limits import MAX_SHAPE_VERTICES, Booleans, Floats, check_knots, check_reach, check_vertices
from dragoman.schema import Box, Polygon, Polyline, RotatedBox

Part: TypeAlias = tuple[Floats, ...]
"""An outer ring and the rings of its holes, each an array of shape (n, 2): x, y in pixels, open."""


def pairs(run: Sequence[float]) -> Floats:
    """Return flat vertices x0, y0, x1, y1, ... as an array of shape (n, 2).

    Raises:
        InvalidData: There are more vertices than `limits.MAX_VERTICES`, or one is out of reach.
    """
    check_vertices(len(run) // 2)
    vertices = np.array(run, np.float64).reshape(-1, 2)
    check_reach(vertices)
    return vertices


def parts_of_polygon(polygon: Polygon) -> list[Part]:
    """Return the rings of a polygon as arrays; see `pairs` for the errors."""
    check_vertices(sum(len(ring) // 2 for rings in polygon.parts for ring in rings))
    return [tuple(pairs(ring) for ring in rings) for rings in polygon.parts]


def polygon_of_parts(parts: Sequence[Part]) -> Polygon:
    """Return the canonical polygon of rings given as arrays of shape (n, 2)."""
    return Polygon(tuple(tuple(tuple(ring.ravel().tolist()) for ring in part) for part in parts))


def box_corners(box: Box) -> tuple[float, ...]:
    """Return the four corners, flat, clockwise on screen from the top-left one."""
    left, top, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
    return left, top, right, top, right, bottom, left, bottom


QUARTERS = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))
"""Cosine and sine of 0, 90, 180 and 270 degrees, of which radians in floats would leave a trace of noise."""


def direction(angle: float) -> tuple[float, float]:
    """Return cosine and sine of an angle in degrees, exact for quarter turns."""
    if angle % 90 == 0:
        return QUARTERS[int(angle % 360) // 90]
    turn = radians(angle)
    return cos(turn), sin(turn)


def rotated_corners(box: RotatedBox) -> tuple[float, ...]:
    """Return the four corners, flat, clockwise on screen from the one that is top-left before the rotation."""
    along, down = direction(box.angle)
    # The half axes: y points down, so that a positive angle turns clockwise.
    ux, uy = along * box.width / 2, down * box.width / 2
    vx, vy = -down * box.height / 2, along * box.height / 2
    cx, cy = box.cx, box.cy
    return (
        *(cx - ux - vx, cy - uy - vy, cx + ux - vx, cy + uy - vy),
        *(cx + ux + vx, cy + uy + vy, cx - ux + vx, cy - uy + vy),
    )


def as_shape(geometry: Box | RotatedBox | Polygon) -> shapely.Geometry:
    """Return the area that a geometry covers as a valid shapely geometry; see `pairs` for the errors."""
    if isinstance(geometry, Polygon):
        return polygon_shape(parts_of_polygon(geometry))
    corners = box_corners(geometry) if isinstance(geometry, Box) else rotated_corners(geometry)
    return shapely.polygons(pairs(corners))


def polygon_shape(parts: Sequence[Part]) -> shapely.Geometry:
    """Return the union of parts, each even-odd, as a valid shapely geometry.

    Raises:
        InvalidData: There are more vertices than `limits.MAX_SHAPE_VERTICES`, or the rings cross each other too often.
    """
    check_vertices(sum(len(ring) for part in parts for ring in part), MAX_SHAPE_VERTICES)
    shapes = part_shapes(parts)
    for broken in np.flatnonzero(~shapely.is_valid(shapes)).tolist():
        shapes[broken] = even_odd([_closed(ring) for ring in parts[broken]])
    return shapes[0] if len(shapes) == 1 else shapely.union_all(shapes)


def part_shapes(parts: Sequence[Part]) -> npt.NDArray[np.object_]:
    """Return each part as a shapely polygon with the rings as they are, valid or not."""
    rings = [_closed(ring) for part in parts for ring in part]
    offsets = np.cumsum([0, *map(len, rings)]), np.cumsum([0, *map(len, parts)])
    shapes: npt.NDArray[np.object_]
    shapes = shapely.from_ragged_array(shapely.GeometryType.POLYGON, np.concatenate(rings), offsets)
    return shapes


def _closed(ring: Floats) -> Floats:
    return np.concatenate([ring, ring[:1]])


def even_odd(rings: Sequence[Floats]) -> shapely.Geometry:
    """Return what an odd number of closed rings enclose, as a valid shapely geometry.

    Rings may cross, touch or repeat themselves and each other. `shapely.make_valid` would take an outline that is
    drawn twice for one drawn once, so that it would not agree with `outlines.fill`.

    Raises:
        InvalidData: The rings cross each other more than `limits.MAX_KNOTS` times.
    """
    # Rounded to a billionth of a pixel, because GEOS loses faces between lines that are 1e-160 apart.
    edges = np.round(np.concatenate([np.stack([ring[:-1], ring[1:]], axis=1) for ring in rings]), 9)
    tree = shapely.STRtree(shapely.linestrings(edges))
    _check_knots(tree)
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(tree.geometries)]))
    with np.errstate(all="ignore"):  # of a face without width GEOS divides by it, finds no point, and it is left out
        points = shapely.get_coordinates(shapely.point_on_surface(faces))
    odd = _odd(points, edges, tree)
    return shapely.union_all(faces[odd])


_CHUNK = 512
"""Queries asked of a tree at a time, which bounds the pairs held."""


def _check_knots(tree: shapely.STRtree) -> None:
    start, step, knots = 0, 1, 0
    # Small steps first: in a scribble of long edges a few of them meet more than the limit.
    while start < len(tree):
        asked = tree.geometries[start : start + step]
        # Each edge meets itself and its two neighbours.
        knots += max(tree.query(asked, predicate="intersects").shape[1] - 3 * len(asked), 0) // 2
        check_knots(knots)
        start, step = start + step, min(2 * step, _CHUNK)


def _odd(points: Floats, edges: Floats, tree: shapely.STRtree) -> Booleans:
    """Say for each point whether a ray to its right crosses an odd number of edges, which have shape (n, 2, 2)."""
    crossings = np.zeros(len(points), np.int64)
    right = np.full(len(points), edges[..., 0].max() + 1)
    rays = shapely.linestrings(np.stack([points, np.column_stack([right, points[:, 1]])], axis=1))
    for start in range(0, len(points), _CHUNK):
        ray, edge = tree.query(rays[start : start + _CHUNK])
        (x, y), (x0, y0), (x1, y1) = points[start + ray].T, edges[edge, 0].T, edges[edge, 1].T
        passed = np.flatnonzero((y0 > y) != (y1 > y))
        ray, x, y, x0, y0, x1, y1 = (one[passed] for one in (ray, x, y, x0, y0, x1, y1))
        hit = x0 + (y - y0) * (x1 - x0) / (y1 - y0) > x
        crossings += np.bincount(start + ray[hit], minlength=len(points))
    return crossings % 2 == 1


def polygon_of_shape(shape: shapely.Geometry) -> Polygon | None:
    """Return the areas of a shapely geometry as a polygon, or None where it has none; its points and lines are left."""
    pieces = shapely.get_parts(shapely.get_parts(shape))  # a collection may hold multi-polygons
    areas = pieces[(shapely.get_dimensions(pieces) == 2) & (shapely.area(pieces) > 0)]
    if not len(areas):
        return None
    return polygon_of_parts(
        [tuple(shapely.get_coordinates(ring)[:-1] for ring in shapely.get_rings(area)) for area in areas]
    )


def line_shape(line: Polyline) -> shapely.Geometry:
    """Return a polyline as a shapely geometry; see `pairs` for the errors."""
    return shapely.linestrings(pairs(line.vertices))
