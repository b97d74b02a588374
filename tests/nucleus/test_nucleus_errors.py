"""Every exception of the SDK has a counterpart; a release that adds one fails here."""

from __future__ import annotations

import base64
import inspect
from typing import Any

import nucleus.async_job
import nucleus.errors
import pytest
import requests

from dragoman import InvalidData, NotFound, PlatformError, RateLimited, Timeout, Unavailable
from dragoman.calls.binding import bind
from dragoman.calls.scrub import Scrubber
from dragoman.emulate import Live
from dragoman_nucleus.errors import ERRORS

WITHOUT_COUNTERPART = {
    "NoAPIKey": "settings refuse a missing key before the SDK sees it",
}


def sdk_exceptions() -> list[type[Exception]]:
    """All exception classes that the SDK defines where it defines them."""
    found = []
    for module in (nucleus.errors, nucleus.async_job):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, Exception) and kind.__module__ == module.__name__:
                found.append(kind)
    return found


@pytest.mark.parametrize("kind", sdk_exceptions())
def test_each_sdk_exception_is_in_the_table(kind: type[Exception]) -> None:
    assert kind in ERRORS or kind.__name__ in WITHOUT_COUNTERPART


@pytest.mark.parametrize(
    ("error", "expected", "maybe_applied"),
    [
        (requests.ReadTimeout("slow"), Timeout, True),
        (requests.ConnectTimeout("slow"), Unavailable, False),
        (requests.ConnectionError("reset"), Unavailable, True),
        (requests.TooManyRedirects("round"), PlatformError, False),
        (KeyError("model_id"), PlatformError, False),
        (nucleus.errors.NotFoundError("no file"), NotFound, False),
        (nucleus.errors.DuplicateIDError("twice"), InvalidData, False),
    ],
)
def test_exceptions_bind_to_the_most_specific(error: Exception, expected: type, maybe_applied: bool) -> None:
    bound = bind(error, ERRORS, Scrubber([]))
    assert type(bound) is expected
    assert bound.maybe_applied is maybe_applied


def _refused(status: int, body: str, headers: dict[str, str] | None = None) -> Any:
    response = requests.Response()
    response.status_code = status
    response._content = body.encode()
    response.headers.update(headers or {})
    error = nucleus.errors.NucleusAPIError("https://host/route", requests.get, response)
    error.response = response
    return error


def test_an_answer_in_nucleus_form_is_quoted() -> None:
    bound = bind(_refused(404, '{"error": "no such model"}'), ERRORS, Scrubber([]))
    assert isinstance(bound, NotFound)
    assert bound.message == "Nucleus answered 404: no such model"


def test_an_answer_that_is_not_json_is_quoted_as_text() -> None:
    assert "<html>" in bind(_refused(500, "<html>"), ERRORS, Scrubber([])).message


def test_a_refusal_of_storage_is_bound_without_its_url() -> None:
    response = requests.Response()
    response.status_code = 503
    response.headers["Retry-After"] = "7"
    error = requests.HTTPError("503 for https://storage/file?signature=secret", response=response)
    bound = bind(error, ERRORS, Scrubber([]))
    assert isinstance(bound, Unavailable)
    assert (bound.message, bound.retry_after) == ("Nucleus's storage answered 503.", 7.0)
    assert bind(requests.HTTPError("secret"), ERRORS, Scrubber([])).message == "Nucleus's storage gave no answer."


def test_retry_after_is_read() -> None:
    bound = bind(_refused(429, "{}", {"Retry-After": "12"}), ERRORS, Scrubber([]))
    assert isinstance(bound, RateLimited)
    assert bound.retry_after == 12.0


def test_the_key_is_in_no_error() -> None:
    error = nucleus.async_job.JobError
    failure = error({"status": "Errored", "message": "for KEY-1"}, "job of NucleusClient(api_key='KEY-1')")
    bound = bind(failure, ERRORS, Scrubber(["KEY-1"]))
    assert "KEY-1" not in f"{bound}{failure}{failure.args}{vars(failure)}"


def test_the_key_is_in_no_repr_of_the_sdk_s_objects(emulated: Live[Any], backend: Any, model: Any) -> None:
    key = emulated.credentials["api_key"]
    client = backend.client
    job = nucleus.async_job.AsyncJob("job_1", "Running", "uploadPredictions", "now", client)
    shown = [repr(one) for one in (client, client.connection, client.get_model(model_id=model.id), job, backend)]
    assert not [text for text in shown if key in text]


def test_the_key_is_not_in_the_request_of_an_error(emulated: Live[Any], backend: Any) -> None:
    with pytest.raises(NotFound) as failure:
        backend.models.get("prj_none")
    cause: Any = failure.value.__cause__
    encoded = base64.b64encode(f"{emulated.credentials['api_key']}:".encode()).decode()
    assert encoded not in str(cause.response.request.headers)
