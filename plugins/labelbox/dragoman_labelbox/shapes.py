"""Pure translation of geometries: shapes of Labelbox's imports out, those of its exports in. No network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dragoman.errors import InvalidData, PlatformError
from dragoman.schema import Box, Geometry, Mask, Point, Polygon, Polyline
from dragoman_labelbox import wire
from dragoman_labelbox.masks import mask_out

Masks = Callable[[wire.Drawn], Mask]
"""Fetches a mask by where it is drawn."""


def _pairs(run: Sequence[float]) -> list[wire.XY]:
    numbers = iter(run)
    return list(map(wire.XY, numbers, numbers))


def _ring(polygon: Polygon) -> list[wire.XY]:
    if len(polygon.parts) != 1 or len(polygon.parts[0]) != 1:
        raise InvalidData("A Labelbox polygon has one ring.", field="geometry")
    pairs = _pairs(polygon.parts[0][0])
    pairs.append(pairs[0])
    return pairs


_OUT: dict[type[Geometry], tuple[str, Callable[[Any], Any]]] = {
    Polygon: ("polygon", _ring),
    Polyline: ("line", lambda line: _pairs(line.vertices)),
    Point: ("point", lambda point: wire.XY(point.x, point.y)),
    Mask: ("mask", mask_out),
}


def shape_out(geometry: Geometry) -> tuple[str, Any]:
    """Return the key and value of a shape in an import.

    Raises:
        InvalidData: Labelbox has no such shape.
    """
    if type(geometry) is Box:  # most are
        return "bbox", wire.Box(geometry.y, geometry.x, geometry.height, geometry.width)
    try:
        key, translate = _OUT[type(geometry)]
    except KeyError:
        raise InvalidData(f"Labelbox has no {geometry.kind} on images and videos.", field="geometry") from None
    return key, translate(geometry)


def _run(pairs: list[wire.XY]) -> tuple[float, ...]:
    return tuple(number for pair in pairs for number in (pair.x, pair.y))


def shape_in(shown: wire.Shown, masks: Masks) -> Any:
    """Return the geometry of an exported annotation.

    Args:
        shown: The annotation.
        masks: Fetches a mask by where it is drawn.

    Raises:
        PlatformError: It is of a kind that has no counterpart.
    """
    if (box := shown.bounding_box) is not None:
        return Box(box.left, box.top, box.width, box.height)
    if shown.polygon is not None:
        run = _run(shown.polygon)
        # Exports repeat the first vertex at the end.
        return Polygon(((run[:-2] if len(run) > 6 and run[:2] == run[-2:] else run,),))
    if shown.line is not None:
        return Polyline(_run(shown.line))
    if (point := shown.point) is not None:
        return Point(point.x, point.y)
    if (drawn := shown.composite_mask or shown.mask) is not None:
        return masks(drawn)
    raise PlatformError(f"Labelbox holds an annotation of kind {shown.annotation_kind!r}, which is not read yet.")
