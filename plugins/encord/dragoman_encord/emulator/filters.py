"""Filters of listings: titles and descriptions exactly or as SQL's LIKE, and times of creation and change."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from dragoman.emulate.app import ApiError

T = TypeVar("T")
_HUMP = re.compile(r"(?<=[a-z0-9])[A-Z]")


def snake(name: str) -> str:
    """Return a name in snake case."""
    return _HUMP.sub(lambda hump: "_" + hump[0].lower(), name)


def like(pattern: str | None, text: str) -> bool:
    """Return whether a text is like an SQL pattern, whatever the case; no pattern is like everything."""
    if pattern is None:
        return True
    parts = (".*" if letter == "%" else "." if letter == "_" else re.escape(letter) for letter in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL | re.IGNORECASE) is not None


def chosen(things: Iterable[T], query: Mapping[str, Any], description: str = "desc") -> list[T]:
    """Return what a query asks for: things with a title, a description, and times of creation and change.

    Args:
        things: What there is.
        query: The client's words, in camel or snake case; others are passed over.
        description: What the query calls the description.

    Raises:
        ApiError: 400, a time is none.
    """
    wanted = {snake(name): value for name, value in query.items() if value is not None}

    def fits(thing: Any) -> bool:
        return (
            _says(thing.title, wanted, "title")
            and _says(thing.description, wanted, description)
            and during(thing.created, wanted, "created")
            and during(thing.edited, wanted, "edited")
        )

    return list(filter(fits, things))


def _says(text: str, wanted: Mapping[str, Any], name: str) -> bool:
    return wanted.get(f"{name}_eq", text) == text and like(wanted.get(f"{name}_like"), text)


def during(time: datetime | None, wanted: Mapping[str, Any], name: str) -> bool:
    """Return whether a time is before and after what is wanted; what has no time is at none."""
    before, after = moment(wanted.get(f"{name}_before")), moment(wanted.get(f"{name}_after"))
    if time is None:
        return before is None and after is None
    return (before is None or time < before) and (after is None or time > after)


def moment(text: str | None) -> datetime | None:
    """Return a time as a client writes it; without a zone it is UTC.

    Raises:
        ApiError: 400, it is none.
    """
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ApiError(400, f"{text} is no time.") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def ordered(things: Iterable[T], query: Mapping[str, str], name: Callable[[T], str]) -> list[T]:
    """Return files or folders in the order that a query asks for; things come in that of their creation."""
    listed = list(things)
    if query.get("order", "name") == "name":
        listed.sort(key=name)
    return listed[::-1] if query.get("desc", "").lower() == "true" else listed
