"""Values that users attach: JSON holds them, or they are refused where they are made."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dragoman import (
    Box,
    Dataset,
    Feature,
    InvalidData,
    Item,
    Label,
    Model,
    Ontology,
    Prediction,
    Version,
    Whole,
    decode_rows,
    encode_rows,
)
from dragoman.conformance import strategies
from dragoman.schema.values import check_values

BAD = (math.nan, -math.nan, math.inf, -math.inf, np.float64("nan"))


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("kind", [Label, Prediction])
def test_metadata_of_a_row_that_json_cannot_hold_is_refused_and_its_place_named(kind: Any, bad: float) -> None:
    with pytest.raises(InvalidData, match="finite numbers only") as caught:
        kind("a", "cat", Box(1, 2, 3, 4), metadata={"ok": None, "deep": [1, {"score": bad}]})
    assert caught.value.field == "metadata.deep[1].score"


@pytest.mark.parametrize("field", ["metadata", "attributes"])
def test_a_prediction_that_is_as_plain_as_most_is_looked_at_too(field: str) -> None:
    with pytest.raises(InvalidData) as caught:
        Prediction("a", "cat", Box(1.0, 2.0, 3.0, 4.0), "id", confidence=0.5, **{field: {"score": math.nan}})
    assert caught.value.field == f"{field}.score"


@pytest.mark.parametrize("bad", BAD)
def test_attributes_and_metadata_of_items_likewise(bad: float) -> None:
    with pytest.raises(InvalidData) as caught:
        Label("a", "cat", Whole(), attributes={"age": bad})
    assert caught.value.field == "attributes.age"
    with pytest.raises(InvalidData) as caught:
        Item("a", metadata={"exposure": bad})
    assert caught.value.field == "metadata.exposure"


@pytest.mark.parametrize(
    "make",
    [
        lambda metadata: Feature(name="cat", metadata=metadata),
        lambda metadata: Ontology(name="o", features=(), metadata=metadata),
        lambda metadata: Model(name="m", metadata=metadata),
        lambda metadata: Version(model="m", metadata=metadata),
        lambda metadata: Dataset(name="d", metadata=metadata),
    ],
)
def test_metadata_of_control_things_likewise(make: Any) -> None:
    assert make({"x": [0.0, None, "nan"]}).metadata == {"x": [0.0, None, "nan"]}
    with pytest.raises(ValidationError, match=r"metadata\.x\[1\] is inf"):
        make({"x": [1.0, math.inf]})


def test_a_line_with_nan_is_refused_with_its_row_and_field() -> None:
    good = b'{"item": "a", "feature": "cat", "geometry": {"type": "whole"}}'
    bad = b'{"item": "a", "feature": "cat", "geometry": {"type": "whole"}, "metadata": {"x": NaN}}'
    with pytest.raises(InvalidData) as caught:
        list(decode_rows([good, bad], Label))
    assert (caught.value.row, caught.value.field) == (1, "metadata.x")


def test_values_nested_beyond_json_are_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"x": deep}
    with pytest.raises(InvalidData, match="nested too deeply"):
        check_values(deep, "metadata")


numbers = st.floats() | st.integers()
values = st.recursive(numbers | st.text() | st.none() | st.booleans(), lambda inner: st.lists(inner) | st.tuples(inner))


def is_finite(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


@given(st.dictionaries(st.text(), values, max_size=3))
def test_just_what_is_not_finite_is_refused(found: dict[str, Any]) -> None:
    if all(map(is_finite, found.values())):
        check_values(found, "metadata")
    else:
        with pytest.raises(InvalidData):
            check_values(found, "metadata")


@given(strategies.json_values)
def test_values_that_json_holds_pass(value: Any) -> None:
    check_values({"x": value}, "metadata")


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"a": "\ud800"}, "metadata.a"),
        ({"a": [{"b": "x\udfff"}]}, "metadata.a[0].b"),
        ({"\ud800": 1}, "a name in metadata"),
    ],
)
def test_half_of_a_character_is_no_text_wherever_it_is(values: dict[str, Any], place: str) -> None:
    for make in (lambda: Item("a", metadata=values), lambda: Label("a", "cat", Whole(), metadata=values)):
        with pytest.raises(InvalidData, match="half of a character") as caught:
            make()
        assert caught.value.field == place
    with pytest.raises(ValidationError, match="half of a character"):
        Dataset(name="d", metadata=values)


def test_half_of_a_character_names_no_feature_of_a_distribution() -> None:
    with pytest.raises(InvalidData, match="half of a character"):
        Prediction("a", "cat", Whole(), confidence=0.5, class_pdf={"\ud800": 1.0})


def test_rows_with_half_of_a_character_are_not_written_down() -> None:
    with pytest.raises(InvalidData, match=r"'x\\ud800' is no text"):
        encode_rows([Label("a", "cat", Whole(), id="x\ud800")])
