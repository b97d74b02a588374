"""What a query of the first interface asks of a listing: which rows, in which order, which fields of them.

Filters are those that the SDK lists for its exports. As on the platform, one that is not known is passed over.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from starlette.requests import Request

from dragoman_synapse.emulator.answers import instant, number, truth

T = TypeVar("T")
Json = dict[str, Any]
Readers = Mapping[str, Callable[[T], Any]]
"""The fields that a listing can be filtered by, and how each is read off a row."""
ALIASES = {"ids": "id__in", "ids_ex": "id__ex"}
COMPARED = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def chosen(request: Request, rows: Iterable[T], readers: Readers[T]) -> list[T]:
    """Return the rows that a query asks for, in its `ordering`, else as they come.

    `name` and `name__in` take several values, by commas or by repetition; `name__gt` and its like compare; `ids` and
    `ids_ex` are ids to have and not to have.
    """
    tests = [test for key in dict.fromkeys(request.query_params) if (test := _test(request, key, readers))]
    found = [row for row in rows if all(test(row) for test in tests)] if tests else list(rows)
    for key in reversed(_listed(request, "ordering")):
        name = key.removeprefix("-")
        if name in readers:
            found.sort(key=readers[name], reverse=key.startswith("-"))
    return found


def only_fields(request: Request, shown: Json) -> Json:
    """Return what `fields` asks for of an object; without it, all."""
    wanted = _listed(request, "fields")
    return {name: shown[name] for name in wanted if name in shown} if wanted else shown


def expands(request: Request, name: str) -> bool:
    """Return whether `expand` asks for a related object in the place of its id."""
    return name in _listed(request, "expand")


def _listed(request: Request, name: str) -> list[str]:
    return [part for text in request.query_params.getlist(name) for part in text.split(",") if part]


def _test(request: Request, key: str, readers: Readers[T]) -> Callable[[T], bool] | None:
    # Some fields are those of a related object, as in `job__agent`.
    name, how = (key, "") if key in readers else ALIASES.get(key, key).partition("__")[::2]
    texts = _listed(request, key)
    if name not in readers or not texts:
        return None
    read = readers[name]
    if how in COMPARED:
        return lambda row: COMPARED[how](read(row), _as(read(row), texts[0], key))
    if how == "ex":
        return lambda row: not _has(read(row), texts, key)
    return (lambda row: _has(read(row), texts, key)) if how in ("", "in") else None


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
