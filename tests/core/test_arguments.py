"""What callers give by mistake is refused by name, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from memory import MemoryAdapter

from dragoman import Checklist, Dataset, InvalidData, Option, Radio

HALF = "\ud800"
TASK = {"task": "object_detection"}


def test_what_was_never_made_has_no_id(backend: MemoryAdapter) -> None:
    never = Dataset(name="never made")
    for call in (backend.datasets.get, backend.datasets.delete, backend.datasets.read_items, backend.labels.read):
        with pytest.raises(InvalidData, match=r"never made.* is no id, and has none"):
            call(never)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda backend: backend.labels.read("d", items="ab"), "items"),
        (lambda backend: backend.predictions.read("v", dataset="d", items="ab"), "items"),
        (lambda backend: backend.predictions.delete("v", dataset="d", ids="ab"), "ids"),
        (lambda backend: backend.handoff.send_items("d", project="p", items="ab"), "items"),
        (lambda backend: backend.models.create("m", features="ab", **TASK), "features"),
    ],
)
def test_the_letters_of_a_text_are_not_taken_for_many(
    backend: MemoryAdapter, call: Callable[[Any], Any], field: str
) -> None:
    with pytest.raises(InvalidData, match=f"{field} is a single text") as caught:
        call(backend)
    assert (caught.value.field, caught.value.hint) == (field, "Put it into a list.")


def test_keys_may_be_of_any_kind_that_can_be_gone_through(backend: MemoryAdapter) -> None:
    dataset = backend.datasets.create("d")
    assert list(backend.labels.read(dataset, items=(key for key in ()))) == []


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda backend, thing: backend.models.update(thing, name=""), "name"),
        (lambda backend, thing: backend.models.update(thing, name=HALF), "name"),
        (lambda backend, thing: backend.models.create(HALF, features=[], **TASK), "name"),
        (lambda backend, thing: backend.models.create("m", features=[HALF], **TASK), "features"),
    ],
)
def test_a_name_is_a_text_and_not_empty(backend: MemoryAdapter, call: Callable[[Any, Any], Any], field: str) -> None:
    model = backend.models.create("m", features=["cat"], **TASK)
    with pytest.raises(InvalidData) as caught:
        call(backend, model)
    assert caught.value.field == field
    assert [one.name for one in backend.models.list()] == ["m"]


def test_models_are_sorted_by_what_they_have(backend: MemoryAdapter) -> None:
    order: Any = "colour"
    with pytest.raises(InvalidData, match="not sorted by 'colour'") as caught:
        backend.models.list(order=order)
    assert caught.value.hint == "By: name, created_at."


@pytest.mark.parametrize("size", [0, -1])
def test_a_page_has_at_least_one_row(backend: MemoryAdapter, size: int) -> None:
    with pytest.raises(InvalidData, match=f"page_size is {size}"):
        backend.models.list(page_size=size)


def test_weights_go_to_a_file(backend: MemoryAdapter, tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="is a folder"):
        backend.versions.download_weights("v", tmp_path)


@pytest.mark.parametrize("make", [Radio, lambda name: Checklist((Option("a"), name))])
def test_an_answer_is_made_of_options(make: Callable[[Any], Any]) -> None:
    with pytest.raises(InvalidData, match="an option is 'b'") as caught:
        make("b")
    assert ".of makes one" in (caught.value.hint or "")
