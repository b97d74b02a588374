"""The vocabulary of an evaluation's filters: its values can be given back to a filter as they are."""

from __future__ import annotations

import pytest
from nucleus import BoxAnnotation, DatasetItem
from nucleus.data_transfer_object.evaluation_v2 import EvaluationV2FilterArgs, MetadataPredicate

METADATA = {
    "a": {"n": 2, "share": 0.5, "night": True, "place": "Ulm", "mixed": 1, "list": [1]},
    "b": {"n": 10, "share": 1.5, "night": False, "place": "true", "mixed": "x"},
}


@pytest.fixture
def evaluation(client, model):
    dataset = client.create_dataset("described", is_scene=False)
    items = [DatasetItem(f"https://images.example/{key}.jpg", key, metadata=METADATA[key]) for key in METADATA]
    dataset.append(items).sleep_until_complete(verbose_std_out=False)
    dataset.annotate([BoxAnnotation("car", 0, 0, 1, 1, key) for key in METADATA])
    benchmark = client.create_benchmark("b", dataset_id=dataset.id, verbose=False)
    return benchmark.create_evaluation_v2(model_id=model).wait_for_completion(poll_interval=0)


def found(evaluation, key, op, value):
    filters = EvaluationV2FilterArgs(item_metadata=[MetadataPredicate(key=key, op=op, value=value)])
    return evaluation.examples(filters=filters).total


def test_values_are_shown_as_in_json(evaluation):
    fields = {field.key: (field.value_type, field.values) for field in evaluation.filter_schema().metadata_fields}
    assert fields == {
        "mixed": ("string", ["1", "x"]),
        "n": ("number", ["10", "2"]),
        "night": ("boolean", ["false", "true"]),
        "place": ("string", ["Ulm", "true"]),
        "share": ("number", ["0.5", "1.5"]),
    }


def test_what_is_shown_can_be_filtered_by(evaluation):
    for field in evaluation.filter_schema().metadata_fields:
        assert [found(evaluation, field.key, "EQ", value) for value in field.values] == [1, 1], field.key
        assert found(evaluation, field.key, "IN", field.values) == 2, field.key


@pytest.mark.parametrize(
    ("key", "op", "value", "count"),
    [
        ("n", "EQ", 2, 1),
        ("n", "IN", [2, 10], 2),
        ("n", "GT", 2, 1),
        ("night", "EQ", True, 1),
        ("place", "IN", "Ulmer Münster", 0),
        ("list", "EQ", [1], 1),
        ("n", "EQ", None, 0),
        ("n", "IN", [], 0),
    ],
)
def test_values_may_be_given_as_they_are(evaluation, key, op, value, count):
    assert found(evaluation, key, op, value) == count
