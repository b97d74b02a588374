"""Boxes as arrays: axis-parallel ones, rotated ones, their corners, and the boxes around other shapes.

Axis-parallel boxes are arrays of shape (n, 4): x, y of the top-left corner, width, height. Rotated boxes are arrays of
shape (n, 5): centre x, y, width, height, degrees clockwise on screen. Corners are arrays of shape (n, 4, 2), clockwise
from the corner that is top-left before the rotation. All are float64, in pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import shapely

from dragoman.errors import InvalidData, Unsupported
from dragoman.geometry.limits import Booleans, Floats, Integers, check_reach
from dragoman.geometry.rle import checked
from dragoman.geometry.runs import pixel_bounds
from dragoman.geometry.shapes import QUARTERS, as_shape, direction
from dragoman.schema import AnyGeometry, Box, Keypoints, Mask, Point, Polygon, Polyline, RotatedBox
from dragoman.schema.geometry import Ring


def box_array(boxes: Iterable[Box]) -> Floats:
    """Return canonical boxes as an array of shape (n, 4)."""
    return np.array([(box.x, box.y, box.width, box.height) for box in boxes], np.float64).reshape(-1, 4)


def rotated_array(boxes: Iterable[RotatedBox]) -> Floats:
    """Return canonical rotated boxes as an array of shape (n, 5)."""
    rows = [(box.cx, box.cy, box.width, box.height, box.angle) for box in boxes]
    return np.array(rows, np.float64).reshape(-1, 5)


def checked_boxes(boxes: npt.ArrayLike, columns: int = 4) -> Floats:
    """Return boxes as a float64 array of shape (n, columns).

    Raises:
        InvalidData: The array has another shape, a size is negative, or a number is not finite or out of reach.
    """
    array = np.asarray(boxes, np.float64)
    if array.size == 0:
        return np.empty((0, columns))
    if array.ndim != 2 or array.shape[1] != columns:
        raise InvalidData(f"Boxes have shape {array.shape}; they need (n, {columns}).", field="boxes")
    check_reach(array)
    if (array[:, 2:4] < 0).any():
        raise InvalidData("A box has a negative width or height.", row=int((array[:, 2:4] < 0).any(1).argmax()))
    return array


def corners_of_boxes(boxes: npt.ArrayLike) -> Floats:
    """Return the corners of axis-parallel boxes, shape (n, 4, 2)."""
    x, y, width, height = checked_boxes(boxes).T
    return np.stack([x, y, x + width, y, x + width, y + height, x, y + height], axis=1).reshape(-1, 4, 2)


def corners_of_rotated(boxes: npt.ArrayLike) -> Floats:
    """Return the corners of rotated boxes, shape (n, 4, 2)."""
    array = checked_boxes(boxes, 5)
    axis = _directions(array[:, 4])
    along = axis * (array[:, 2:3] / 2)
    # Perpendicular to the width, downwards on screen, as y points down.
    down = np.stack([-axis[:, 1], axis[:, 0]], axis=1) * (array[:, 3:4] / 2)
    centre = array[:, :2]
    return np.stack(
        [centre - along - down, centre + along - down, centre + along + down, centre - along + down], axis=1
    )


def boxes_around_rotated(boxes: npt.ArrayLike) -> Floats:
    """Return the smallest axis-parallel boxes around rotated boxes, shape (n, 4)."""
    array = checked_boxes(boxes, 5)
    cos, sin = np.abs(_directions(array[:, 4])).T
    width = array[:, 2] * cos + array[:, 3] * sin
    height = array[:, 2] * sin + array[:, 3] * cos
    return np.stack([array[:, 0] - width / 2, array[:, 1] - height / 2, width, height], axis=1)


def _directions(angles: Floats) -> Floats:
    """Return cosine and sine of angles in degrees, shape (n, 2), exact for quarter turns as `shapes.direction`."""
    turn = np.radians(angles)
    axes = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    quarter = angles % 90 == 0
    axes[quarter] = np.array(QUARTERS)[(angles[quarter] % 360).astype(np.int64) // 90]
    return axes


def boxes_around_corners(corners: npt.ArrayLike) -> Floats:
    """Return the smallest axis-parallel boxes around vertices of shape (n, k, 2), as an array of shape (n, 4)."""
    array = np.asarray(corners, np.float64)
    low, high = array.min(axis=1), array.max(axis=1)
    return np.concatenate([low, high - low], axis=1)


def rotated_of_corners(corners: npt.ArrayLike) -> Floats:
    """Return the rotated boxes whose corners these are, shape (n, 5): the inverse of `corners_of_rotated`.

    The width runs from the first corner to the second, the angle is its direction, from -180 to 180. Corners that
    make no rectangle give one of the same centre and mean sides; `are_rectangles` tells them.
    """
    array = np.asarray(corners, np.float64)
    across = (array[:, 1] - array[:, 0] + array[:, 2] - array[:, 3]) / 2
    down = (array[:, 3] - array[:, 0] + array[:, 2] - array[:, 1]) / 2
    # Where the width is nothing, the height alone knows the direction.
    flat = np.hypot(*across.T) == 0
    angle = np.degrees(
        np.where(flat, np.arctan2(-down[:, 0], down[:, 1]), np.arctan2(across[:, 1], across[:, 0])),
    )
    return np.column_stack([array.mean(axis=1), np.hypot(*across.T), np.hypot(*down.T), angle])


def are_rectangles(corners: npt.ArrayLike, *, tolerance: float = 1e-6) -> Booleans:
    """Say for each four corners, shape (n, 4, 2), whether `rotated_of_corners` has them within `tolerance` pixels."""
    array = np.asarray(corners, np.float64)
    back = corners_of_rotated(rotated_of_corners(array))
    apart: Floats = np.abs(back - array).max(axis=(1, 2))
    return apart <= tolerance


def smallest_rotated(points: Sequence[npt.ArrayLike]) -> Floats:
    """Return the rotated boxes of least area around sets of points, shape (n, 5).

    The angle is in [-45, 45), so that an upright rectangle keeps its width and height. A rotated box of these points
    is found exactly (in float64, by GEOS); OpenCV's `minAreaRect` works in float32.

    Args:
        points: n arrays of shape (k, 2), k at least 1; their k may differ.
    """
    if not len(points):
        return np.empty((0, 5))
    arrays = [np.asarray(one, np.float64).reshape(-1, 2) for one in points]
    vertices = np.concatenate(arrays)
    check_reach(vertices)
    owner = np.repeat(np.arange(len(arrays)), [len(one) for one in arrays])
    clouds = shapely.multipoints(shapely.points(vertices), indices=owner)
    with np.errstate(all="ignore"):  # GEOS divides by the width of the cloud, which may be 0
        envelopes = shapely.oriented_envelope(clouds)
    found = np.array([_upright(shapely.get_coordinates(envelope)) for envelope in envelopes])
    # Around points that only rounding keeps off a line GEOS may draw a box that holds some of them.
    for short in np.flatnonzero(~_hold(found, vertices, owner)).tolist():
        found[short] = _upright(_along_extent(arrays[short]))
    return found


def _hold(boxes: Floats, vertices: Floats, owner: Integers) -> Booleans:
    """Say for each rotated box whether it holds its vertices, but for the rounding of their coordinates."""
    axis, away = _directions(boxes[:, 4])[owner], vertices - boxes[owner, :2]
    along = np.abs((away * axis).sum(axis=1))
    across = np.abs(axis[:, 0] * away[:, 1] - axis[:, 1] * away[:, 0])
    reach = np.zeros(len(boxes))
    np.maximum.at(reach, owner, np.abs(vertices).max(axis=1))
    inside = np.maximum(along - boxes[owner, 2] / 2, across - boxes[owner, 3] / 2) <= 1e-9 * reach[owner]
    held = np.ones(len(boxes), np.bool_)
    held[owner[~inside]] = False
    return held


def _along_extent(points: Floats) -> Floats:
    """Return the corners, as a closed ring, of the box along the longest extent of points that are nearly on a line."""
    start = points[np.hypot(*(points - points[0]).T).argmax()]
    away = points - start
    lengths = np.hypot(*away.T)
    axes = np.empty((2, 2))
    axes[0] = away[lengths.argmax()] / lengths.max()
    axes[1] = -axes[0, 1], axes[0, 0]
    places = away @ axes.T
    (left, top), (right, bottom) = places.min(axis=0), places.max(axis=0)
    ring = np.array([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)])
    return start + ring @ axes


def _upright(corners: Floats) -> Floats:
    """Return the rotated box of an oriented envelope's vertices, which are 5, or 2 on a line, or 1."""
    if len(corners) < 5:
        ends = corners[[0, -1]]
        corners = np.concatenate([ends, ends[::-1]])
    cx, cy, width, height, angle = rotated_of_corners(corners[None, :4])[0]
    quarter = int(np.floor((angle + 45) / 90))
    if quarter % 2:
        width, height = height, width
    return np.array([cx, cy, width, height, angle - 90 * quarter])


