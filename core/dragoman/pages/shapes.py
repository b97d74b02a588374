"""Geometries as SVG paths, and images as data URIs."""

from __future__ import annotations

import base64
import mimetypes
import urllib.request
from typing import Any

from dragoman.errors import DragomanError
from dragoman.links import NOT_TO_BE_HAD, REMOTE, address
from dragoman.media import path_at
from dragoman.schema import AnyGeometry, Keypoints, Point, Polygon, Polyline

LARGEST_IMAGE = 4 << 20
"""Bytes of an image beyond which it is not put into a page."""
PATIENCE = 10.0
"""Seconds to wait for an image."""
DOT = 1.5
"""Radius of a point in pixels of the image."""

_Lines = list[tuple[tuple[float, ...], bool]]
"""Flat coordinates of lines, each with whether it is closed."""


def path_of(geometry: AnyGeometry) -> str:
    """Return a geometry as SVG path data; empty for one that has no shape."""
    parts = []
    for line, closed in _outline(geometry):
        corners = [f"{x:g} {y:g}" for x, y in zip(line[::2], line[1::2], strict=True)]
        parts.append("M" + "L".join(corners) + ("Z" if closed else ""))
    return "".join(parts)


def extent(*geometries: AnyGeometry) -> tuple[float, float]:
    """Return the width and height in pixels that geometries reach to; 1 x 1 for none."""
    flat = [line for geometry in geometries for line, _ in _outline(geometry)]
    return max((max(x[::2]) for x in flat), default=1.0), max((max(x[1::2]) for x in flat), default=1.0)


def data_uri(uri: str | None) -> str | None:
    """Return an image as a data URI, or None where it cannot be had or is too large."""
    kind = mimetypes.guess_type((uri or "").partition("?")[0])[0]
    if uri is None or kind is None or not kind.startswith("image/"):
        return None
    try:
        if uri.startswith(REMOTE):
            with urllib.request.urlopen(address(uri), timeout=PATIENCE) as answer:
                content = answer.read(LARGEST_IMAGE + 1)
        else:
            with path_at(uri).open("rb") as file:
                content = file.read(LARGEST_IMAGE + 1)
    except NOT_TO_BE_HAD:
        # What is no address at all is nothing that can be had, either.
        return None
    if len(content) > LARGEST_IMAGE:
        return None
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _outline(geometry: AnyGeometry) -> _Lines:
    if isinstance(geometry, Polyline):
        return [(tuple(geometry.vertices), False)]
    if isinstance(geometry, Point):
        return [_dot(geometry.x, geometry.y)]
    if isinstance(geometry, Keypoints):
        return [_dot(p.x, p.y) for p in geometry.points if p.x is not None and p.y is not None]
    try:
        from dragoman.geometry import convert

        shape: Any = geometry if isinstance(geometry, Polygon) else convert(geometry, "polygon of parts")
    except (DragomanError, ImportError):
        return []
    return [(tuple(ring), True) for part in shape.parts for ring in part]


def _dot(x: float, y: float) -> tuple[tuple[float, ...], bool]:
    return (x - DOT, y, x, y - DOT, x + DOT, y, x, y + DOT), True
