"""Rows become FiftyOne samples and come back, in memory: no database is started."""

from __future__ import annotations

import json
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

fiftyone = pytest.importorskip("fiftyone", reason="run `make test-fiftyone`")

from dragoman.errors import InvalidData  # noqa: E402
from dragoman.geometry import mask_of_array  # noqa: E402
from dragoman.interop.fiftyone import from_sample, to_sample  # noqa: E402
from dragoman.schema import (  # noqa: E402
    Box,
    Checklist,
    Cuboid,
    Item,
    Keypoint,
    Keypoints,
    Label,
    Mask,
    Number,
    Point,
    Polygon,
    Polyline,
    Prediction,
    Provenance,
    Radio,
    RotatedBox,
    Text,
    Whole,
)

ITEM = Item("i", width=20, height=10)
HEX = "0123456789abcdef01234567"

places = st.floats(-30, 50, allow_subnormal=False)
sizes = st.floats(0, 50, allow_subnormal=False)
vertices = st.tuples(places, places)
rings = st.lists(vertices, min_size=3, max_size=6).map(lambda held: tuple(n for vertex in held for n in vertex))
strings = st.text(max_size=8) | st.sampled_from(
    ["a.b", "$a", "_id", "label", "id", "tags", "mask", "\0", "naïve ✓", '"']
)
keypoint = st.builds(Keypoint, strings, st.none() | places, st.none() | places, st.sampled_from([0, 1, 2]))
geometries = st.one_of(
    st.just(Whole()),
    st.builds(Box, places, places, sizes, sizes),
    st.builds(RotatedBox, places, places, sizes, sizes, st.floats(-360, 360)),
    st.lists(st.booleans(), min_size=200, max_size=200).map(lambda held: mask_of_array(np.array(held).reshape(10, 20))),
    st.just(Mask(10, 20, (200,))),
    st.builds(Polygon, st.lists(st.lists(rings, min_size=1, max_size=2).map(tuple), min_size=1, max_size=3).map(tuple)),
    st.builds(Polyline, st.lists(vertices, min_size=2).map(lambda held: tuple(n for vertex in held for n in vertex))),
    st.builds(Point, places, places),
    st.lists(keypoint, min_size=1, max_size=4, unique_by=lambda one: one.name).map(lambda held: Keypoints(tuple(held))),
)
answers = st.one_of(
    st.none(),
    strings,
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.builds(Text, strings),
    st.builds(Number, st.floats(-9, 9)),
    st.just(Radio.of("red", {"dark": Text("yes")})),
    st.just(Checklist.of("a", "b")),
)
commons = st.fixed_dictionaries(
    {
        "item": st.just("i"),
        "feature": strings.filter(bool),
        "geometry": geometries,
        "id": st.sampled_from(["", "my id", HEX]),
        "track_id": st.none() | st.sampled_from(["0", "4", "007", "²", HEX, "9" * 30]) | strings,
        "attributes": st.dictionaries(strings, answers, max_size=3),
        "metadata": st.dictionaries(strings, st.none() | strings | st.lists(strings, max_size=2), max_size=3),
        "answer": st.none() | st.just(Radio.of("yes")),
        "provenance": st.none() | st.just(Provenance("nucleus", id="p")),
    }
)
rows_ = commons.flatmap(
    lambda common: st.one_of(
        st.just(Label(**common)),
        st.builds(
            lambda confidence, pdf: Prediction(**common, confidence=confidence, class_pdf=pdf),
            st.none() | st.floats(0, 1),
            st.none() | st.just({"cat": 0.25}),
        ),
    )
)


def stored(sample: Any) -> Any:
    """Return the sample as its database gives it back: FiftyOne's own JSON, there and back."""
    return fiftyone.Sample.from_json(sample.to_json())


def only(sample: Any, field: str) -> Any:
    """Return the one label of a field."""
    held = sample[field]
    (label,) = held[held._LABEL_LIST_FIELD]
    return label


def foreign(label: Any, item: Item | None = ITEM) -> Label:
    """Return the row of one label that FiftyOne's user made."""
    sample = fiftyone.Sample(filepath="/photos/1.jpg", metadata=fiftyone.ImageMetadata(width=20, height=10))
    sample["found"] = label
    (row,) = from_sample(sample, "found", item)
    return row


