"""Difficult values: strings, numbers and shapes that careless code loses, all inside an image of `WIDTH` x `HEIGHT`."""

from __future__ import annotations

import struct
import zlib

from dragoman.schema import (
    AnyGeometry,
    Box,
    Cuboid,
    Keypoint,
    Keypoints,
    Mask,
    Point,
    Polygon,
    Polyline,
    RotatedBox,
    Whole,
)

WIDTH, HEIGHT = 64, 48

STRINGS = (
    "a/b?c#d e%20",
    "line\u2028separator",
    "tab\tand 'quotes' \"both\"",
    "Größe 猫 🦊",
    "{not: json}",
    "NULL",
    "0",
)
"""Keys, names and values."""

METADATA = {"text": "Größe\u2028🦊", "zero": 0, "false": False, "number": 1.5, "nested": {"list": [1, "two", None]}}

GEOMETRIES: dict[str, tuple[AnyGeometry, ...]] = {
    "box": (Box(0, 0, WIDTH, HEIGHT), Box(1.25, 2.5, 30.125, 0.5), Box(10, 10, 20, 20)),
    "rotated_box": (RotatedBox(32, 24, 20, 10, 30), RotatedBox(30.5, 20.25, 8, 16, 275)),
    "polygon": (
        Polygon.of([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT)]),
        Polygon.of([(1.5, 1.25), (20, 3), (18.75, 30), (4, 22), (9, 11)]),
    ),
    "polygon with holes": (Polygon((((5, 5, 45, 5, 45, 40, 5, 40), (15, 15, 25, 15, 25, 25, 15, 25)),)),),
    "polygon of parts": (Polygon((((2, 2, 12, 2, 12, 12, 2, 12),), ((30, 20, 50, 20, 50, 40, 30, 40),))),),
    "polyline": (Polyline((0, 0, 5.5, 9.25, 60, 47)),),
    "point": (Point(0, 0), Point(31.5, 17.25)),
    "keypoints": (
        Keypoints(
            (Keypoint("nose", 10, 11.5, 2), Keypoint("left ear", 4, 8, 1), Keypoint("right ear", None, None, 0)),
            ((0, 1), (0, 2)),
        ),
    ),
    "mask": (
        Mask(HEIGHT, WIDTH, (HEIGHT * 10 + 5, 12, 36, 12, HEIGHT * WIDTH - HEIGHT * 10 - 5 - 60)),
        Mask(HEIGHT, WIDTH, (0, HEIGHT * WIDTH)),
    ),
    "cuboid": (Cuboid((1, 2.5, -3), (4, 2, 1.5), (0.5, 0.5, 0.5, 0.5)),),
    "whole": (Whole(),),
}
"""Form of geometry (`Geometry.form`) to examples; together they are all forms."""


def feature_of(form: str) -> str:
    """Return the name of the feature that the kit gives to annotations of a form; some platforms bind the two."""
    return f"a {form.replace('_', ' ')}"


def png(shade: int) -> bytes:
    """Return a grey PNG image of `WIDTH` x `HEIGHT`, made without any image library (W3C PNG, second edition)."""
    rows = (b"\x00" + bytes([shade % 256]) * WIDTH) * HEIGHT

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
