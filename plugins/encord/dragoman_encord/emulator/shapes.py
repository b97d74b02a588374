"""Geometry of the emulated inference, in fractions of the image: rings, their boxes and their simplification."""

from __future__ import annotations

from math import hypot
from typing import Any

Point = tuple[float, float]
Ring = list[Point]


def ring_of(entry: dict[str, Any]) -> Ring | None:
    """Return the outline of a label's box or of its first polygon, None for other shapes."""
    if box := entry.get("boundingBox"):
        x, y, w, h = (box[name] for name in "xywh")
        return [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
    if polygons := entry.get("polygons"):
        outer = polygons[0][0]
        return list(zip(outer[::2], outer[1::2], strict=True))
    return None


def bounds(ring: Ring) -> tuple[float, float, float, float]:
    """Return the box around a ring: x, y, width, height."""
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def moved(ring: Ring, dx: float, dy: float) -> Ring:
    """Return a ring moved by fractions of its own size, but not out of the image."""
    x, y, w, h = bounds(ring)
    across = min(max(dx * w, -x), max(1 - x - w, 0.0))
    down = min(max(dy * h, -y), max(1 - y - h, 0.0))
    return [(px + across, py + down) for px, py in ring]


def overlap(one: Ring, other: Ring) -> float:
    """Return the intersection over union of the boxes of two rings."""
    ax, ay, aw, ah = bounds(one)
    bx, by, bw, bh = bounds(other)
    width = min(ax + aw, bx + bw) - max(ax, bx)
    height = min(ay + ah, by + bh) - max(ay, by)
    shared = max(width, 0.0) * max(height, 0.0)
    union = aw * ah + bw * bh - shared
    return shared / union if union else 0.0


def simplified(ring: Ring, tolerance: float) -> Ring:
    """Return a ring with fewer points, none of those left out further than `tolerance` away (Douglas and Peucker)."""
    fewer = _simplified(ring, tolerance)
    return fewer if len(fewer) > 2 else ring


def _simplified(ring: Ring, tolerance: float) -> Ring:
    if len(ring) < 3:
        return ring
    (x0, y0), (x1, y1) = ring[0], ring[-1]
    length = hypot(x1 - x0, y1 - y0) or 1.0
    distances = [abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length for x, y in ring[1:-1]]
    farthest = max(range(len(distances)), key=distances.__getitem__) + 1
    if distances[farthest - 1] <= tolerance:
        return [ring[0], ring[-1]]
    return _simplified(ring[: farthest + 1], tolerance)[:-1] + _simplified(ring[farthest:], tolerance)