@settings(max_examples=200)
@given(st.lists(rows_, max_size=4), st.sampled_from(["ground_truth", "predictions"]), st.booleans())
def test_rows_come_back_as_they_were(rows: list[Label], field: str, given_item: bool) -> None:
    sample = to_sample(ITEM, rows, field)
    again = list(from_sample(sample, field, ITEM if given_item else None))
    assert sorted(map(repr, again)) == sorted(map(repr, rows))


@given(st.lists(rows_, max_size=3))
def test_rows_come_back_from_a_stored_sample(rows: list[Label]) -> None:
    again = from_sample(stored(to_sample(ITEM, rows)), "ground_truth")
    assert sorted(map(repr, again)) == sorted(map(repr, rows))


def test_a_sample_says_of_its_item_what_fiftyone_can_hold() -> None:
    item = Item("a/b ü.jpg", uri="/photos/1.jpg", width=20, height=10, split="train", data=b"\xff", metadata={"a": [1]})
    sample = to_sample(item, [])
    assert sample.filepath == "/photos/1.jpg"
    assert sample.tags == ["train"]
    assert (sample.metadata.width, sample.metadata.height) == (20, 10)
    assert sample.ground_truth.detections == []
    assert json.loads(sample.dragoman)["metadata"] == {"a": [1]}
    assert list(from_sample(sample, "ground_truth")) == []
    remote = to_sample(Item("k.jpg", uri="https://host/1.jpg", width=1, height=1), [])
    assert remote.filename == "k.jpg"


def test_labels_show_what_fiftyone_expects() -> None:
    row = Prediction(
        "i",
        "dog",
        Box(1, 2, 3, 4),
        id=HEX,
        confidence=0.0,
        track_id="7",
        attributes={"x": 1, "colour": Radio.of("red"), "label": "taken", "a.b": 1, "all": Checklist.of("a")},
        metadata={"tags": ["new"]},
    )
    label = only(to_sample(ITEM, [row], "predictions"), "predictions")
    assert isinstance(label, fiftyone.Detection)
    assert label.bounding_box == [0.05, 0.2, 0.15, 0.4]
    assert (label.id, label.label, label.confidence, label.index, label.tags) == (HEX, "dog", 0.0, 7, ["new"])
    shown = dict(label.iter_attributes())
    assert json.loads(shown.pop("dragoman"))["prediction"]["attributes"]["a.b"] == 1
    assert shown == {"x": 1, "colour": "red"}


def test_a_mask_is_cut_to_its_box() -> None:
    pixels = np.zeros((10, 20), bool)
    pixels[2:6, 4:9] = True
    pixels[3, 5] = False
    label = only(to_sample(ITEM, [Label("i", "cat", mask_of_array(pixels))]), "ground_truth")
    assert label.bounding_box == [0.2, 0.2, 0.25, 0.4]
    assert label.mask.tolist() == pixels[2:6, 4:9].tolist()
    assert (label.to_segmentation(frame_size=(20, 10), target=1).mask > 0).tolist() == pixels.tolist()


def test_rows_go_by_their_geometry() -> None:
    rows = [
        Label("i", "yard", Polygon((((0, 0, 20, 0, 20, 10), (10, 1, 18, 1, 18, 5)),))),
        Label("i", "lane", Polyline((0, 0, 10, 5))),
        Prediction("i", "pose", Keypoints((Keypoint("a", 10, 5), Keypoint("b", 3, 3, 0))), confidence=0.5),
        Label("i", "sunny", Whole()),
    ]
    sample = to_sample(ITEM, rows)
    yard, lane = sample.ground_truth_polylines.polylines
    assert yard.points == [[[0, 0], [1, 0], [1, 1]], [[0.5, 0.1], [0.9, 0.1], [0.9, 0.5]]]
    assert (yard.closed, yard.filled, lane.closed, lane.filled) == (True, True, False, False)
    assert lane.points == [[[0, 0], [0.5, 0.5]]]
    pose = only(sample, "ground_truth_keypoints")
    assert pose.points[0] == [0.5, 0.5]
    assert all(map(isnan, pose.points[1]))
    assert pose.confidence == [0.5, 0.5]
    assert only(sample, "ground_truth_classifications").label == "sunny"
    assert sample.ground_truth.detections == []


