"""The outline of an ellipse, which has no geometry of its own: a polygon, beside which formats keep its numbers."""

from __future__ import annotations

from math import cos, pi, radians, sin

from dragoman.formats.common.numbers import pixel
from dragoman.schema import Polygon

_VERTICES = 64


def outline(cx: float, cy: float, rx: float, ry: float, angle: float) -> Polygon:
    """Return the polygon of an ellipse by its centre and radii in pixels.

    Args:
        cx: Centre from the left.
        cy: Centre from the top.
        rx: Radius to the right, before the turn.
        ry: Radius downwards, before the turn.
        angle: Degrees clockwise about the centre.
    """
    turn = radians(angle)
    ring: list[float] = []
    for step in range(_VERTICES):
        x, y = rx * cos(2 * pi * step / _VERTICES), ry * sin(2 * pi * step / _VERTICES)
        ring += (pixel(cx + x * cos(turn) - y * sin(turn)), pixel(cy + x * sin(turn) + y * cos(turn)))
    return Polygon(((tuple(ring),),))
