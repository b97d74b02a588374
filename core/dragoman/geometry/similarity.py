"""How much two geometries of one sort resemble each other, 0 to 1, also where no area can be compared.

Shapes with an area have their IoU. A point, a line and keypoints have none, and the measures in use for them need a
scale that the geometry does not hold: COCO's object keypoint similarity an area and a tuned constant for each joint
(https://cocodataset.org/#keypoints-eval), PCK the size of a head (Andriluka et al. 2014). So `similarity` takes the
one scale that is always there, the diagonal, and `keypoint_similarity` is COCO's, for who has the constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import dist, exp, hypot, inf
from typing import get_args

import shapely

from dragoman.errors import InvalidData, Unsupported
from dragoman.geometry.boxes import bounding_box
from dragoman.geometry.overlap import Area, iou
from dragoman.geometry.shapes import line_shape
from dragoman.schema import AnyGeometry, Keypoint, Keypoints, Point, Polyline


def similarity(a: AnyGeometry, b: AnyGeometry, size: tuple[int, int] | None = None) -> float:
    """Return 1 for equal geometries, down to 0 for those that have nothing in common.

    Boxes, rotated boxes, polygons and masks: `overlap.iou`, in any pair. Two points, polylines or keypoints:
    1 - `distance` / diagonal, not below 0, where the diagonal is the image's if `size` is given, and otherwise that of
    the box around both. Two cuboids: 1 where they are equal and else 0, because their unit is the platform's.

    Args:
        a, b: The geometries.
        size: Width and height of the image in pixels.

    Raises:
        Unsupported: The two are of kinds that cannot be compared, such as a point and a box.
        InvalidData: An outline is beyond the limits of `limits`.
    """
    if a == b:
        return 1.0
    if isinstance(a, get_args(Area)) and isinstance(b, get_args(Area)):
        return iou(a, b, size)
    if a.kind == "cuboid" == b.kind:
        return 0.0
    apart = distance(a, b)
    scale = hypot(*size) if size is not None else _diagonal(a, b)
    return max(0.0, 1.0 - apart / scale) if scale > 0 and apart < inf else float(apart == 0)


def distance(a: AnyGeometry, b: AnyGeometry) -> float:
    """Return how far apart two geometries of one kind are, in pixels.

    Points: Euclidean. Polylines: the Hausdorff distance, the farthest that a place on one is from the other line;
    taken at the vertices and quarter points of the edges. Keypoints: that of the points farthest apart among those of
    one name; infinite where a point has a position in one of them only.

    Raises:
        Unsupported: They are not two points, two polylines or two keypoints.
    """
    match a, b:
        case Point(), Point():
            return hypot(a.x - b.x, a.y - b.y)
        case Polyline(), Polyline():
            return float(shapely.hausdorff_distance(line_shape(a), line_shape(b), densify=0.25))
        case Keypoints(), Keypoints():
            return _farthest({point.name: point for point in a.points}, {point.name: point for point in b.points})
    raise Unsupported(f"There is no distance between {a.form} and {b.form}.", hint="Convert one of them first.")


def keypoint_similarity(
    truth: Keypoints, other: Keypoints, *, area: float | None = None, sigmas: Sequence[float] = (0.1,)
) -> float:
    """Return COCO's object keypoint similarity (OKS), 0 to 1.

    The mean over the points that are labelled in `truth` of exp(-d**2 / (2 * area * (2 * sigma)**2)), with d the
    distance in pixels to the point of the same name, and 0 for one without position in `other`. Source:
    https://cocodataset.org/#keypoints-eval.

    Args:
        truth: Ground truth; at least one point is labelled.
        other: What is compared with it.
        area: Area of the object in square pixels; that of the box around the labelled points if left out.
        sigmas: Tolerance of each point of `truth`, or one for all. COCO's are 0.026 (nose) to 0.107 (hip).

    Raises:
        InvalidData: No point is labelled, the area is 0 or less, or the number of sigmas is wrong.
    """
    if not any(point.visibility for point in truth.points):
        raise InvalidData(
            "OKS needs a labelled point; the truth has none.", hint="Leave this object out.", field="geometry.points"
        )
    if area is None:
        around = bounding_box(truth)
        area = around.width * around.height if around is not None else 0.0
    if not area > 0:
        raise InvalidData("OKS needs an area; the labelled points span none.", hint="Give area=.")
    if len(sigmas) not in (1, len(truth.points)) or not min(sigmas) > 0:
        raise InvalidData(f"OKS needs one positive sigma, or one for each of {len(truth.points)} points.")
    tolerances = tuple(sigmas) * (len(truth.points) if len(sigmas) == 1 else 1)
    others = {point.name: point for point in other.points}
    scores = []
    for point, sigma in zip(truth.points, tolerances, strict=True):
        if point.visibility:
            apart = _apart(point, others.get(point.name))
            scores.append(exp(-(apart**2) / (2 * area * (2 * sigma) ** 2)))
    return sum(scores) / len(scores)


def _farthest(a: dict[str, Keypoint], b: dict[str, Keypoint]) -> float:
    return max(_apart(a.get(name), b.get(name)) for name in {**a, **b})


def _apart(a: Keypoint | None, b: Keypoint | None) -> float:
    here, there = _position(a), _position(b)
    if here is None or there is None:
        return 0.0 if here is there else inf
    return dist(here, there)


def _position(point: Keypoint | None) -> tuple[float, float] | None:
    if point is None or point.x is None or point.y is None:
        return None
    return point.x, point.y


def _diagonal(a: AnyGeometry, b: AnyGeometry) -> float:
    around = [box for box in (bounding_box(a), bounding_box(b)) if box is not None]
    if not around:
        return 0.0
    width = max(box.x + box.width for box in around) - min(box.x for box in around)
    return hypot(width, max(box.y + box.height for box in around) - min(box.y for box in around))
