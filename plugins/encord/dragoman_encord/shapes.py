"""Pure translation between our geometries and Encord's. No network.

Encord's coordinates are fractions of the image, except for bitmasks. A fraction times a width is not always the number
that was divided, so what is read is rounded to a billionth of a pixel: numbers with up to nine decimals, and below a
million, come back as they were. For others the codec keeps the original in its note.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import chain, count, cycle
from operator import truediv
from typing import Any

import msgspec

from dragoman.errors import InvalidData, PlatformError
from dragoman.formats.coco.category import Skeleton
from dragoman.schema import (
    Box,
    Geometry,
    Keypoint,
    Keypoints,
    Mask,
    Point,
    Polygon,
    Polyline,
    RotatedBox,
)
from dragoman_encord.bitmask import packed, unpacked
from dragoman_encord.skeletons import edges_by_name
from dragoman_encord.structure import Thing

Json = dict[str, Any]
DECIMALS = 9
GRID = 10.0**DECIMALS
"""What is read lies on a grid of so many parts of a pixel."""
ROUNDING = 1.5 * 2.0**52
"""To add this and to take it away again rounds a number below 2**51 to a whole one, as doubles have 53 digits."""
LARGEST = 1e6
"""Pixels below which a number on that grid survives the way through fractions."""
ROUND = 72
"""Corners of the polygon that a circle or an ellipse is read as."""
SHAPE_KEYS = (
    "boundingBox",
    "rotatableBoundingBox",
    "polygons",
    "polygon",
    "polyline",
    "point",
    "skeleton",
    "bitmask",
    "circle",
    "ellipse",
)
"""Keys under which an entry says its shape."""
VISIBILITY = {2: "visible", 1: "occluded", 0: "invisible"}
SEEN = {"visible": 2, "occluded": 1, "selfOccluded": 1, "invisible": 0}

# -- out --------------------------------------------------------------------------------------------------------------


def _box(box: Box, w: int, h: int, thing: Thing) -> Json:
    return {"boundingBox": {"x": box.x / w, "y": box.y / h, "w": box.width / w, "h": box.height / h}}


def _rotated(box: RotatedBox, w: int, h: int, thing: Thing) -> Json:
    # The corner is that of the box before it is turned about its centre.
    corner = {"x": (box.cx - box.width / 2) / w, "y": (box.cy - box.height / 2) / h}
    return {"rotatableBoundingBox": {**corner, "w": box.width / w, "h": box.height / h, "theta": box.angle}}


def _fractions(run: tuple[float, ...], w: int, h: int) -> list[float]:
    return list(map(truediv, run, cycle((w, h))))


class _Vertex(msgspec.Struct, gc=False):
    """A corner of a polygon; dictionaries would take twice as long, and polygons have many."""

    x: float
    y: float


def _numbered(run: list[float]) -> Json:
    names, numbers = chain(_NAMES, map(str, count(len(_NAMES)))), iter(run)
    return dict(zip(names, map(_Vertex, numbers, numbers), strict=False))


_NAMES = tuple(map(str, range(1000)))
"""Names of vertices; to make them anew takes as long as all else about a polygon's vertices."""


def _polygon(polygon: Polygon, w: int, h: int, thing: Thing) -> Json:
    parts = [[_fractions(ring, w, h) for ring in rings] for rings in polygon.parts]
    return {"polygon": _numbered(parts[0][0]), "polygons": parts}


def _keypoints(keypoints: Keypoints, w: int, h: int, thing: Thing) -> Json:
    given, known = Skeleton.of(keypoints), thing.skeleton or Skeleton(())
    # Only the note tells what a row lacks of the skeleton: Encord has all points, those as not labelled, and all edges.
    names, edges = set(given.names), edges_by_name(given)
    if not names <= set(known.names) or (thing.note is None and len(names) < len(known.names)):
        raise InvalidData(
            f"The skeleton {thing.name!r} has the points {', '.join(known.names)}.", field="geometry.points"
        )
    if not edges <= edges_by_name(known) or (thing.note is None and edges and edges != edges_by_name(known)):
        raise InvalidData(f"The skeleton {thing.name!r} joins other points.", field="geometry.skeleton")
    by_name = {name: Keypoint(name, None, None, 0) for name in known.names}
    by_name |= {point.name: point for point in keypoints.points}
    return {"skeleton": {str(n): _joint(by_name[at["name"]], at, w, h) for n, at in enumerate(thing.joints)}}


