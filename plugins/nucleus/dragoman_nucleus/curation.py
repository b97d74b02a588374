"""What can be taken away from a dataset on Nucleus, and its tags."""

from __future__ import annotations

from collections.abc import Sequence

import requests

from dragoman.errors import InvalidData
from dragoman.interface.base import ref
from dragoman.schema import Dataset
from dragoman_nucleus import jobs
from dragoman_nucleus.codec import escape
from dragoman_nucleus.extension import Extension, carried
from dragoman_nucleus.wire import Json


class Curation(Extension):
    """Delete items, labels and taxonomies; tag datasets."""

    name = "curation"

    @carried()
    def delete_item(self, dataset: str | Dataset, key: str) -> None:
        """Delete an item with its labels and predictions."""
        self._client.make_request({}, f"dataset/{ref(dataset)}/refloc/{escape(key)}", requests.delete)

    @carried()
    def delete_labels(self, dataset: str | Dataset, items: Sequence[str], *, keep_history: bool = True) -> None:
        """Delete all labels of items, by key, and return when they are gone. Nucleus deletes no single label.

        Raises:
            InvalidData: An item is not there; the labels of the others are gone.
        """
        if not items:
            # Without reference ids Nucleus may take all items to be meant.
            return
        wanted = {"keep_history": keep_history, "reference_ids": list(items)}
        answer = self._client.make_request(wanted, f"annotation/{ref(dataset)}", requests.delete)
        job = jobs.started(answer)
        jobs.ended(self._adapter, job)
        # A job that knows none of the items is completed all the same.
        if errors := jobs.errors(self._client, job):
            raise InvalidData(f"The labels of {len(errors)} of {len(items)} items stay; the first: {errors[0]}")

    @carried()
    def delete_taxonomy(self, dataset: str | Dataset, name: str) -> None:
        """Delete a taxonomy, such as one that `ontologies.create` made."""
        self._client.make_request({}, f"dataset/{ref(dataset)}/taxonomy/{escape(name)}", requests.delete)
        self._adapter.taxonomies.forget(ref(dataset), name)

    @carried()
    def tags(self, dataset: str | Dataset) -> Sequence[str]:
        """Return the tags of a dataset."""
        return list(self._client.make_request(None, self._tags(dataset), requests.get)["tags"])

    @carried()
    def add_tags(self, dataset: str | Dataset, tags: Sequence[str]) -> None:
        """Add tags to a dataset; those that it has stay."""
        self._client.make_request(_tagged(tags), self._tags(dataset))

    @carried()
    def remove_tags(self, dataset: str | Dataset, tags: Sequence[str]) -> None:
        """Take tags from a dataset."""
        self._client.make_request(_tagged(tags), self._tags(dataset), requests.delete)

    def _tags(self, dataset: str | Dataset) -> str:
        return f"dataset/{ref(dataset)}/tags"


def _tagged(tags: Sequence[str]) -> Json:
    return {"tags": list(tags)}
