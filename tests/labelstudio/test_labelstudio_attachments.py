"""Connections of projects to machine-learning backends: what Label Studio says of those that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from labelstudio_said import ENDPOINT, LEGACY, client_of

import dragoman
from dragoman import InvalidData, NotFound

Answered = Callable[[int, Any], Any]


@pytest.fixture
def answered() -> Iterator[Answered]:
    """Make a backend that is answered the same every time."""
    with dragoman.connect("labelstudio", endpoint=ENDPOINT, token=LEGACY) as backend:
        found: Any = backend

        def make(status: int, body: Any) -> Any:
            found.client = client_of(lambda request: httpx.Response(status, json=body))
            return found

        yield make


def test_a_project_that_is_not_there_is_not_found(answered: Answered) -> None:
    wrong = {"project": ['Invalid pk "7" - object does not exist.']}
    backend = answered(400, {"status_code": 400, "detail": "Validation error", "validation_errors": wrong})
    with pytest.raises(NotFound, match="no project '7'"):
        backend.attachments.attach("http://model.example", project="7", features={})


def test_a_backend_that_is_not_well_is_told(answered: Answered) -> None:
    wrong = {"non_field_errors": ["Can't connect to ML backend"]}
    backend = answered(400, {"status_code": 400, "detail": "Validation error", "validation_errors": wrong})
    with pytest.raises(InvalidData, match="Can't connect"):
        backend.attachments.attach("http://model.example", project="7", features={})


@pytest.mark.parametrize("model", ["", "model.example", "ftp://model.example", "http://", "http:///a", "http:// a"])
def test_what_is_no_address_is_not_sent(answered: Answered, model: str) -> None:
    backend = answered(201, {"id": 1, "url": model, "project": 7})
    with pytest.raises(InvalidData, match="no address") as caught:
        backend.attachments.attach(model, project="7", features={})
    assert caught.value.field == "model"
