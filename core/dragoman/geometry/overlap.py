"""Intersection over union, of two geometries and of arrays of them.

Boxes, rotated boxes and polygons are compared exactly, by GEOS. Where a mask takes part, or a size is given, pixels
are compared: a shape counts with the pixels whose centres it covers, which are not quite those that COCO's tools draw.
An empty union gives 0, as in the Pascal VOC and COCO tools, except that equal geometries always give 1 in `iou`.

Points, lines and keypoints cover no area: `similarity` compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor
from typing import TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import shapely
from hotcoco import mask as coding
from hotcoco.primitives import bbox_iou

from dragoman.errors import InvalidData, Unsupported
from dragoman.geometry.boxes import bounding_box, checked_boxes, corners_of_rotated
from dragoman.geometry.limits import Floats, Integers
from dragoman.geometry.outlines import fill
from dragoman.geometry.rle import checked, compress
from dragoman.geometry.runs import area, shared_pixels, window
from dragoman.geometry.shapes import Part, as_shape, box_corners, pairs, parts_of_polygon, rotated_corners
from dragoman.schema import AnyGeometry, Box, Mask, Polygon, RotatedBox

Area: TypeAlias = Box | RotatedBox | Polygon | Mask
"""The geometries that cover an area of the image."""


def iou(a: AnyGeometry, b: AnyGeometry, size: tuple[int, int] | None = None) -> float:
    """Return the area that two geometries share over the area that they cover together, 0 to 1.

    Args:
        a, b: Boxes, rotated boxes, polygons or masks, in any pair.
        size: Width and height of the image; if given, pixels inside it are compared. Without it, a mask's pixels
            are compared with those of the other geometry, also with those that lie outside of the mask's image.

    Raises:
        Unsupported: One of them covers no area of the image (point, polyline, keypoints, cuboid, whole).
        InvalidData: Two masks have different sizes, or the size given is not the mask's; an outline is beyond the
            limits of `limits`.
    """
    if not isinstance(a, get_args(Area)) or not isinstance(b, get_args(Area)):
        raise Unsupported(
            f"The overlap of {a.form} and {b.form} has no meaning; both must cover an area of the image.",
            hint="dragoman.geometry.similarity compares points, lines and keypoints.",
        )
    if a == b:
        return 1.0
    if size is not None or isinstance(a, Mask) or isinstance(b, Mask):
        return _pixel_iou(a, b, size)
    if isinstance(a, Box) and isinstance(b, Box):
        return _box_iou(a, b)
    return _share(as_shape(a), as_shape(b))


def _box_iou(a: Box, b: Box) -> float:
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    shared = max(width, 0.0) * max(height, 0.0)
    union = a.width * a.height + b.width * b.height - shared
    return min(shared / union, 1.0) if 0 < union < float("inf") else 0.0


def _share(a: shapely.Geometry, b: shapely.Geometry) -> float:
    shared = float(shapely.area(shapely.intersection(a, b)))
    union = float(shapely.area(a)) + float(shapely.area(b)) - shared
    return min(shared / union, 1.0) if union > 0 else 0.0


def _pixel_iou(a: Area, b: Area, size: tuple[int, int] | None) -> float:
    sizes = {size, *((one.width, one.height) for one in (a, b) if isinstance(one, Mask))} - {None}
    if len(sizes) > 1:
        raise InvalidData(f"Masks of different image sizes cannot be compared: {sorted(map(str, sizes))}.")
    corner, extent = ((0, 0), size) if size is not None else _window_around(a, b)
    if extent is None:
        return 0.0
    first, second = pixels_in(a, corner, extent), pixels_in(b, corner, extent)
    shared = shared_pixels(first, second)
    union = area(first) + area(second) - shared
    return shared / union if union else 0.0


def _window_around(*geometries: Area) -> tuple[tuple[int, int], tuple[int, int] | None]:
    """Return the corner and size of the pixels around all geometries; None for the size where all are empty."""
    around = [box for box in map(bounding_box, geometries) if box is not None]
    if not around:
        return (0, 0), None
    pairs(tuple(number for box in around for number in (box.x, box.y, box.x + box.width, box.y + box.height)))
    left, top = min(floor(box.x) for box in around), min(floor(box.y) for box in around)
    right, bottom = max(ceil(box.x + box.width) for box in around), max(ceil(box.y + box.height) for box in around)
    return (left, top), (max(right - left, 1), max(bottom - top, 1))


def own_pixels(geometry: Area) -> Integers:
    """Return the column-major counts of all pixels that a geometry covers, in a window that just holds them."""
    corner, extent = _window_around(geometry)
    return pixels_in(geometry, corner, extent or (1, 1))


def pixels_in(geometry: Area, corner: tuple[int, int], size: tuple[int, int]) -> Integers:
    """Return the column-major counts of the pixels that a geometry covers in a window of the image.

    Args:
        geometry: What to draw; of a mask its own pixels, of others those whose centres it covers.
        corner: x and y of the window's top-left pixel.
        size: The window's width and height in pixels.
    """
    if isinstance(geometry, Mask):
        counts = checked(geometry.counts, geometry.height, geometry.width)
        return window(counts, geometry.height, corner, size)
    width, height = size
    return fill(_parts(geometry), height, width, corner)


def _parts(geometry: Box | RotatedBox | Polygon) -> list[Part]:
    if isinstance(geometry, Polygon):
        return parts_of_polygon(geometry)
    corners = box_corners(geometry) if isinstance(geometry, Box) else rotated_corners(geometry)
    return [(pairs(corners),)]


def iou_of_boxes(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Return the IoU of every box in `a`, shape (n, 4), with every one in `b`, shape (m, 4), as an array (n, m)."""
    first, second = checked_boxes(a), checked_boxes(b)
    if not len(first) or not len(second):
        return np.zeros((len(first), len(second)))
    return np.nan_to_num(bbox_iou(first, second, [False] * len(second)), nan=0.0)


