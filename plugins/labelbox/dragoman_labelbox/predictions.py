"""Predictions on Labelbox: annotations of a model run on data rows that are registered in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.errors import Unsupported
from dragoman.interface import Predictions
from dragoman.schema import Prediction, RowResult
from dragoman_labelbox.exports import FILTER_IDS, Exporter, Images, chosen_lines, predictions_in
from dragoman_labelbox.imports import Importer
from dragoman_labelbox.labels import FOUND
from dragoman_labelbox.presence import Presence
from dragoman_labelbox.sdk import MEAPredictionImport
from dragoman_labelbox.versions import chunks, register
from dragoman_labelbox.writing import Writer

_WITH_PREDICTIONS = {"predictions": True, "data_row_details": True}


class LabelboxPredictions(Predictions):
    """Predictions through imports (`MEAPredictionImport`) and exports of the run."""

    _adapter: Any

    def _write(self, version: str, dataset: str, rows: Sequence[Prediction], update: bool) -> list[RowResult]:
        adapter = self._adapter
        run = adapter.client.get_model_run(version)
        ontology = adapter.client.get_model(run.model_id).ontology_id
        writer = Writer(
            Importer(adapter, MEAPredictionImport, version),
            lambda feature, kind: adapter.shelf.known(ontology, feature, kind),
            adapter.keys(dataset),
            self._presence(version, dataset),
            lambda global_keys: register(adapter, version, global_keys),
            lambda: self._presence(version, dataset, anew=True),
        )
        return writer.write(rows, update=update)

    def _presence(self, version: str, dataset: str, *, anew: bool = False) -> Presence:
        if anew or version not in self._adapter.presences:
            keys = self._adapter.keys(dataset)
            self._adapter.presences[version] = Presence(
                self._export(version).all(), lambda line, masks: predictions_in(line, version, keys, masks)
            )
        presence: Presence = self._adapter.presences[version]
        return presence

    def _export(self, version: str) -> Exporter:
        client = self._adapter.client
        return Exporter(
            self._adapter, lambda: client.get_model_run(version).export(params=_WITH_PREDICTIONS), "export of a run"
        )

    def _read(
        self, version: str, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int
    ) -> Page[Prediction]:
        # Labelbox decides how much a page of an export holds.
        keys, masks = self._adapter.keys(dataset), Images(self._adapter)
        if items is not None:
            return self._on_items(version, dataset, items, cursor)
        if cursor is None:
            self._adapter.client.get_dataset(dataset)
        page = self._export(version).lines(cursor)
        rows = [
            row
            for line in page.items
            if line.data_row.details.dataset_id == dataset
            for row in predictions_in(line, version, keys, masks)
        ]
        return Page(rows, page.next)

    def _on_items(self, version: str, dataset: str, items: Sequence[str], cursor: str | None) -> Page[Prediction]:
        keys, masks = self._adapter.keys(dataset), Images(self._adapter)
        start = int(cursor or 0)
        wanted = list(items[start : start + FILTER_IDS])
        params = {"predictions": True, "model_run_ids": [version]}
        lines = chosen_lines(self._adapter, dataset, wanted, params)
        rows = [row for line in lines for row in predictions_in(line, version, keys, masks)]
        end = start + FILTER_IDS
        return Page(rows, str(end) if end < len(items) else None)

    def _find(self, version: str, dataset: str, rows: Sequence[Prediction]) -> list[RowResult | None]:
        presence = self._presence(version, dataset, anew=True)
        return [FOUND if presence.has(row.id) else None for row in rows]

    def _delete(self, version: str, dataset: str, ids: Sequence[str] | None) -> None:
        if ids is not None:
            raise Unsupported(
                "Labelbox deletes no single prediction, only all of a data row.",
                hint="Leave out ids, or delete the version.",
            )
        run = self._adapter.client.get_model_run(version)
        found = [
            line.data_row.id for line in self._export(version).all() if line.data_row.details.dataset_id == dataset
        ]
        for chunk in chunks(found):
            run.delete_model_run_data_rows(chunk)
        self._adapter.presences.pop(version, None)
