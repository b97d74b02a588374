"""Answers that are none: whoever finds out, it is the server that is at fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dragoman.errors import InvalidData, PlatformError


@contextmanager
def answering() -> Iterator[None]:
    """Read a server's answer.

    Raises:
        PlatformError: It is not what the protocol says.
    """
    try:
        yield
    except InvalidData as error:
        raise PlatformError(f"The server's answer is wrong: {error.message}", field=error.field) from error