def iou_of_rotated(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Return the IoU of every rotated box in `a`, shape (n, 5), with every one in `b`, shape (m, 5), as (n, m)."""
    return iou_of_shapes(*(shapely.polygons(corners_of_rotated(one)) for one in (a, b)))


def iou_of_polygons(a: Sequence[Polygon], b: Sequence[Polygon]) -> Floats:
    """Return the IoU of every polygon in `a` with every one in `b`, as an array (n, m)."""
    return iou_of_shapes(*(np.array([as_shape(one) for one in side], object) for side in (a, b)))


def iou_of_masks(a: Sequence[Mask], b: Sequence[Mask]) -> Floats:
    """Return the IoU of every mask in `a` with every one in `b`, as an array (n, m).

    Raises:
        InvalidData: The masks are not all of one size.
    """
    sizes = {(mask.height, mask.width) for mask in (*a, *b)}
    if len(sizes) > 1:
        raise InvalidData(f"Masks of different image sizes cannot be compared: {sorted(sizes)}.")
    if not a or not b:
        return np.zeros((len(a), len(b)))
    first, second = (
        [{"size": [one.height, one.width], "counts": compress(one.counts, one.height, one.width)} for one in side]
        for side in (a, b)
    )
    return np.nan_to_num(np.asarray(coding.iou(first, second, [False] * len(second)), np.float64), nan=0.0)


def iou_of_shapes(a: npt.NDArray[np.object_], b: npt.NDArray[np.object_]) -> Floats:
    """Return the IoU of every shapely geometry in `a` with every one in `b`, as an array (n, m).

    Only pairs whose bounding boxes meet are intersected.
    """
    result = np.zeros((len(a), len(b)))
    if not len(a) or not len(b):
        return result
    rows, columns = shapely.STRtree(b).query(a)
    result[rows, columns] = iou_of_pairs(a[rows], b[columns])
    return result


def iou_of_pairs(a: npt.NDArray[np.object_], b: npt.NDArray[np.object_]) -> Floats:
    """Return the IoU of shapely geometries, place by place, as an array (n,)."""
    shared = shapely.area(shapely.intersection(a, b))
    union = shapely.area(a) + shapely.area(b) - shared
    share = np.divide(shared, union, out=np.zeros(len(shared)), where=union > 0)
    return np.minimum(share, 1.0)
