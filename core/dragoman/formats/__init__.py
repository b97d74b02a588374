"""File formats that read and write the canonical schema. The built-in ones register as a plugin's would."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.formats.base import ErrorPolicy, Format, Reader, Writer
from dragoman.hookspecs import hookimpl

__all__ = ["ErrorPolicy", "Format", "Reader", "Writer", "dragoman_formats"]


@hookimpl
def dragoman_formats(register: Callable[[Format], None]) -> None:
    """Register the built-in formats."""
    from dragoman.formats.builtin import BUILTIN
    from dragoman.formats.builtin_more import BUILTIN_MORE

    for one in (*BUILTIN, *BUILTIN_MORE):
        register(one)
