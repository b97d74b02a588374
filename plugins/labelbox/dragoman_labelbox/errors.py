"""Labelbox's exceptions and ours: one table."""

from __future__ import annotations

from typing import Any

import msgspec
import requests
from google.api_core.exceptions import RetryError
from urllib3.exceptions import NewConnectionError

from dragoman.calls.binding import ErrorTable, from_status
from dragoman.errors import (
    AuthenticationError,
    Conflict,
    DragomanError,
    InvalidData,
    NotFound,
    PermissionDenied,
    PlatformError,
    RateLimited,
    Timeout,
    Unavailable,
)
from dragoman_labelbox.sdk import ExportTask, exceptions


def _plain(kind: type[DragomanError]) -> Any:
    """Return a translator that keeps the message."""
    return lambda error: kind(f"Labelbox refused: {_message(error)}", request_id=_request_id(error))


def _message(error: Exception) -> str:
    return str(getattr(error, "message", None) or error)


def _response(error: Exception) -> requests.Response | None:
    # A response is false when it is a refusal, so that `or` would pass over it.
    response: requests.Response | None = getattr(error, "response", None)
    return response


def _request_id(error: Exception) -> str | None:
    response = _response(error)
    return response.headers.get("x-request-id") if response is not None else None


def _retry_after(error: Exception) -> float | None:
    response = _response(error)
    asked = response.headers.get("Retry-After") if response is not None else None
    return float(asked) if asked is not None and asked.isdigit() else None


def _other(error: exceptions.LabelboxError) -> DragomanError:
    """Translate the class that stands for everything else.

    The exception that it wraps decides, if it wraps one, as Foundry's do; else the status of the answer, if that is a
    refusal.
    """
    for kind in type(error.cause).__mro__:
        if kind in ERRORS:
            return ERRORS[kind](error.cause)
    response = _response(error)
    text = f"Labelbox answered: {_message(error)}"
    if response is not None and response.status_code >= 400:
        return from_status(response.status_code, text, retry_after=_retry_after(error), request_id=_request_id(error))
    return PlatformError(text, request_id=_request_id(error))


def _server(error: exceptions.InternalServerError) -> DragomanError:
    return Unavailable(
        f"Labelbox failed: {_message(error)}",
        retry_after=_retry_after(error),
        request_id=_request_id(error),
        maybe_applied=True,
    )


def _limited(error: Exception) -> DragomanError:
    return RateLimited(_message(error), retry_after=_retry_after(error), request_id=_request_id(error))


def _network(error: Exception) -> DragomanError:
    cause = error.cause if isinstance(error, exceptions.NetworkError) else error
    if isinstance(cause, requests.ConnectTimeout):
        return Unavailable("Labelbox cannot be reached: connecting timed out.")
    reason = getattr(cause.args[0] if getattr(cause, "args", None) else None, "reason", None)
    if isinstance(reason, NewConnectionError):
        return Unavailable("Labelbox cannot be reached: the connection was refused.", hint="Check the endpoint.")
    return Unavailable("The connection to Labelbox broke before an answer came.", maybe_applied=True)


def _http(error: requests.HTTPError) -> DragomanError:
    response = _response(error)
    status = response.status_code if response is not None else 500
    return from_status(status, f"Labelbox answered {status} to a download.")


def _slow(_: Exception) -> DragomanError:
    return Timeout("Labelbox did not answer in time.", maybe_applied=True)


ERRORS: ErrorTable = {
    exceptions.LabelboxError: _other,
    exceptions.AuthenticationError: lambda _: AuthenticationError(
        "Labelbox does not accept the key.", hint="Check api_key."
    ),
    exceptions.AuthorizationError: _plain(PermissionDenied),
    exceptions.ResourceNotFoundError: lambda error: NotFound(_message(error), request_id=_request_id(error)),
    exceptions.ResourceConflict: _plain(Conflict),
    exceptions.ValidationFailedError: _plain(InvalidData),
    exceptions.InternalServerError: _server,
    exceptions.InvalidQueryError: _plain(InvalidData),
    exceptions.UnprocessableEntityError: _plain(InvalidData),
    exceptions.ResourceCreationError: _plain(PlatformError),
    exceptions.NetworkError: _network,
    exceptions.TimeoutError: _slow,
    exceptions.InvalidAttributeError: _plain(InvalidData),
    exceptions.ApiLimitError: _limited,
    exceptions.MalformedQueryException: _plain(InvalidData),
    exceptions.UuidError: _plain(InvalidData),
    exceptions.InconsistentOntologyException: _plain(InvalidData),
    exceptions.MALValidationError: _plain(InvalidData),
    exceptions.OperationNotAllowedException: _plain(PermissionDenied),
    exceptions.OperationNotSupportedException: _plain(PlatformError),
    exceptions.ConfidenceNotSupportedException: _plain(InvalidData),
    exceptions.CustomMetricsNotSupportedException: _plain(InvalidData),
    exceptions.ProcessingWaitTimeout: _slow,
    ExportTask.ExportTaskException: _plain(PlatformError),
    RetryError: _slow,
    TimeoutError: _slow,
    requests.ConnectionError: _network,
    requests.Timeout: _slow,
    requests.HTTPError: _http,
    requests.RequestException: lambda error: PlatformError(f"The request to Labelbox failed: {error}"),
    msgspec.DecodeError: lambda error: PlatformError(f"Labelbox answered something that is not JSON: {error}"),
    KeyError: lambda error: PlatformError(f"Labelbox's answer lacks {error}."),
}
