"""Labels on Nucleus: annotations of a dataset's items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.interface import Labels
from dragoman.schema import Label, RowResult, Whole
from dragoman_nucleus.codec import escape
from dragoman_nucleus.listing import scene_keys
from dragoman_nucleus.store import Store
from dragoman_nucleus.wire import ExportPage, Groups, OnItem

UNSHOWN = RowResult("unknown", reason="Nucleus does not show the labels of a scene as a whole.")


class Annotations(Store):
    """Annotations of a dataset through the routes of `dataset.annotate` and `items_and_annotation_generator`."""

    noun = "annotation"
    kind = Label

    def __init__(self, adapter: Any, dataset: str) -> None:
        super().__init__(adapter, dataset)
        self.upload = f"dataset/{dataset}/annotate"

    def on_item(self, key: str) -> Groups:
        return self.connection.read(OnItem, f"dataset/{self.dataset}/refloc/{escape(key)}").annotations

    def find(self, rows: Sequence[Label]) -> list[RowResult | None]:
        found = super().find(rows)
        missed = [place for place, row in enumerate(rows) if found[place] is None and type(row.geometry) is Whole]
        scenes = scene_keys(self.adapter.client, self.dataset) if missed else ()
        for place in missed:
            if rows[place].item in scenes:
                found[place] = UNSHOWN
        return found

    def page(self, cursor: str | None, size: int) -> ExportPage:
        """Return a page of items with their annotations."""
        payload = {"pageToken": cursor, "pageSize": size, "query": None, "chip": False, "onlyMostRecentTask": True}
        return self.connection.read(ExportPage, f"dataset/{self.dataset}/exportForTrainingPage", payload)

    def everything(self) -> Iterator[tuple[str | None, Groups]]:
        cursor: str | None = None
        while True:
            page = self.page(cursor, self.adapter.limits.page_size)
            yield from ((row.item.key, row) for row in page.data)
            if not page.next:
                return
            cursor = page.next


class NucleusLabels(Labels):
    """Annotations as labels; see `Annotations`."""

    _adapter: Any

    _versions = Gap.impossible("Nucleus keeps one state of the annotations.")

    def _read(self, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int) -> Page[Label]:
        store = Annotations(self._adapter, dataset)
        if items is not None:
            start = int(cursor or 0)
            # A key that is named twice is read once.
            labels = store.of(items[start]) if items and items[start] not in items[:start] else []
            return Page(labels, str(start + 1) if start + 1 < len(items) else None)
        page = store.page(cursor, size)
        labels = [label for row in page.data for label in store.rows(row, row.item.key)]
        return Page(labels, page.next or None)

    def _write(self, dataset: str, rows: Sequence[Label], update: bool) -> list[RowResult]:
        return Annotations(self._adapter, dataset).write(rows, update=update)

    def _find(self, dataset: str, rows: Sequence[Label]) -> list[RowResult | None]:
        return Annotations(self._adapter, dataset).find(rows)

    _export = Gap.impossible("Nucleus makes no export file.", instead="labels.read")
