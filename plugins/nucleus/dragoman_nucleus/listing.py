"""Items as Nucleus lists them, page by page: of a dataset, of a slice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.schema import Item
from dragoman_nucleus.codec import item_in

LARGEST_PAGE = 100_000
"""Page size of the SDK for items."""


def page_of_items(client: Any, place: str, cursor: str | None, size: int) -> Page[Item]:
    """Return a page of the items of `"dataset/<id>"` or `"slice/<id>"`."""
    page = client.make_request({"pageToken": cursor, "pageSize": size}, f"{place}/itemsPage")
    return Page([item_in(wire) for wire in page["items"]], page["nextPageToken"] or None)


def every_item(client: Any, dataset: str) -> Iterator[Item]:
    """Yield all items of a dataset."""
    cursor: str | None = None
    while True:
        page = page_of_items(client, f"dataset/{dataset}", cursor, LARGEST_PAGE)
        yield from page.items
        if page.next is None:
            return
        cursor = page.next
