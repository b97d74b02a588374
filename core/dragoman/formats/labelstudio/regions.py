"""Pure translation of a result's value: percent of the image's size to geometries in pixels, answers, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import cos, radians, sin
from sys import float_info
from typing import Any

from dragoman.errors import InvalidData
from dragoman.formats.common.ellipses import outline
from dragoman.formats.common.numbers import pixel
from dragoman.formats.labelstudio import brush
from dragoman.schema import (
    AnyGeometry,
    Box,
    Mask,
    Point,
    Polygon,
    Polyline,
    RotatedBox,
)

Size = tuple[int, int]
"""Width and height of the image in pixels."""
Value = Mapping[str, Any]
ELLIPSE = "ellipse"
"""Key of the metadata of a polygon that was an ellipse: its own numbers, in percent."""
_ELLIPSE = ("x", "y", "radiusX", "radiusY", "rotation")
_POINT_WIDTH = 0.5
"""Percent of the image's width that a keypoint is drawn with; it says nothing about the place."""


def read_geometry(tag: str, value: Value, size: Size) -> AnyGeometry:
    """Return the geometry of a value.

    Args:
        tag: The result's type without `labels`, such as `"rectangle"`.
        value: The result's value.
        size: The image's size.

    Raises:
        InvalidData: The type is unknown, or a number is missing or out of range.
    """
    reader = _READERS.get(tag)
    if reader is None:
        raise InvalidData(f"results of the type {tag!r} have no counterpart.", field="type")
    return reader(value, size)


def write_geometry(geometry: AnyGeometry, size: Size, metadata: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the type of a result, without `labels`, and its value; see `read_geometry`.

    Raises:
        InvalidData: Label Studio has no such shape.
    """
    width, height = size
    match geometry:
        case Box(x, y, w, h):
            return "rectangle", {**_percent(x, y, w, h, size), "rotation": 0}
        case RotatedBox():
            return "rectangle", write_turned(geometry, size)
        case Polygon(parts=((ring,),)):
            known = metadata.get(ELLIPSE)
            if isinstance(known, dict) and set(known) == set(_ELLIPSE) and read_ellipse(known, size) == geometry:
                return "ellipse", dict(known)
            return "polygon", {"points": _percent_points(ring, size), "closed": True}
        case Polyline(vertices):
            return "polygon", {"points": _percent_points(vertices, size), "closed": False}
        case Point(x, y):
            return "keypoint", {"x": x / width * 100, "y": y / height * 100, "width": _POINT_WIDTH}
        case Mask():
            return "brush", {"format": "rle", "rle": _write_mask(geometry, size)}
    raise InvalidData(f"a {geometry.form} has no place in Label Studio.", field="geometry")


def write_turned(box: RotatedBox, size: Size) -> dict[str, Any]:
    """Return a turned box as its top-left corner, about which it is turned, in percent."""
    turn = radians(box.angle)
    right, down = box.width / 2, box.height / 2
    x = box.cx - right * cos(turn) + down * sin(turn)
    y = box.cy - right * sin(turn) - down * cos(turn)
    return {**_percent(x, y, box.width, box.height, size), "rotation": box.angle}


def read_rectangle(value: Value, size: Size) -> Box | RotatedBox:
    """Return the box of a value with x, y, width, height in percent, turned by `rotation` about its corner."""
    x, width = _pixels(value, "x", size[0]), _pixels(value, "width", size[0])
    y, height = _pixels(value, "y", size[1]), _pixels(value, "height", size[1])
    angle = _number(value, "rotation", 0.0)
    if not angle:
        return Box(pixel(x), pixel(y), pixel(width), pixel(height))
    turn = radians(angle)
    cx = x + width / 2 * cos(turn) - height / 2 * sin(turn)
    cy = y + width / 2 * sin(turn) + height / 2 * cos(turn)
    return RotatedBox(pixel(cx), pixel(cy), pixel(width), pixel(height), angle)


def read_ellipse(value: Value, size: Size) -> Polygon:
    """Return the outline of an ellipse given by its centre and radii in percent, turned about its centre."""
    cx, rx = _pixels(value, "x", size[0]), _pixels(value, "radiusX", size[0])
    cy, ry = _pixels(value, "y", size[1]), _pixels(value, "radiusY", size[1])
    return outline(cx, cy, rx, ry, _number(value, "rotation", 0.0))


def ellipse_metadata(value: Value) -> dict[str, Any]:
    """Return what is kept of an ellipse beside its outline."""
    return {ELLIPSE: {name: _number(value, name, 0.0) for name in _ELLIPSE}}


def _read_polygon(value: Value, size: Size) -> AnyGeometry:
    points = value.get("points")
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise InvalidData("points are no list of pairs.", field="value.points")
    flat = tuple(
        pixel(_finite(number, "points") / 100 * size[axis]) for point in points for axis, number in enumerate(point)
    )
    return Polyline(flat) if value.get("closed") is False else Polygon(((flat,),))


def _read_point(value: Value, size: Size) -> Point:
    return Point(pixel(_pixels(value, "x", size[0])), pixel(_pixels(value, "y", size[1])))


def _read_mask(value: Value, size: Size) -> Mask:
    from dragoman.geometry.limits import check_pixels
    from dragoman.geometry.rle import mask_of_rows

    packed = value.get("rle")
    if not isinstance(packed, list):
        raise InvalidData("a brush has no run lengths.", field="value.rle")
    width, height = size
    check_pixels(width, height)
    return mask_of_rows(brush.unpack(packed, width * height), height, width)


def _write_mask(mask: Mask, size: Size) -> list[int]:
    from dragoman.geometry.rle import rows_of_mask

    if (mask.width, mask.height) != size:
        raise InvalidData(f"the mask is {mask.width} x {mask.height}, and its image {size}.", field="geometry.width")
    return brush.pack(rows_of_mask(mask).tolist(), mask.width * mask.height)


_READERS: dict[str, Callable[[Value, Size], AnyGeometry]] = {
    "rectangle": read_rectangle,
    "polygon": _read_polygon,
    "keypoint": _read_point,
    "brush": _read_mask,
    "ellipse": read_ellipse,
}


def _number(value: Value, name: str, default: float | None = None) -> float:
    found = value.get(name, default)
    if found is None and default is not None:
        return default
    return _finite(found, name)


def _finite(found: Any, name: str) -> float:
    # A comparison takes whole numbers of any length, and says no of what is not a number.
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) <= float_info.max:
        raise InvalidData(f"{name} is {found!r:.40}; it must be a finite number.", field=f"value.{name}")
    return float(found)


def _pixels(value: Value, name: str, size: int) -> float:
    return _number(value, name) / 100 * size


def _percent(x: float, y: float, width: float, height: float, size: Size) -> dict[str, Any]:
    return {
        "x": x / size[0] * 100,
        "y": y / size[1] * 100,
        "width": width / size[0] * 100,
        "height": height / size[1] * 100,
    }


def _percent_points(flat: tuple[float, ...], size: Size) -> list[list[float]]:
    return [[x / size[0] * 100, y / size[1] * 100] for x, y in zip(flat[0::2], flat[1::2], strict=True)]
