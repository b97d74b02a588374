"""Predictions on Label Studio: the results of predictions that name one model version.

All rows of a version on an item are one prediction of its task; where there are several, Label Studio shows, and makes
an annotation of, only one at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dragoman.calls.pipeline import Page
from dragoman.interface import Predictions
from dragoman.schema import Label, Prediction, RowResult
from dragoman_labelstudio.codec import Encoder, score_of
from dragoman_labelstudio.drafts import clear
from dragoman_labelstudio.fidelity import table_for
from dragoman_labelstudio.labels import IMPORT
from dragoman_labelstudio.merging import Written, without
from dragoman_labelstudio.projects import path_of, project_of
from dragoman_labelstudio.store import Store
from dragoman_labelstudio.tasks import PREDICTED, page
from dragoman_labelstudio.versions import name_of, project_in
from dragoman_labelstudio.wire import Created, Numbered, StoredTask


class VersionPredictions(Store):
    """Predictions of one model version on a project's tasks.

    Args:
        adapter: The connected adapter.
        dataset: The project's id.
        version: The version's id, or the name alone.
    """

    fields = PREDICTED

    def __init__(self, adapter: Any, dataset: str, version: str) -> None:
        super().__init__(adapter, dataset)
        self.name = name_of(version)

    @property
    def encoder(self) -> Encoder:
        return Encoder(self.project.config, self.name)

    def stored(self, task: StoredTask) -> list[tuple[int, bool, Any]]:
        ours = [one for one in task.predictions if one.version == self.name]
        return [(one.id, place == 0, one.read) for place, one in enumerate(ours)]

    def shown(self, task: StoredTask) -> StoredTask:
        ours = [one for one in task.predictions if one.version == self.name]
        return msgspec.structs.replace(task, predictions=ours, annotations=[])

    def create(self, written: Sequence[Written]) -> None:
        body = [{"task": one.task, **self._content(one)} for one in written]
        made = self.client.post(path_of(self.dataset) + IMPORT, body, Created)
        if made.created == len(body):
            return
        # What the configuration has no place for, coordinates beyond the image among it, is left out silently.
        left = self.absent(one.task for one in written)
        for one in body:
            if one["task"] in left:
                self.client.post("api/predictions/", one, Numbered)

    def replace(self, written: Written) -> None:
        self.client.patch(f"api/predictions/{written.number}/", self._content(written))

    def delete(self, ids: Sequence[str]) -> None:
        """Take rows out; a prediction that nothing is left of is deleted."""
        gone, last = frozenset(ids), 0
        while tasks := page(self.client, self.dataset, last, self.adapter.limits.page_size, self.fields):
            items = self.items(tasks)
            for task in tasks:
                held = self.held(task, items[task.id])
                for written in without(task.id, items[task.id], held, gone, self.encoder):
                    self._shrink(written)
            last = tasks[-1].id

    def _shrink(self, written: Written) -> None:
        if written.results:
            self.replace(written)
        else:
            self.client.delete(f"api/predictions/{written.number}/")

    def _content(self, written: Written) -> dict[str, Any]:
        return {"result": written.results, "score": score_of(written.rows), "model_version": self.name}


class LabelStudioPredictions(Predictions):
    """Predictions of a model version; see `VersionPredictions`."""

    _adapter: Any

    def _write(self, version: str, dataset: str, rows: Sequence[Prediction], update: bool) -> list[RowResult]:
        return VersionPredictions(self._adapter, dataset, version).write(rows, update=update)

    def _read(
        self, version: str, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int
    ) -> Page[Label]:
        store = VersionPredictions(self._adapter, dataset, version)
        return store.page(cursor, size) if items is None else store.on(items, cursor, size)

    def _find(self, version: str, dataset: str, rows: Sequence[Prediction]) -> list[RowResult | None]:
        return VersionPredictions(self._adapter, dataset, version).find(rows)

    def _fidelity(self, version: str, dataset: str) -> Any:
        return table_for(project_of(self._adapter.client, dataset).config)

    def _delete(self, version: str, dataset: str, ids: Sequence[str] | None) -> None:
        if ids is None:
            clear(self._adapter.client, dataset, name_of(version))
        else:
            VersionPredictions(self._adapter, dataset, version).delete(ids)

    def _known_features(self, version: str) -> Any:
        """Return the features of the project that the version's id names.

        A version is there once predictions name it, so it cannot be asked for before the first.
        """
        project = project_in(version)
        if project is None:
            return ()
        writing = self.operations["write"]
        features = self._adapter.pipeline.call(writing, project_of, self._adapter.client, project).ontology.features
        return frozenset(feature.name for feature in features)
