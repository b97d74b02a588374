"""What Label Studio says is told in one line, and every exception of the HTTP client has a counterpart."""

from __future__ import annotations

import inspect
from typing import Any

import httpx
import msgspec
import pytest
from labelstudio_said import client_of

from dragoman import AuthenticationError, Conflict, InvalidData, NotFound, PlatformError, RateLimited, Timeout
from dragoman.calls.binding import bind
from dragoman.calls.scrub import Scrubber
from dragoman.errors import DragomanError, PermissionDenied, Unavailable
from dragoman_labelstudio.client import LabelStudioRefused
from dragoman_labelstudio.errors import ERRORS, LENGTH
from dragoman_labelstudio.projects import configure, described, media_key, number_of
from dragoman_labelstudio.wire import Project

WITHOUT_COUNTERPART = {
    "CookieConflict": "no cookies are used",
    "HTTPStatusError": "the client itself looks at the status",
}


def exceptions() -> list[type[Exception]]:
    """All exception classes that httpx makes public."""
    found = [kind for _, kind in inspect.getmembers(httpx, inspect.isclass) if issubclass(kind, Exception)]
    return sorted(found, key=lambda kind: kind.__name__)


def bound_of(status: int, body: Any, **headers: str) -> DragomanError:
    """The error that an answer becomes."""
    content = body.encode() if isinstance(body, str) else msgspec.json.encode(body)
    client = client_of(lambda request: httpx.Response(status, content=content, headers=headers))
    with pytest.raises(LabelStudioRefused) as refusal:
        client.get("api/x", dict)
    return bind(refusal.value, ERRORS, Scrubber([]))


@pytest.mark.parametrize("kind", exceptions())
def test_each_exception_is_bound_to_an_error_that_says_more(kind: type[Exception]) -> None:
    bound = any(parent in ERRORS for parent in kind.__mro__)
    assert bound or kind.__name__ in WITHOUT_COUNTERPART


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidData),
        (401, AuthenticationError),
        (403, PermissionDenied),
        (404, NotFound),
        (409, Conflict),
        (429, RateLimited),
        (500, Unavailable),
        (502, Unavailable),
        (504, Timeout),
    ],
)
def test_a_status_becomes_the_error_of_its_meaning(status: int, kind: type[DragomanError]) -> None:
    assert type(bound_of(status, {"detail": "because"})) is kind


def test_a_validation_error_names_its_field() -> None:
    body = {"id": "a1", "detail": "Validation error", "validation_errors": {"title": ["Too short."]}}
    error = bound_of(400, body)
    assert error.message == "Label Studio answered 400: title: Too short."
    assert (error.field, error.request_id) == ("title", "a1")


def test_an_error_of_no_field_has_none() -> None:
    error = bound_of(400, {"validation_errors": {"non_field_errors": ["Error at item 0: no image"]}})
    assert error.field is None
    assert "Error at item 0" in error.message


@pytest.mark.parametrize("body", ["<!doctype html><html>Page not found</html>", "", "[not json"])
def test_a_page_is_not_shown(body: str) -> None:
    error = bound_of(404, body)
    assert type(error) is NotFound
    assert error.message == "Label Studio answered 404."


def test_a_list_of_texts_is_one_line() -> None:
    assert bound_of(400, ["one\n two", ["three"]]).message == "Label Studio answered 400: one two three"


def test_rows_that_are_repeated_in_an_answer_are_cut_off() -> None:
    error = bound_of(400, {"validation_errors": {"non_field_errors": ["x" * 100_000]}})
    assert len(error.message) < LENGTH + 100


def test_a_wait_that_is_asked_for_is_told() -> None:
    assert bound_of(429, {"detail": "slowly"}, **{"Retry-After": "7"}).retry_after == 7


@pytest.mark.parametrize("content", [b"<html>", b"", b"\xff\xfe"])
def test_a_success_that_is_no_json_is_not_taken_for_one(content: bytes) -> None:
    client = client_of(lambda request: httpx.Response(200, content=content))
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)) as caught:
        client.get("api/x", Project)
    assert type(bind(caught.value, ERRORS, Scrubber([]))) is PlatformError


def test_a_success_of_another_form_is_not_taken_for_one() -> None:
    client = client_of(lambda request: httpx.Response(200, json={"count": 3}))
    with pytest.raises(msgspec.ValidationError) as caught:
        client.get("api/x", Project)
    assert type(bind(caught.value, ERRORS, Scrubber([]))) is PlatformError


def test_a_configuration_that_annotations_need_is_a_conflict() -> None:
    body = {"validation_errors": {"label_config": ["These labels still exist in annotations: car"]}}
    client = client_of(lambda request: httpx.Response(400, json=body))
    with pytest.raises(Conflict, match="still exist"):
        configure(client, "1", "<View/>")


def test_a_configuration_that_is_none_is_no_conflict() -> None:
    body = {"validation_errors": {"label_config": ["unclosed token"]}}
    client = client_of(lambda request: httpx.Response(400, json=body))
    with pytest.raises(LabelStudioRefused):
        configure(client, "1", "<View")


@pytest.mark.parametrize("dataset", ["", "x", "1.5", "-1", "٣", "1/../2", "9" * 5000])
def test_a_project_that_has_no_number_is_not_asked_for(dataset: str) -> None:
    with pytest.raises(NotFound, match="numbers"):
        number_of(dataset)


def test_a_project_holds_a_description_and_no_other_metadata() -> None:
    assert described({"description": "of cars"}) == "of cars"
    for metadata in ({"place": "Ulm"}, {"description": 7}):
        with pytest.raises(InvalidData, match="description"):
            described(metadata)


def test_a_medium_that_the_configuration_does_not_show_is_refused() -> None:
    from dragoman.formats.labelstudio.config import read_config

    config = read_config(b'<View><Image name="img" value="$photo"/></View>')
    assert media_key(config, "image") == "photo"
    assert media_key(read_config(b"<View></View>"), "video") == "video"
    with pytest.raises(InvalidData, match="no video"):
        media_key(config, "video")
