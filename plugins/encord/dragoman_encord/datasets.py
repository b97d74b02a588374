"""Datasets and items on Encord; an item's key is its title, its id the data hash of its place in the dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from encord.orm.dataset import CreateDatasetPayload, CreateDatasetResponseV2
from encord.orm.storage import PatchItemPayload, PatchItemsBulkPayload, StorageItem
from encord.storage import StorageItem as StoredItem

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import Conflict
from dragoman.interface import Datasets
from dragoman.schema import IGNORED, Dataset, Item, RowResult
from dragoman_encord.ids import checked
from dragoman_encord.items import in_cloud, is_remote, item_in, metadata_out, unusable
from dragoman_encord.notes import joined, parted
from dragoman_encord.projects import keyed
from dragoman_encord.sdk import SdkPage
from dragoman_encord.uploads import LOST, Uploads

UPDATED = RowResult("updated")
FOUND = RowResult("created", reason="Found by look-up: the dataset has an item of that title.")
TWICE = RowResult("rejected", reason="Another item of this key comes before it.")
PER_LOOKUP = 1000


class EncordDatasets(Datasets):
    """Datasets with a folder of their own, which files are uploaded into."""

    _adapter: Any

    def _create(self, dataset: Dataset) -> Dataset:
        payload = CreateDatasetPayload(
            title=dataset.name,
            description=joined("", {"metadata": dataset.metadata}),
            create_backing_folder=True,
            legacy_call=False,
        )
        made = self._adapter.client.api.post(
            "datasets", params=None, payload=payload, result_type=CreateDatasetResponseV2, allow_retries=False
        )
        return dataset.model_copy(update={"id": str(made.dataset_uuid)})

    def _get(self, dataset: str) -> Dataset:
        found = self._adapter.client.dataset(checked(dataset, "dataset")).get_dataset(fetch_rows=False)
        return _dataset(dataset, found.title, found.description)

    def _list(self, cursor: str | None, size: int) -> Page[Dataset]:
        # Encord lists all datasets in one answer.
        listed = (entry["dataset"] for entry in self._adapter.client.user.get_datasets())
        return Page([_dataset(found.dataset_hash, found.title, found.description) for found in listed])

    _delete = Gap.impossible("Encord's SDK deletes no dataset.", instead="Encord's web application")

    def _read_items(self, dataset: str, cursor: str | None, size: int) -> Page[Item]:
        # The rows come in one answer; only their files, with links to the media, are asked for by page.
        rows = self._rows(dataset)
        start = int(cursor or 0)
        end = start + min(size, PER_LOOKUP)
        keys = keyed((row["data_title"], row["data_hash"]) for row in rows)
        part = rows[start:end]
        files = self._files([row["backing_item_uuid"] for row in part])
        items = [
            item_in(key, row, files[row["backing_item_uuid"]]) for key, row in zip(keys[start:], part, strict=False)
        ]
        return Page(items, str(end) if end < len(rows) else None)

    def _rows(self, dataset: str) -> list[Any]:
        return list(self._adapter.client.dataset(checked(dataset, "dataset")).list_data_rows())

    def _files(self, keys: list[Any]) -> dict[Any, StorageItem]:
        if not keys:
            return {}
        found = StoredItem._get_items_bulk(self._adapter.client.api, keys, get_signed_url=True)
        return {file.uuid: file for file in found}

    def _write_items(self, dataset: str, rows: Sequence[Item], update: bool) -> list[RowResult]:
        held = self._rows(dataset)
        keys = keyed((row["data_title"], row["data_hash"]) for row in held)
        present = dict(zip(keys, held, strict=True))
        results: dict[int, RowResult] = {}
        groups: dict[str | None, list[int]] = {}
        changed: dict[int, Any] = {}
        named: set[str] = set()
        for position, row in enumerate(rows):
            if row.key in named:
                results[position] = TWICE
            elif row.key in present:
                if update:
                    changed[position] = present[row.key]["backing_item_uuid"]
                results[position] = UPDATED if update else IGNORED
            elif reason := unusable(row):
                results[position] = RowResult("rejected", reason=reason)
            else:
                groups.setdefault(self._integration(row), []).append(position)
                named.add(row.key)
        self._patch({key: rows[position] for position, key in changed.items()})
        for integration, places in groups.items():
            results |= self._upload(dataset, rows, places, integration)
        return [results[position] for position in range(len(rows))]

    def _integration(self, item: Item) -> str | None:
        """Return the integration that an item's URL is registered through; None to upload its media.

        A web address may be a link that expires, so it is registered only where the settings name an integration.
        """
        if in_cloud(item):
            return str(self._adapter.integration)
        return self._adapter.settings.integration if is_remote(item) else None

    def _patch(self, changed: dict[Any, Item]) -> None:
        if changed:
            patches = {str(key): PatchItemPayload(client_metadata=metadata_out(item)) for key, item in changed.items()}
            self._adapter.client.api.patch(
                "storage/items/patch-bulk",
                params=None,
                payload=PatchItemsBulkPayload(item_patches=patches),
                result_type=SdkPage[StorageItem],
            )

    def _upload(
        self, dataset: str, rows: Sequence[Item], places: list[int], integration: str | None
    ) -> dict[int, RowResult]:
        settings = self._adapter.settings
        folder, workers = self._folder(dataset), settings.concurrency
        uploads = Uploads(self._adapter.client.api, folder, timeout=settings.timeout, workers=workers)
        items = [rows[place] for place in places]
        rest, limit = settings.poll_seconds, settings.job_timeout
        found = uploads.run(items, integration, rest=rest, timeout=limit, sleep=self._adapter.sleep)
        return dict(zip(places, found, strict=True))

    def _folder(self, dataset: str) -> str:
        """Return the folder that is one with a dataset.

        Raises:
            Conflict: The dataset has none.
        """
        found = self._adapter.client.dataset(dataset).get_dataset(fetch_rows=False)
        if found.backing_folder_uuid is None:
            raise Conflict(
                f"Dataset {dataset} has no folder of its own, and files are uploaded into folders.",
                hint="Link files to it on Encord, or write the items into a dataset that Dragoman made.",
            )
        return str(found.backing_folder_uuid)

    def _find(self, dataset: str, rows: Sequence[Item]) -> list[RowResult | None]:
        held = self._rows(dataset)
        keys = set(keyed((row["data_title"], row["data_hash"]) for row in held))
        # What is not there yet may still come: the job of a lost answer goes on.
        return [FOUND if row.key in keys else LOST for row in rows]


def _dataset(key: str, title: str, description: str | None) -> Dataset:
    _, ours = parted(description or "")
    return Dataset(id=key, name=title, metadata=ours.get("metadata") or {})
