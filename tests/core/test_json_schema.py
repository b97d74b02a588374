"""The published JSON Schemas: up to date, and true of what is encoded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from pydantic import BaseModel, ValidationError

from dragoman import Box, Model, Radio, Task
from dragoman.conformance import strategies
from dragoman.schema import Item, Label, Prediction
from dragoman.schema.json_schema import schemas

FOLDER = Path(__file__).parents[2] / "docs" / "schema"
SCHEMAS = schemas()


def test_the_published_schemas_are_up_to_date() -> None:
    published = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
    assert published == json.loads(json.dumps(SCHEMAS)), "run `make docs`"


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_valid_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def valid(kind: type, value: Any) -> bool:
    validator = jsonschema.Draft202012Validator(SCHEMAS[kind.__name__])
    return bool(validator.is_valid(json.loads(msgspec.json.encode(value))))


@given(strategies.labels)
def test_every_label_fits_its_schema(row: Label) -> None:
    assert valid(Label, row)


@given(strategies.predictions)
def test_every_prediction_fits_its_schema(row: Prediction) -> None:
    assert valid(Prediction, row)


@given(strategies.items)
def test_every_item_fits_its_schema(row: Item) -> None:
    assert valid(Item, row)


def test_a_model_fits_its_schema() -> None:
    made = Model(name="m", task=Task.CLASSIFICATION, features=("a",))
    jsonschema.validate(json.loads(made.model_dump_json()), SCHEMAS["Model"])


def test_what_is_no_box_does_not_fit() -> None:
    assert not jsonschema.Draft202012Validator(SCHEMAS["Box"]).is_valid({"type": "box", "x": 1})
    assert jsonschema.Draft202012Validator(SCHEMAS["Box"]).is_valid(json.loads(msgspec.json.encode(Box(1, 2, 3, 4))))


class Batch(BaseModel):
    """A pydantic model of someone else's, with our rows as fields."""

    rows: tuple[Label, ...]
    shape: Box | None = None


def test_data_plane_types_are_fields_of_pydantic_models() -> None:
    batch = Batch(rows=(Label("a", "cat", Box(1, 2, 3, 4)),), shape=Box(0, 0, 1, 1))
    assert Batch.model_validate_json(batch.model_dump_json()) == batch


@pytest.mark.parametrize(
    "bad", [{"rows": [{"item": "a"}]}, {"rows": [], "shape": {"type": "box", "x": 0, "y": 0, "width": -1, "height": 1}}]
)
def test_bad_values_are_errors_of_the_pydantic_model(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Batch.model_validate(bad)


def test_a_pydantic_model_with_our_rows_has_a_json_schema() -> None:
    validator = jsonschema.Draft202012Validator(Batch.model_json_schema())
    batch = Batch(rows=(Label("a", "cat", Box(1, 2, 3, 4), answer=Radio.of("yes")),), shape=Box(0, 0, 1, 1))
    assert validator.is_valid(json.loads(batch.model_dump_json()))
    assert not validator.is_valid({"rows": [{"item": "a"}]})
