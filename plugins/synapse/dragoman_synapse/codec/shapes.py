"""Geometries and the data of marks. What the platform's tools draw and we have a geometry for is exact, or nearly.

A box is turned about its centre, clockwise, by radians; the sources do not say about what.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, degrees, radians, sin
from typing import Any

from dragoman.errors import InvalidData
from dragoman.schema import (
    AnyGeometry,
    Box,
    Cuboid,
    Geometry,
    Mask,
    Point,
    Polygon,
    Polyline,
    RotatedBox,
)
from dragoman_synapse.codec.marks import Json, Mark

# -- out -----------------------------------------------------------------------------------------------------------


def _turned_out(box: RotatedBox) -> list[float]:
    return [box.cx - box.width / 2, box.cy - box.height / 2, box.width, box.height, radians(box.angle)]


def _vertices_out(run: tuple[float, ...]) -> list[list[float]]:
    return [[x, y] for x, y in zip(run[::2], run[1::2], strict=True)]


def _mask_out(mask: Mask) -> Json:
    """Return the pixels as `[start, length]` runs, counted along the rows."""
    from dragoman.geometry.rle import rows_of_mask

    runs, start = [], 0
    for number, length in enumerate(rows_of_mask(mask).tolist()):
        if number % 2 and length:
            runs.append([start, length])
        start += length
    return {"pixels": runs, "runs": True}


def _cuboid_out(cuboid: Cuboid) -> Json:
    return {
        "position": dict(zip("xyz", cuboid.center, strict=True)),
        "scale": dict(zip("xyz", cuboid.size, strict=True)),
        "rotation": dict(zip("wxyz", cuboid.quaternion, strict=True)),
    }


OUT: dict[type[Geometry], tuple[str, Callable[[Any], Any]]] = {
    Box: ("bounding_box", lambda box: [box.x, box.y, box.width, box.height]),
    RotatedBox: ("bounding_box", _turned_out),
    Polygon: ("polygon", lambda polygon: _vertices_out(polygon.parts[0][0])),
    Polyline: ("polyline", lambda line: _vertices_out(line.vertices)),
    Point: ("keypoint", lambda point: [point.x, point.y]),
    Mask: ("segmentation", _mask_out),
    Cuboid: ("3d_bounding_box", _cuboid_out),
}
"""Geometry to the tool that draws it and its data. Keypoints are several marks, and what has no shape is two tools."""

DRAWN = frozenset({"bounding_box", "polygon", "polyline", "keypoint", "3d_bounding_box"})
"""Tools whose annotations are nothing without a place."""

# -- in ------------------------------------------------------------------------------------------------------------


def shape_in(mark: Mark) -> AnyGeometry | None:
    """Return the geometry of a mark; None where its tool draws none that we have.

    Raises:
        InvalidData: Its tool draws one and it has no place, or it is a mask of no known size.
    """
    data = mark.data
    match mark.tool:
        case "bounding_box" if data:
            return _box_in(*data)
        case "polygon" if data:
            return Polygon(((_run(data),),))
        case "polyline" if data:
            return Polyline(_run(data))
        case "keypoint" if data:
            return Point(data[0], data[1])
        case "segmentation" if isinstance(data, dict) and "pixels" in data and mark.size:
            return _mask_in(data, *mark.size)
        case "3d_bounding_box" if data:
            return _cuboid_in(data)
    if mark.tool in DRAWN:
        raise InvalidData("it has no place.")
    if isinstance(data, dict) and "pixels" in data:
        raise InvalidData("its pixels are counted, and the document has no width and height.")
    return None


def _box_in(x: float, y: float, width: float, height: float, rotation: float = 0.0) -> Box | RotatedBox:
    if not rotation:
        return Box(x, y, width, height)
    return RotatedBox(x + width / 2, y + height / 2, width, height, degrees(rotation))


def _run(vertices: list[list[float]]) -> tuple[float, ...]:
    return tuple(number for vertex in vertices for number in vertex)


def _mask_in(data: Json, width: int, height: int) -> Mask:
    from dragoman.geometry.rle import mask_of_rows

    pairs = data["pixels"] if data["runs"] else _paired(sorted(data["pixels"]))
    counts, end = [], 0
    for start, length in sorted(pairs):
        counts += [start - end, length]
        end = start + length
    counts.append(width * height - end)
    return mask_of_rows(counts, height, width)


def _paired(indices: list[int]) -> list[list[int]]:
    """Return runs for pixel numbers in order."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][0] + runs[-1][1]:
            runs[-1][1] += 1
        else:
            runs.append([index, 1])
    return runs


def _cuboid_in(data: Json) -> Cuboid:
    at, size, turn = data["position"], data["scale"], data["rotation"]
    quaternion = (
        (turn["w"], turn["x"], turn["y"], turn["z"]) if "w" in turn else _quaternion(turn["x"], turn["y"], turn["z"])
    )
    return Cuboid((at["x"], at["y"], at["z"]), (size["x"], size["y"], size["z"]), quaternion)


def _quaternion(roll: float, pitch: float, yaw: float) -> tuple[float, float, float, float]:
    """Return the quaternion (w, x, y, z) of Euler angles in radians, turned about z, then y, then x."""
    (cr, sr), (cp, sp), (cy, sy) = ((cos(angle / 2), sin(angle / 2)) for angle in (roll, pitch, yaw))
    return (
        cr * cp * cy + sr * sp * sy,
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
    )
