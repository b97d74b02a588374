"""JSON values that users attach. NaN and infinity have no JSON: an encoder writes null for them, without a word."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.schema.coerce import text

_packed = msgspec.msgpack.Encoder().encode
_NOT_FINITE = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")
"""MessagePack's mark of a float64, and the bits of an exponent that no finite number has (IEEE 754)."""


def check_values(values: dict[str, Any], field: str) -> None:
    """Refuse numbers that are not finite and halves of characters, however deep they are nested.

    Values that are not JSON's are passed over.

    Args:
        values: JSON values by name.
        field: What they are called in the error.

    Raises:
        InvalidData: There is such a number or text, or the values are nested too deeply for JSON.
    """
    try:
        # A walk in Python takes ten times as long, so it only looks for the place.
        suspicious = _NOT_FINITE.search(_packed(values)) is not None
    except (TypeError, OverflowError, UnicodeEncodeError):
        suspicious = True  # not JSON's, a whole number of more than 64 bits, or half of a character
    except RecursionError:
        raise InvalidData(f"{field} is nested too deeply.", field=field) from None
    if suspicious:
        _walk(values, field)


def _walk(value: Any, field: str) -> None:
    if isinstance(value, float) and not isfinite(value):
        raise InvalidData(f"{field} is {value}; JSON has finite numbers only.", field=field)
    if isinstance(value, str):
        text(value, field, field)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _walk(name, f"a name in {field}")
            _walk(inner, f"{field}.{name}")
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            _walk(inner, f"{field}[{position}]")
