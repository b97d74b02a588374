"""Slices of a dataset: the items whose metadata say something."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from dragoman.errors import InvalidData
from dragoman.schema import Item

FIELDS = ("split", "media", "width", "height", "frames")
"""Fields of an item that can be asked for by name; metadata of the same name come first."""

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_CONDITION = re.compile(r"\s*(.+?)\s*(<=|>=|!=|=|<|>)\s*(.*?)\s*")


def slices_by(items: Iterable[Item], name: str) -> dict[str, list[str]]:
    """Return a slice for each value that items have under a name: value to the keys of its items.

    Items without a value are in the slice `""`.

    Raises:
        InvalidData: No item has a value.
    """
    found: dict[str, list[str]] = {}
    for item in items:
        value = _value(item, name)
        found.setdefault("" if value is None else _text(value), []).append(item.key)
    if not set(found) - {""}:
        raise InvalidData(f"No item has {name!r} among its metadata.", field="slice_by")
    return dict(sorted(found.items()))


def slice_of(items: Iterable[Item], query: str) -> list[str]:
    """Return the keys of the items that a query asks for.

    Args:
        items: The items.
        query: Conditions that must all hold, such as `"weather=rain, speed>=50"`: a name, one of `= != < <= > >=`, and
            a value. Numbers are compared as numbers, all else as text. An item without a value meets no condition.

    Raises:
        InvalidData: It is no such query, or no item fits it.
    """
    conditions = [_condition(part, query) for part in query.split(",")]
    found = [item.key for item in items if all(_holds(_value(item, name), *rest) for name, *rest in conditions)]
    if not found:
        raise InvalidData(f"No item fits {query!r}.", field="slice")
    return found


def _condition(text: str, query: str) -> tuple[str, str, str]:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise InvalidData(f"{query!r} is no query.", hint="Write NAME=VALUE,OTHER>=VALUE.", field="slice")
    name, sign, value = found.groups()
    return name, sign, value


def _holds(there: Any, sign: str, asked: str) -> bool:
    if there is None:
        return False
    if isinstance(there, int | float) and not isinstance(there, bool):
        try:
            return _OPERATORS[sign](there, float(asked))
        except ValueError:
            return sign == "!="
    return _OPERATORS[sign](_text(there), asked)


def _value(item: Item, name: str) -> Any:
    value = item.metadata.get(name)
    return getattr(item, name) if value is None and name in FIELDS else value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
