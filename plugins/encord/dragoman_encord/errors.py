"""Encord's exceptions and ours: one table.

The v2 protocol's errors carry their HTTP status (see `sdk`); those of the older protocol have a class of their own.
"""

from __future__ import annotations

import requests
from encord import exceptions as sdk
from pydantic import ValidationError
from urllib3.exceptions import NewConnectionError

from dragoman.calls.binding import ErrorTable, Translator, from_status
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


def _said(error: sdk.EncordException) -> str:
    return f"Encord says: {error.message}"


def _trace(error: sdk.EncordException) -> str | None:
    return getattr(error.context, "trace_id", None)


def _as(kind: type[DragomanError]) -> Translator:
    return lambda error: kind(_said(error), request_id=_trace(error))


def _by_status(error: sdk.EncordException) -> DragomanError:
    status = getattr(error, "status", None)
    if status is not None:
        return from_status(status, f"Encord answered {status}: {error.message}", request_id=_trace(error))
    return Unavailable(_said(error), request_id=_trace(error), maybe_applied=True)


def _rate(error: sdk.RateLimitExceededError) -> DragomanError:
    return RateLimited(_said(error), retry_after=error.retry_after, request_id=_trace(error))


def _request(error: sdk.RequestException) -> DragomanError:
    """Tell by the cause whether the request can have arrived."""
    cause = error.__cause__
    if isinstance(cause, requests.ConnectTimeout):
        return Unavailable("Encord cannot be reached: connecting timed out.")
    if isinstance(cause, requests.Timeout):
        return Timeout("Encord did not answer in time.", maybe_applied=True)
    if isinstance(cause, requests.ConnectionError):
        return _connection(cause)
    if cause is not None and not isinstance(cause, ValueError):
        return PlatformError(f"The request to Encord failed: {type(cause).__name__}.", maybe_applied=True)
    return PlatformError("Encord answered something that is not JSON.", request_id=_trace(error), maybe_applied=True)


def _connection(error: requests.ConnectionError) -> DragomanError:
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, NewConnectionError):
        return Unavailable("Encord cannot be reached: the connection was refused.", hint="Check the domain.")
    return Unavailable("The connection to Encord broke before an answer came.", maybe_applied=True)


def _file_store(error: requests.HTTPError) -> DragomanError:
    """Tell the status without the link, whose signature opens the file."""
    status = error.response.status_code if error.response is not None else 500
    return from_status(status, f"The file store answered {status}.")


def _malformed(error: sdk.EncordException) -> DragomanError:
    return PlatformError(f"Encord's answer is not what the SDK reads: {error.message}", maybe_applied=True)


ERRORS: ErrorTable = {
    sdk.EncordException: _malformed,
    sdk.RequestException: _request,
    sdk.UnknownException: _by_status,
    sdk.GenericServerError: _by_status,
    sdk.RateLimitExceededError: _rate,
    sdk.TimeOutError: lambda error: Timeout(_said(error), maybe_applied=True),
    sdk.AuthenticationError: _as(AuthenticationError),
    sdk.InitialisationError: _as(AuthenticationError),
    sdk.SshKeyNotFound: _as(AuthenticationError),
    sdk.DuplicateSshKeyError: _as(AuthenticationError),
    sdk.AuthorisationError: _as(PermissionDenied),
    sdk.OperationNotAllowed: _as(PermissionDenied),
    sdk.ResourceNotFoundError: _as(NotFound),
    sdk.ResourceExistsError: _as(Conflict),
    sdk.PayloadTooLargeError: _as(InvalidData),
    sdk.MultiLabelLimitError: _as(InvalidData),
    sdk.InvalidArgumentsError: _as(InvalidData),
    sdk.InvalidDateFormatError: _as(InvalidData),
    sdk.InvalidAlgorithmError: _as(InvalidData),
    sdk.AnswerDictionaryError: _as(InvalidData),
    sdk.CorruptedLabelError: _as(InvalidData),
    sdk.FileTypeNotSupportedError: _as(InvalidData),
    sdk.FileSizeNotSupportedError: _as(InvalidData),
    sdk.FeatureDoesNotExistError: _as(InvalidData),
    sdk.ModelWeightsInconsistentError: _as(InvalidData),
    sdk.ModelFeaturesInconsistentError: _as(InvalidData),
    sdk.DetectionRangeInvalidError: _as(InvalidData),
    sdk.BundledMoveWorkflowTasksPayloadError: _as(InvalidData),
    sdk.LabelRowError: _as(InvalidData),
    sdk.OntologyError: _as(InvalidData),
    sdk.DatasetError: _as(InvalidData),
    sdk.UploadOperationNotSupportedError: _as(InvalidData),
    sdk.WrongProjectTypeError: _as(InvalidData),
    sdk.MethodNotAllowedError: _as(PlatformError),
    sdk.CloudUploadError: _as(Unavailable),
    ValidationError: lambda error: InvalidData(f"The SDK refuses a value: {error.errors()[0]['msg']}."),
    requests.exceptions.InvalidJSONError: lambda _: InvalidData("A number is not finite, and JSON has none such."),
    requests.HTTPError: _file_store,
    requests.ConnectTimeout: lambda _: Unavailable("The file store cannot be reached: connecting timed out."),
    requests.Timeout: lambda _: Timeout("The file store did not answer in time."),
    requests.ConnectionError: _connection,
    requests.RequestException: lambda error: PlatformError(
        f"The request to the file store failed: {type(error).__name__}."
    ),
    KeyError: lambda error: PlatformError(f"Encord's answer lacks {error}."),
}
