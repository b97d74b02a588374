"""Turns a vendor's exceptions into ours, by one table per plugin. The most specific class in the table decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dragoman.calls.scrub import Scrubber
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

Translator = Callable[[Any], DragomanError]
ErrorTable = Mapping[type[Exception], Translator]
"""Vendor exception class to a function that makes our error of an instance."""

_BY_STATUS: dict[int, type[DragomanError]] = {
    400: InvalidData,
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    408: Timeout,
    409: Conflict,
    410: NotFound,
    413: InvalidData,
    422: InvalidData,
    429: RateLimited,
    504: Timeout,
}


def from_status(
    status: int, message: str, *, retry_after: float | None = None, request_id: str | None = None
) -> DragomanError:
    """Return the error for an HTTP status (RFC 9110).

    Statuses that leave open whether the request was carried out (408, 5xx) are marked `maybe_applied`.
    """
    kind = _BY_STATUS.get(status) or (Unavailable if status >= 500 else PlatformError)
    open_end = status == 408 or status >= 500
    return kind(message, retry_after=retry_after, request_id=request_id, maybe_applied=open_end)


def bind(error: Exception, table: ErrorTable, scrubber: Scrubber) -> DragomanError:
    """Return our error for any exception, clean of secrets. One of ours passes through as it is.

    An adapter that had sent something before an exception may say so on it: `maybe_applied` is carried over.
    """
    scrubber.exception(error)
    if isinstance(error, DragomanError):
        return error
    translate = next((table[kind] for kind in type(error).__mro__ if kind in table), None)
    bound = _plain(error) if translate is None else _translated(error, translate)
    bound.maybe_applied = bound.maybe_applied or getattr(error, "maybe_applied", False)
    scrubber.exception(bound)
    bound.message = scrubber.text(bound.message)
    return bound


def _translated(error: Exception, translate: Translator) -> DragomanError:
    """Return what the table makes of an error. Where it makes none, what the platform said is what matters."""
    try:
        bound: object = translate(error)
    except Exception as fault:  # a translator is a plugin's, and meets answers that its author never saw
        bound = f"{type(fault).__name__}: {fault}"
    if isinstance(bound, DragomanError):
        return bound
    plain = _plain(error)
    plain.hint = f"The plugin's table of errors made no error of ours of it, but this: {bound}."
    return plain


def _plain(error: Exception) -> PlatformError:
    return PlatformError(f"{type(error).__name__}: {error}")
