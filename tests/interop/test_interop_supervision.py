"""Rows become `supervision.Detections` and come back."""

from __future__ import annotations

import numpy as np
import pytest
import supervision as sv
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import InvalidData
from dragoman.interop.supervision import from_detections, to_detections
from dragoman.schema import Box, Item, Label, Mask, Point, Polygon, Prediction, RotatedBox

ITEM = Item("i", width=20, height=10)
CLASSES = ("cat", "dog")
places = st.integers(0, 9).map(float)
boxes = st.builds(Box, places, places, places, places)
masks = st.just(Mask(10, 20, (15, 3, 182)))
triangles = st.just(Polygon.of([(1, 1), (8, 1), (8, 6)]))
turned = st.builds(RotatedBox, places, places, places, places, st.sampled_from([0.0, 30.0]))


@st.composite
def row(draw: st.DrawFn) -> Label:
    common = {"geometry": draw(st.one_of(boxes, masks, triangles, turned)), "attributes": {"x": 1}, "track_id": "4"}
    feature = draw(st.sampled_from(CLASSES))
    if draw(st.booleans()):
        return Label("i", feature, **common)
    return Prediction("i", feature, **common, confidence=draw(st.none() | st.floats(0, 1)))


@given(st.lists(row(), max_size=5))
def test_rows_come_back_as_they_were(rows: list[Label]) -> None:
    detections = to_detections(rows, CLASSES, ITEM)
    assert len(detections) == len(rows)
    again = list(from_detections(detections, CLASSES, ITEM))
    assert again == rows
    assert [type(row) for row in again] == [type(row) for row in rows]


def test_detections_say_what_supervision_expects() -> None:
    rows = [
        Prediction("i", "dog", Box(1, 2, 3, 4), confidence=0.0, track_id="7"),
        Prediction("i", "cat", Polygon.of([(0, 0), (4, 0), (4, 4), (0, 4)]), confidence=0.5, track_id="8"),
    ]
    detections = to_detections(rows, CLASSES, ITEM)
    assert detections.xyxy.tolist() == [[1, 2, 4, 6], [0, 0, 4, 4]]
    assert detections.confidence.tolist() == [0.0, 0.5]
    assert detections.class_id.tolist() == [1, 0]
    assert detections.tracker_id.tolist() == [7, 8]
    assert detections.data["class_name"].tolist() == ["dog", "cat"]
    assert detections.mask.sum(axis=(1, 2)).tolist() == [12, 16]


def test_filtered_detections_come_back() -> None:
    rows = [Prediction("i", "cat", Box(n, 0, 1, 1), confidence=n / 10) for n in range(10)]
    detections = to_detections(rows, CLASSES, ITEM)
    assert list(from_detections(detections[detections.confidence >= 0.5], CLASSES, ITEM)) == rows[5:]


def test_detections_of_a_model_become_predictions() -> None:
    detections = sv.Detections(
        xyxy=np.array([[1.0, 2.0, 4.0, 6.0]]),
        confidence=np.array([0.25]),
        class_id=np.array([1]),
        tracker_id=np.array([3]),
    )
    (found,) = from_detections(detections, CLASSES, ITEM)
    assert found == Prediction("i", "dog", Box(1, 2, 3, 4), found.id, confidence=0.25, track_id="3")


def test_masks_and_turned_boxes_of_a_model_are_not_flattened() -> None:
    pixels = np.zeros((1, 10, 20), bool)
    pixels[0, 2:5, 3] = True
    (mask,) = from_detections(
        sv.Detections(xyxy=np.array([[3.0, 2, 4, 5]]), mask=pixels, class_id=np.array([0])), CLASSES, ITEM
    )
    assert mask.geometry == Mask(10, 20, (32, 3, 165))
    turned = RotatedBox(8, 5, 4, 2, 30)
    made = to_detections([Label("i", "cat", turned)], CLASSES, ITEM)
    del made.data["dragoman"]
    (found,) = from_detections(made, CLASSES, ITEM)
    assert isinstance(found.geometry, RotatedBox)
    assert (found.geometry.width, found.geometry.height, found.geometry.angle) == pytest.approx((4, 2, 30))


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (Label("other", "cat", Box(1, 2, 3, 4)), "item"),
        (Label("i", "cow", Box(1, 2, 3, 4)), "feature"),
        (Label("i", "cat", Point(1, 2)), "geometry"),
        (Label("i", "cat", Mask(2, 2, (1, 3))), "geometry"),
    ],
)
def test_what_detections_cannot_hold_is_refused(row: Label, field: str) -> None:
    with pytest.raises(InvalidData) as caught:
        to_detections([row], CLASSES, ITEM)
    assert (caught.value.row, caught.value.field) == (0, field)


def test_a_class_without_a_name_is_refused() -> None:
    detections = sv.Detections(xyxy=np.array([[1.0, 2.0, 4.0, 6.0]]), class_id=np.array([2]))
    with pytest.raises(InvalidData, match="class 2 has no name"):
        list(from_detections(detections, CLASSES, ITEM))
