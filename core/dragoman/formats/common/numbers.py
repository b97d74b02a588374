"""Numbers as text files have them: read to a millionth of a pixel, written in full and without a needless fraction."""

from __future__ import annotations

from collections.abc import Iterable

DECIMALS = 6
"""Pixels are read to a millionth, so that shifting, dividing and multiplying leave no trace in short numbers."""
_MOST_DIGITS = 18
"""Digits of a class or a colour; Python itself refuses to read thousands of them."""


def pixel(value: float) -> float:
    """Return the number to a millionth, never a negative zero."""
    return round(value, DECIMALS) + 0.0


def pixels(values: Iterable[float]) -> tuple[float, ...]:
    """Return the numbers to a millionth."""
    return tuple(map(pixel, values))


def whole(text: str) -> int | None:
    """Return the whole number that a text of digits alone says, or None where it is something else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


def plain(value: float) -> str:
    """Return a finite number as the shortest text that reads back equal, whole numbers without a point."""
    return str(int(value)) if value == int(value) else repr(float(value))
