"""What a query asks of a listing: which rows, in which order.

Filters are those that the SDK lists for its exports. As on the platform, one that is not known is passed over.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from starlette.requests import Request

from dragoman_synapse.emulator.answers import instant, number, texts, truth

T = TypeVar("T")
Json = dict[str, Any]
Readers = Mapping[str, Callable[[T], Any]]
"""The fields that a listing can be filtered by, and how each is read off a row."""
ALIASES = {"ids": "id__in", "ids_ex": "id__ex"}
COMPARED = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def chosen(request: Request, rows: Iterable[T], readers: Readers[T]) -> list[T]:
    """Return the rows that a query asks for, in its `ordering` (`sort` in the second interface), else as they come.

    `name` and `name__in` take several values, by commas or by repetition; `name__gt` and its like compare; `ids` and
    `ids_ex` are ids to have and not to have.
    """
    tests = [test for key in dict.fromkeys(request.query_params) if (test := _test(request, key, readers))]
    found = [row for row in rows if all(test(row) for test in tests)] if tests else list(rows)
    for key in reversed(texts(request, "ordering") or texts(request, "sort")):
        name = key.removeprefix("-")
        if name in readers:
            found.sort(key=_placed(readers[name]), reverse=key.startswith("-"))
    return found


def expands(request: Request, name: str) -> bool:
    """Return whether `expand` asks for a related object in the place of its id."""
    return name in texts(request, "expand")


def _test(request: Request, key: str, readers: Readers[T]) -> Callable[[T], bool] | None:
    # Some fields are those of a related object, as in `job__agent`.
    name, how = (key, "") if key in readers else ALIASES.get(key, key).partition("__")[::2]
    wanted = texts(request, key)
    if name not in readers or not wanted:
        return None
    read = readers[name]
    if how in COMPARED:
        return lambda row: _compares(COMPARED[how], read(row), wanted[0], key)
    if how == "ex":
        return lambda row: not _has(read(row), wanted, key)
    return (lambda row: _has(read(row), wanted, key)) if how in ("", "in") else None


def _compares(how: Callable[[Any, Any], bool], value: Any, text: str, key: str) -> bool:
    """Return how a value compares; several at once, or none, do not."""
    return not isinstance(value, set | None) and how(value, _as(value, text, key))


def _placed(read: Callable[[T], Any]) -> Callable[[T], tuple[bool, Any]]:
    """Return what rows are put in order by: a field; those that have none are last."""

    def place(row: T) -> tuple[bool, Any]:
        value = read(row)
        return (value is None, 0 if value is None else value)

    return place


def _has(value: Any, texts: list[str], key: str) -> bool:
    values = value if isinstance(value, set) else {value}
    return any(one == _as(one, text, key) for one in values for text in texts)


def _as(like: Any, text: str, key: str) -> Any:
    """Read the text of a query as what it is compared with."""
    match like:
        case bool():
            return truth(text, key)
        case int():
            return number(text, key)
        case datetime():
            return instant(text, key)
    return text
