"""Datasets of the local backend: their items are image and video files that stay where they are."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.calls.pipeline import Page
from dragoman.interface import Datasets
from dragoman.schema import Dataset, Item, RowResult
from dragoman_local.home import home_of
from dragoman_local.media import prepared


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