def test_fiftyone_leaves_holes_empty() -> None:
    geometry = Polygon((((2, 2, 18, 2, 18, 9, 2, 9), (5, 4, 15, 4, 15, 7, 5, 7)),))
    label = only(to_sample(ITEM, [Label("i", "ring", geometry)]), "ground_truth_polylines")
    pixels = label.to_segmentation(frame_size=(20, 10), target=1).mask
    assert (pixels[3, 3], pixels[5, 10], pixels[0, 0]) == (1, 0, 0)


def test_a_box_made_a_polyline_in_fiftyone_comes_back_as_a_polygon() -> None:
    row = Label("i", "car", Box(5, 2.5, 5, 5), attributes={"x": 1}, track_id="7")
    sample = to_sample(ITEM, [row])
    sample["outlines"] = sample.ground_truth.to_polylines()
    (found,) = from_sample(sample, "outlines")
    assert (found.id, found.attributes, found.track_id) == (row.id, {"x": 1}, "7")
    assert found.geometry == Polygon.of([(5, 2.5), (10, 2.5), (10, 7.5), (5, 7.5)])


def test_a_rotated_box_turns_clockwise_on_screen() -> None:
    label = only(to_sample(ITEM, [Label("i", "car", RotatedBox(10, 5, 8, 2, 30))]), "ground_truth_polylines")
    corners = np.array(label.points[0]) * [20, 10]
    assert (label.closed, label.filled) == (True, True)
    assert corners[0] == pytest.approx([10 + 4 * 3**0.5 / 2 - 0.5, 5 + 2 + 3**0.5 / 2])


def test_edits_in_fiftyone_win_and_the_rest_stays() -> None:
    row = Label(
        "i",
        "car",
        Box(1, 2, 3, 4),
        track_id="7",
        attributes={"x": 1, "gone": "yes", "list": Checklist.of("a")},
        metadata={"source": "s", "tags": ["a"]},
    )
    sample = to_sample(ITEM, [row])
    label = only(sample, "ground_truth")
    label.label, label.index, label.confidence, label.tags = "van", 8, 0.5, ["a", "b"]
    label.bounding_box = [0.5, 0.5, 0.25, 0.25]
    label["x"] = 2
    label["fresh"] = True
    del label["gone"]
    (found,) = from_sample(sample, "ground_truth")
    assert found == Prediction(
        "i",
        "van",
        Box(10, 5, 5, 2.5),
        id=row.id,
        track_id="8",
        attributes={"list": Checklist.of("a"), "x": 2, "fresh": True},
        metadata={"source": "s", "tags": ["a", "b"]},
        confidence=0.5,
    )


def test_an_edited_shape_stays_the_sort_that_it_was() -> None:
    rows = [
        Label("i", "car", RotatedBox(10, 5, 8, 2, 30)),
        Label("i", "pose", Keypoints((Keypoint("a", 10, 5, 1), Keypoint("b", None, None, 0)), ((0, 1),))),
        Label("i", "tip", Keypoints((Keypoint("a", 10, 5),))),
    ]
    sample = to_sample(ITEM, rows)
    car = only(sample, "ground_truth_polylines")
    car.points = [[(x + 0.1, y) for x, y in car.points[0]]]
    pose, tip = sample.ground_truth_keypoints.keypoints
    pose.points = [(0.5, 0.5), (0.1, 0.1)]
    tip.points = [(0.25, 0.5)]
    turned, joined, single = (row.geometry for row in from_sample(sample, "ground_truth"))
    assert isinstance(turned, RotatedBox)
    assert (turned.cx, turned.cy, turned.width, turned.height) == pytest.approx((12, 5, 8, 2))
    assert joined == Keypoints((Keypoint("a", 10, 5, 1), Keypoint("b", 2, 1, 2)), ((0, 1),))
    assert single == Keypoints((Keypoint("a", 5, 5),))


@pytest.mark.parametrize(
    ("label", "geometry"),
    [
        (fiftyone.Detection(label="c", bounding_box=[0.25, 0.5, 0.5, 0.5]), Box(5, 5, 10, 5)),
        (fiftyone.Polyline(label="c", points=[[(0, 0), (0.5, 0.5)]]), Polyline((0, 0, 10, 5))),
        (
            fiftyone.Polyline(label="c", points=[[(0, 0), (0.5, 0), (0.5, 0.5)]], closed=True),
            Polygon(((((0, 0, 10, 0, 10, 5)),),)),
        ),
        (fiftyone.Keypoint(label="c", points=[(0.5, 0.5)]), Point(10, 5)),
        (
            fiftyone.Keypoint(label="c", points=[(0.5, 0.5), (nan, nan)]),
            Keypoints((Keypoint("0", 10, 5), Keypoint("1", None, None, 0))),
        ),
        (fiftyone.Classification(label="c"), Whole()),
    ],
)
def test_labels_of_others_become_labels(label: Any, geometry: Any) -> None:
    assert foreign(label) == Label("i", "c", geometry, id=label.id)


