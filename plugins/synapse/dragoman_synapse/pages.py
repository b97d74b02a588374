"""Listings of both interfaces as the core's pages: page numbers with a count, and cursors without one.

A cursor of ours is JSON: the address of the next page and what is needed to notice a listing without an end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from dragoman.calls.pipeline import Page
from dragoman.errors import PlatformError
from dragoman_synapse.client import Params, SynapseClient

T = TypeVar("T")


class Cursor(msgspec.Struct, array_like=True):
    """Where a listing goes on.

    Args:
        url: Address of the next page.
        pages: How many pages there were.
        rows: How many rows they had.
        mark: An earlier address; one that comes again closes a circle (Brent's method: it moves up with the powers
            of two).
    """

    url: str
    pages: int
    rows: int
    mark: str


class Listed(msgspec.Struct):
    """One page: its rows, the cursor of the next one, and how many rows there are in all where Synapse says."""

    rows: list[Any]
    next: str | None
    count: int | None = None


_decoder = msgspec.json.Decoder(Cursor)


def listed(client: SynapseClient, path: str, params: Params, cursor: str | None, size: int) -> Listed:
    """Return one page of a listing of the first interface, which counts pages (`page_size`, `next`, `count`)."""
    at, answer = _asked(client, path, {**params, "page_size": size}, cursor)
    rows = _rows(answer, "results")
    count = answer.get("count")
    return Listed(rows, _next(client, at, answer.get("next"), rows, count), count)


def listed_v2(client: SynapseClient, path: str, params: Params, cursor: str | None, size: int) -> Listed:
    """Return one page of a listing of the second interface, which has cursors (`per_page`, `next_cursor`)."""
    at, answer = _asked(client, path, {**params, "per_page": size}, cursor)
    rows = _rows(answer, "data")
    found = (answer["meta"].get("pagination") or {}).get("next_cursor")
    if found and not found.startswith(("http://", "https://", "/", "?")):
        # An opaque cursor, where a full link is documented.
        found = f"{urlsplit(client.address(path)).path}?per_page={size}&cursor={found}"
    return Listed(rows, _next(client, at, found, rows, None))


def page_of(found: Listed, translate: Callable[[Any], T]) -> Page[T]:
    """Return a listed page with its rows translated."""
    return Page([translate(row) for row in found.rows], found.next)


def every(fetch: Callable[[str | None], Listed]) -> Iterator[Any]:
    """Yield the rows of all pages of a listing, within one call of the core."""
    cursor: str | None = None
    while True:
        found = fetch(cursor)
        yield from found.rows
        if found.next is None:
            return
        cursor = found.next


def _asked(client: SynapseClient, path: str, params: Params, cursor: str | None) -> tuple[Cursor, Any]:
    at = _decoder.decode(cursor) if cursor else Cursor(client.address(path), 0, 0, "")
    answer = client.get(at.url, None if cursor else params)
    if not isinstance(answer, dict):
        raise PlatformError(f"Synapse answered {type(answer).__name__} where a page was expected.")
    return at, answer


def _rows(answer: Any, name: str) -> list[Any]:
    rows = answer[name]
    if not isinstance(rows, list):
        raise PlatformError(f"Synapse's page has no list of {name}.")
    return rows


def _next(client: SynapseClient, at: Cursor, named: str | None, rows: list[Any], count: int | None) -> str | None:
    """Return the cursor of the page after this one.

    Raises:
        PlatformError: The next page is elsewhere, or the listing has no end.
    """
    if not named:
        return None
    url = client.address(named, at=at.url)
    pages, seen = at.pages + 1, at.rows + len(rows)
    if not rows or url in (at.url, at.mark) or (count is not None and seen > count):
        raise PlatformError(
            f"Synapse's listing has no end: after {pages} pages and {seen} rows it names a further page.",
            hint="Ask for a larger page, or tell whoever runs the platform.",
        )
    mark = url if pages & (pages - 1) == 0 else at.mark
    return msgspec.json.encode(Cursor(url, pages, seen, mark)).decode()
