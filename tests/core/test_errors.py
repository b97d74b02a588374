"""The error tree: one code per class, drawn in its module, explained in the documentation."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import dragoman
from dragoman import DragomanError, InvalidData, errors

DOCUMENT = (Path(__file__).parents[2] / errors.DOCS).read_text(encoding="utf-8")
SECTIONS = {
    heading: text.strip()
    for heading, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", DOCUMENT, re.DOTALL | re.MULTILINE)
}


def tree(base: type[DragomanError] = DragomanError) -> Iterator[type[DragomanError]]:
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from tree(kind)


KINDS = list(tree())


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in KINDS]

    assert len(set(codes)) == len(codes) == 15
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_is_drawn_public_and_documented(kind: type[DragomanError]) -> None:
    assert errors.__doc__ is not None
    assert re.search(rf"^ +(\+-- )?{kind.__name__}\b", errors.__doc__, re.MULTILINE)
    assert getattr(dragoman, kind.__name__) is kind
    assert kind.__doc__


def test_the_tree_draws_no_class_that_is_not_there() -> None:
    assert errors.__doc__ is not None
    assert set(re.findall(r"\+-- (\w+)", errors.__doc__)) == {kind.__name__ for kind in KINDS[1:]}


@pytest.mark.parametrize("kind", KINDS)
def test_every_code_has_a_section_in_the_documentation(kind: type[DragomanError]) -> None:
    error = kind("it failed")

    assert len(SECTIONS[kind.code]) > 40
    assert error.docs == f"docs/errors.md#{kind.code}"


def test_the_documentation_has_a_section_for_nothing_else() -> None:
    assert list(SECTIONS) == [kind.code for kind in KINDS]


def test_the_documentation_says_which_errors_were_tried_again() -> None:
    assert [code for code, text in SECTIONS.items() if "*Tried again*" in text] == [
        kind.code for kind in KINDS if kind.retryable
    ]


def test_an_error_tells_where_what_and_what_to_do() -> None:
    error = InvalidData(
        "The width is negative.",
        hint="Swap the corners.",
        platform="nucleus",
        operation="labels.write",
        row=3,
        field="geometry.width",
    )

    assert str(error) == ("nucleus labels.write, row 3, field geometry.width: The width is negative. Swap the corners.")
    assert str(DragomanError("It failed.")) == "It failed."
    assert str(DragomanError("It failed.", row=0)) == "row 0: It failed."
    assert str(DragomanError("It failed.", operation="models.get")) == "models.get: It failed."


def test_an_error_gives_its_facts_as_plain_values() -> None:
    error = InvalidData("It is bad.", row=0, field="x", request_id="r-1")

    assert error.to_dict() == {
        "code": "invalid-data",
        "message": "It is bad.",
        "request_id": "r-1",
        "row": 0,
        "field": "x",
        "retryable": False,
        "docs": "docs/errors.md#invalid-data",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_errors_travel_between_processes_with_what_they_know(kind: type[DragomanError]) -> None:
    error = kind("It failed.", hint="Try.", platform="acme", row=3, retry_after=1.5, maybe_applied=True)

    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is kind
        assert vars(other) == vars(error)
        assert str(other) == str(error)
