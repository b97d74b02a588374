"""Ontologies, and maps between the features of two of them: every name once, and every name known."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dragoman import (
    Attribute,
    AttributeOption,
    Box,
    Feature,
    FeatureMap,
    InvalidData,
    Label,
    Ontology,
    Prediction,
)

BOX = Box(1, 2, 3, 4)
WEATHER = Attribute(name="weather", kind="text")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Ontology(name="o", features=(Feature(name="cat"), Feature(name="cat"))),
        lambda: Feature(name="cat", attributes=(WEATHER, WEATHER)),
        lambda: AttributeOption(name="outside", attributes=(WEATHER, WEATHER)),
        lambda: Attribute(name="q", kind="radio", options=(AttributeOption(name="a"), AttributeOption(name="a"))),
        lambda: FeatureMap.of({"cat": ["Katze", "Katze"]}),
    ],
)
def test_what_is_named_twice_among_its_neighbours_is_refused(make: Any) -> None:
    with pytest.raises(ValidationError, match="more than once: "):
        make()


def test_a_radio_needs_options_and_a_text_has_none() -> None:
    with pytest.raises(ValidationError, match="a radio needs options"):
        Attribute(name="q", kind="radio")
    with pytest.raises(ValidationError, match="a text has no options"):
        Attribute(name="q", kind="text", options=(AttributeOption(name="a"),))


def test_a_feature_is_found_by_its_name() -> None:
    cat = Feature(name="cat")
    ontology = Ontology(name="o", features=(Feature(name="dog"), cat))
    assert (ontology.feature("cat"), ontology.feature("cow")) == (cat, None)


# -- maps -------------------------------------------------------------------------------------------------------------

ANIMALS = FeatureMap.of({"cat": ("Katze", "Tier"), "dog": "Tier"})


def test_a_map_is_many_to_many() -> None:
    assert ANIMALS.pairs == (("cat", "Katze"), ("cat", "Tier"), ("dog", "Tier"))
    assert (ANIMALS.targets("cat"), ANIMALS.targets("cow")) == (("Katze", "Tier"), ())


def test_a_row_becomes_one_row_for_each_of_its_targets_each_with_an_id_of_its_own() -> None:
    cat, dog = Label("i", "cat", BOX, id="1"), Label("i", "dog", BOX, id="2")
    first, second, third = ANIMALS.apply([cat, dog])
    assert [(row.feature, row.geometry) for row in (first, second, third)] == [
        ("Katze", BOX),
        ("Tier", BOX),
        ("Tier", BOX),
    ]
    assert (first.id, third.id) == ("1", "2")
    assert second.id not in ("", "1", "2")
    assert [row.id for row in ANIMALS.apply([cat])] == ["1", second.id]


def test_probabilities_go_to_the_targets_and_add_up() -> None:
    said = Prediction("i", "dog", BOX, confidence=0.5, class_pdf={"cat": 0.25, "dog": 0.5})
    (row,) = ANIMALS.apply([said])
    assert isinstance(row, Prediction)
    assert row.class_pdf == {"Katze": 0.25, "Tier": 0.75}


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (Label("i", "cow", BOX), "feature"),
        (Prediction("i", "cat", BOX, class_pdf={"cat": 0.5, "cow": 0.5}), "class_pdf"),
    ],
)
def test_a_row_that_the_map_does_not_cover_is_refused_and_named(row: Label, field: str) -> None:
    with pytest.raises(InvalidData, match="does not cover 'cow'") as caught:
        list(ANIMALS.apply([Label("i", "cat", BOX), row]))
    assert (caught.value.row, caught.value.field) == (1, field)


def test_a_map_is_checked_against_two_ontologies_and_all_that_does_not_fit_is_named() -> None:
    ANIMALS.check(["cat", "dog"], ["Katze", "Tier", "Hund"])
    ANIMALS.check(["cat", "dog", "cow"], ["Katze", "Tier"], cover=False)
    with pytest.raises(InvalidData, match="does not cover: cow, pig"):
        ANIMALS.check(["cat", "dog", "cow", "pig"], ["Katze", "Tier"])
    with pytest.raises(InvalidData, match="unknown features: dog, Katze"):
        ANIMALS.check(["cat"], ["Tier"])
