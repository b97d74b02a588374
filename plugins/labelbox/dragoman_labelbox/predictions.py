"""Predictions on Labelbox: annotations of a model run on data rows that are registered in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData, Unsupported
from dragoman.fidelity import FidelityTable
from dragoman.interface import Predictions
from dragoman.interface.base import ref
from dragoman.schema import Label, Outcome, Prediction, Report, RowResult, Version
from dragoman_labelbox.exports import FILTER_IDS, Images, chosen_lines, of_run, predictions_in
from dragoman_labelbox.imports import Importer, Said
from dragoman_labelbox.labels import FOUND
from dragoman_labelbox.presence import Presence
from dragoman_labelbox.sdk import MEAPredictionImport
from dragoman_labelbox.targets import Target
from dragoman_labelbox.versions import chunks, register
from dragoman_labelbox.wire import Line
from dragoman_labelbox.writing import Writer


class LabelboxPredictions(Predictions):
    """Predictions through imports (`MEAPredictionImport`) and exports of the run.

    Besides the core's operations it imports what is in Labelbox's own form already.
    """

    _adapter: Any

    def _fidelity(self, version: str, dataset: str) -> Callable[[Label], FidelityTable]:
        book = self._adapter.shelf.book(self._ontology(version))
        return Target(book, book, run=True).table

    def _write(self, version: str, dataset: str, rows: Sequence[Prediction], update: bool) -> list[RowResult]:
        adapter, ontology = self._adapter, self._ontology(version)
        writer = Writer(
            Importer(adapter, MEAPredictionImport, version),
            lambda feature, kind: adapter.shelf.known(ontology, feature, kind),
            adapter.keys(dataset),
            self._presence(version, dataset),
            lambda global_keys: register(adapter, version, global_keys),
            lambda: self._presence(version, dataset, anew=True),
        )
        return writer.write(rows, update=update)

    def _ontology(self, version: str) -> str:
        """Return the id of the ontology of a run's model."""
        client, known = self._adapter.client, self._adapter.run_ontologies
        if version not in known:
            known[version] = client.get_model(client.get_model_run(version).model_id).ontology_id
        return str(known[version])

    def write_from(self, source: str | Path, *, version: str | Version) -> Report:
        """Import predictions that are in Labelbox's own NDJSON, from a file or from an address that Labelbox fetches.

        This is `ModelRun.add_predictions` with a file or an address. The data rows have to be in the run. What was
        imported from the same content or address before is `ignored`.

        Args:
            source: Path of a file of this machine, or an http(s) address.
            version: The version or its id.

        Returns:
            The outcome of each row of the file, whose key is its uuid.

        Raises:
            InvalidData: There is no such file, or it is empty.
        """
        run = ref(version)
        uuids, results = self._adapter.pipeline.call(self.operations["write"], self._import, source, run)
        self._adapter.presences.pop(run, None)
        report = Report()
        report.add(
            Outcome(place, uuid or "", result.status, result.id, result.reason)
            for place, (uuid, result) in enumerate(zip(uuids, results, strict=True))
        )
        return report

    def _import(self, source: str | Path, version: str) -> Said:
        importer = Importer(self._adapter, MEAPredictionImport, version)
        if str(source).startswith(("http://", "https://")):
            return importer.fetch(str(source))
        path = Path(source)
        content = path.read_bytes() if path.is_file() else b""
        if not content.strip():
            raise InvalidData(f"There is nothing to import in {source}.", field="source")
        return importer.send_content(content)

    def _presence(self, version: str, dataset: str, *, anew: bool = False) -> Presence:
        if anew or version not in self._adapter.presences:
            keys = self._adapter.keys(dataset)
            self._adapter.presences[version] = Presence(
                of_run(self._adapter, version, predictions=True).all(),
                lambda line, masks: predictions_in(line, version, keys, masks),
            )
        presence: Presence = self._adapter.presences[version]
        return presence

    def _read(
        self, version: str, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int
    ) -> Page[Prediction]:
        # Labelbox decides how much a page of an export holds.
        keys, masks = self._adapter.keys(dataset), Images(self._adapter)
        if items is not None:
            return self._on_items(version, dataset, items, cursor)
        if cursor is None:
            self._adapter.client.get_dataset(dataset)

        def rows_of(line: Line) -> Iterable[Prediction]:
            return predictions_in(line, version, keys, masks) if line.data_row.details.dataset_id == dataset else ()

        return of_run(self._adapter, version, predictions=True).rows(cursor, rows_of)

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
        return [FOUND if there else None for there in presence.has([row.id for row in rows])]

    def _delete(self, version: str, dataset: str, ids: Sequence[str] | None) -> None:
        if ids is not None:
            raise Unsupported(
                "Labelbox deletes no single prediction, only all of a data row.",
                hint="Leave out ids, or delete the version.",
            )
        run = self._adapter.client.get_model_run(version)
        found = [
            line.data_row.id
            for line in of_run(self._adapter, version, predictions=True).all()
            if line.data_row.details.dataset_id == dataset
        ]
        for chunk in chunks(found):
            run.delete_model_run_data_rows(chunk)
        self._adapter.presences.pop(version, None)
