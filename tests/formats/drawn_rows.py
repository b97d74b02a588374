"""Strategies for rows that go through a file and back, and how they are compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from hypothesis import strategies as st

from dragoman import Box, Label, Point, Polygon, Polyline, Prediction, RotatedBox, Whole

numbers = st.integers(-1_000_000, 1_000_000).map(lambda thousandths: thousandths / 1000)
"""Positions in pixels, to a thousandth."""
sizes = st.integers(0, 1_000_000).map(lambda thousandths: thousandths / 1000)
pairs = st.tuples(numbers, numbers)


def flat(vertices: Iterable[tuple[float, float]]) -> tuple[float, ...]:
    return tuple(number for vertex in vertices for number in vertex)


SHAPES: dict[str, st.SearchStrategy[Any]] = {
    "box": st.builds(Box, numbers, numbers, sizes, sizes),
    "rotated_box": st.builds(RotatedBox, numbers, numbers, sizes, sizes, st.integers(-360, 360)),
    "polygon": st.lists(pairs, min_size=3, max_size=6).map(Polygon.of),
    "polyline": st.lists(pairs, min_size=2, max_size=6).map(flat).map(Polyline),
    "point": st.builds(Point, numbers, numbers),
    "whole": st.just(Whole()),
}


def rows_of(**values: Any) -> st.SearchStrategy[list[Label]]:
    """Labels and predictions with the values drawn from these strategies, each id once."""
    confidence = st.none() | st.sampled_from((0.0, 1.0)) | st.floats(0, 1)
    one = st.builds(Label, **values) | st.builds(Prediction, confidence=confidence, **values)
    return st.lists(one, max_size=5, unique_by=lambda row: row.id)


@st.composite
def moments(draw: st.DrawFn) -> dict[str, Any]:
    """Any moment at all: tracks with gaps, overlaps, and keyframes of all interpolations."""
    start, length = draw(st.integers(0, 12)), draw(st.integers(0, 6))
    kind = draw(st.sampled_from(("always", "frame", "span", "key", "key", "key")))
    moment: dict[str, Any] = {"track_id": draw(st.sampled_from((None, "1", "herd")))}
    if kind in ("frame", "key"):
        moment["frame"] = draw(st.integers(start, start + length))
    if kind in ("span", "key"):
        moment["span"] = (start, start + length)
    if kind == "key":
        moment["interpolation"] = draw(st.sampled_from(("linear", "linear", "hold", "none")))
    return moment


def comparable(rows: Iterable[Label]) -> list[str]:
    """Rows as texts in an order of their own, so that two files can be compared."""
    return sorted(f"{type(row).__name__} {msgspec.json.encode(row, order='sorted').decode()}" for row in rows)
