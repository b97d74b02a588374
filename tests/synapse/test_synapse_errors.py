"""Every exception of the HTTP client has a counterpart; what the platform says is told in one line."""

from __future__ import annotations

import inspect
from typing import Any

import httpx
import msgspec
import pytest

from dragoman import AuthenticationError, Conflict, InvalidData, NotFound, PlatformError, RateLimited, Timeout
from dragoman.calls.binding import bind
from dragoman.calls.scrub import Scrubber
from dragoman.emulate import Answer, Live
from dragoman.errors import DragomanError, PermissionDenied, Unavailable
from dragoman_synapse.client import FileRefused, SynapseRefused
from dragoman_synapse.errors import ERRORS

WITHOUT_COUNTERPART = {
    "CookieConflict": "no cookies are used",
    "HTTPStatusError": "the client itself looks at the status",
}
REQUEST = httpx.Request("GET", "http://host/")


def exceptions() -> list[type[Exception]]:
    """All exception classes that httpx makes public."""
    found = [kind for _, kind in inspect.getmembers(httpx, inspect.isclass) if issubclass(kind, Exception)]
    return sorted(found, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", exceptions())
def test_each_exception_is_bound_to_an_error_that_says_more(kind: type[Exception]) -> None:
    bound = any(parent in ERRORS for parent in kind.__mro__)
    assert bound or kind.__name__ in WITHOUT_COUNTERPART


@pytest.mark.parametrize(
    ("error", "expected", "maybe_applied"),
    [
        (httpx.ConnectError("refused", request=REQUEST), Unavailable, False),
        (httpx.ConnectTimeout("slow", request=REQUEST), Unavailable, False),
        (httpx.PoolTimeout("full", request=REQUEST), Unavailable, False),
        (httpx.ReadTimeout("slow", request=REQUEST), Timeout, True),
        (httpx.WriteTimeout("slow", request=REQUEST), Timeout, True),
        (httpx.RemoteProtocolError("cut", request=REQUEST), Unavailable, True),
        (httpx.ReadError("reset", request=REQUEST), Unavailable, True),
        (httpx.UnsupportedProtocol("ftp", request=REQUEST), InvalidData, False),
        (KeyError("results"), PlatformError, True),
        (msgspec.DecodeError("<html>"), PlatformError, True),
        (FileRefused(404), NotFound, False),
        (FileRefused(503), Unavailable, True),
    ],
)
def test_exceptions_bind_to_the_most_specific(error: Exception, expected: type, maybe_applied: bool) -> None:
    bound = bind(error, ERRORS, Scrubber([]))
    assert type(bound) is expected
    assert bound.maybe_applied is maybe_applied


def refused(status: int, detail: Any, headers: dict[str, str] | None = None) -> DragomanError:
    """The error of an answer."""
    return bind(SynapseRefused(status, detail, headers or {}), ERRORS, Scrubber([]))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidData),
        (401, AuthenticationError),
        (403, PermissionDenied),
        (404, NotFound),
        (408, Timeout),
        (409, Conflict),
        (410, NotFound),
        (413, InvalidData),
        (422, InvalidData),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
        (418, PlatformError),
    ],
)
def test_statuses_are_kinds_of_errors(status: int, kind: type) -> None:
    assert type(refused(status, {"detail": "so it is"})) is kind


def test_errors_of_fields_name_the_first_one() -> None:
    error = refused(400, {"name": ["This field is required."], "plugin": ["Unknown.", "Really."]})
    assert error.field == "name"
    assert error.message == "Synapse answered 400: name: This field is required.; plugin: Unknown. Really."


def test_errors_of_the_second_interface_are_read() -> None:
    detail = {"code": "VALIDATION_ERROR", "message": "Bad.", "details": [{"field": "name", "message": "Too long."}]}
    error = refused(400, {"error": detail, "meta": {"request_id": "r-1"}})
    assert (error.message, error.field, error.request_id) == (
        "Synapse answered 400: Bad.; name: Too long.",
        "name",
        "r-1",
    )


@pytest.mark.parametrize(
    "said", ["model with this name already exists.", "The fields tenant, name must make a unique set."]
)
def test_a_name_that_is_taken_is_a_conflict(said: str) -> None:
    error = refused(400, {"name": [said]})
    assert type(error) is Conflict
    assert error.field == "name"


def test_a_page_of_a_proxy_is_quoted_in_one_line() -> None:
    error = refused(413, "<html>\n  <h1>413 Request Entity Too Large</h1>\n</html>")
    assert error.message == "Synapse answered 413: <html> <h1>413 Request Entity Too Large</h1> </html>"


def test_a_wait_that_is_asked_for_is_read() -> None:
    assert refused(429, {"detail": "Slow down."}, {"Retry-After": "12"}).retry_after == 12.0
    assert refused(503, {}, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}).retry_after is None


def test_an_answer_of_another_form_is_the_platform_s_fault(backend: Any, emulated: Live[Any]) -> None:
    for body in ("[]", '{"count": 1}', '{"results": {}}', '{"results": [1]}', '{"results": [{"id": 1}]}', "<html>"):
        emulated.faults.add(Answer(200, body=body), path="/models/")
        with pytest.raises(PlatformError):
            list(backend.models.list())


def test_a_field_that_the_platform_refuses_is_named(backend: Any) -> None:
    with pytest.raises(InvalidData, match="no more than 200 characters") as refusal:
        backend.datasets.create("x" * 201)
    assert refusal.value.field == "name"
    assert refusal.value.request_id


def test_ids_that_cannot_be_ids_are_not_sent(backend: Any, emulated: Live[Any]) -> None:
    for call in (backend.models.get, backend.versions.get, backend.datasets.get, backend.truths.version):
        for key in ("../jobs", "1/2", "1?x", "", "ten"):
            with pytest.raises(NotFound):
                call(key)
    with pytest.raises(NotFound):
        backend.training.get("../models/1")
    assert emulated.journal.count == 0
