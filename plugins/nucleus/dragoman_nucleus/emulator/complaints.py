"""The text that reports a lost row: JSON with the row, its keys in camel case, and the reason."""

from __future__ import annotations

import msgspec

from dragoman_nucleus.emulator.rows import Row
from dragoman_nucleus.emulator.wire import encode

ANY = msgspec.json.Decoder()
FIRST = ("label", "type", "geometry", "reference_id", "annotation_id", "metadata")
"""Keys in the order in which the SDK's documentation shows such a text; others follow."""


def complaint(noun: str, row: Row | bytes, reason: str) -> str:
    """Return the text that reports a lost row.

    Args:
        noun: What such a row is called.
        row: The row, or as much as arrived of it.
        reason: Why it was lost.
    """
    shown = _loosely(row) if isinstance(row, bytes) else msgspec.to_builtins(row)
    return encode({noun: _camel_cased(shown), "error": reason}).decode()


def _loosely(raw: bytes) -> object:
    try:
        return ANY.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw.decode(errors="replace")


def _camel_cased(row: object) -> object:
    if not isinstance(row, dict):
        return row
    names = [*(name for name in FIRST if name in row), *(name for name in row if name not in FIRST)]
    return {_camel(name): row[name] for name in names if row[name] is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
