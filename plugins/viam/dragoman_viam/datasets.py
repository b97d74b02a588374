"""Datasets and items on Viam: images ("binary data") of an organisation, and named sets of them.

An image may be in several datasets. So deleting a dataset deletes no image: `images.delete` does that.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from http.client import HTTPException
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData, NotFound, Unsupported
from dragoman.interface import Datasets
from dragoman.schema import IGNORED, Dataset, Item, RowResult
from dragoman_viam.bulk import FOUND, rejection, rejections
from dragoman_viam.codec import Size
from dragoman_viam.errors import CallFailed
from dragoman_viam.listing import page_of
from dragoman_viam.notes import BESIDE, image_in, key_of
from dragoman_viam.uploads import upload

AT_A_TIME = 4
"""Uploads in progress."""


class ViamDatasets(Datasets):
    """Datasets through `DatasetService`; items through `DataService` and `DataSyncService`."""

    _adapter: Any

    def _create(self, dataset: Dataset) -> Dataset:
        if dataset.metadata:
            raise Unsupported("A dataset of Viam holds no metadata.", hint="Leave it out.")
        wire, organization = self._adapter.wire, self._adapter.workspace.organization
        made = wire.call("dataset.CreateDataset", name=dataset.name, organization_id=organization)
        return dataset.model_copy(update={"id": made.id})

    def _get(self, dataset: str) -> Dataset:
        found = self._adapter.wire.call("dataset.ListDatasetsByIDs", ids=[dataset]).datasets
        if not found:
            raise NotFound(f"There is no dataset {dataset}.")
        request = {"filter": {"dataset_id": dataset}}
        held = self._adapter.wire.call("data.BinaryDataByFilter", data_request=request, count_only=True)
        return dataset_in(found[0]).model_copy(update={"items": held.count})

    def _list(self, cursor: str | None, size: int) -> Page[Dataset]:
        # Viam does not page this listing.
        organization = self._adapter.workspace.organization
        answer = self._adapter.wire.call("dataset.ListDatasetsByOrganizationID", organization_id=organization)
        return Page([dataset_in(found) for found in answer.datasets])

    def _delete(self, dataset: str) -> None:
        self._adapter.wire.call("dataset.DeleteDataset", id=dataset)

    def _read_items(self, dataset: str, cursor: str | None, size: int) -> Page[Item]:
        answer = self._adapter.wire.call("data.BinaryDataByFilter", data_request=page_of(dataset, cursor, size))
        if not answer.data:
            if cursor is None:
                # A filter does not say whether there is such a dataset.
                self._get(dataset)
            return Page([])
        return Page(self._adapter.items_in([found.metadata for found in answer.data]), answer.last)

    def _write_items(self, dataset: str, rows: Sequence[Item], update: bool) -> list[RowResult]:
        present = self._present(dataset, rows)
        sent = self._adapter.attempts.of(rows)
        firsts = {row.key: place for place, row in reversed(list(enumerate(rows)))}
        fresh = [key for key in dict.fromkeys(row.key for row in rows) if key not in present]
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            answers = list(pool.map(lambda key: self._uploaded(dataset, rows[firsts[key]], sent), fresh))
        refused = dict(zip(fresh, rejections(answers), strict=True))
        ids = dict(zip(fresh, answers, strict=True))
        results = []
        for place, row in enumerate(rows):
            if firsts[row.key] != place:
                results.append(IGNORED)
            elif row.key in present:
                # An earlier attempt at this very batch may have put it there.
                results.append(FOUND if row.key in sent else self._kept(row, present[row.key], update))
            else:
                results.append(refused[row.key] or RowResult("created", id=ids[row.key]))
        return results

    def _present(self, dataset: str, rows: Sequence[Item]) -> dict[str, Any]:
        """Return the metadata of the images that are there already, by their keys."""
        found: dict[str, Any] = self._adapter.listings[dataset].present(row.key for row in rows)
        if not found:
            self._get(dataset)
        return found

    def _uploaded(self, dataset: str, row: Item, sent: set[Any]) -> Any:
        """Return the id of the image, or why there is none."""
        try:
            sent.add(row.key)
            return upload(self._adapter.wire, row, part=self._adapter.workspace.part, dataset=dataset)
        except (CallFailed, InvalidData) as failed:
            return failed
        except (OSError, HTTPException) as failed:
            return InvalidData(f"{row.uri} cannot be read: {failed}.", field="uri")

    def _kept(self, row: Item, held: Any, update: bool) -> RowResult:
        if update and image_in(held).get("metadata", {}) != row.metadata:
            return rejection(InvalidData("Viam changes nothing beside an image once it is uploaded."))
        return RowResult("ignored", id=held.binary_data_id)

    def _find(self, dataset: str, rows: Sequence[Item]) -> list[RowResult | None]:
        present = self._present(dataset, rows)
        return [FOUND if row.key in present else None for row in rows]


def dataset_in(found: Any) -> Dataset:
    """Return a dataset of Viam's as ours."""
    return Dataset(id=found.id, name=found.name, created_at=found.time_created.ToDatetime(tzinfo=UTC))


def item_in(metadata: Any, url: str | None, size: Size | None) -> Item:
    """Return an image of Viam's as an item.

    Args:
        metadata: Its `BinaryMetadata`.
        url: Where it can be fetched.
        size: Its size, if it is an image.
    """
    note = image_in(metadata)
    key = key_of(metadata, note)
    fields = {name: note[name] for name in BESIDE if name in note}
    if size is not None:
        fields |= {"width": size.width, "height": size.height}
    return Item(key, id=metadata.binary_data_id, uri=url, **fields)
