"""Predictions on Nucleus: rows of a model run on a dataset's items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import requests

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.interface import Predictions
from dragoman.schema import Prediction, RowResult
from dragoman_nucleus.codec import escape, flatten, prediction_in, row_out
from dragoman_nucleus.receipts import compare, row_results
from dragoman_nucleus.sdk import NucleusAPIError


class NucleusPredictions(Predictions):
    """Predictions through the routes of `upload_predictions_for_model_run` and `ModelRun`."""

    _adapter: Any

    def _write(self, version: str, dataset: str, rows: Sequence[Prediction], update: bool) -> list[RowResult]:
        payload = {"update": update, "annotations": [row_out(row) for row in rows]}
        route = f"dataset/{dataset}/modelRun/{version}/uploadPredictions"
        answer = self._adapter.client.make_request(payload, route)
        return row_results(rows, answer, "predictions", update=update)

    def _read(
        self, version: str, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int
    ) -> Page[Prediction]:
        if items is None:
            # A run's predictions come in one answer; Nucleus pages them only by slice.
            answer = self._adapter.client.make_request(None, f"modelRun/{version}/ungrouped", requests.get)
            return Page(map(prediction_in, _rows(answer)))
        start = int(cursor or 0)
        predictions = self._on_item(version, items[start]) if items else []
        return Page(predictions, str(start + 1) if start + 1 < len(items) else None)

    def _on_item(self, version: str, key: str) -> list[Prediction]:
        answer = self._adapter.client.make_request(None, f"modelRun/{version}/refloc/{escape(key)}", requests.get)
        return [prediction_in({**wire, "reference_id": key}) for wire in _rows(answer)]

    def _find(self, version: str, dataset: str, rows: Sequence[Prediction]) -> list[RowResult | None]:
        stored: dict[str, Prediction] = {}
        for key in dict.fromkeys(row.item for row in rows):
            try:
                stored |= {prediction.id: prediction for prediction in self._on_item(version, key)}
            except NucleusAPIError as error:
                if error.status_code != HTTPStatus.NOT_FOUND:
                    raise
        return compare(rows, stored)

    _delete = Gap.impossible("Nucleus deletes predictions only with their run.", instead="versions.delete")


def _rows(answer: dict[str, Any]) -> Iterable[dict[str, Any]]:
    # An empty run is answered with {"annotations": {}} where a full one has the types at the top.
    return flatten(answer.get("annotations", answer))
