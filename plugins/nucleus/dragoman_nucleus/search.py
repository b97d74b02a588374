"""Nucleus's search: items, scenes and objects of a dataset by a query in its own language, and near duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from dragoman.calls.pipeline import Page
from dragoman.interface.base import ref
from dragoman.schema import Dataset, Item, Version
from dragoman_nucleus import jobs
from dragoman_nucleus.codec import item_in
from dragoman_nucleus.extension import Extension, carried
from dragoman_nucleus.wire import Json

ObjectKind = Literal["iou", "false_positive", "false_negative", "predictions_only", "ground_truth_only"]


class Search(Extension):
    """Find items and objects; leave out near duplicates."""

    name = "search"

    def items(self, dataset: str | Dataset, query: str, *, page_size: int | None = None) -> Iterator[Item]:
        """Iterate over the items that a query finds."""
        return map(item_in, self._found("items", f"dataset/{ref(dataset)}/queryItemsPage", {"query": query}, page_size))

    def scenes(self, dataset: str | Dataset, query: str, *, page_size: int | None = None) -> Iterator[Json]:
        """Iterate over the scenes that a query finds, as Nucleus shows them."""
        return self._found("scenes", f"dataset/{ref(dataset)}/queryScenesPage", {"query": query}, page_size)

    def objects(
        self,
        dataset: str | Dataset,
        query: str,
        *,
        kind: ObjectKind,
        version: str | Version | None = None,
        page_size: int | None = None,
    ) -> Iterator[Json]:
        """Iterate over labels, predictions or matches that a query finds, as Nucleus shows them.

        Args:
            dataset: The dataset or its id.
            query: In Nucleus's query language.
            kind: Labels, predictions, matches, or mistakes; matches are there after `runs.match`.
            version: The version whose predictions or matches these are.
            page_size: Objects per request.
        """
        wanted = {"query": query, "patch_mode": kind, "model_run_id": ref(version) if version is not None else None}
        return self._found("objects", f"dataset/{ref(dataset)}/queryObjectsPage", wanted, page_size)

    @carried()
    def unique(self, dataset: str | Dataset, *, distance: int, items: Sequence[str] | None = None) -> Sequence[str]:
        """Return the keys of the items that are left when near duplicates are left out.

        Args:
            dataset: The dataset or its id.
            distance: Bits, of 64, in which the perceptual hashes of duplicates differ at most.
            items: Keys of the items to look at; all if not given.
        """
        wanted: Json = {"threshold": distance} | ({} if items is None else {"reference_ids": list(items)})
        answer = self._client.make_request(wanted, f"dataset/{ref(dataset)}/deduplicate_async")
        return list(jobs.ended(self._adapter, jobs.started(answer))["unique_reference_ids"])

    def _found(self, operation: str, route: str, wanted: Json, size: int | None) -> Iterator[Json]:
        def fetch(cursor: str | None, size: int) -> Page[Json]:
            page = self._client.make_request({"pageToken": cursor, "pageSize": size, **wanted}, route)
            return Page(page["items"], page["nextPageToken"] or None)

        return self._pages(operation, fetch, size)
