"""Labels on Viam: boxes on images, and tags of images.

Viam gives every box an id of its own and takes none. So a row is known by its content: the same label in the same
place is the same row, and what is read back has the id that its content derives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import NotFound
from dragoman.interface import Labels
from dragoman.schema import Label, RowResult
from dragoman_viam.bulk import FOUND
from dragoman_viam.codec import labels_in
from dragoman_viam.listing import page_of
from dragoman_viam.notes import image_in, key_of
from dragoman_viam.writing import Writing


class ViamLabels(Labels):
    """Boxes and tags through `DataService`."""

    _adapter: Any

    _versions = Gap.impossible("Viam keeps one state of an image's boxes and tags.")
    _export = Gap.impossible("Viam exports sequences, not images and their boxes.", instead="labels.read")

    def _read(self, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int) -> Page[Label]:
        if items is not None:
            return self._read_chosen(dataset, items, int(cursor or 0), size)
        answer = self._adapter.wire.call("data.BinaryDataByFilter", data_request=page_of(dataset, cursor, size))
        if not answer.data:
            if cursor is None:
                # A filter does not say whether there is such a dataset.
                self._adapter.datasets._get(dataset)
            return Page([])
        return Page(self._on([found.metadata for found in answer.data]), answer.last)

    def _read_chosen(self, dataset: str, keys: Sequence[str], start: int, size: int) -> Page[Label]:
        end = start + size
        held = self._adapter.listings[dataset].present(keys[start:end])
        for key in keys[start:end]:
            if key not in held:
                raise NotFound(f"Dataset {dataset} holds no item {key!r}.")
        return Page(self._on(list(held.values())), str(end) if end < len(keys) else None)

    def _on(self, images: Sequence[Any]) -> list[Label]:
        """Return the labels on images; the size of one is asked for only if it has boxes."""
        sizes = self._adapter.sizes
        notes = {metadata.binary_data_id: image_in(metadata) for metadata in images}
        for image, note in notes.items():
            sizes.learn(image, note)
        boxed = [metadata.binary_data_id for metadata in images if metadata.annotations.bboxes]
        by_id = dict(zip(boxed, sizes.of(boxed), strict=True))
        return [
            label
            for metadata in images
            for label in labels_in(
                metadata, key_of(metadata, notes[metadata.binary_data_id]), by_id.get(metadata.binary_data_id)
            )
        ]

    def _write(self, dataset: str, rows: Sequence[Label], update: bool) -> list[RowResult]:
        return Writing(self._adapter, dataset, rows).write(update=update)

    def _find(self, dataset: str, rows: Sequence[Label]) -> list[RowResult | None]:
        held = Writing(self._adapter, dataset, rows)
        return [FOUND if held.holds(place) else None for place in range(len(rows))]
