"""MLflow's listings, which name the next page by an opaque token, as the core's pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from dragoman.calls.pipeline import Page
from dragoman_mlflow.tags import Json

T = TypeVar("T")
MOST = 200
"""Rows that are asked for at once; MLflow's own limits differ from listing to listing, and none is lower."""


class Listed(msgspec.Struct):
    """One page: its rows and the token of the next one."""

    rows: list[Json]
    next: str | None


def listed(answer: Json, name: str) -> Listed:
    """Return the page in an answer; an empty one has no rows at all."""
    return Listed(answer.get(name) or [], answer.get("next_page_token") or None)


def page_of(found: Listed, translate: Callable[[Json], T]) -> Page[T]:
    """Return a listed page with its rows translated."""
    return Page([translate(row) for row in found.rows], found.next)


def every(fetch: Callable[[str | None], Listed]) -> Iterator[Json]:
    """Yield the rows of all pages of a listing, within one call of the core."""
    token: str | None = None
    while True:
        found = fetch(token)
        yield from found.rows
        if found.next is None:
            return
        token = found.next
