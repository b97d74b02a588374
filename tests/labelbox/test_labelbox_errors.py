"""Every exception of the SDK has a counterpart; a release that adds one fails here."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest
import requests
from google.api_core.exceptions import RetryError
from lbox import exceptions

from dragoman import (
    AuthenticationError,
    Conflict,
    InvalidData,
    NotFound,
    PermissionDenied,
    PlatformError,
    RateLimited,
    Timeout,
    Unavailable,
)
from dragoman.calls.binding import bind
from dragoman.calls.scrub import Scrubber
from dragoman_labelbox.errors import ERRORS


def sdk_exceptions() -> list[type[Exception]]:
    """All exception classes that the SDK defines where it defines them."""
    members = inspect.getmembers(exceptions, inspect.isclass)
    return [kind for _, kind in members if issubclass(kind, Exception) and kind.__module__ == exceptions.__name__]


@pytest.mark.parametrize("kind", sdk_exceptions())
def test_every_exception_is_in_the_table(kind: type[Exception]) -> None:
    assert kind in ERRORS


def _answered(error: Any, status: int, headers: dict[str, str] | None = None) -> Any:
    """An exception to which the answer is attached, as `sdk.open_client` does."""
    error.response = requests.Response()
    error.response.status_code = status
    error.response.headers.update(headers or {})
    return error


@pytest.mark.parametrize(
    ("error", "expected", "maybe_applied"),
    [
        (exceptions.AuthenticationError("Invalid API key"), AuthenticationError, False),
        (exceptions.AuthorizationError("no"), PermissionDenied, False),
        (exceptions.ResourceNotFoundError(message="Model x does not exist."), NotFound, False),
        (exceptions.ResourceConflict("twice"), Conflict, False),
        (exceptions.InvalidQueryError("bad"), InvalidData, False),
        (exceptions.MalformedQueryException("bad"), InvalidData, False),
        (exceptions.OperationNotAllowedException("no"), PermissionDenied, False),
        (exceptions.ApiLimitError("You have exceeded"), RateLimited, False),
        (exceptions.InternalServerError("502 Bad Gateway"), Unavailable, True),
        (exceptions.TimeoutError("slow"), Timeout, True),
        (exceptions.NetworkError(requests.ConnectionError("reset")), Unavailable, True),
        (exceptions.NetworkError(requests.ConnectTimeout("slow")), Unavailable, False),
        (exceptions.LabelboxError("odd"), PlatformError, False),
        (_answered(exceptions.LabelboxError("429 Too Many Requests"), 429), RateLimited, False),
        (_answered(exceptions.LabelboxError("403 Forbidden"), 403), PermissionDenied, False),
        (_answered(exceptions.LabelboxError("Failed to parse response as JSON: <html>"), 200), PlatformError, False),
        (RetryError("gave up", None), Timeout, True),
        (TimeoutError("rows"), Timeout, True),
        (requests.ConnectionError("reset"), Unavailable, True),
        (requests.ReadTimeout("slow"), Timeout, True),
        (requests.TooManyRedirects("round"), PlatformError, False),
        (KeyError("modelRun"), PlatformError, False),
    ],
)
def test_exceptions_bind_to_the_most_specific(error: Exception, expected: type, maybe_applied: bool) -> None:
    bound = bind(error, ERRORS, Scrubber([]))
    assert type(bound) is expected
    assert bound.maybe_applied is maybe_applied


def test_retry_after_and_request_id_are_read() -> None:
    error = _answered(exceptions.ApiLimitError("You have exceeded"), 429, {"Retry-After": "12", "x-request-id": "r1"})
    bound = bind(error, ERRORS, Scrubber([]))
    assert (bound.retry_after, bound.request_id) == (12.0, "r1")


def test_the_key_is_in_no_error() -> None:
    cause = requests.ConnectionError("to https://api with Bearer KEY-1")
    error = exceptions.NetworkError(cause)
    # The SDK raises it while it handles the cause.
    error.__context__ = cause
    bound = bind(error, ERRORS, Scrubber(["KEY-1"]))
    assert "KEY-1" not in f"{bound}{error}{error.args}{vars(error)}"


def test_what_is_raised_is_not_printed_as_well() -> None:
    program = (
        "import dragoman;"
        "backend = dragoman.connect('labelbox', api_key='secret', endpoint='http://127.0.0.1:9/graphql');"
        "backend.sleep = lambda seconds: None;"
        "\ntry: backend.datasets.get('d')"
        "\nexcept dragoman.Unavailable: print('unavailable')"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("unavailable\n", "")
