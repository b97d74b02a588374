"""Non-maximum suppression: of shapes that overlap, keep the one with the highest score.

Greedy, as everywhere (Felzenszwalb et al. 2010). OpenCV's `NMSBoxes` computes in float32, drops scores of 0, and takes
time by the square of the boxes; here a tree finds the pairs that meet, so that time grows with those.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import shapely

from dragoman.errors import InvalidData
from dragoman.geometry.boxes import checked_boxes, corners_of_rotated
from dragoman.geometry.limits import Booleans, Floats, Integers
from dragoman.geometry.overlap import iou_of_pairs
from dragoman.geometry.shapes import as_shape
from dragoman.schema import Polygon

Shapes: TypeAlias = npt.NDArray[np.object_]

_PAIRS = 1_000_000
"""Most pairs looked at in one step, which bounds the memory where all overlap all."""


def suppress_boxes(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, *, iou: float = 0.5, classes: npt.ArrayLike | None = None
) -> Integers:
    """Return the positions of the boxes that are kept, highest score first.

    A box goes where its IoU with a kept one of a higher score (the earlier one, if scores are equal) is above `iou`.

    Args:
        boxes: Shape (n, 4): x, y, width, height in pixels.
        scores: Shape (n,).
        iou: Threshold, 0 to 1.
        classes: Shape (n,), integers; if given, boxes of different classes do not suppress each other.

    Raises:
        InvalidData: The arrays do not fit each other, or hold NaN; the threshold is out of range.
    """
    array = checked_boxes(boxes)
    x, y, width, height = array.T
    return _suppress(shapely.box(x, y, x + width, y + height), scores, iou, classes, array)


def suppress_rotated(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, *, iou: float = 0.5, classes: npt.ArrayLike | None = None
) -> Integers:
    """Return the positions of the rotated boxes, shape (n, 5), that are kept; see `suppress_boxes`."""
    return _suppress(shapely.polygons(corners_of_rotated(boxes)), scores, iou, classes)


def suppress_polygons(
    polygons: Sequence[Polygon], scores: npt.ArrayLike, *, iou: float = 0.5, classes: npt.ArrayLike | None = None
) -> Integers:
    """Return the positions of the polygons that are kept; see `suppress_boxes`."""
    return _suppress(np.array([as_shape(polygon) for polygon in polygons], object), scores, iou, classes)


def _suppress(
    shapes: Shapes,
    scores: npt.ArrayLike,
    threshold: float,
    classes: npt.ArrayLike | None,
    boxes: Floats | None = None,
) -> Integers:
    ranks = np.asarray(scores, np.float64)
    kinds = np.zeros(len(shapes), np.int64) if classes is None else np.asarray(classes)
    if ranks.shape != (len(shapes),) or kinds.shape != (len(shapes),):
        raise InvalidData(
            f"{len(shapes)} shapes need as many scores and classes; {ranks.shape} and {kinds.shape} came."
        )
    if np.isnan(ranks).any() or not 0 <= threshold <= 1:
        raise InvalidData(f"Scores must be numbers and the threshold within 0 to 1; it is {threshold}.")
    if not len(shapes):
        return np.empty(0, np.int64)
    order = np.argsort(-ranks, kind="stable")
    shapes, kinds = shapes[order], kinds[order]
    ordered = None if boxes is None else boxes[order]
    tree = shapely.STRtree(shapes)
    alive = np.ones(len(shapes), np.bool_)
    step = max(1, min(1024, _PAIRS // len(shapes)))
    start = 0
    while start < len(shapes):
        asked = start + np.flatnonzero(alive[start : start + step])
        query, found = tree.query(shapes[asked])
        high = asked[query]
        later = (found > high) & alive[found] & (kinds[found] == kinds[high])
        high, low = high[later], found[later]
        shares = iou_of_pairs(shapes[high], shapes[low]) if ordered is None else _box_pairs(ordered[high], ordered[low])
        above = shares > threshold
        _settle(alive, high[above], low[above])
        start += step
    return order[alive]


def _settle(alive: Booleans, high: Integers, low: Integers) -> None:
    """Clear `alive` where a kept shape suppresses another, given the pairs that overlap too much.

    In each round those that nothing undecided suppresses are kept, and what they suppress goes.
    """
    while len(high):
        blocked = np.zeros(len(alive), np.bool_)
        blocked[low] = True
        kept = ~blocked[high]
        alive[low[kept]] = False
        open_pairs = alive[high] & alive[low]
        high, low = high[open_pairs], low[open_pairs]


def _box_pairs(a: Floats, b: Floats) -> Floats:
    corner, other = a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:]
    side = np.maximum(np.minimum(corner, other) - np.maximum(a[:, :2], b[:, :2]), 0)
    shared = side[:, 0] * side[:, 1]
    union = a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - shared
    return np.divide(shared, union, out=np.zeros(len(shared)), where=union > 0)
