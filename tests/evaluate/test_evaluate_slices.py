"""Slices: items chosen by what their metadata say."""

from __future__ import annotations

import pytest

from dragoman import InvalidData, Item
from dragoman.evaluate.slices import slice_of, slices_by

ITEMS = [
    Item("a", split="train", metadata={"weather": "rain", "speed": 30, "wet": True}),
    Item("b", split="test", metadata={"weather": "sun", "speed": 50.5, "wet": False}),
    Item("c", width=64, height=48, metadata={"weather": "rain", "split": "mine"}),
]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("weather=rain", "ac"),
        ("weather!=rain", "b"),
        (" weather = rain , speed >= 30 ", "a"),
        ("speed<50.5", "a"),
        ("speed<=50.5", "ab"),
        ("speed>30", "b"),
        ("speed=30", "a"),
        ("speed!=fast", "ab"),
        ("wet=true", "a"),
        ("weather<s", "ac"),
        ("split=train", "a"),
        ("split=mine", "c"),
        ("width>=64", "c"),
    ],
)
def test_a_query_chooses_the_items_on_which_all_its_conditions_hold(query: str, keys: str) -> None:
    assert slice_of(ITEMS, query) == list(keys)


@pytest.mark.parametrize("query", ["weather", "", "=rain", "weather=rain,", "~weather"])
def test_what_is_no_query_is_refused(query: str) -> None:
    with pytest.raises(InvalidData, match="is no query"):
        slice_of(ITEMS, query)


@pytest.mark.parametrize("query", ["weather=fog", "height>1000", "nothing=1", "speed=fast"])
def test_a_slice_of_nothing_is_refused(query: str) -> None:
    with pytest.raises(InvalidData, match="No item fits"):
        slice_of(ITEMS, query)


def test_each_value_of_a_name_is_a_slice() -> None:
    assert slices_by(ITEMS, "weather") == {"rain": ["a", "c"], "sun": ["b"]}
    assert slices_by(ITEMS, "wet") == {"": ["c"], "false": ["b"], "true": ["a"]}
    assert slices_by(ITEMS, "split") == {"mine": ["c"], "test": ["b"], "train": ["a"]}


def test_a_name_that_no_item_has_is_refused() -> None:
    with pytest.raises(InvalidData, match="'light'"):
        slices_by(ITEMS, "light")
