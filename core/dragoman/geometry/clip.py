"""Clip geometries to the image, and say what was lost.

Clipping is never silent: every result carries the share that was cut away. The image is the closed rectangle from 0, 0
to width, height, in continuous coordinates; a point on its border is inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import shapely

from dragoman.errors import Unsupported
from dragoman.geometry.boxes import bounding_box, checked_boxes
from dragoman.geometry.limits import Booleans, Floats, check_size
from dragoman.geometry.rle import checked
from dragoman.geometry.runs import area, window
from dragoman.geometry.shapes import as_shape, pairs, polygon_of_shape
from dragoman.schema import AnyGeometry, Box, Keypoints, Mask, Point, Polygon, Polyline, RotatedBox, Whole

_Drawn: TypeAlias = Box | RotatedBox | Polygon | Polyline | Point


@dataclass(frozen=True, slots=True)
class Clipped:
    """What clipping left of a geometry.

    Args:
        geometry: What lies inside the image; None where nothing does.
        lost: Share that was cut away, 0 to 1: of the area, of a line's length, of the labelled keypoints; what has no
            extent is lost whole or not at all.
    """

    geometry: AnyGeometry | None
    lost: float


def clip(geometry: AnyGeometry, width: int, height: int) -> Clipped:
    """Cut away what lies outside an image of this size.

    A geometry that is inside comes back as it is. Otherwise a box stays a box; a rotated box becomes the polygon that
    is left of it; a polygon keeps its holes and may fall into parts; of a polyline that falls into pieces the longest
    is left, in its order, and the others count as lost; keypoints outside become unlabelled, without position; a mask
    gets the size of the image, without scaling.

    Args:
        geometry: Any geometry in the image's pixels.
        width, height: Size of the image.

    Raises:
        Unsupported: A cuboid is not in the image's pixels.
        InvalidData: The size is not positive, or an outline is beyond the limits of `limits`.
    """
    check_size(width, height)
    match geometry:
        case Whole():
            return Clipped(geometry, 0.0)
        case Mask():
            return _clip_mask(geometry, width, height)
        case Keypoints():
            return _clip_keypoints(geometry, width, height)
        case Box() | RotatedBox() | Polygon() | Polyline() | Point():
            if _inside(geometry, width, height):
                return Clipped(geometry, 0.0)
            return _clip_outside(geometry, width, height)
    raise Unsupported(
        f"A {geometry.kind} cannot be clipped: it is not in the image's pixels.", hint="Keep it as it is."
    )


def clip_boxes(boxes: npt.ArrayLike, width: int, height: int) -> tuple[Floats, Floats]:
    """Clip axis-parallel boxes to the image.

    Args:
        boxes: Shape (n, 4): x, y, width, height in pixels.
        width, height: Size of the image.

    Returns:
        The boxes, shape (n, 4), and the share of area lost of each, shape (n,). A box outside has lost 1, and a size
        of 0 at the nearest place of the border.
    """
    check_size(width, height)
    array = checked_boxes(boxes)
    limit = np.array([width, height], np.float64)
    low = np.clip(array[:, :2], 0, limit)
    high = np.clip(array[:, :2] + array[:, 2:], 0, limit)
    size = array[:, 2:]
    # A side of length 0 keeps its share where it lies inside.
    outside = (array[:, :2] > limit) | (array[:, :2] + size < 0)
    kept = np.divide(high - low, size, out=np.where(outside, 0.0, 1.0), where=size > 0).prod(axis=1)
    # The rounding of x + width must not make a loss of a box that is inside.
    within: Booleans = np.all((array[:, :2] >= 0) & (array[:, :2] + size <= limit), axis=1)
    clipped = np.concatenate([low, np.where(within[:, None], size, high - low)], axis=1)
    return clipped, np.where(within, 0.0, np.clip(1 - kept, 0, 1))


def _inside(geometry: _Drawn, width: int, height: int) -> bool:
    match geometry:
        case Polygon():
            return all(_run_inside(ring, width, height) for rings in geometry.parts for ring in rings)
        case Polyline():
            return _run_inside(geometry.vertices, width, height)
    box = bounding_box(geometry)
    assert box is not None
    return box.x >= 0 and box.y >= 0 and box.x + box.width <= width and box.y + box.height <= height


def _run_inside(run: Sequence[float], width: int, height: int) -> bool:
    xs, ys = run[::2], run[1::2]
    return min(xs) >= 0 and min(ys) >= 0 and max(xs) <= width and max(ys) <= height


def _clip_outside(geometry: _Drawn, width: int, height: int) -> Clipped:
    """Clip what is not wholly inside."""
    match geometry:
        case Box():
            return _clip_box(geometry, width, height)
        case Polyline():
            return _clip_line(geometry, width, height)
        case Point():
            return Clipped(None, 1.0)
    return _clip_shape(geometry, width, height)


def _clip_box(box: Box, width: int, height: int) -> Clipped:
    boxes, lost = clip_boxes([(box.x, box.y, box.width, box.height)], width, height)
    share = float(lost[0])
    return Clipped(None, 1.0) if share == 1 else Clipped(Box(*boxes[0].tolist()), share)


def _clip_shape(geometry: RotatedBox | Polygon, width: int, height: int) -> Clipped:
    shape = as_shape(geometry)
    left = shapely.intersection(shape, shapely.box(0, 0, width, height))
    rest = polygon_of_shape(left)
    if rest is None:
        return Clipped(None, 1.0)
    return Clipped(rest, min(max(1 - float(shapely.area(left)) / float(shapely.area(shape)), 0.0), 1.0))


def _clip_line(line: Polyline, width: int, height: int) -> Clipped:
    """Clip edge by edge, because GEOS would cut a line where it meets itself and forget its order and direction."""
    vertices, limit = pairs(line.vertices), np.array([width, height], np.float64)
    within: Booleans = np.all((vertices >= 0) & (vertices <= limit), axis=1)
    starts, ends = _shown(vertices, within, limit)
    lengths = np.hypot(*(ends - starts).T)
    # The line comes in anew wherever an edge starts outside.
    piece = np.cumsum(~within[:-1])
    sums = np.bincount(piece, lengths)
    # Where the piece only touches the border it has no length, and no vertices are needed.
    kept = np.flatnonzero((piece == sums.argmax()) & (lengths > 0))
    lost = 1 - float(sums.max() / np.hypot(*np.diff(vertices, axis=0).T).sum()) if len(kept) else 1.0
    if lost == 1:
        return Clipped(None, 1.0)
    first, after = kept[0], kept[-1] + 1
    run = np.concatenate([starts[first : first + 1], ends[first:after]])
    return Clipped(Polyline(tuple(run.ravel().tolist())), max(lost, 0.0))


def _shown(vertices: Floats, within: Booleans, limit: Floats) -> tuple[Floats, Floats]:
    """Return where the part inside of each edge starts and ends, shape (n, 2) each; one without length is a place.

    By Liang and Barsky 1984: an edge is inside from the last border that it enters by to the first that it leaves by.
    """
    starts, ends = vertices[:-1], vertices[1:]
    step = ends - starts
    far = np.where(step > 0, limit, 0.0)
    near = limit - far
    with np.errstate(all="ignore"):  # an edge along an axis never meets the borders beside it
        enters, leaves = (near - starts) / step, (far - starts) / step
    along = step == 0
    beside = (starts < 0) | (starts > limit)
    enters[along], leaves[along] = np.where(beside[along], np.inf, -np.inf), np.inf
    enter, leave = np.maximum(enters.max(axis=1), 0), np.minimum(leaves.min(axis=1), 1)
    inside = enter < leave
    shown = np.empty((2, *step.shape))
    for side, place, meets, border in ((0, enter, enters, near), (1, leave, leaves, far)):
        at = np.where(inside, place, 0)[:, None]
        # On a border that it meets, and at a vertex inside, the edge ends to the last bit.
        shown[side] = np.where(meets == at, border, np.clip(starts + at * step, 0, limit))
    shown[:, ~inside] = np.where(within[1:, None], ends, starts)[~inside]
    shown[0, within[:-1]], shown[1, within[1:]] = starts[within[:-1]], ends[within[1:]]
    return shown[0], shown[1]


def _clip_mask(mask: Mask, width: int, height: int) -> Clipped:
    if (mask.width, mask.height) == (width, height):
        return Clipped(mask, 0.0)
    counts = checked(mask.counts, mask.height, mask.width)
    left = window(counts, mask.height, (0, 0), (width, height))
    before, after = area(counts), area(left)
    if before and not after:
        return Clipped(None, 1.0)
    return Clipped(Mask(height, width, tuple(left.tolist())), 1 - after / before if before else 0.0)


def _clip_keypoints(geometry: Keypoints, width: int, height: int) -> Clipped:
    points = tuple(
        point
        if point.x is None or point.y is None or (0 <= point.x <= width and 0 <= point.y <= height)
        else msgspec.structs.replace(point, x=None, y=None, visibility=0)
        for point in geometry.points
    )
    before = sum(point.visibility > 0 for point in geometry.points)
    after = sum(point.visibility > 0 for point in points)
    if before and not after:
        return Clipped(None, 1.0)
    if points == geometry.points:
        return Clipped(geometry, 0.0)
    return Clipped(Keypoints(points, geometry.skeleton), 1 - after / before if before else 0.0)
