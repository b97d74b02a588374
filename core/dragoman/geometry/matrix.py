"""Intersection over union of every geometry with every other, whatever their kinds, grouped so that arrays do the work.

The numbers are those of `overlap.iou`, pair by pair. Boxes go to one C loop, other outlines to a tree of GEOS, masks to
run lengths; what is compared with a mask is drawn once, not once for each mask.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from hotcoco import mask as coding

from dragoman.errors import InvalidData, Unsupported
from dragoman.geometry.boxes import box_array
from dragoman.geometry.limits import Floats, Integers
from dragoman.geometry.overlap import Area, iou_of_boxes, iou_of_masks, iou_of_shapes, own_pixels, pixels_in
from dragoman.geometry.rle import compress
from dragoman.geometry.runs import area
from dragoman.geometry.shapes import as_shape
from dragoman.schema import AnyGeometry, Box, Mask

Size = tuple[int, int]


def iou_matrix(a: Sequence[AnyGeometry], b: Sequence[AnyGeometry], size: Size | None = None) -> Floats:
    """Return the IoU of every geometry in `a` with every one in `b`, as an array (n, m).

    Args:
        a, b: Boxes, rotated boxes, polygons and masks, in any order.
        size: Width and height of the image in pixels; if given, pixels inside it are compared.

    Raises:
        Unsupported: One of them covers no area of the image.
        InvalidData: Masks have different sizes; or see `overlap.iou`.
    """
    for one in (*a, *b):
        if not isinstance(one, get_args(Area)):
            raise Unsupported(
                f"The overlap of a {one.form} has no meaning; it covers no area of the image.",
                hint="dragoman.geometry.similarity compares points, lines and keypoints.",
            )
    result = np.zeros((len(a), len(b)))
    if size is not None:
        _refuse_other_sizes((*a, *b), size)
        result[:] = _of_counts([_drawn(one, size) for one in a], [_drawn(one, size) for one in b], size)
    else:
        _by_kind(a, b, result)
    places = defaultdict[AnyGeometry, list[int]](list)
    for column, one in enumerate(b):
        places[one].append(column)
    for row, one in enumerate(a):
        # Equal ones without an area, too, overlap whole.
        result[row, places.get(one, [])] = 1.0
    return result


def _by_kind(a: Sequence[AnyGeometry], b: Sequence[AnyGeometry], result: Floats) -> None:
    """Fill in the result, kind by kind."""
    rows, columns = _places(a), _places(b)
    for kind, mine in rows.items():
        for other, theirs in columns.items():
            first, second = [a[place] for place in mine], [b[place] for place in theirs]
            result[np.ix_(mine, theirs)] = _block(kind, other, first, second)


def _places(geometries: Sequence[AnyGeometry]) -> dict[str, list[int]]:
    """Return the positions of boxes, of other outlines, and of masks."""
    places = defaultdict[str, list[int]](list)
    for position, one in enumerate(geometries):
        places["box" if isinstance(one, Box) else "mask" if isinstance(one, Mask) else "outline"].append(position)
    return places


def _block(kind: str, other: str, first: list[Any], second: list[Any]) -> Floats:
    if kind == "mask" and other == "mask":
        return iou_of_masks(first, second)
    if kind == "mask":
        return _masks_with_outlines(first, second)
    if other == "mask":
        return _masks_with_outlines(second, first).T
    if kind == other == "box":
        return iou_of_boxes(box_array(first), box_array(second))
    shapes: list[Any] = [np.array([as_shape(one) for one in side], object) for side in (first, second)]
    return iou_of_shapes(*shapes)


def _masks_with_outlines(masks: Sequence[Mask], outlines: Sequence[Area]) -> Floats:
    """Return the IoU of masks with outlines, of which the pixels outside of a mask's image count too."""
    result = np.zeros((len(masks), len(outlines)))
    whole = np.array([area(own_pixels(one)) for one in outlines])
    by_size = defaultdict[Size, list[int]](list)
    for place, mask in enumerate(masks):
        by_size[mask.width, mask.height].append(place)
    for size, places in by_size.items():
        inside = [_drawn(one, size) for one in outlines]
        counts = [_drawn(masks[place], size) for place in places]
        mine, theirs = np.array([*map(area, counts)]), np.array([*map(area, inside)])
        share = _of_counts(counts, inside, size)
        # Back from the share to the pixels in common, which are a whole number.
        shared = np.rint(share * (mine[:, None] + theirs) / (1 + share))
        union = mine[:, None] + whole - shared
        result[places] = np.divide(shared, union, out=np.zeros_like(share), where=union > 0)
    return result


def _of_counts(first: Sequence[Integers], second: Sequence[Integers], size: Size) -> Floats:
    """Return the IoU of masks of one size, given as column-major counts."""
    if not first or not second:
        return np.zeros((len(first), len(second)))
    width, height = size
    dt, gt = (
        [{"size": [height, width], "counts": compress(counts, height, width)} for counts in side]
        for side in (first, second)
    )
    return np.nan_to_num(np.asarray(coding.iou(dt, gt, [False] * len(second)), np.float64), nan=0.0)


def _drawn(geometry: AnyGeometry, size: Size) -> Integers:
    return pixels_in(geometry, (0, 0), size)  # type: ignore[arg-type]


def _refuse_other_sizes(geometries: Sequence[AnyGeometry], size: Size) -> None:
    sizes = {size, *((one.width, one.height) for one in geometries if isinstance(one, Mask))}
    if len(sizes) > 1:
        raise InvalidData(f"Masks of different image sizes cannot be compared: {sorted(map(str, sizes))}.")
