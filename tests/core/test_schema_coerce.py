"""What counts as a number or a text: Python's, numpy's and pandas' alike; all else is refused where it comes in."""

from __future__ import annotations

import math
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dragoman import (
    Box,
    InvalidData,
    Item,
    Keypoint,
    Keypoints,
    Label,
    Mask,
    Number,
    Polygon,
    Polyline,
    Prediction,
    Whole,
    decode_rows,
    encode_rows,
)

BOX = Box(1, 2, 3, 4)


class Animal(str, Enum):  # noqa: UP042 - a StrEnum shows itself as its text, and this one does not
    """Names of features as many programs have them."""

    CAT = "cat"


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("item", lambda: Label(7, "cat", BOX)),
        ("feature", lambda: Label("a", 5, BOX)),
        ("id", lambda: Label("a", "cat", BOX, id=7)),
        ("id", lambda: Prediction("a", "cat", BOX, id=7, confidence=0.5)),
        ("track_id", lambda: Label("a", "cat", BOX, track_id=7)),
        ("track_id", lambda: Label("a", "cat", BOX, track_id="\ud800")),
        ("key", lambda: Item("\ud800", width=1, height=1)),
        ("geometry", lambda: Label("a", "cat", (1, 2, 3, 4))),
        ("frame", lambda: Label("a", "cat", BOX, frame=2.5)),
        ("frame", lambda: Label("a", "cat", BOX, frame=True)),
        ("frame", lambda: Label("a", "cat", BOX, frame="2")),
        ("span", lambda: Label("a", "cat", BOX, span=(0, math.nan))),
        ("span", lambda: Label("a", "cat", BOX, span=5)),
        ("span", lambda: Label("a", "cat", BOX, span=(1, 2, 3))),
        ("interpolation", lambda: Label("a", "cat", BOX, interpolation="bogus")),
        ("answer", lambda: Label("a", "cat", Whole(), answer="yes")),
        ("attributes", lambda: Label("a", "cat", BOX, attributes={"x": [1, 2]})),
        ("attributes", lambda: Label("a", "cat", BOX, attributes={"x": np.array([1, 2])})),
        ("attributes", lambda: Label("a", "cat", BOX, attributes=None)),
        ("confidence", lambda: Prediction("a", "cat", BOX, confidence=[])),
        ("class_pdf.cat", lambda: Prediction("a", "cat", BOX, class_pdf={"cat": None})),
        ("metadata", lambda: Label("a", "cat", BOX, metadata=None)),
        ("metadata", lambda: Label("a", "cat", BOX, metadata=[])),
        ("metadata", lambda: Prediction("a", "cat", BOX, confidence=0.5, metadata=None)),
        ("provenance", lambda: Label("a", "cat", BOX, frame=1, provenance="coco")),
        ("key", lambda: Item(7)),
        ("width", lambda: Item("a", width=10**30, height=2)),
        ("frame_rate", lambda: Item("a", frame_rate=math.nan)),
        ("frame_rate", lambda: Item("a", width=2, height=2, frame_rate=-1)),
        ("geometry.counts", lambda: Mask(2, 2, 4)),
        ("geometry.counts", lambda: Mask(2, 2, (0.9, 4.9))),
        ("geometry.counts", lambda: Mask(2, 2, ("1", "3"))),
        ("geometry.counts", lambda: Mask(2, 2, (math.nan, 4))),
        ("geometry.height", lambda: Mask(2.5, 2, (5,))),
        ("geometry.vertices[0]", lambda: Polyline((True, 1, 2, 3))),
        ("geometry.vertices[1]", lambda: Polyline((0, 10**400, 2, 3))),
        ("geometry.x", lambda: Box(10**400, 0, 1, 1)),
        ("visibility", lambda: Keypoint("nose", 1, 1, True)),
        ("value", lambda: Number("5")),
    ],
)
def test_a_value_of_another_kind_than_its_field_s_is_refused(field: str, make: Any) -> None:
    with pytest.raises(InvalidData) as caught:
        make()

    assert caught.value.field == field


@pytest.mark.parametrize(
    "made",
    [
        Label(np.str_("a"), np.array(["cat"])[0], BOX, id=np.str_("i")),
        Label("a", Animal.CAT, BOX, attributes={"kind": Animal.CAT}, id="1"),
        Label("a", "cat", BOX, frame=2.0, span=(0.0, np.float32(5))),
        Label("a", "cat", BOX, frame=np.int64(3), attributes={"x": np.int64(3), "y": np.str_("b")}),
        Prediction("a", "cat", BOX, confidence=np.float32(0.5), class_pdf={"cat": np.float32(0.5)}),
        Label("a", "cat", Mask(np.int64(2), 2.0, np.array([1, 3]))),
        Label(
            "a", "cat", Keypoints([Keypoint("n", np.float64(1), 2, np.int64(2)), Keypoint("m", 1, 2, 2.0)], [[0, 1]])
        ),
        Label("a", "cat", Polygon.of(np.array([[0, 0], [1, 0], [1, 1]]))),
        Label("a", "cat", Whole(), answer=Number(np.float32(0.5))),
        Item("a", width=np.int64(640), height=480.0, frames=np.int32(3), frame_rate=np.float32(25)),
    ],
    ids=repr,
)
def test_numbers_and_texts_of_numpy_are_those_of_python(made: Any) -> None:
    assert list(decode_rows([encode_rows([made])], type(made))) == [made]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Label("a", "cat", BOX, frame=2), Label("a", "cat", BOX, frame=2.0)),
        (Label("a", "cat", BOX, span=(0, 5)), Label("a", "cat", BOX, span=[0, 5])),
        (Label("a", "cat", Whole(), answer=Number(5)), Label("a", "cat", Whole(), answer=Number(5.0))),
        (
            Label("a", "cat", Keypoints((Keypoint("n", 1, 2),))),
            Label("a", "cat", Keypoints([Keypoint("n", 1.0, 2.0)])),
        ),
    ],
    ids=repr,
)
def test_rows_that_say_the_same_are_equal_and_have_one_id(one: Label, other: Label) -> None:
    assert (one, one.id, hash(one.geometry)) == (other, other.id, hash(other.geometry))


def test_a_member_of_an_enumeration_is_the_text_that_it_stands_for() -> None:
    row = Label("a", Animal.CAT, BOX)
    assert (type(row.feature), row.feature, row.id) == (str, "cat", Label("a", "cat", BOX).id)


@pytest.mark.parametrize("names", [("\ud800", "cat"), ("a", "\ud800")])
def test_half_a_character_has_no_id_derived_of_it(names: tuple[str, str]) -> None:
    with pytest.raises(InvalidData, match="half of a character"):
        Label(*names, BOX)


@pytest.mark.parametrize(
    ("field", "bad"),
    [("uri", 3), ("uri", "/tmp/\ud800.jpg"), ("id", None), ("split", 0), ("content_hash", b"00"), ("media", None)],
)
def test_texts_of_an_item_are_texts(field: str, bad: Any) -> None:
    with pytest.raises(InvalidData, match="text") as caught:
        Item("a.jpg", **{"width": 4, "height": 3, field: bad})
    assert caught.value.field == field


def test_a_path_is_taken_for_the_place_that_it_names() -> None:
    assert Item("a.jpg", uri=Path("images") / "a.jpg", width=4, height=3).uri == "images/a.jpg"  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [None, ["a"], "a"])
def test_metadata_of_an_item_have_names(bad: Any) -> None:
    with pytest.raises(InvalidData, match="it is a dict") as caught:
        Item("a.jpg", metadata=bad)
    assert caught.value.field == "metadata"
