"""Rows become `supervision.Detections` and come back."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import supervision as sv
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import InvalidData
from dragoman.interop.supervision import from_detections, to_detections
from dragoman.schema import Box, Item, Label, Mask, Point, Polygon, Prediction, Provenance, RotatedBox

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


MORE = {"attributes": {"x": 1}, "metadata": {"y": [2]}, "provenance": Provenance("cvat", id="9")}


def sure(geometry: Box | Mask | Polygon | RotatedBox, confidence: float = 0.9) -> Prediction:
    return Prediction("i", "cat", geometry, id="mine", confidence=confidence, **MORE)


def read_one(detections: sv.Detections, item: Item = ITEM) -> Label:
    (found,) = from_detections(detections, CLASSES, item)
    return found


def test_the_tracks_of_a_tracker_win_over_the_rows() -> None:
    rows = [Label("i", "cat", Box(1, 2, 3, 4), track_id="4", **MORE), Label("i", "dog", Box(5, 2, 3, 4))]
    detections = to_detections(rows, CLASSES, ITEM)
    detections.tracker_id = np.array([7, 8])

    found = list(from_detections(detections, CLASSES, ITEM))

    assert found == [msgspec.structs.replace(row, track_id=track) for row, track in zip(rows, "78", strict=True)]


@pytest.mark.parametrize("track", ["007", "9223372036854775809", "0190b2f0-first"])
def test_tracks_that_no_array_holds_exactly_come_back(track: str) -> None:
    rows = [Label("i", "cat", Box(1, 2, 3, 4), track_id=one) for one in (track, "1")]

    assert list(from_detections(to_detections(rows, CLASSES, ITEM), CLASSES, ITEM)) == rows


def test_what_was_changed_in_the_arrays_wins_and_all_else_of_the_row_stays() -> None:
    detections = to_detections([sure(Box(1, 2, 3, 4))], CLASSES, ITEM)
    detections.xyxy += 5
    detections.class_id[:] = 1
    detections.confidence[:] = 0.25

    found = read_one(detections)

    assert found == Prediction("i", "dog", Box(6, 7, 3, 4), id="mine", confidence=0.25, **MORE)


def test_a_class_that_was_changed_by_its_name_wins() -> None:
    detections = to_detections([sure(Box(1, 2, 3, 4))], CLASSES, ITEM)
    detections.data["class_name"][0] = "dog"

    assert read_one(detections).feature == "dog"


def test_a_label_that_got_a_confidence_is_a_prediction() -> None:
    label = Label("i", "cat", Box(1, 2, 3, 4), id="mine", **MORE)
    detections = to_detections([label], CLASSES, ITEM)
    detections.confidence = np.array([0.5])

    assert read_one(detections) == sure(Box(1, 2, 3, 4), 0.5)


def test_merged_detections_have_the_box_around_both() -> None:
    rows = [sure(Box(1, 2, 3, 4)), Prediction("i", "cat", Box(2, 2, 3, 4), confidence=0.8)]

    found = read_one(to_detections(rows, CLASSES, ITEM).with_nmm(0.3))

    assert (found.geometry, found.id, found.metadata) == (Box(1, 2, 4, 4), "mine", MORE["metadata"])


def test_masks_that_were_made_of_boxes_win_over_them() -> None:
    detections = to_detections([sure(Box(1, 2, 3, 4))], CLASSES, ITEM)
    detections.mask = np.zeros((1, 10, 20), bool)
    detections.mask[0, 2:5, 3] = True

    assert read_one(detections) == sure(Mask(10, 20, (32, 3, 165)))


@pytest.mark.parametrize("geometry", [Mask(10, 20, (15, 3, 182)), Polygon.of([(1, 1), (8, 1), (8, 6)])])
def test_a_shape_changes_with_its_mask_and_not_with_its_box(geometry: Mask | Polygon) -> None:
    detections = to_detections([sure(geometry)], CLASSES, ITEM)
    detections.xyxy += 0.5
    assert read_one(detections) == sure(geometry)

    detections.mask[0] = False
    detections.mask[0, 2:5, 3] = True
    assert read_one(detections) == sure(Mask(10, 20, (32, 3, 165)))


def test_a_box_beside_masks_stays_a_box_when_it_moves() -> None:
    rows = [sure(Box(1, 2, 3, 4)), sure(Mask(10, 20, (15, 3, 182)))]
    detections = to_detections(rows, CLASSES, ITEM)
    detections.xyxy[0] += 2
    assert [row.geometry for row in from_detections(detections, CLASSES, ITEM)] == [Box(3, 4, 3, 4), rows[1].geometry]

    detections.mask[0] = False
    detections.mask[0, 4:8, 3:6] = True
    assert [row.geometry for row in from_detections(detections, CLASSES, ITEM)] == [Box(3, 4, 3, 4), rows[1].geometry]


def test_a_turned_box_stays_one_when_its_corners_move() -> None:
    detections = to_detections([sure(RotatedBox(8, 5, 4, 2, 30))], CLASSES, ITEM)
    detections.data["xyxyxyxy"] = detections.data["xyxyxyxy"] + 1

    found = read_one(detections).geometry

    assert isinstance(found, RotatedBox)
    assert (found.cx, found.cy, found.angle) == pytest.approx((9, 6, 30))


@given(st.lists(row(), max_size=5))
def test_rounding_to_float32_is_no_change(rows: list[Label]) -> None:
    detections = to_detections(rows, CLASSES, ITEM)
    detections.xyxy = (detections.xyxy + 0.0).astype(np.float32)
    if detections.confidence is not None:
        detections.confidence = detections.confidence.astype(np.float32)
    if "xyxyxyxy" in detections.data:
        detections.data["xyxyxyxy"] = detections.data["xyxyxyxy"].astype(np.float32)

    assert list(from_detections(detections, CLASSES, ITEM)) == rows


def test_rows_of_another_item_are_copies_with_ids_of_their_own() -> None:
    rows = [Label("i", "cat", Box(1, 2, 3, 4), id=name, **MORE) for name in ("one", "two")]
    detections = to_detections(rows, CLASSES, ITEM)

    found = list(from_detections(detections, CLASSES, Item("other", width=20, height=10)))

    assert [msgspec.structs.replace(row, item="i", id=was.id) for row, was in zip(found, rows, strict=True)] == rows
    assert {row.item for row in found} == {"other"}
    assert len({row.id for row in (*found, *rows)}) == 4
    assert found == list(from_detections(detections, CLASSES, Item("other")))


def test_arrays_that_are_gone_change_nothing() -> None:
    rows = [sure(Mask(10, 20, (15, 3, 182)))]
    detections = to_detections(rows, CLASSES, ITEM)
    detections.mask = detections.confidence = detections.class_id = None
    del detections.data["class_name"]

    assert list(from_detections(detections, CLASSES, ITEM)) == rows


def test_a_change_that_no_row_can_have_is_refused_with_its_detection() -> None:
    detections = to_detections([sure(Box(1, 2, 3, 4))] * 2, CLASSES, ITEM)
    detections.confidence[1] = 7

    with pytest.raises(InvalidData) as caught:
        list(from_detections(detections, CLASSES, ITEM))

    assert (caught.value.row, caught.value.field) == (1, "confidence")


def test_detections_of_a_model_become_predictions() -> None:
    detections = sv.Detections(
        xyxy=np.array([[1.0, 2.0, 4.0, 6.0]]),
        confidence=np.array([0.25]),
        class_id=np.array([1]),
        tracker_id=np.array([3]),
    )
    (found,) = from_detections(detections, CLASSES, ITEM)
    assert found == Prediction("i", "dog", Box(1, 2, 3, 4), found.id, confidence=0.25, track_id="3")


def test_minus_one_is_no_track() -> None:
    boxes = np.array([[1.0, 2.0, 4.0, 6.0]] * 3)
    found = from_detections(
        sv.Detections(xyxy=boxes, class_id=np.array([0, 0, 1]), tracker_id=np.array([-1, 0, -1])), CLASSES, ITEM
    )
    assert [row.track_id for row in found] == [None, "0", None]
    kept = to_detections([sure(Box(1, 2, 3, 4))], CLASSES, ITEM)
    kept.tracker_id = np.array([-1])
    assert [row.track_id for row in from_detections(kept, CLASSES, ITEM)] == [None]


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
