"""Datasets and items on Nucleus (`ds_` and `di_` ids); an item's key is its reference id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from http import HTTPStatus
from typing import Any

import msgspec
import requests

from dragoman.calls.pipeline import Page
from dragoman.errors import Unsupported
from dragoman.interface import Datasets
from dragoman.media import path_at
from dragoman.schema import IGNORED, UPDATED, Dataset, Item, RowResult
from dragoman_nucleus import jobs
from dragoman_nucleus.codec import STEPS, escape, item_out
from dragoman_nucleus.listing import every_item, page_of_items
from dragoman_nucleus.receipts import FOUND, item_results
from dragoman_nucleus.sdk import File, NucleusAPIError
from dragoman_nucleus.store import FILES_PER_REQUEST, SINGLY

REMOTE = ("http://", "https://", "s3://", "gs://")
TWICE = "Another item of this batch has the same key."
"""Nucleus would take the first, and does not tell that it ignored the other."""


class NucleusDatasets(Datasets):
    """Datasets through the SDK's client; items through the routes of `dataset.append` and `items_generator`."""

    _adapter: Any

    def _create(self, dataset: Dataset) -> Dataset:
        if dataset.metadata:
            raise Unsupported("A Nucleus dataset holds no metadata.", hint="Leave it out.")
        made = self._adapter.client.create_dataset(dataset.name, is_scene=False)
        return dataset.model_copy(update={"id": made.id})

    def _get(self, dataset: str) -> Dataset:
        info = self._adapter.client.make_request(None, f"dataset/{dataset}/info", requests.get)
        return Dataset(id=info["dataset_id"], name=info["name"], items=info["length"])

    def _list(self, cursor: str | None, size: int) -> Page[Dataset]:
        listed = self._adapter.client.make_request(None, "dataset/details", requests.get)
        return Page([Dataset(id=entry["id"], name=entry["name"]) for entry in listed])

    def _delete(self, dataset: str) -> None:
        self._adapter.client.delete_dataset(dataset)

    def _read_items(self, dataset: str, cursor: str | None, size: int) -> Page[Item]:
        return page_of_items(self._adapter.client, f"dataset/{dataset}", cursor, size)

    def _write_items(self, dataset: str, rows: Sequence[Item], update: bool) -> list[RowResult]:
        # Nucleus does not tell which items an append ignored, so those that are there are found out first.
        present = self._present(dataset, {row.key for row in rows})
        results: dict[int, RowResult] = {}
        remote: list[int] = []
        local: list[int] = []
        sent: set[str] = set()
        for position, row in enumerate(rows):
            if row.key in present and not update:
                results[position] = IGNORED
            elif reason := TWICE if row.key in sent else _unusable(row):
                results[position] = RowResult("rejected", reason=reason)
            else:
                sent.add(row.key)
                (remote if _is_remote(row) else local).append(position)
        for places, result in self._append(dataset, rows, remote, local, update=update):
            for place, outcome in zip(places, result, strict=True):
                there = update and rows[place].key in present and outcome.status == "created"
                results[place] = UPDATED if there else outcome
        return [results[position] for position in range(len(rows))]

    def _append(
        self, dataset: str, rows: Sequence[Item], remote: list[int], local: list[int], *, update: bool
    ) -> Iterator[tuple[list[int], list[RowResult]]]:
        """Send items by URL in one job and files ten to a job; then wait for the jobs and yield their results."""
        client = self._adapter.client
        started: list[tuple[list[int], str]] = []
        route = f"dataset/{dataset}/append"
        if remote:
            lines = ({**item_out(rows[place]), "image_url": rows[place].uri} for place in remote)
            content = msgspec.json.Encoder().encode_lines(lines)
            started.append((remote, jobs.send_rows(client, dataset, route, content, update=update)))
        for start in range(0, len(local), FILES_PER_REQUEST):
            places = local[start : start + FILES_PER_REQUEST]
            files = [File(path.name, path.read_bytes()) for path in (path_at(rows[place].uri) for place in places)]
            entries = [
                {**item_out(rows[place]), "image_url": file.name, "update": update}
                for place, file in zip(places, files, strict=True)
            ]
            answer = client.connection.upload_files(f"{route}?async=1", "items", entries, "image", files)
            started.append((places, jobs.started(answer)))
        # A job that failed may have taken items before, as may others of this batch.
        with jobs.under_way():
            messages = jobs.followed(self._adapter, [job for _, job in started])
            for places, job_id in started:
                items = [rows[place] for place in places]
                yield places, item_results(items, messages[job_id], jobs.errors(client, job_id))

    def _present(self, dataset: str, keys: Set[str]) -> Set[str]:
        """Return which of the keys are there: one look for each, or one listing, whichever asks for less."""
        client = self._adapter.client
        count = client.make_request(None, f"dataset/{dataset}/size", requests.get)["count"]
        if not count:
            return set()
        if len(keys) <= SINGLY < count:
            return {key for key in keys if self._has(dataset, key)}
        return keys & {item.key for item in every_item(client, dataset)}

    def _find(self, dataset: str, rows: Sequence[Item]) -> list[RowResult | None]:
        return [FOUND if self._has(dataset, row.key) else None for row in rows]

    def _has(self, dataset: str, key: str) -> bool:
        try:
            self._adapter.client.make_request(None, f"dataset/{dataset}/refloc/{escape(key)}", requests.get)
        except NucleusAPIError as error:
            if error.status_code == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True


def _is_remote(item: Item) -> bool:
    return (item.uri or "").startswith(REMOTE)


def _unusable(item: Item) -> str | None:
    """Return why an item cannot be sent, or None."""
    if item.key in STEPS:
        return f"The key {item.key!r} means another place in an address, so Nucleus could not be asked for the item."
    if not item.uri:
        return "The item has no uri; Nucleus needs an image."
    if item.media != "image":
        return f"The item is a {item.media}; only images are sent yet."
    if not _is_remote(item) and not path_at(item.uri).is_file():
        return f"There is no file {item.uri}."
    return None
