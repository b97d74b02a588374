"""Comparisons of the fields of objects: `name`, `createdAt_gt`, as the SDK writes them in queries and variables."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

_SUFFIX = re.compile(r"(\w+?)_(not|lt|gt|lte|gte|in)$")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "not": operator.ne,
    "lt": operator.lt,
    "gt": operator.gt,
    "lte": operator.le,
    "gte": operator.ge,
    "in": lambda value, wanted: value in wanted,
}


def compares(shown: Mapping[str, Any], field: str, wanted: Any) -> bool:
    """Say whether a field of an object passes a comparison.

    Args:
        shown: The object. A field that it does not show passes.
        field: Name of the field with the suffix of the comparison, if it is not equality.
        wanted: What is compared with. Moments are compared as such; nothing is less or greater than null.
    """
    parted = _SUFFIX.match(field)
    name, suffix = (parted[1], parted[2]) if parted else (field, "")
    if name not in shown:
        return True
    value = _moment(shown[name])
    if isinstance(value, datetime):
        wanted = _wanted(wanted)
    if suffix in ("lt", "gt", "lte", "gte") and (value is None or wanted is None):
        return False
    return _OPERATORS[suffix](value, wanted)


def _wanted(given: Any) -> Any:
    """Return what a moment is compared with; a day is its beginning in UTC."""
    try:
        time = datetime.fromisoformat(given)
    except (TypeError, ValueError):
        return given
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _moment(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) and _MOMENT.match(value) else value
