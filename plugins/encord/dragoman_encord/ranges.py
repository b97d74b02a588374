"""Ranges of frames, both ends included, as Encord has them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Json = dict[str, Any]


def without(actions: Iterable[Json], frames: Iterable[int]) -> Iterator[Json]:
    """Yield actions without the ranges on some frames."""
    gone = set(frames)
    for action in actions:
        left = [f for first, last in action["range"] for f in range(first, last + 1) if f not in gone]
        if left:
            yield {**action, "range": list(ranges(left))}


def ranges(frames: Iterable[int]) -> Iterator[list[int]]:
    """Yield sorted frames as inclusive ranges."""
    start = previous = None
    for frame in sorted(frames):
        if previous is not None and frame == previous + 1:
            previous = frame
            continue
        if start is not None and previous is not None:
            yield [start, previous]
        start = previous = frame
    if start is not None and previous is not None:
        yield [start, previous]