def test_what_a_model_found_becomes_a_prediction() -> None:
    label = fiftyone.Detection(
        label="c", bounding_box=[0, 0, 1, 1], confidence=0.25, index=3, tags=["t"], size="big", scores=[1, 2]
    )
    expected = Prediction(
        "i",
        "c",
        Box(0, 0, 20, 10),
        id=label.id,
        track_id="3",
        attributes={"size": "big"},
        metadata={"tags": ["t"], "scores": [1, 2]},
        confidence=0.25,
    )
    assert foreign(fiftyone.Detections(detections=[label])) == expected


def test_points_that_differ_in_confidence_keep_theirs() -> None:
    row = foreign(fiftyone.Keypoint(label="c", points=[(0, 0), (1, 1)], confidence=[0.5, nan]))
    assert isinstance(row, Prediction)
    assert (row.confidence, row.metadata) == (None, {"confidence": [0.5, None]})


def test_logits_and_a_mask_on_disk_are_read(tmp_path: Path) -> None:
    row = foreign(fiftyone.Classification(label="c", logits=np.array([0.5, -1.0])))
    assert row.metadata == {"logits": [0.5, -1.0]}
    label = fiftyone.Detection(label="c", bounding_box=[0, 0, 1, 1], mask=np.ones((10, 20), bool))
    label.export_mask(str(tmp_path / "mask.png"), update=True)
    assert foreign(label).geometry == Mask(10, 20, (0, 200))


def test_an_instance_is_a_track() -> None:
    instance = fiftyone.Instance()
    row = foreign(fiftyone.Detection(label="c", bounding_box=[0, 0, 1, 1], instance=instance))
    assert row.track_id == instance.id
    assert only(to_sample(ITEM, [row]), "ground_truth").instance_id == instance.id


def test_shapes_inside_shapes_are_holes() -> None:
    squares = [[(a, a), (b, a), (b, b), (a, b)] for a, b in ((0.1, 0.9), (0, 1), (0.3, 0.7))]
    apart = [[(2, 2), (3, 2), (3, 3)]]
    row = foreign(fiftyone.Polyline(label="c", points=squares + apart, filled=True), Item("i", width=10, height=10))
    assert row.geometry == Polygon(
        (
            ((0, 0, 10, 0, 10, 10, 0, 10), (1, 1, 9, 1, 9, 9, 1, 9)),
            ((3, 3, 7, 3, 7, 7, 3, 7),),
            ((20, 20, 30, 20, 30, 30),),
        )
    )


def test_a_mask_of_another_resolution_fills_its_box() -> None:
    mask = np.array([[0, 255], [1, 0]], np.uint8)
    row = foreign(fiftyone.Detection(label="c", bounding_box=[0.8, -0.2, 0.4, 0.8], mask=mask))
    pixels = np.zeros((10, 20), bool)
    pixels[2:6, 16:20] = True
    assert row.geometry == mask_of_array(pixels)


def test_a_pixel_gets_the_part_of_the_mask_that_its_centre_is_in() -> None:
    row = foreign(fiftyone.Detection(label="c", bounding_box=[0, 0, 0.25, 0.1], mask=np.array([[1, 0]])))
    pixels = np.zeros((10, 20), bool)
    pixels[0, :2] = True
    assert row.geometry == mask_of_array(pixels)


