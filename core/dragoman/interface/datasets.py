"""Datasets and their items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from dragoman.calls.bulk import BulkWrite
from dragoman.errors import OutcomeUnknown
from dragoman.fidelity import DatasetKeeper, LossPolicy
from dragoman.interface.base import Facet, operation, ref, thing_of
from dragoman.schema import Dataset, Item, Report


class Datasets(Facet, name="datasets"):
    """Create, find and delete datasets; write and read their items.

    An adapter may also write `_find(dataset, rows)`, which looks items up: see `dragoman.calls.bulk`.
    """

    @operation(repeatable=False)
    def create(self, name: str, *, metadata: Mapping[str, Any] | None = None) -> Dataset:
        """Create a dataset and return it with the platform's id.

        Raises:
            InvalidData: The name is empty.
            Conflict: The platform has one of that name and allows no second.
            OutcomeUnknown: The answer was lost and no dataset of that name is there.
        """
        try:
            return self._call("create", thing_of(Dataset, name=name, metadata=dict(metadata or {})))
        except OutcomeUnknown:
            if found := self.find(name):
                return found
            raise

    @operation()
    def get(self, dataset: str | Dataset) -> Dataset:
        """Return the dataset of that id.

        Raises:
            NotFound: There is none.
        """
        return self._call("get", ref(dataset))

    @operation()
    def list(self, *, page_size: int | None = None) -> Iterator[Dataset]:
        """Iterate over the datasets."""
        return self._pages("list", size=page_size)

    @operation()
    def delete(self, dataset: str | Dataset) -> None:
        """Delete the dataset with its items, labels and predictions."""
        self._call("delete", ref(dataset))

    @operation()
    def read_items(self, dataset: str | Dataset, *, page_size: int | None = None) -> Iterator[Item]:
        """Iterate over the items of a dataset.

        Raises:
            NotFound: There is no such dataset.
        """
        return self._pages("read_items", ref(dataset), size=page_size)

    @operation()
    def write_items(
        self,
        rows: Iterable[Item],
        *,
        dataset: str | Dataset,
        update: bool = False,
        on_loss: LossPolicy = "raise",
    ) -> Report:
        """Add items to a dataset, streamed in batches, and return every row's outcome.

        Args:
            rows: The items; each needs a `uri`.
            dataset: The dataset or its id.
            update: Overwrite the metadata of items of the same key; otherwise they are left alone and `ignored`.
            on_loss: What to do with fields that the platform would not keep exactly: `raise`, `convert`, `store` or
                `drop`; see `dragoman.fidelity.DatasetKeeper`. What it cost is in `report.losses`.

        Raises:
            WouldLose: An item would lose something that `on_loss` does not allow.
            NotFound: There is no such dataset.
        """
        translation = self._translation("write_items")
        keeper = DatasetKeeper(self._adapter.dataset_fidelity, on_loss)
        dataset_id = ref(dataset)
        find = getattr(self, "_find", None)
        return BulkWrite[Item](
            self._adapter.pipeline,
            self.operations["write_items"],
            key=attrgetter("key"),
            send=lambda batch: translation(dataset_id, batch, update),
            find=(lambda batch: find(dataset_id, batch)) if find else None,
            keep=keeper.item,
            losses=keeper.losses,
        ).run(rows)

    @operation(composed_of=("datasets.read_items",))
    def splits(self, dataset: str | Dataset) -> dict[str, int]:
        """Return how many items each split has; items without one are counted under the empty name."""
        if self.supports("splits"):
            return self._call("splits", ref(dataset))
        counts: dict[str, int] = {}
        for item in self.read_items(dataset):
            counts[item.split or ""] = counts.get(item.split or "", 0) + 1
        return counts

    def find(self, name: str) -> Dataset | None:
        """Return the first dataset of that name, or None."""
        return next((dataset for dataset in self.list() if dataset.name == name), None)
