"""Datasets of the local backend: their items are image files that stay where they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData, NotFound
from dragoman.interface import Datasets
from dragoman.schema import Dataset, Item, RowResult
from dragoman_local.home import home_of
from dragoman_local.state.rows import unstorable


class LocalDatasets(Datasets):
    """Keeps datasets and items in the state."""

    def _create(self, dataset: Dataset) -> Dataset:
        return home_of(self).catalog.add_dataset(dataset)

    def _get(self, id: str) -> Dataset:
        return home_of(self).catalog.dataset(id)

    def _list(self, cursor: str | None, size: int) -> Page[Dataset]:
        return home_of(self).catalog.datasets(cursor, size)

    def _delete(self, id: str) -> None:
        home_of(self).catalog.drop_dataset(id)

    def _read_items(self, dataset: str, cursor: str | None, size: int) -> Page[Item]:
        return home_of(self).items.read(dataset, cursor, size)

    def _write_items(self, dataset: str, rows: Sequence[Item], update: bool) -> list[RowResult]:
        return home_of(self).items.write(dataset, rows, update, prepared)

    def _splits(self, dataset: str) -> dict[str, int]:
        return home_of(self).items.splits(dataset)


def prepared(item: Item) -> Item | str:
    """Return the item as it is kept, with the absolute path of its file and its size, or why it is refused."""
    if item.media != "image":
        return f"The local backend takes images, not {item.media}."
    if reason := unstorable(item):
        return reason
    try:
        path = media_path(item)
        width, height = (item.width, item.height) if item.width and item.height else _size(path)
    except (InvalidData, NotFound) as error:
        return error.message
    return msgspec.structs.replace(item, uri=str(path), width=width, height=height)


def media_path(item: Item) -> Path:
    """Return the absolute path of an item's file.

    Raises:
        InvalidData: The item has no `uri`, or one that is no path of this machine.
        NotFound: There is no such file.
    """
    if not item.uri:
        raise InvalidData(f"The item {item.key!r} has no uri.", field="uri")
    if item.uri.startswith("file://"):
        path = Path(unquote(urlsplit(item.uri).path))
    elif "://" in item.uri:
        raise InvalidData(f"The item {item.key!r} lies at {item.uri}; the local backend reads files only.", field="uri")
    else:
        path = Path(item.uri)
    # Not `resolve`: a link keeps the name that the user gave.
    path = Path(os.path.abspath(path))
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", field="uri")
    return path


def _size(path: Path) -> tuple[int, int]:
    from dragoman_local.engine.images import image_size

    return image_size(path)
