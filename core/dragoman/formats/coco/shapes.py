"""What COCO says about a geometry: its `segmentation`, `keypoints`, `bbox` and `area`."""

from __future__ import annotations

from itertools import chain
from typing import Any

from dragoman.errors import InvalidData
from dragoman.formats.coco.category import Skeleton
from dragoman.schema import AnyGeometry, Box, Item, Keypoint, Keypoints, Mask, Polygon, Whole

Bounds = tuple[float, float, float, float]


def shape_of(geometry: AnyGeometry, item: Item, skeleton: Skeleton | None, *, plain_counts: bool) -> dict[str, Any]:
    """Return the keys of an annotation that say where it is.

    Args:
        geometry: The geometry; `FIDELITY` names the kinds that COCO has.
        item: Its item.
        skeleton: The keypoints of its category.
        plain_counts: Whether run lengths are lists of numbers, not compressed strings.

    Raises:
        InvalidData: A polygon has holes and its item no size, so that no mask can be made.
    """
    if isinstance(geometry, Box):
        return {
            "bbox": [geometry.x, geometry.y, geometry.width, geometry.height],
            "area": geometry.width * geometry.height,
            "segmentation": [],
        }
    if isinstance(geometry, Polygon):
        return _polygon(geometry, item, plain_counts=plain_counts)
    if isinstance(geometry, Mask):
        return _mask(geometry, plain_counts=plain_counts)
    if isinstance(geometry, Keypoints):
        exact = {} if _readable(geometry, skeleton) else {"dragoman_geometry": geometry}
        return _keypoints(geometry) | exact
    if isinstance(geometry, Whole):
        return {"area": 0.0}
    raise InvalidData(f"COCO has no {geometry.kind}.", field="geometry")


def bounds_of(geometry: AnyGeometry) -> Bounds | None:
    """Return x, y, width, height of what a polygon or keypoints cover, or of a mask's pixels."""
    if isinstance(geometry, Polygon):
        runs = [rings[0] for rings in geometry.parts]
        return _around(list(chain(*(run[0::2] for run in runs))), list(chain(*(run[1::2] for run in runs))))
    from dragoman.geometry.boxes import bounding_box

    box = bounding_box(geometry)
    return (box.x, box.y, box.width, box.height) if box else None


def _around(xs: list[float], ys: list[float]) -> Bounds:
    x, y = min(xs), min(ys)
    return x, y, max(xs) - x, max(ys) - y


def ring_area(ring: tuple[float, ...]) -> float:
    """Return the area that a ring encloses (shoelace formula)."""
    xs, ys = ring[0::2], ring[1::2]
    pairs = zip(xs, ys, xs[1:] + xs[:1], ys[1:] + ys[:1], strict=True)
    return abs(sum(x * next_y - next_x * y for x, y, next_x, next_y in pairs)) / 2


def _polygon(polygon: Polygon, item: Item, *, plain_counts: bool) -> dict[str, Any]:
    if any(len(rings) > 1 for rings in polygon.parts):
        if item.width is None or item.height is None:
            raise InvalidData(
                f"The polygon on {item.key!r} has holes and the item no size; COCO holds holes as masks only.",
                field="geometry",
            )
        from dragoman.geometry.outlines import mask_of_polygon

        mask = mask_of_polygon(polygon, item.width, item.height)
        return _mask(mask, plain_counts=plain_counts) | {"dragoman_geometry": polygon}
    return {
        "segmentation": [rings[0] for rings in polygon.parts],
        "bbox": bounds_of(polygon),
        "area": sum(ring_area(rings[0]) for rings in polygon.parts),
    }


def _mask(mask: Mask, *, plain_counts: bool) -> dict[str, Any]:
    counts: str | tuple[int, ...] = mask.counts
    if not plain_counts:
        from dragoman.geometry.rle import string_of_mask

        counts = string_of_mask(mask)
    return {
        "segmentation": {"size": [mask.height, mask.width], "counts": counts},
        "bbox": bounds_of(mask) or (0.0, 0.0, 0.0, 0.0),
        "area": float(sum(mask.counts[1::2])),
    }


def _keypoints(keypoints: Keypoints) -> dict[str, Any]:
    run: list[float] = []
    for point in keypoints.points:
        run += (point.x or 0.0, point.y or 0.0, point.visibility)
    box = bounds_of(keypoints) or (0.0, 0.0, 0.0, 0.0)
    return {
        "keypoints": run,
        "num_keypoints": sum(point.visibility > 0 for point in keypoints.points),
        "segmentation": [],
        "bbox": box,
        "area": box[2] * box[3],
    }


def _readable(keypoints: Keypoints, skeleton: Skeleton | None) -> bool:
    """Whether names and edges are the category's, one point is labelled, and just the unlabelled have no position."""
    return (
        skeleton == Skeleton.of(keypoints)
        and any(point.visibility for point in keypoints.points)
        and all(map(_is_readable, keypoints.points))
    )


def _is_readable(point: Keypoint) -> bool:
    nowhere = not (point.visibility or point.x or point.y)
    return (point.x is None) == nowhere and (point.y is None) == nowhere
