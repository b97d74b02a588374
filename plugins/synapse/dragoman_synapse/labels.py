"""Labels on Synapse: the annotations of ground truths.

Those of a version come from its events, which carry their annotation document. Those of a dataset as it is now come
from its ground truths, whose documents are among their files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import DragomanError, NotFound, PlatformError
from dragoman.interface import Labels
from dragoman.schema import Label
from dragoman_synapse.ids import place
from dragoman_synapse.notes import Json
from dragoman_synapse.pages import Listed, every, listed
from dragoman_synapse.truth_rows import File, carries_document, documents_of, files_in, labels_in, size_of


class SynapseLabels(Labels):
    """Labels through `list_ground_truth_events` and `list_ground_truths`; documents are fetched several at a time."""

    _adapter: Any

    def _versions(self, dataset: str) -> list[str]:
        self._adapter.datasets.check(dataset)
        key = place(dataset)[0]
        client = self._adapter.client
        path, chosen = "ground_truth_dataset_versions/", {"ground_truth_dataset": key}
        found = every(lambda cursor: listed(client, path, chosen, cursor, 100))
        return [f"{key}@{number}" for number in sorted(version["id"] for version in found)]

    def _read(self, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int) -> Page[Label]:
        if cursor is None:
            self._adapter.datasets.check(dataset)
        if items is not None:
            return Page(self._on_items(dataset, items))
        found = self._page(dataset, cursor, size)
        return Page(self._of(self._keyed(dataset, found.rows)), found.next)

    def stream(self, dataset: str) -> Iterator[Label]:
        """Yield all labels of a dataset, within one call of the core."""
        keyed = self._keyed(dataset, self._all(dataset))
        while batch := list(islice(keyed, self._adapter.limits.page_size)):
            yield from self._of(batch)

    def _on_items(self, dataset: str, items: Sequence[str]) -> list[Label]:
        # Synapse does not find a ground truth by the name of its file.
        keyed = [(wire, key) for wire, key in self._keyed(dataset, self._all(dataset)) if key in items]
        if missing := set(items) - {key for _, key in keyed}:
            raise NotFound(f"Dataset {dataset} has no item {sorted(missing)[0]!r}.")
        return self._of(keyed)

    def _page(self, dataset: str, cursor: str | None, size: int) -> Listed:
        _, version = place(dataset)
        if version is None:
            found: Listed = self._adapter.datasets.page(dataset, cursor, size)
            return found
        chosen = {"ground_truth_dataset_versions": version}
        return listed(self._adapter.client, "sdk/ground_truth_events/", chosen, cursor, size)

    def _all(self, dataset: str) -> Iterator[Json]:
        return every(lambda cursor: self._page(dataset, cursor, self._adapter.limits.page_size))

    def _keyed(self, dataset: str, wires: Iterable[Json]) -> Iterator[tuple[Json, str]]:
        return ((wire, self._adapter.keys.of(dataset, wire)) for wire in wires)

    def _of(self, keyed: Iterable[tuple[Json, str]]) -> list[Label]:
        """Return the labels of ground truths or events."""
        fetched = self._adapter.pool.map(self._one, keyed)
        return [label for labels in fetched for label in labels]

    def _one(self, keyed: tuple[Json, str]) -> list[Label]:
        wire, key = keyed
        files = files_in(wire.get("files"))
        if carries_document(wire):
            return labels_in([wire["data"]], key, size_of(files))
        return labels_in((self._document(file, key) for file in documents_of(files)), key, size_of(files))

    def _document(self, file: File, key: str) -> Any:
        """Return an annotation document, fetched by a call of its own so that it is tried again without the others.

        Raises:
            PlatformError: It is missing or no JSON, or the store failed for good.
        """
        what = f"The annotation file {file.spec} of {key!r}"
        try:
            content = self._adapter.pipeline.call(self.operations["read"], self._adapter.client.fetch, file.url)
        except DragomanError as error:
            # Not one to be tried again with all of its page.
            raise PlatformError(f"{what} cannot be fetched: {error.message}") from error
        try:
            return msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PlatformError(f"{what} is not JSON: {error}") from error

    _write = Gap.impossible(
        "Synapse's ground truth is what its reviewers approve; no call writes it.",
        instead="handoff.send_predictions",
    )
    _export = Gap.impossible(
        "Synapse exports through plugins, each in its own form.", instead="truths.export, which writes any format"
    )