def bounding_box(geometry: AnyGeometry) -> Box | None:
    """Return the smallest axis-parallel box around a geometry, or None for an empty mask or all points unlabelled.

    A mask's box is that of its pixels' edges; keypoints count where they are labelled and have a position; a hole
    counts where its ring reaches beyond its outer ring, because the even-odd rule makes area of that.

    Raises:
        Unsupported: A cuboid or a whole has no box in the image.
        InvalidData: A hole reaches beyond its outer ring, and the outline is beyond the limits of `limits`.
    """
    match geometry:
        case Box():
            return geometry
        case RotatedBox():
            return _around_rotated(geometry)
        case Mask():
            counts = checked(geometry.counts, geometry.height, geometry.width)
            found = pixel_bounds(counts, geometry.height)
            return None if found is None else Box(*found)
        case Polygon():
            return _around([rings[0] if len(rings) == 1 else _corners_of_part(rings) for rings in geometry.parts])
        case Polyline():
            return _around([geometry.vertices])
        case Point():
            return Box(geometry.x, geometry.y, 0, 0)
        case Keypoints():
            positions = labelled(geometry)
            return _around([positions]) if positions else None
    raise Unsupported(f"A {geometry.kind} has no box in the image.", hint="Keep it as it is.")


def labelled(geometry: Keypoints) -> tuple[float, ...]:
    """Return the positions of the labelled points (visibility 1 or 2), flat: x0, y0, x1, y1, ..."""
    return tuple(
        number
        for point in geometry.points
        if point.visibility and point.x is not None and point.y is not None
        for number in (point.x, point.y)
    )


