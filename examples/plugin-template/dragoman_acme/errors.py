"""Acme's failures and ours: one table."""

import httpx

from dragoman.calls.binding import from_status
from dragoman.errors import Unavailable


def _status(error: httpx.HTTPStatusError):
    answer = error.response
    wait = answer.headers.get("Retry-After")
    message = f"Acme answered {answer.status_code}: {answer.text[:200]}"
    return from_status(answer.status_code, message, retry_after=float(wait) if wait else None)


ERRORS = {
    httpx.HTTPStatusError: _status,
    httpx.ConnectError: lambda _: Unavailable("Acme cannot be reached."),
    httpx.TransportError: lambda _: Unavailable("The connection to Acme broke.", maybe_applied=True),
}
