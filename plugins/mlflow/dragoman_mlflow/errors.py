"""MLflow's answers and httpx's exceptions, and ours: one table."""

from __future__ import annotations

from dragoman.calls.binding import ErrorTable, from_status
from dragoman.calls.over_http import asked_to_wait, transport_errors
from dragoman.errors import (
    AuthenticationError,
    Conflict,
    DragomanError,
    InvalidData,
    NotFound,
    PermissionDenied,
    RateLimited,
    Unavailable,
)
from dragoman_mlflow.client import MlflowRefused

CODES: dict[str, type[DragomanError]] = {
    "RESOURCE_DOES_NOT_EXIST": NotFound,
    "RESOURCE_ALREADY_EXISTS": Conflict,
    "RESOURCE_CONFLICT": Conflict,
    "INVALID_STATE": Conflict,
    "INVALID_PARAMETER_VALUE": InvalidData,
    "BAD_REQUEST": InvalidData,
    "UNAUTHENTICATED": AuthenticationError,
    "CUSTOMER_UNAUTHORIZED": AuthenticationError,
    "PERMISSION_DENIED": PermissionDenied,
    "REQUEST_LIMIT_EXCEEDED": RateLimited,
    "RESOURCE_EXHAUSTED": RateLimited,
    "TEMPORARILY_UNAVAILABLE": Unavailable,
}
"""MLflow's code to ours. A name that is taken has the status 400, so the code comes first; the status decides for
codes that are not here (`INTERNAL_ERROR` has 500) and where there is none."""
LENGTH = 500
"""Characters of a message that are shown: malformed requests are answered with an SQL statement."""


def _refused(error: MlflowRefused) -> DragomanError:
    said = " ".join(error.message.split())[:LENGTH]
    text = f"MLflow answered {error.status}: {said}" if said else f"MLflow answered {error.status}."
    wait = asked_to_wait(error.headers)
    if (kind := CODES.get(error.code)) is not None:
        return kind(text, retry_after=wait, maybe_applied=error.status >= 500)
    return from_status(error.status, text, retry_after=wait)


ERRORS: ErrorTable = {**transport_errors("MLflow"), MlflowRefused: _refused}
