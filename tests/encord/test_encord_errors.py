"""Every exception of the SDK has a counterpart; a release that adds one fails here."""

from __future__ import annotations

import inspect

import encord.exceptions
import pytest
import requests
from encord.exceptions import EncordException, RequestException, UnknownException
from encord.http.common import RequestContext

from dragoman import InvalidData, NotFound, PlatformError, RateLimited, Timeout, Unavailable
from dragoman.calls.binding import bind
from dragoman.calls.scrub import Scrubber
from dragoman_encord.errors import ERRORS


def sdk_exceptions() -> list[type[Exception]]:
    """All exception classes that the SDK defines."""
    classes = (kind for _, kind in inspect.getmembers(encord.exceptions, inspect.isclass))
    return [kind for kind in classes if issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", sdk_exceptions())
def test_each_sdk_exception_is_in_the_table(kind: type[Exception]) -> None:
    assert kind in ERRORS


def sending(cause: Exception) -> RequestException:
    """What the SDK raises when a request cannot be sent."""
    error = RequestException("Request session.send failed")
    error.__cause__ = cause
    return error


def answered(status: int) -> UnknownException:
    """What our client raises for a status that the SDK has no class for."""
    error = UnknownException("said so", context=RequestContext(trace_id="trace-1"))
    error.status = status
    return error


@pytest.mark.parametrize(
    ("error", "expected", "maybe_applied"),
    [
        (sending(requests.ReadTimeout("slow")), Timeout, True),
        (sending(requests.ConnectTimeout("slow")), Unavailable, False),
        (sending(requests.ConnectionError("reset")), Unavailable, True),
        (RequestException("Error parsing JSON response: <html>"), PlatformError, True),
        (EncordException("1 validation error for ModelWithIterations"), PlatformError, True),
        (answered(500), Unavailable, True),
        (answered(504), Timeout, True),
        (answered(422), InvalidData, False),
        (answered(418), PlatformError, False),
        (UnknownException("legacy"), Unavailable, True),
        (encord.exceptions.ResourceNotFoundError("gone"), NotFound, False),
        (encord.exceptions.PayloadTooLargeError("big"), InvalidData, False),
        (requests.ConnectionError("reset"), Unavailable, True),
        (requests.exceptions.InvalidJSONError("nan"), InvalidData, False),
        (sending(RuntimeError("odd")), PlatformError, True),
        (KeyError("data_hash"), PlatformError, False),
    ],
)
def test_exceptions_bind_to_the_most_specific(error: Exception, expected: type, maybe_applied: bool) -> None:
    bound = bind(error, ERRORS, Scrubber([]))
    assert type(bound) is expected
    assert bound.maybe_applied is maybe_applied


def test_the_platforms_words_and_its_id_of_the_request_are_kept() -> None:
    bound = bind(answered(500), ERRORS, Scrubber([]))
    assert "said so" in bound.message
    assert bound.request_id == "trace-1"


def test_retry_after_is_kept() -> None:
    bound = bind(encord.exceptions.RateLimitExceededError(retry_after=12), ERRORS, Scrubber([]))
    assert isinstance(bound, RateLimited)
    assert bound.retry_after == 12


def test_a_signed_link_is_not_in_an_error() -> None:
    response = requests.Response()
    response.status_code = 403
    error = requests.HTTPError("403 for url: https://files/x?signature=SECRET", response=response)
    assert "SECRET" not in str(bind(error, ERRORS, Scrubber([])))


def test_the_key_is_in_no_error() -> None:
    error = EncordException("Provided key [KEY-1] is not")
    bound = bind(error, ERRORS, Scrubber(["KEY-1"]))
    assert "KEY-1" not in f"{bound}{error}{error.args}{error.message}"
