"""Geometries: canonical to Nucleus's shapes and back. Pure; no network.

Nucleus's coordinates are ours: absolute pixels, origin top-left; a box has its top-left corner. Masks are in `masks`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import atan2, cos, sin
from typing import Any

from dragoman.schema import Box, Cuboid, Geometry, Keypoint, Keypoints, Polygon, Polyline, Whole
from dragoman_nucleus.wire import (
    Joint,
    Path,
    Rectangle,
    Shape,
    Shapeless,
    Skeleton,
    Solid,
    Vector,
    Vertex,
)


def _rectangle(box: Box) -> Rectangle:
    return Rectangle(box.x, box.y, box.width, box.height)


def _path(run: tuple[float, ...]) -> Path:
    numbers = iter(run)
    return Path(list(map(Vertex, numbers, numbers)))


def _skeleton(keypoints: Keypoints) -> Skeleton:
    return Skeleton(
        [Joint(point.x, point.y, point.visibility == 2) for point in keypoints.points],
        [point.name for point in keypoints.points],
        list(keypoints.skeleton),
    )


def _solid(cuboid: Cuboid) -> Solid:
    w, x, y, z = cuboid.quaternion
    yaw = atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    return Solid(Vector(*cuboid.center), Vector(*cuboid.size), yaw)


SHAPES_OUT: dict[type[Geometry], tuple[str, Callable[[Any], Shape]]] = {
    Box: ("box", _rectangle),
    Polygon: ("polygon", lambda polygon: _path(polygon.parts[0][0])),
    Polyline: ("line", lambda line: _path(line.vertices)),
    Keypoints: ("keypoints", _skeleton),
    Cuboid: ("cuboid", _solid),
    Whole: ("category", lambda _: Shapeless()),
}
"""Geometry to its type on Nucleus and what makes its shape."""


def _run(path: Path) -> tuple[float, ...]:
    return tuple(number for vertex in path.vertices for number in (vertex.x, vertex.y))


def _keypoints(shape: Skeleton) -> Keypoints:
    points = zip(shape.names, shape.keypoints, strict=True)
    return Keypoints(
        tuple(Keypoint(name, joint.x, joint.y, 2 if joint.visible else 1) for name, joint in points),
        tuple(shape.skeleton or ()),
    )


def _cuboid(solid: Solid) -> Cuboid:
    at, size, half = solid.position, solid.dimensions, solid.yaw / 2
    return Cuboid((at.x, at.y, at.z), (size.x, size.y, size.z), (cos(half), 0.0, 0.0, sin(half)))


SHAPES_IN: dict[str, Callable[[Any], Any]] = {
    "box": lambda shape: Box(shape.x, shape.y, shape.width, shape.height),
    "polygon": lambda path: Polygon(((_run(path),),)),
    "line": lambda path: Polyline(_run(path)),
    "keypoints": _keypoints,
    "cuboid": _cuboid,
}
"""Type of a row on Nucleus to what makes our geometry of its shape."""
