"""Nucleus's exceptions and ours: one table."""

from __future__ import annotations

from typing import Any

import msgspec
import requests
from urllib3.exceptions import NewConnectionError

from dragoman.calls.binding import ErrorTable, from_status
from dragoman.errors import DragomanError, InvalidData, NotFound, PlatformError, Timeout, Unavailable
from dragoman_nucleus.sdk import JobError, NucleusAPIError, sdk_errors


def _api(error: NucleusAPIError) -> DragomanError:
    response = getattr(error, "response", None)
    if response is None:
        return from_status(error.status_code, error.message)
    return from_status(
        response.status_code,
        _said(response),
        retry_after=_seconds(response.headers.get("Retry-After")),
        request_id=response.headers.get("x-request-id"),
    )


def _said(response: requests.Response) -> str:
    """Return the text of `{"error": text}`, Nucleus's usual answer, or of whatever else it answered."""
    try:
        body: Any = msgspec.json.decode(response.content)
        text = body["error"]
    except (msgspec.DecodeError, KeyError, TypeError):
        text = response.text[:500] or response.reason
    return f"Nucleus answered {response.status_code}: {text}"


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and value.isdigit() else None


def _connection(error: requests.ConnectionError) -> DragomanError:
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, NewConnectionError):
        return Unavailable("Nucleus cannot be reached: the connection was refused.", hint="Check the endpoint.")
    return Unavailable("The connection to Nucleus broke before an answer came.", maybe_applied=True)


def _storage(error: requests.HTTPError) -> DragomanError:
    """Bind the refusal of a presigned URL. Its own text has the URL, whose signature is a secret."""
    if error.response is None:
        return Unavailable("Nucleus's storage gave no answer.", maybe_applied=True)
    status, headers = error.response.status_code, error.response.headers
    return from_status(
        status, f"Nucleus's storage answered {status}.", retry_after=_seconds(headers.get("Retry-After"))
    )


ERRORS: ErrorTable = {
    NucleusAPIError: _api,
    requests.ConnectionError: _connection,
    requests.HTTPError: _storage,
    requests.ConnectTimeout: lambda _: Unavailable("Nucleus cannot be reached: connecting timed out."),
    requests.Timeout: lambda _: Timeout("Nucleus did not answer in time.", maybe_applied=True),
    requests.RequestException: lambda error: PlatformError(f"The request to Nucleus failed: {error}"),
    msgspec.ValidationError: lambda error: PlatformError(f"Nucleus answered something unexpected: {error}"),
    msgspec.DecodeError: lambda error: PlatformError(f"Nucleus answered something that is not JSON: {error}"),
    KeyError: lambda error: PlatformError(f"Nucleus's answer lacks {error}."),
    JobError: lambda error: PlatformError(f"A Nucleus job failed: {error}"),
    sdk_errors.DuplicateIDError: lambda error: InvalidData(f"Two rows have one id: {error}"),
    sdk_errors.ModelCreationError: lambda error: PlatformError(f"Nucleus made no model: {error.message}"),
    sdk_errors.ModelRunCreationError: lambda error: PlatformError(f"Nucleus made no run: {error.message}"),
    sdk_errors.DatasetItemRetrievalError: lambda error: PlatformError(f"Nucleus gave no items: {error.message}"),
    sdk_errors.NotFoundError: lambda error: NotFound(error.message),
}
