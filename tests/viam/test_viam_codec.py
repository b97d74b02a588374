"""The codec against the fidelity table: exact means equal after a round trip through Viam's messages."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import Box, InvalidData, Item, Label, Prediction, Whole
from dragoman.conformance import strategies
from dragoman.conformance.difficult import GEOMETRIES
from dragoman.fidelity import Keeper, Survival
from dragoman_viam.codec import Size, box_in, box_out, own_id, shape_of, shape_out, tag_in
from dragoman_viam.fidelity import LABELS
from dragoman_viam.messages import modules
from dragoman_viam.notes import described, image_in, image_out, key_of, parted

sizes = st.builds(Size, st.integers(1, 100_000), st.integers(1, 100_000))


@st.composite
def placed(draw: st.DrawFn) -> tuple[Label, Size]:
    """A box of at most nine decimals inside an image."""
    size = draw(sizes)
    scale = 10**9

    def stretch(length: int) -> tuple[float, float]:
        start = draw(st.integers(0, length * scale))
        return start / scale, draw(st.integers(0, length * scale - start)) / scale

    (x, width), (y, height) = stretch(size.width), stretch(size.height)
    row = {"item": draw(strategies.names), "feature": draw(strategies.names), "geometry": Box(x, y, width, height)}
    confidence = draw(st.none() | strategies.probabilities)
    return (Label(**row) if confidence is None else Prediction(**row, confidence=confidence)), size


def returned(row: Label, size: Size) -> Label:
    """What comes back of a box that Viam holds."""
    request = modules()["data"].AddBoundingBoxToImageByIDRequest()
    sent = type(request).FromString(box_out(row, shape_out(row, size), request).SerializeToString())
    held = modules()["data"].BoundingBox(id="b", label=sent.label)
    for name in ("x_min_normalized", "y_min_normalized", "x_max_normalized", "y_max_normalized"):
        setattr(held, name, getattr(sent, name))
    if sent.HasField("confidence"):
        held.confidence = sent.confidence
    assert shape_of(held) == shape_out(row, size)
    return box_in(held, row.item, size)


def same(found: Label, sent: Label) -> bool:
    """Whether all but the provenance, which Viam gives, is equal."""
    return msgspec.structs.replace(found, provenance=None) == sent


class TestBoxes:
    @given(placed())
    def test_boxes_of_up_to_nine_decimals_come_back_equal(self, drawn: tuple[Label, Size]) -> None:
        row, size = drawn
        found = returned(row, size)
        assert same(found, row)
        assert found.provenance is not None
        assert (found.provenance.platform, found.provenance.id) == ("viam", "b")

    @given(placed())
    def test_the_id_is_the_one_that_the_content_derives(self, drawn: tuple[Label, Size]) -> None:
        row, size = drawn
        assert returned(row, size).id == own_id(row) == row.id

    @given(sizes, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
    def test_other_boxes_come_back_within_a_billionth_of_a_pixel(
        self, size: Size, left: float, top: float, right: float, bottom: float
    ) -> None:
        x, width = min(left, right) * size.width, abs(right - left) * size.width
        y, height = min(top, bottom) * size.height, abs(bottom - top) * size.height
        found = returned(Label("a", "car", Box(x, y, width, height)), size).geometry
        assert isinstance(found, Box)
        assert (found.x, found.y) == pytest.approx((x, y), abs=1e-9)
        assert (found.width, found.height) == pytest.approx((width, height), abs=2e-9)

    def test_a_confidence_of_zero_is_a_confidence(self) -> None:
        found = returned(Prediction("a", "car", Box(1, 1, 2, 2), confidence=0.0), Size(10, 10))
        assert isinstance(found, Prediction)
        assert found.confidence == 0.0

    def test_a_box_without_a_confidence_is_no_prediction(self) -> None:
        assert type(returned(Label("a", "car", Box(1, 1, 2, 2)), Size(10, 10))) is Label

    @pytest.mark.parametrize("box", [Box(-1, 0, 5, 5), Box(0, 6, 5, 5), Box(9, 0, 1.001, 1), Box(0, 0, 11, 1)])
    def test_a_box_that_leaves_its_image_is_refused(self, box: Box) -> None:
        with pytest.raises(InvalidData, match="leaves the image of 10 x 10") as refusal:
            shape_out(Label("a", "car", box), Size(10, 10))
        assert refusal.value.field == "geometry"

    def test_rounding_alone_does_not_put_a_box_outside(self) -> None:
        assert shape_out(Label("a", "car", Box(0.1, 0.7, 0.2, 0.1)), Size(1, 1)).x_max <= 1
        assert returned(Label("a", "car", Box(0, 0, 3, 7)), Size(3, 7)).geometry == Box(0, 0, 3, 7)

    def test_corners_in_the_wrong_order_are_still_a_box(self) -> None:
        held = modules()["data"].BoundingBox(label="car", x_min_normalized=0.5, x_max_normalized=0.25)
        assert box_in(held, "a", Size(8, 8)).geometry == Box(2, 0, 2, 0)

    def test_a_score_that_is_no_probability_is_brought_into_range(self) -> None:
        held = modules()["data"].BoundingBox(label="car", confidence=97.5)
        found = box_in(held, "a", Size(8, 8))
        assert isinstance(found, Prediction)
        assert found.confidence == 1.0


@given(strategies.names, strategies.names)
def test_tags_come_back_equal(item: str, feature: str) -> None:
    sent = Label(item, feature, Whole())
    found = tag_in(modules()["data"].CaptureMetadata(tags=[sent.feature]).tags[0], item)
    assert same(found, sent)
    assert found.id == sent.id


@pytest.mark.parametrize("form", GEOMETRIES)
def test_what_the_table_lets_through_is_a_box_or_a_tag(form: str) -> None:
    fidelity = LABELS.geometry(form)
    for geometry in GEOMETRIES[form]:
        row = Label("a", "thing", geometry)
        if fidelity.survival is Survival.DROPPED:
            assert Keeper(LABELS, "drop").keep(row) is None
            with pytest.raises(InvalidData):
                shape_out(row, Size(64, 48))
            continue
        kept = Keeper(LABELS, "convert").keep(row)
        assert kept is not None
        assert kept.geometry.form in ("box", "whole")


class TestNotes:
    @given(strategies.items)
    def test_items_keep_what_viam_has_no_field_for(self, item: Item) -> None:
        metadata = modules()["data"].BinaryMetadata(
            binary_data_id="i", capture_metadata={"method_parameters": image_out(item)}
        )
        note = image_in(type(metadata).FromString(metadata.SerializeToString()))
        assert key_of(metadata, note) == item.key
        for name in ("width", "height", "split"):
            assert note.get(name) == getattr(item, name)
        assert note.get("metadata", {}) == item.metadata

    @pytest.mark.parametrize(
        ("name", "ending", "key"),
        [("cat", ".jpg", "cat.jpg"), ("cat.jpg", ".jpg", "cat.jpg"), ("cat", "", "cat"), ("", ".jpg", "the id")],
    )
    def test_images_of_others_are_named_by_their_files(self, name: str, ending: str, key: str) -> None:
        metadata = modules()["data"].BinaryMetadata(binary_data_id="the id", file_name=name, file_ext=ending)
        assert key_of(metadata, image_in(metadata)) == key

    @given(strategies.texts, strategies.metadata)
    def test_descriptions_come_back_without_the_note(self, text: str, note: dict[str, Any]) -> None:
        assert parted(described(text, note)) == (text, note)
        assert described(text, note).count("-->") == text.count("-->") + 1

    @pytest.mark.parametrize("text", ["", "plain", "<!-- dragoman -->", "a\n\n<!-- dragoman {} --> b"])
    def test_descriptions_of_others_are_left_alone(self, text: str) -> None:
        assert parted(text) == (text, {})