def _around_rotated(box: RotatedBox) -> Box:
    # As `boxes_around_rotated`, in plain floats: for one box numpy would take ten times as long.
    along, down = map(abs, direction(box.angle))
    width, height = box.width * along + box.height * down, box.width * down + box.height * along
    return Box(box.cx - width / 2, box.cy - height / 2, width, height)


def _corners_of_part(rings: tuple[Ring, ...]) -> Sequence[float]:
    """Return the left, top, right and bottom end of a part with holes: of its outer ring, unless a hole goes beyond."""
    ends = _ends(rings[0])
    left, top, right, bottom = ends
    for hole in rings[1:]:
        first, high, last, low = _ends(hole)
        if first < left or high < top or last > right or low > bottom:
            covered = as_shape(Polygon((rings,)))
            corners: list[float] = shapely.bounds(covered).tolist()
            return ends if covered.is_empty else corners
    return ends


def _around(runs: Sequence[Sequence[float]]) -> Box:
    if len(runs) > 1:
        runs = [[number for run in runs for number in run]]
    left, top, right, bottom = _ends(runs[0])
    return Box(left, top, right - left, bottom - top)


def _ends(run: Sequence[float]) -> tuple[float, float, float, float]:
    xs, ys = run[::2], run[1::2]
    return min(xs), min(ys), max(xs), max(ys)
