"""Datasets on Synapse: its ground truth datasets, and their versions as `"<dataset>@<version>"`. Items are their data.

Items come in only through review: people annotate tasks, reviewers approve them, and the platform keeps what was
approved. What is not reviewed yet is in data collections, which are no datasets to train on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.interface import Datasets
from dragoman.schema import Dataset, Item
from dragoman_synapse.entries import moment
from dragoman_synapse.ids import place
from dragoman_synapse.notes import Json, joined, parted
from dragoman_synapse.pages import Listed, every, listed, listed_v2
from dragoman_synapse.truth_rows import item_in

HOME = "v2/ground-truth-datasets/"


class SynapseDatasets(Datasets):
    """Datasets through the second interface, items through `list_ground_truths`."""

    _adapter: Any

    def _create(self, dataset: Dataset) -> Dataset:
        description = joined("", {"metadata": dataset.metadata} if dataset.metadata else {})
        return _dataset_in(self._adapter.client.post(HOME, {"name": dataset.name, "description": description})["data"])

    def _get(self, dataset: str) -> Dataset:
        key, version = place(dataset)
        found = _dataset_in(self._adapter.client.get(f"{HOME}{key}/")["data"])
        if version is None:
            return found.model_copy(update={"items": self.page(dataset, None, 1).count})
        frozen = self._adapter.client.get(f"ground_truth_dataset_versions/{version}/")
        facts = {"items": frozen.get("event_count"), "created_at": moment(frozen.get("created_at"))}
        return found.model_copy(update={"id": dataset, **facts})

    def _list(self, cursor: str | None, size: int) -> Page[Dataset]:
        found = listed_v2(self._adapter.client, HOME, {}, cursor, size)
        return Page([_dataset_in(wire) for wire in found.rows], found.next)

    def _delete(self, dataset: str) -> None:
        self._adapter.client.delete(f"{HOME}{place(dataset)[0]}/")

    def _read_items(self, dataset: str, cursor: str | None, size: int) -> Page[Item]:
        if cursor is None:
            self.check(dataset)
        found = self.page(dataset, cursor, size)
        return Page([item_in(wire, self._adapter.keys.of(dataset, wire)) for wire in found.rows], found.next)

    def page(self, dataset: str, cursor: str | None, size: int) -> Listed:
        """Return one page of the ground truths of a dataset, or of a version of it."""
        key, version = place(dataset)
        chosen = {"ground_truth_dataset_versions": version} if version else {"ground_truth_dataset": key}
        return listed(self._adapter.client, "ground_truths/", chosen, cursor, size)

    def walk(self, dataset: str) -> Iterator[tuple[Json, str]]:
        """Yield all ground truths of a dataset as Synapse has them, each with its item's key."""
        size = self._adapter.limits.page_size
        for wire in every(lambda cursor: self.page(dataset, cursor, size)):
            yield wire, self._adapter.keys.of(dataset, wire)

    def check(self, dataset: str) -> None:
        """Have an unknown dataset refused: its listing would be empty."""
        key, version = place(dataset)
        self._adapter.client.get(f"{HOME}{key}/versions/{version}/" if version else f"{HOME}{key}/")

    _write_items = Gap.impossible(
        "Synapse takes nothing into a ground truth dataset but what its reviewers approve.",
        instead="collections.add, and collections.send to an annotation project",
    )


def _dataset_in(wire: Json) -> Dataset:
    _, ours = parted(wire.get("description"))
    return Dataset(id=str(wire["id"]), name=wire["name"], metadata=ours.get("metadata") or {})
