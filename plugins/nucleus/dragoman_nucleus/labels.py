"""Labels on Nucleus: annotations of a dataset's items."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import requests

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.interface import Labels
from dragoman.schema import Label, RowResult
from dragoman_nucleus.codec import escape, flatten, label_in, row_out
from dragoman_nucleus.receipts import compare, row_results
from dragoman_nucleus.sdk import NucleusAPIError


class NucleusLabels(Labels):
    """Annotations through the routes of `dataset.annotate` and `items_and_annotation_generator`."""

    _adapter: Any

    _versions = Gap.impossible("Nucleus keeps one state of the annotations.")

    def _read(self, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int) -> Page[Label]:
        if items is not None:
            start = int(cursor or 0)
            labels = self._on_item(dataset, items[start]) if items else []
            return Page(labels, str(start + 1) if start + 1 < len(items) else None)
        payload = {"pageToken": cursor, "pageSize": size, "query": None, "chip": False, "onlyMostRecentTask": True}
        page = self._adapter.client.make_request(payload, f"dataset/{dataset}/exportForTrainingPage")
        labels = [
            label_in({**wire, "reference_id": row["item"]["reference_id"]})
            for row in page["data"]
            for wire in flatten({kind: rows for kind, rows in row.items() if kind != "item"})
        ]
        return Page(labels, page["nextPageToken"] or None)

    def _on_item(self, dataset: str, key: str) -> list[Label]:
        route = f"dataset/{dataset}/refloc/{escape(key)}"
        answer = self._adapter.client.make_request(None, route, requests.get)
        return [label_in({**wire, "reference_id": key}) for wire in flatten(answer["annotations"])]

    def _write(self, dataset: str, rows: Sequence[Label], update: bool) -> list[RowResult]:
        payload = {"update": update, "annotations": [row_out(row) for row in rows]}
        answer = self._adapter.client.make_request(payload, f"dataset/{dataset}/annotate")
        return row_results(rows, answer, "annotations", update=update)

    def _find(self, dataset: str, rows: Sequence[Label]) -> list[RowResult | None]:
        stored: dict[str, Label] = {}
        for key in dict.fromkeys(row.item for row in rows):
            try:
                stored |= {label.id: label for label in self._on_item(dataset, key)}
            except NucleusAPIError as error:
                if error.status_code != HTTPStatus.NOT_FOUND:
                    raise
        return compare(rows, stored)

    _export = Gap.impossible("Nucleus makes no export file.", instead="labels.read")