def _joint(point: Keypoint, at: Json, w: int, h: int) -> Json:
    if (point.x is None or point.y is None) and point.visibility:
        raise InvalidData(f"The keypoint {point.name!r} is labelled and has no position.", field="geometry.points")
    return {
        "x": (point.x or 0.0) / w,
        "y": (point.y or 0.0) / h,
        "name": point.name,
        "featureHash": at["featureHash"],
        "color": at.get("color"),
        "value": at.get("value"),
        "visibility": VISIBILITY[point.visibility],
    }


def _mask(mask: Mask, w: int, h: int, thing: Thing) -> Json:
    if (mask.width, mask.height) != (w, h):
        raise InvalidData(
            f"The mask is {mask.width} x {mask.height} and its image {w} x {h}; Encord takes masks of whole images.",
            field="geometry",
        )
    return {"bitmask": {"top": 0, "left": 0, "height": h, "width": w, "rleString": packed(mask)}}


_OUT: dict[type[Geometry], Callable[[Any, int, int, Thing], Json]] = {
    Box: _box,
    RotatedBox: _rotated,
    Polygon: _polygon,
    Polyline: lambda line, w, h, _: {"polyline": _numbered(_fractions(line.vertices, w, h))},
    Point: lambda point, w, h, _: {"point": {"0": {"x": point.x / w, "y": point.y / h}}},
    Keypoints: _keypoints,
    Mask: _mask,
}


def shape_out(geometry: Geometry, width: int, height: int, thing: Thing) -> Json:
    """Return a geometry under the key that Encord has it under.

    Args:
        geometry: Ours, in pixels.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        thing: The object in the ontology.

    Raises:
        InvalidData: The image has no place for it.
    """
    return _OUT[type(geometry)](geometry, width, height, thing)


def comes_back(geometry: Geometry, made: Json, width: int, height: int, thing: Thing) -> bool:
    """Return whether what `shape_out` has made of a geometry is read as that geometry again."""
    # Most shapes have few digits, and a look at those takes a tenth of the time of reading a polygon back.
    if (runs := _RUNS.get(type(geometry))) and all(map(_is_short, runs(geometry))):
        return True
    return bool(shape_in(msgspec.to_builtins(made), width, height, thing) == geometry)


_RUNS: dict[type[Geometry], Callable[[Any], Iterable[tuple[float, ...]]]] = {
    Box: lambda box: ((box.x, box.y, box.width, box.height),),
    Polygon: lambda polygon: chain.from_iterable(polygon.parts),
}
"""The numbers of the shapes that are many."""


def _is_short(run: tuple[float, ...]) -> bool:
    """Return whether all numbers are below `LARGEST` and have no more than `DECIMALS`, so that reading rounds to them.

    A fraction times its divisor is off by two roundings at most, 2.3e-10 of a pixel below a million: less than the half
    of a billionth beyond which rounding would miss.
    """
    # A plain loop: to gather the rounded numbers, or the least and the largest, takes half as long again.
    for number in run:
        if (number * GRID + ROUNDING - ROUNDING) / GRID != number or not -LARGEST < number < LARGEST:
            return False
    return True


# -- in ---------------------------------------------------------------------------------------------------------------


def _pixels(run: list[float], w: int, h: int) -> tuple[float, ...]:
    return tuple(round(number * (h if position % 2 else w), DECIMALS) for position, number in enumerate(run))


def _listed(points: Any) -> list[float]:
    """Return points as a flat run; Encord has them as a list or by number."""
    ordered = points if isinstance(points, list) else [points[key] for key in sorted(points, key=int)]
    return [number for point in ordered for number in (point["x"], point["y"])]


