"""Items as Nucleus lists them, page by page: of a dataset, of a slice; and the keys of scenes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests

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


def scene_keys(client: Any, dataset: str) -> set[str]:
    """Return the keys of the scenes of a dataset; one of items has none."""
    answer = client.make_request(None, f"dataset/{dataset}/scenes_list", requests.get)
    return {scene["reference_id"] for scene in answer["scenes"]}
