"""Hypothesis strategies for every type of the data plane. Values are those that survive JSON exactly."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from dragoman import (
    Box,
    Cuboid,
    Item,
    Keypoint,
    Keypoints,
    Label,
    Mask,
    Point,
    Polygon,
    Polyline,
    Prediction,
    Provenance,
    RotatedBox,
    Whole,
)

numbers = st.floats(-1e6, 1e6)
sizes = st.floats(0, 1e6)
probabilities = st.floats(0, 1)

TRICKY = ("line\u2028separator", "paragraph\u2029", "a\nb\r\nc", "\x85", '"quoted"\\', "Größe", "猫", "🦊", " ")
"""Texts that break line-based or careless formats."""

texts = st.one_of(st.sampled_from(TRICKY), st.text(max_size=20))
names = texts.filter(bool)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=4,
)
metadata = st.dictionaries(texts, json_values, max_size=2)
attributes = st.dictionaries(texts, st.one_of(st.booleans(), st.integers(-(2**53), 2**53), numbers, texts), max_size=2)
"""Answers to a feature's attributes, as plain values."""

boxes = st.builds(Box, x=numbers, y=numbers, width=sizes, height=sizes)
rotated_boxes = st.builds(RotatedBox, cx=numbers, cy=numbers, width=sizes, height=sizes, angle=st.floats(-360, 360))
points = st.builds(Point, x=numbers, y=numbers)


def runs(least: int, most: int = 6) -> st.SearchStrategy[tuple[float, ...]]:
    """Flat vertices: x0, y0, x1, y1, ..."""
    pairs = st.lists(st.tuples(numbers, numbers), min_size=least, max_size=most)
    return pairs.map(lambda vertices: tuple(number for vertex in vertices for number in vertex))


polylines = st.builds(Polyline, vertices=runs(2))
polygons = st.builds(Polygon, parts=st.tuples(st.tuples(runs(3))))
polygons_with_holes = st.builds(Polygon, parts=st.tuples(st.tuples(runs(3), runs(3))))
polygons_of_parts = st.builds(
    Polygon, parts=st.lists(st.lists(runs(3), min_size=1, max_size=2).map(tuple), min_size=2, max_size=3).map(tuple)
)


@st.composite
def keypoints_of(draw: st.DrawFn) -> Keypoints:
    """Named points, some of them unseen and without a position, and a skeleton among them."""
    found = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    made = []
    for name in found:
        visibility = draw(st.sampled_from((0, 1, 2)))
        x, y = (None, None) if visibility == 0 else draw(st.tuples(numbers, numbers))
        made.append(Keypoint(name, x, y, visibility))
    ends = st.integers(0, len(found) - 1)
    return Keypoints(tuple(made), tuple(draw(st.lists(st.tuples(ends, ends), max_size=4))))


keypoints = keypoints_of()


@st.composite
def masks_of(draw: st.DrawFn) -> Mask:
    """Run lengths that add up to the mask's size."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    cuts = sorted(draw(st.lists(st.integers(0, height * width), max_size=8)))
    ends = [0, *cuts, height * width]
    counts = tuple(end - start for start, end in pairwise(ends))
    return Mask(height, width, counts)


masks = masks_of()
cuboids = st.builds(
    Cuboid,
    center=st.tuples(numbers, numbers, numbers),
    size=st.tuples(sizes, sizes, sizes),
    quaternion=st.tuples(*[st.floats(-1, 1)] * 4),
)
wholes = st.just(Whole())

BY_FORM = {
    "box": boxes,
    "rotated_box": rotated_boxes,
    "polygon": polygons,
    "polygon with holes": polygons_with_holes,
    "polygon of parts": polygons_of_parts,
    "polyline": polylines,
    "point": points,
    "keypoints": keypoints,
    "mask": masks,
    "cuboid": cuboids,
    "whole": wholes,
}
"""Form of geometry (`Geometry.form`) to its strategy; together they are all geometries."""

geometries = st.one_of(*BY_FORM.values())

provenances = st.builds(
    Provenance,
    platform=names,
    id=st.none() | names,
    author=st.none() | names,
    version=st.none() | names,
)
spans = st.tuples(st.integers(0, 1000), st.integers(0, 1000)).map(lambda pair: (min(pair), max(pair)))
moments = st.one_of(
    st.just({}),
    st.builds(lambda frame: {"frame": frame}, st.integers(0, 100_000)),
    st.builds(lambda span: {"span": span}, spans),
    st.builds(lambda span: {"span": span, "frame": span[1]}, spans),
)
"""When an annotation holds: always, on a frame, over a span, or at a keyframe of one."""
splits = st.sampled_from((None, "train", "validation", "test"))

items = st.builds(
    Item,
    key=names,
    id=texts,
    uri=st.none() | names,
    width=st.none() | st.integers(1, 100_000),
    height=st.none() | st.integers(1, 100_000),
    media=st.sampled_from(("image", "video")),
    frames=st.none() | st.integers(1, 100_000),
    frame_rate=st.none() | st.floats(0.1, 240),
    split=splits,
    metadata=metadata,
)


def labels_with(shapes: st.SearchStrategy = geometries) -> st.SearchStrategy[Label]:
    """Labels whose geometry is drawn from `shapes`; some have an id, others get one derived."""
    return st.builds(_label, moments, geometry=shapes, **_ROW)


def predictions_with(shapes: st.SearchStrategy = geometries) -> st.SearchStrategy[Prediction]:
    """Predictions whose geometry is drawn from `shapes`."""
    return st.builds(
        _prediction,
        moments,
        geometry=shapes,
        confidence=st.none() | st.sampled_from((0.0, 1.0)) | probabilities,
        class_pdf=st.none() | st.dictionaries(names, probabilities, max_size=3),
        **_ROW,
    )


def _label(moment: dict[str, Any], **values: Any) -> Label:
    return Label(**moment, **values)


def _prediction(moment: dict[str, Any], **values: Any) -> Prediction:
    return Prediction(**moment, **values)


_ROW: dict[str, st.SearchStrategy] = {
    "item": names,
    "feature": names,
    "id": texts,
    "track_id": st.none() | texts,
    "attributes": attributes,
    "metadata": metadata,
    "provenance": st.none() | provenances,
}

labels = labels_with()
predictions = predictions_with()
rows = st.one_of(labels, predictions)
