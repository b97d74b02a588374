"""What plugins that speak HTTP through httpx share: its exceptions as ours, its certificates, files that come whole.

httpx is imported here; a plugin that uses this asks for it itself.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec

from dragoman.calls.binding import ErrorTable
from dragoman.errors import InvalidData, PlatformError, Timeout, Unavailable


def transport_errors(title: str) -> ErrorTable:
    """Return our errors for whatever httpx and msgspec raise about a platform's answers.

    Args:
        title: The platform's own name, for the messages.
    """
    return {
        httpx.ConnectError: lambda _: Unavailable(
            f"{title} cannot be reached: no connection was made.", hint="Check the endpoint."
        ),
        httpx.ConnectTimeout: lambda _: Unavailable(f"{title} cannot be reached: connecting timed out."),
        httpx.PoolTimeout: lambda _: Unavailable(f"No connection to {title} became free in time."),
        httpx.TimeoutException: lambda _: Timeout(f"{title} did not answer in time.", maybe_applied=True),
        httpx.TransportError: lambda _: Unavailable(
            f"The connection to {title} broke before an answer came.", maybe_applied=True
        ),
        httpx.UnsupportedProtocol: lambda error: InvalidData(f"An address has no scheme that is spoken: {error}"),
        httpx.DecodingError: lambda error: PlatformError(f"{title}'s answer cannot be unpacked: {error}"),
        httpx.TooManyRedirects: lambda _: PlatformError(f"{title} redirects without end."),
        httpx.InvalidURL: lambda error: PlatformError(f"An address is none: {error}"),
        httpx.HTTPError: lambda error: PlatformError(f"The request to {title} failed: {type(error).__name__}."),
        httpx.StreamError: lambda error: PlatformError(
            f"The answer of {title} was read wrongly: {type(error).__name__}."
        ),
        msgspec.DecodeError: lambda error: PlatformError(
            f"{title} answered something that is not JSON: {error}", maybe_applied=True
        ),
        msgspec.ValidationError: lambda error: PlatformError(
            f"{title}'s answer has another form than is known: {error}", maybe_applied=True
        ),
        KeyError: lambda error: PlatformError(f"{title}'s answer lacks {error}.", maybe_applied=True),
    }


@cache
def trusted() -> ssl.SSLContext:
    """Return the certificates that are trusted. Reading them takes longer than most calls, so it is done once."""
    return httpx.create_ssl_context()


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks to wait, where it gives them as a number."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


def save(pieces: Iterable[bytes], path: Path) -> Path:
    """Write a file that appears when it is whole, and return its path."""
    part = path.with_name(f"{path.name}.{uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path