def test_the_item_of_a_sample_of_others_is_its_path() -> None:
    row = foreign(fiftyone.Classification(label="c"), None)
    assert row.item == "/photos/1.jpg"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (Label("other", "cat", Box(1, 2, 3, 4)), "item"),
        (Label("i", "cat", Cuboid((0, 0, 0), (1, 1, 1))), "geometry"),
        (Label("i", "cat", Mask(2, 2, (1, 3))), "geometry"),
        (Label("i", "cat", Box(1, 2, 3, 4), frame=0), "frame"),
        (Label("i", "cat", Box(1, 2, 3, 4), span=(0, 1)), "span"),
    ],
)
def test_what_a_sample_cannot_hold_is_refused(row: Label, field: str) -> None:
    with pytest.raises(InvalidData) as caught:
        to_sample(ITEM, [Label("i", "cat", Whole()), row])
    assert (caught.value.row, caught.value.field) == (1, field)


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(InvalidData) as caught:
        to_sample(ITEM, [Label("i", "cat", Whole(), "id", attributes={"x": "\ud800"})])
    assert caught.value.row == 0


def test_an_item_without_a_size_has_classifications_only() -> None:
    item = Item("i", width=20)
    rows = [Label("i", "sunny", Whole())]
    assert list(from_sample(to_sample(item, rows), "ground_truth")) == rows
    with pytest.raises(InvalidData, match="has none") as caught:
        to_sample(item, [Label("i", "cat", Box(1, 2, 3, 4))])
    assert (caught.value.row, caught.value.field) == (0, "width")
    with pytest.raises(InvalidData, match="has none"):
        foreign(fiftyone.Detection(label="c", bounding_box=[0, 0, 1, 1]), item)


@pytest.mark.parametrize("field", ["", "a.b", "_a", "id", "metadata", "dragoman", "save"])
def test_a_field_that_no_sample_can_have_is_refused(field: str) -> None:
    with pytest.raises(InvalidData, match="no place"):
        to_sample(ITEM, [], field)


def test_a_video_is_refused() -> None:
    with pytest.raises(InvalidData, match="video"):
        to_sample(Item("i", media="video", width=2, height=2), [])


def test_rows_of_another_item_are_not_taken_for_this_one() -> None:
    sample = to_sample(ITEM, [Label("i", "cat", Box(1, 2, 3, 4))])
    with pytest.raises(InvalidData, match="not on 'j'") as caught:
        list(from_sample(sample, "ground_truth", Item("j", width=20, height=10)))
    assert (caught.value.row, caught.value.field) == (0, "ground_truth[0].item")


def test_a_missing_field_is_an_error() -> None:
    with pytest.raises(InvalidData, match="no field 'nothing'"):
        list(from_sample(to_sample(ITEM, []), "nothing"))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"label": 1}', 7])
def test_a_spoilt_row_is_an_error(text: Any) -> None:
    sample = to_sample(ITEM, [Label("i", "cat", Box(1, 2, 3, 4))])
    only(sample, "ground_truth")["dragoman"] = text
    with pytest.raises(InvalidData, match="something else"):
        list(from_sample(sample, "ground_truth"))


def test_a_spoilt_item_is_an_error() -> None:
    sample = to_sample(ITEM, [])
    sample["dragoman"] = "{}"
    with pytest.raises(InvalidData, match="something else"):
        list(from_sample(sample, "ground_truth"))


@pytest.mark.parametrize(
    "label",
    [
        fiftyone.Detection(label=None, bounding_box=[0, 0, 1, 1]),
        fiftyone.Detection(label="c"),
        fiftyone.Detection(label="c", bounding_box=[0, 0, -1, 1]),
        fiftyone.Detection(label="c", bounding_box=[0, 0, nan, 1]),
        fiftyone.Detection(label="c", bounding_box=[0, 0, 1, 1], mask=np.zeros((0, 2))),
        fiftyone.Detection(label="c", bounding_box=[0, 0, 1, 1], confidence=1.5),
        fiftyone.Detection(label="c", bounding_box=[0, 0, 1, 1], other=object()),
        fiftyone.Polyline(label="c", points=[]),
        fiftyone.Polyline(label="c", points=[[(0, 0), (1, 1)], [(0, 0), (1, 1)]]),
        fiftyone.Polyline(label="c", points=[[(0, 0), (1, 1)]], filled=True),
        fiftyone.Polyline(label="c", points=[], filled=True),
        fiftyone.Polyline(label="c", points=[[(0, nan), (1, 1), (0, 1)]], filled=True),
        fiftyone.Keypoint(label="c", points=[]),
        fiftyone.Segmentation(mask=np.zeros((2, 2))),
    ],
)
def test_labels_that_no_row_can_be_are_refused(label: Any) -> None:
    with pytest.raises(InvalidData) as caught:
        foreign(label)
    assert caught.value.field.startswith("found")
