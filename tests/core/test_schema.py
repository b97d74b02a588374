"""The canonical schema: what gets in, what is refused and how it is named, and what survives being written down."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dragoman import (
    Box,
    Cuboid,
    Dataset,
    Evaluation,
    Feature,
    InvalidData,
    Item,
    Keypoint,
    Keypoints,
    Label,
    Mask,
    MatchPolicy,
    Model,
    Ontology,
    Point,
    Polygon,
    Polyline,
    Prediction,
    Provenance,
    RotatedBox,
    Status,
    Version,
    Whole,
    decode_rows,
    encode_rows,
)
from dragoman.conformance import strategies
from dragoman.schema import GEOMETRIES, derive_id

BOX = Box(1, 2, 3, 4)


def decoded(encoded: bytes, kind: type) -> list:
    """Read NDJSON the way a file is read: by lines."""
    return list(decode_rows(io.BytesIO(encoded), kind))


# -- round trips ------------------------------------------------------------------------------------------------------


@given(st.lists(strategies.items, max_size=3))
def test_items_come_back_from_ndjson_exactly(items: list[Item]) -> None:
    assert decoded(encode_rows(items), Item) == items


@given(st.lists(strategies.labels, max_size=3))
def test_labels_come_back_from_ndjson_exactly(labels: list[Label]) -> None:
    assert decoded(encode_rows(labels), Label) == labels


@given(st.lists(strategies.predictions, max_size=3))
def test_predictions_come_back_from_ndjson_exactly(predictions: list[Prediction]) -> None:
    assert decoded(encode_rows(predictions), Prediction) == predictions


@pytest.mark.parametrize("form", strategies.BY_FORM)
@given(data=st.data())
def test_every_form_of_geometry_comes_back_exactly(form: str, data: st.DataObject) -> None:
    label = data.draw(strategies.labels_with(strategies.BY_FORM[form]))

    (back,) = decoded(encode_rows([label]), Label)

    assert back == label
    assert type(back.geometry) is type(label.geometry)
    assert back.geometry.form == form


def test_the_strategies_know_every_geometry() -> None:
    assert {form.split(" ")[0] for form in strategies.BY_FORM} == {geometry.kind for geometry in GEOMETRIES}


@given(strategies.rows)
def test_one_row_is_one_line_of_standard_json(row: Label) -> None:
    encoded = encode_rows([row])

    assert encoded.count(b"\n") == 1
    assert encoded.endswith(b"\n")
    assert json.loads(encoded)["id"] == row.id


@pytest.mark.parametrize("text", strategies.TRICKY)
def test_text_that_breaks_careless_line_readers_survives(text: str) -> None:
    row = Label(f"a{text}b", "cat", Whole(), metadata={text: [text]})

    assert decoded(encode_rows([row, row]), Label) == [row, row]


def test_a_confidence_of_zero_is_kept_and_none_is_not_zero() -> None:
    zero, absent = Prediction("a", "cat", BOX, confidence=0.0), Prediction("a", "cat", BOX)

    assert b'"confidence":0.0' in encode_rows([zero])
    assert b"confidence" not in encode_rows([absent])
    assert [row.confidence for row in decoded(encode_rows([zero, absent]), Prediction)] == [0.0, None]


def test_empty_metadata_takes_no_room_and_comes_back_as_empty() -> None:
    encoded = encode_rows([Item("a", metadata={})])

    assert encoded == b'{"key":"a"}\n'
    assert decoded(encoded, Item)[0].metadata == {}


def test_rows_do_not_share_their_empty_metadata() -> None:
    first, second = Item("a"), Item("b")

    first.metadata["x"] = 1

    assert second.metadata == {}


def test_blank_lines_are_passed_over_and_text_lines_are_read_too() -> None:
    assert list(decode_rows(['{"key":"a"}', "", "  \n", '{"key":"b"}'], Item)) == [Item("a"), Item("b")]


def test_rows_are_decoded_one_at_a_time() -> None:
    def lines() -> Any:
        yield b'{"key":"a"}'
        raise AssertionError("nobody asked for the second row")

    assert next(decode_rows(lines(), Item)) == Item("a")


def test_rows_cannot_be_changed() -> None:
    for row in (Item("a"), Label("a", "cat", BOX), Prediction("a", "cat", BOX), BOX, Provenance("nucleus")):
        with pytest.raises(AttributeError):
            setattr(row, row.__struct_fields__[0], "other")


# -- bad numbers ------------------------------------------------------------------------------------------------------

NOT_FINITE = [math.nan, math.inf, -math.inf, np.float32("nan"), np.inf, "5", None, True]

GEOMETRIES_WITH_A_BAD_NUMBER = {
    "geometry.x": lambda bad: Box(bad, 0, 1, 1),
    "geometry.y": lambda bad: Box(0, bad, 1, 1),
    "geometry.width": lambda bad: Box(0, 0, bad, 1),
    "geometry.height": lambda bad: Box(0, 0, 1, bad),
    "geometry.cx": lambda bad: RotatedBox(bad, 0, 1, 1, 0),
    "geometry.cy": lambda bad: RotatedBox(0, bad, 1, 1, 0),
    "geometry.angle": lambda bad: RotatedBox(0, 0, 1, 1, bad),
}


@pytest.mark.parametrize("bad", NOT_FINITE, ids=repr)
@pytest.mark.parametrize("field", GEOMETRIES_WITH_A_BAD_NUMBER)
def test_a_number_that_is_not_finite_is_refused_and_its_field_named(field: str, bad: Any) -> None:
    with pytest.raises(InvalidData) as caught:
        GEOMETRIES_WITH_A_BAD_NUMBER[field](bad)

    assert caught.value.field == field


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf], ids=repr)
@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("geometry.parts[0][0][3]", lambda bad: Polygon((((0, 0, 1, bad, 2, 2),),))),
        ("geometry.parts[1][1][0]", lambda bad: Polygon((((0,) * 6,), ((0,) * 6, (bad, 0, 0, 0, 0, 0))))),
        ("geometry.vertices[1]", lambda bad: Polyline((0, bad, 1, 1))),
        ("geometry.x", lambda bad: Point(bad, 0)),
        ("geometry.center[2]", lambda bad: Cuboid((0, 0, bad), (1, 1, 1))),
        ("geometry.size[0]", lambda bad: Cuboid((0, 0, 0), (bad, 1, 1))),
        ("geometry.quaternion[3]", lambda bad: Cuboid((0, 0, 0), (1, 1, 1), (1, 0, 0, bad))),
        ("x", lambda bad: Keypoint("nose", bad, 0)),
        ("y", lambda bad: Keypoint("nose", 0, bad)),
    ],
)
def test_a_bad_number_deep_inside_is_refused_and_its_place_named(field: str, make: Any, bad: float) -> None:
    with pytest.raises(InvalidData) as caught:
        make(bad)

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("geometry.width", lambda: Box(0, 0, -1, 1)),
        ("geometry.height", lambda: Box(0, 0, 1, -0.5)),
        ("geometry.width", lambda: RotatedBox(0, 0, -1, 1, 0)),
        ("geometry.size", lambda: Cuboid((0, 0, 0), (1, -1, 1))),
        ("geometry.height", lambda: Mask(0, 4, ())),
        ("geometry.height", lambda: Mask(4, -1, (4,))),
    ],
)
def test_negative_sizes_are_refused(field: str, make: Any) -> None:
    with pytest.raises(InvalidData) as caught:
        make()

    assert caught.value.field == field


def test_a_size_of_zero_is_a_size() -> None:
    assert Box(5, 5, 0, 0).width == 0.0


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("geometry.parts", lambda: Polygon(())),
        ("geometry.parts", lambda: Polygon(((),))),
        ("geometry.parts[0][0]", lambda: Polygon.of([(0, 0), (1, 1)])),
        ("geometry.parts[0][0]", lambda: Polygon((((0, 0, 1, 1, 2, 2, 3),),))),
        ("geometry.vertices", lambda: Polyline((0, 0))),
        ("geometry.vertices[3]", lambda: Polyline((0, 0, 1, "one"))),
        ("geometry.center", lambda: Cuboid((0, 0), (1, 1, 1))),
        ("geometry.counts", lambda: Mask(2, 2, (3,))),
        ("geometry.counts", lambda: Mask(2, 2, (6, -2))),
        ("geometry.points", lambda: Keypoints(())),
        ("geometry.points", lambda: Keypoints((Keypoint("nose", 1, 1), Keypoint("nose", 2, 2)))),
        ("geometry.skeleton", lambda: Keypoints((Keypoint("nose", 1, 1),), ((0, 1),))),
        ("visibility", lambda: Keypoint("nose", 1, 1, 3)),
    ],
)
def test_shapes_that_are_none_are_refused(field: str, make: Any) -> None:
    with pytest.raises(InvalidData) as caught:
        make()

    assert caught.value.field == field


# -- bad rows ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("key", lambda: Item("")),
        ("width", lambda: Item("a", width=0)),
        ("width", lambda: Item("a", width=-640)),
        ("height", lambda: Item("a", height=480.5)),
        ("frames", lambda: Item("a", frames=0)),
        ("item", lambda: Label("", "cat", BOX)),
        ("feature", lambda: Label("a", "", BOX)),
        ("frame", lambda: Label("a", "cat", BOX, frame=-1)),
        ("span", lambda: Label("a", "cat", BOX, span=(5, 4))),
        ("span", lambda: Label("a", "cat", BOX, span=(-1, 4))),
        ("item", lambda: Prediction("", "cat", BOX)),
    ],
)
def test_a_row_that_breaks_the_rules_is_refused_and_its_field_named(field: str, make: Any) -> None:
    with pytest.raises(InvalidData) as caught:
        make()

    assert caught.value.field == field


@pytest.mark.parametrize("bad", [-0.01, 1.01, 17, math.nan, math.inf, "0.5", np.float32(1.5)], ids=repr)
def test_a_confidence_outside_of_0_to_1_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidData) as caught:
        Prediction("a", "cat", BOX, confidence=bad)
    assert caught.value.field == "confidence"

    with pytest.raises(InvalidData) as caught:
        Prediction("a", "cat", BOX, class_pdf={"dog": 0.5, "cat": bad})
    assert caught.value.field == "class_pdf.cat"


@pytest.mark.parametrize("confidence", [0, 1, 0.0, 1.0])
def test_both_ends_of_the_confidence_are_allowed(confidence: float) -> None:
    assert Prediction("a", "cat", BOX, confidence=confidence).confidence == confidence


def test_bad_data_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="sizes are not negative"):
        Box(0, 0, -1, 1)


# -- bad lines --------------------------------------------------------------------------------------------------------

GOOD = b'{"item":"a","feature":"cat","geometry":{"type":"box","x":0,"y":0,"width":1,"height":1}}'


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (GOOD.replace(b'"x":0', b'"x":NaN'), "geometry.x"),
        (GOOD.replace(b'"x":0', b'"x":-Infinity'), "geometry.x"),
        (GOOD.replace(b'"width":1', b'"width":-1'), "geometry.width"),
        (GOOD.replace(b'"x":0', b'"x":"left"'), "geometry.x"),
        (GOOD.replace(b'"x":0,', b""), "geometry"),
        (GOOD.replace(b'"type":"box"', b'"type":"circle"'), "geometry.type"),
        (GOOD.replace(b'"item":"a"', b'"item":""'), "item"),
        (GOOD.replace(b'"item":"a"', b'"item":7'), "item"),
        (GOOD.replace(b'"item":"a",', b""), None),
        (GOOD.replace(b'"item"', b'"frame":-1,"item"'), "frame"),
        (GOOD.replace(b'"item"', b'"confidence":1.5,"item"'), "confidence"),
        (GOOD.replace(b'"item"', b'"confidence":NaN,"item"'), "confidence"),
        (GOOD.replace(b'"item"', b'"confidence":"high","item"'), "confidence"),
        (GOOD[:-1], None),
        (GOOD[:20], None),
        (b"not json", None),
        (b"[1, 2]", None),
        (GOOD[:-1] + b',"metadata":' + b'{"x":' * 2000 + b"1" + b"}" * 2001, None),
        (b'{"item":"\xff"}', None),
    ],
)
def test_a_bad_line_is_refused_and_its_row_and_field_named(line: bytes, field: str | None) -> None:
    rows = decode_rows([GOOD, b"", GOOD, line, GOOD], Prediction)

    assert [next(rows), next(rows)] == decoded(GOOD, Prediction) * 2
    with pytest.raises(InvalidData) as caught:
        next(rows)
    assert (caught.value.row, caught.value.field) == (2, field)
    assert "row 2" in str(caught.value)


def test_an_item_line_without_a_key_is_refused() -> None:
    with pytest.raises(InvalidData) as caught:
        decoded(b'{"key":"a"}\n{"key":""}\n', Item)

    assert (caught.value.row, caught.value.field) == (1, "key")


@given(st.binary(max_size=60))
def test_any_bytes_give_rows_or_one_clear_error(line: bytes) -> None:
    try:
        rows = decoded(line, Label)
    except InvalidData as error:
        refused = error.row is not None
    else:
        refused = False
    assert refused or all(isinstance(row, Label) for row in rows)


# -- one value, one form ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [int, float, np.float32, np.float64, np.int32, np.uint8])
def test_numbers_of_every_kind_become_plain_floats(kind: type) -> None:
    box = Box(kind(1), kind(2), kind(3), kind(4))

    assert box == Box(1.0, 2.0, 3.0, 4.0)
    assert {type(value) for value in (box.x, box.y, box.width, box.height)} == {float}
    assert type(Prediction("a", "cat", box, confidence=kind(1)).confidence) is float


def test_arrays_become_plain_tuples_of_floats() -> None:
    assert Polyline(np.array([0, 1, 2, 3])) == Polyline((0.0, 1.0, 2.0, 3.0))
    assert Mask(2, 2, np.array([1, 3])).counts == (1, 3)
    assert Polygon(((np.arange(6, dtype=np.float32),),)) == Polygon.of([(0, 1), (2, 3), (4, 5)])
    assert Cuboid(np.zeros(3), np.ones(3)) == Cuboid((0, 0, 0), (1, 1, 1))


def test_numpy_rows_are_written_and_named_like_plain_ones() -> None:
    plain = Prediction("a", "cat", Box(1, 2, 3, 4), confidence=1)
    numpy = Prediction("a", "cat", Box(*np.array([1, 2, 3, 4], dtype=np.float32)), confidence=np.float32(1))

    assert encode_rows([numpy]) == encode_rows([plain])


# -- ids --------------------------------------------------------------------------------------------------------------


def test_a_row_without_an_id_gets_a_uuid_of_its_content() -> None:
    assert UUID(Label("a", "cat", BOX).id).version == 5


def test_derived_ids_do_not_depend_on_the_process() -> None:
    script = "from dragoman import Box, Label; print(Label('a', 'cat', Box(1, 2, 3, 4), track_id='t').id)"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)

    assert done.stdout.strip() == Label("a", "cat", BOX, track_id="t").id


def test_an_id_of_the_source_is_kept() -> None:
    assert Label("a", "cat", BOX, id="mine").id == "mine"


@given(strategies.labels)
def test_equal_content_gives_equal_ids(label: Label) -> None:
    def again() -> Label:
        return Label(
            label.item,
            label.feature,
            label.geometry,
            frame=label.frame,
            span=label.span,
            track_id=label.track_id,
            metadata=label.metadata,
        )

    assert again().id == again().id
    assert decoded(encode_rows([again()]), Label)[0].id == again().id


@pytest.mark.parametrize(
    "other",
    [
        Label("b", "cat", BOX),
        Label("a", "dog", BOX),
        Label("a", "cat", Box(1, 2, 3, 4.000001)),
        Label("a", "cat", Whole()),
        Label("a", "cat", BOX, frame=0),
        Label("a", "cat", BOX, span=(0, 1)),
        Label("a", "cat", BOX, track_id="1"),
    ],
)
def test_other_content_gives_another_id(other: Label) -> None:
    assert other.id != Label("a", "cat", BOX).id


@given(strategies.labels, strategies.labels)
def test_rows_with_derived_ids_share_one_only_if_they_are_about_the_same(one: Label, other: Label) -> None:
    def identity(row: Label) -> bytes:
        return encode_rows([Label(row.item, row.feature, row.geometry, frame=row.frame, track_id=row.track_id)])

    derived = [
        Label(row.item, row.feature, row.geometry, frame=row.frame, track_id=row.track_id).id for row in (one, other)
    ]

    assert (derived[0] == derived[1]) == (identity(one) == identity(other))


def test_parts_of_an_identity_do_not_run_into_each_other() -> None:
    assert derive_id("ab", "c") != derive_id("a", "bc")


# -- forms ------------------------------------------------------------------------------------------------------------


def test_polygons_tell_apart_what_platforms_tell_apart() -> None:
    ring = (0, 0, 1, 0, 1, 1)

    assert Polygon(((ring,),)).form == "polygon"
    assert Polygon(((ring, ring),)).form == "polygon with holes"
    assert Polygon(((ring,), (ring, ring))).form == "polygon of parts"
    assert Polygon.of([(0, 0), (1, 0), (1, 1)]) == Polygon(((ring,),))


# -- control plane ----------------------------------------------------------------------------------------------------

CONTROL = [
    Model(name="m"),
    Version(model="m"),
    Dataset(name="d"),
    Ontology(name="o", features=(Feature(name="cat"),)),
    Evaluation(version="v", dataset="d", metrics={"accuracy": 0.5}),
]


@pytest.mark.parametrize("thing", CONTROL, ids=lambda thing: type(thing).__name__)
def test_control_things_are_frozen_forbid_unknown_fields_and_survive_json(thing: Any) -> None:
    kind = type(thing)
    values = thing.model_dump()

    with pytest.raises(ValidationError, match="frozen"):
        thing.id = "other"
    with pytest.raises(ValidationError, match="Extra inputs"):
        kind(**values, colour="red")
    assert kind.model_validate_json(thing.model_dump_json()) == thing


@pytest.mark.parametrize("kind", [Model, Dataset, Feature])
def test_control_things_have_a_name(kind: Any) -> None:
    with pytest.raises(ValidationError, match="at least 1 character"):
        kind(name="")


def test_an_ontology_names_each_feature_once() -> None:
    with pytest.raises(ValidationError, match="features named more than once: cat"):
        Ontology(name="animals", features=(Feature(name="cat"), Feature(name="dog"), Feature(name="cat")))


def test_a_color_is_six_hex_digits() -> None:
    assert Feature(name="cat", color="#00fF7a").color == "#00fF7a"
    with pytest.raises(ValidationError, match="pattern"):
        Feature(name="cat", color="red")


@pytest.mark.parametrize("iou", [-0.1, 1.1, math.nan])
def test_a_match_policy_has_an_overlap_between_0_and_1(iou: float) -> None:
    with pytest.raises(ValidationError):
        MatchPolicy(iou=iou)


def test_a_status_says_whether_it_is_final() -> None:
    assert [status.value for status in Status if status.ended] == ["succeeded", "failed", "cancelled"]