def _read_box(entry: Json, w: int, h: int, thing: Thing) -> Box:
    box = entry["boundingBox"]
    return Box(
        round(box["x"] * w, DECIMALS),
        round(box["y"] * h, DECIMALS),
        round(box["w"] * w, DECIMALS),
        round(box["h"] * h, DECIMALS),
    )


def _read_rotated(entry: Json, w: int, h: int, thing: Thing) -> RotatedBox:
    box = entry["rotatableBoundingBox"]
    return RotatedBox(
        round((box["x"] + box["w"] / 2) * w, DECIMALS),
        round((box["y"] + box["h"] / 2) * h, DECIMALS),
        round(box["w"] * w, DECIMALS),
        round(box["h"] * h, DECIMALS),
        box["theta"],
    )


def _read_polygon(entry: Json, w: int, h: int, thing: Thing) -> Polygon:
    # `polygon` repeats only the first outer ring; where the two disagree, `polygons` holds.
    parts = entry.get("polygons") or [[_listed(entry["polygon"])]]
    return Polygon(tuple(tuple(_pixels(ring, w, h) for ring in rings) for rings in parts))


def _read_point(entry: Json, w: int, h: int, thing: Thing) -> Point:
    return Point(*_pixels(_listed(entry["point"]), w, h))


def _read_keypoints(entry: Json, w: int, h: int, thing: Thing) -> Keypoints:
    joints = entry["skeleton"]
    points = tuple(_read_joint(joints[key], w, h) for key in sorted(joints, key=int))
    return Keypoints(points, thing.skeleton.edges if thing.skeleton else ())


def _read_joint(joint: Json, w: int, h: int) -> Keypoint:
    named = joint.get("visibility") or next((name for name in SEEN if joint.get(name)), "visible")
    seen = SEEN[named]
    if not seen and not joint["x"] and not joint["y"]:
        return Keypoint(joint["name"], None, None, 0)
    return Keypoint(joint["name"], round(joint["x"] * w, DECIMALS), round(joint["y"] * h, DECIMALS), seen)


def _read_mask(entry: Json, w: int, h: int, thing: Thing) -> Mask:
    mask = entry["bitmask"]
    return unpacked(mask["rleString"], mask["height"], mask["width"])


def _read_circle(entry: Json, w: int, h: int, thing: Thing) -> Polygon:
    circle = entry["circle"]
    radius = circle["r"] * w
    return _round(circle, radius, radius * (circle.get("stretch") or 1.0), w, h)


def _read_ellipse(entry: Json, w: int, h: int, thing: Thing) -> Polygon:
    ellipse = entry["ellipse"]
    return _round(ellipse, ellipse["rx"] * w, ellipse["ry"] * h, w, h)


def _round(at: Json, rx: float, ry: float, w: int, h: int) -> Polygon:
    turn = math.radians(at.get("theta") or 0.0)
    cos, sin = math.cos(turn), math.sin(turn)
    run: list[float] = []
    for corner in range(ROUND):
        angle = 2 * math.pi * corner / ROUND
        dx, dy = rx * math.cos(angle), ry * math.sin(angle)
        run += (at["x"] * w + dx * cos - dy * sin, at["y"] * h + dx * sin + dy * cos)
    return Polygon(((tuple(round(number, DECIMALS) for number in run),),))


_IN: dict[str, Callable[[Json, int, int, Thing], Geometry]] = {
    "bounding_box": _read_box,
    "rotatable_bounding_box": _read_rotated,
    "polygon": _read_polygon,
    "polyline": lambda entry, w, h, _: Polyline(_pixels(_listed(entry["polyline"]), w, h)),
    "point": _read_point,
    "skeleton": _read_keypoints,
    "bitmask": _read_mask,
    "circle": _read_circle,
    "ellipse": _read_ellipse,
}


def shape_in(entry: Json, width: int, height: int, thing: Thing) -> Any:
    """Return the geometry of a frame object.

    Raises:
        PlatformError: It is of a shape that has no counterpart.
    """
    read = _IN.get(thing.shape)
    if read is None:
        raise PlatformError(f"Encord holds a {thing.shape} of {thing.name!r}, which is not read yet.")
    return read(entry, width, height, thing)
