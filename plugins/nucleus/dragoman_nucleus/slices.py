"""Slices: named parts of a dataset, of items, scenes, or single annotations and predictions (`slc_` ids)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import requests

from dragoman.calls.pipeline import Page
from dragoman.interface.base import ref
from dragoman.schema import Dataset, Item, Label, Model, Prediction
from dragoman.schema.base import Control
from dragoman_nucleus import jobs
from dragoman_nucleus.extension import Extension, carried
from dragoman_nucleus.listing import page_of_items
from dragoman_nucleus.reading import rows_in
from dragoman_nucleus.wire import ExportPage, Json

ITEMS_PER_REQUEST = 10_000
"""Hard limit of Nucleus for reference ids in one request."""


class Slice(Control):
    """A named part of a dataset; `kind` is what it is made of."""

    id: str
    name: str
    dataset: str
    kind: Literal["dataset_item", "scene", "object"] = "dataset_item"
    description: str = ""
    tags: tuple[str, ...] = ()


class Slices(Extension):
    """Create, find, fill, read and delete slices."""

    name = "slices"

    @carried(repeatable=False)
    def create(self, name: str, *, dataset: str | Dataset, items: Sequence[str] = ()) -> Slice:
        """Create a slice of items, or of scenes, by their keys; without any it is empty."""
        return self.made(name, ref(dataset), items)

    def made(self, name: str, dataset: str, items: Sequence[str]) -> Slice:
        """Do the work of `create` inside of another call."""
        first, rest = items[:ITEMS_PER_REQUEST], items[ITEMS_PER_REQUEST:]
        made = self._create(name, dataset, {"reference_ids": list(first)} if first else {"allow_empty": 1})
        self._append(made, rest)
        return made

    @carried(repeatable=False)
    def create_of_ids(
        self,
        name: str,
        *,
        dataset: str | Dataset,
        items: Sequence[str] = (),
        scenes: Sequence[str] = (),
        objects: Sequence[str] = (),
    ) -> Slice:
        """Create a slice from Nucleus's own ids of one kind; objects are annotations and predictions."""
        ids = {"dataset_item_ids": items, "scene_ids": scenes, "object_ids": objects}
        return self._create(name, ref(dataset), {field: list(named) for field, named in ids.items() if named})

    def _create(self, name: str, dataset: str, members: Json) -> Slice:
        answer = self._client.make_request({"name": name, **members}, f"dataset/{dataset}/create_slice")
        return self._get(answer["slice_id"])

    @carried(repeatable=False)
    def sample(
        self,
        name: str,
        *,
        dataset: str | Dataset,
        size: int,
        method: Literal["Random", "Uniqueness"] = "Random",
        within: str | Slice | None = None,
    ) -> Slice:
        """Let Nucleus draw a slice of `size` items, at random or as different as can be, of a dataset or a slice."""
        filters = {"sliceId": ref(within)} if within is not None else {}
        wanted = {"name": name, "sampleSize": size, "sampleMethod": method, "filters": filters}
        answer = self._client.make_request(wanted, f"dataset/{ref(dataset)}/build_slice")
        jobs.ended(self._adapter, jobs.started(answer))
        return self._get(answer["sliceId"])

    @carried()
    def get(self, slice: str | Slice) -> Slice:
        """Return the slice of that id."""
        return self._get(ref(slice))

    def _get(self, slice_id: str) -> Slice:
        return _slice(self._request(f"slice/{slice_id}/info"), slice_id)

    @carried()
    def list(self, *, dataset: str | Dataset | None = None) -> list[Slice]:
        """Return the slices of a dataset, or all that the account has."""
        answer: Any = self._request("slice/" if dataset is None else f"dataset/{ref(dataset)}/slices")
        return [_slice(found, found["id"]) for found in answer]

    @carried()
    def append(self, slice: str | Slice, items: Sequence[str]) -> None:
        """Add items or scenes of its dataset, by key; those that it has stay."""
        self._append(self._get(ref(slice)), items)

    def _append(self, slice: Slice, items: Sequence[str]) -> None:
        for start in range(0, len(items), ITEMS_PER_REQUEST):
            keys = list(items[start : start + ITEMS_PER_REQUEST])
            self._client.make_request({"reference_ids": keys, "dataset_id": slice.dataset}, f"slice/{slice.id}/append")

    @carried()
    def tag(self, slice: str | Slice, tags: Sequence[str]) -> None:
        """Add tags to a slice; Nucleus takes none away."""
        self._client.make_request({"slice_tags": list(tags)}, f"slice/{ref(slice)}/tag")

    @carried()
    def delete(self, slice: str | Slice) -> None:
        """Delete a slice; its items stay in the dataset."""
        self._client.make_request({}, f"slice/{ref(slice)}", requests.delete)

    @carried()
    def features(self, slice: str | Slice) -> Sequence[str]:
        """Return the names of the classes that the labels of its items use."""
        answer = self._request(f"slice/{ref(slice)}/class_labels")
        return list(answer["data"])

    def items(self, slice: str | Slice, *, page_size: int | None = None) -> Iterator[Item]:
        """Iterate over its items."""
        place = f"slice/{ref(slice)}"
        return self._pages("items", lambda cursor, size: page_of_items(self._client, place, cursor, size), page_size)

    def labels(self, slice: str | Slice, *, page_size: int | None = None) -> Iterator[Label]:
        """Iterate over the labels of its items; `page_size` counts items."""
        return self._export("labels", Label, f"slice/{ref(slice)}", page_size)

    def predictions(self, slice: str | Slice, *, model: str | Model, page_size: int | None = None) -> Iterator[Label]:
        """Iterate over the predictions of a model's latest run on its items; `page_size` counts items.

        It is the only export of predictions that Nucleus sends in pages.
        """
        return self._export("predictions", Prediction, f"slice/{ref(slice)}/{ref(model)}", page_size)

    def _export(self, operation: str, kind: type[Label], place: str, page_size: int | None) -> Iterator[Label]:
        connection = self._client.connection

        def fetch(cursor: str | None, size: int) -> Page[Label]:
            payload = {"pageToken": cursor, "pageSize": size, "chip": False}
            page = connection.read(ExportPage, f"{place}/exportForTrainingPage", payload)
            rows = [found for row in page.data for found in rows_in(connection, kind, row, row.item.key)]
            return Page(rows, page.next or None)

        return self._pages(operation, fetch, page_size)

    def _request(self, route: str) -> Json:
        answer: Json = self._client.make_request(None, route, requests.get)
        return answer


def _slice(wire: Json, slice_id: str) -> Slice:
    return Slice(
        id=slice_id,
        name=wire["name"],
        dataset=wire["dataset_id"],
        kind=wire.get("type") or "dataset_item",
        description=wire.get("description") or "",
        tags=tuple(wire.get("tags") or ()),
    )
