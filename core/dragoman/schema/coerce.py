"""Numbers and texts as the schema holds them: Python's own, whatever kind of number or text was given.

What numpy computes, and what pandas makes of a column with gaps (whole numbers as floats), is taken for what it means.
All else is refused where it comes in: an encoder would stumble over it later, among rows that are as they should be.
"""

from __future__ import annotations

from math import isfinite
from operator import index
from typing import Any

import msgspec

from dragoman.errors import InvalidData


def text(value: Any, what: str, field: str) -> str:
    """Return a text.

    Args:
        value: What was given.
        what: What it is called in the error.
        field: The field that the error names.

    Raises:
        InvalidData: It is none.
    """
    if not isinstance(value, str):
        raise InvalidData(f"{what} is {value!r}; it must be a text.", field=field)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InvalidData(f"{what} is {value!r}; half of a character is no text.", field=field) from error
    # The text itself, and not what a member of an enumeration calls itself.
    return str.__str__(value)


def listed(values: Any, what: str, field: str) -> tuple[Any, ...]:
    """Return the values of anything that can be gone through; see `text`."""
    try:
        return tuple(values)
    except TypeError:
        raise InvalidData(f"{what} is {values!r}; it must be a list.", field=field) from None


def real(value: Any, what: str, field: str) -> float:
    """Return a finite number; see `text`."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("inf")
    if not isfinite(number) or isinstance(value, bool | str):
        raise InvalidData(f"{what} is {value!r}; it must be a finite number.", field=field)
    return number


def whole(value: Any, what: str, field: str) -> int:
    """Return a whole number, of a float without a fraction, too; see `text`."""
    if not isinstance(value, bool):
        try:
            return index(value)
        except TypeError:
            # numpy's floats of less than 64 bits are no `float`.
            is_whole = getattr(value, "is_integer", None)
            if is_whole is not None and is_whole():
                return int(value)
    raise InvalidData(f"{what} is {value!r}; it must be a whole number.", field=field)


def put(struct: msgspec.Struct, name: str, value: Any) -> None:
    """Set a field of a frozen struct to what it was coerced to, if that is something else."""
    if getattr(struct, name) is not value:
        msgspec.structs.force_setattr(struct, name, value)
