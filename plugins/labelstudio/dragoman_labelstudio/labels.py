"""Labels on Label Studio: the results of annotations.

All labels that we write on an item are one annotation of its task, that of the user who asks: several are several
people's. Label Studio makes annotations of existing tasks one by one only, except of predictions, which come in bulk:
so many are sent as predictions under a name of ours, made annotations at once, and deleted again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.interface import Labels
from dragoman.schema import Label, RowResult, derive_id
from dragoman_labelstudio.codec import Encoder
from dragoman_labelstudio.drafts import DRAFT, clear, drafts_in
from dragoman_labelstudio.fidelity import table_for
from dragoman_labelstudio.merging import Written
from dragoman_labelstudio.projects import number_of, path_of, project_of
from dragoman_labelstudio.store import FEW, Store
from dragoman_labelstudio.tasks import ANNOTATED
from dragoman_labelstudio.wire import Created, Numbered, StoredTask

IMPORT = "import/predictions"


class Annotations(Store):
    """Annotations of a project's tasks."""

    fields = ANNOTATED

    @property
    def encoder(self) -> Encoder:
        return Encoder(self.project.config)

    def stored(self, task: StoredTask) -> list[tuple[int, bool, Any]]:
        # One that was cancelled says that its task was skipped.
        owns = [one.completed_by == self.adapter.user and not one.was_cancelled for one in task.annotations]
        return [
            (one.id, own and not any(owns[:place]), one.read)
            for place, (one, own) in enumerate(zip(task.annotations, owns, strict=True))
        ]

    def shown(self, task: StoredTask) -> StoredTask:
        return msgspec.structs.replace(task, predictions=[])

    def create(self, written: Sequence[Written]) -> None:
        for one in written if len(written) <= FEW else self._left_by_bulk(written):
            self.client.post(f"api/tasks/{one.task}/annotations/", {"result": one.results}, Numbered)

    def _left_by_bulk(self, written: Sequence[Written]) -> Sequence[Written]:
        """Make annotations in bulk and return those that were not made: relations, or beyond the image."""
        if self._create_in_bulk(written) == len(written):
            return ()
        absent = self.absent(one.task for one in written)
        return [one for one in written if one.task in absent]

    def _create_in_bulk(self, written: Sequence[Written]) -> int:
        """Make annotations of predictions under a name of ours, and return of how many."""
        for left in drafts_in(self.client, self.dataset):
            clear(self.client, self.dataset, left)
        tasks = [one.task for one in written]
        name = DRAFT + derive_id(*tasks)
        body = [{"task": one.task, "result": one.results, "model_version": name} for one in written]
        made = self.client.post(path_of(self.dataset) + IMPORT, body, Created).created
        action: dict[str, str | int] = {"project": number_of(self.dataset), "id": "predictions_to_annotations"}
        selected = {"selectedItems": {"all": False, "included": tasks}, "model_version": name}
        self.client.post("api/dm/actions", selected, dict, action)
        clear(self.client, self.dataset, name)
        return made

    def replace(self, written: Written) -> None:
        self.client.patch(f"api/annotations/{written.number}/", {"result": written.results})


class LabelStudioLabels(Labels):
    """Annotations as labels; see `Annotations`."""

    _adapter: Any

    _versions = Gap.impossible("Label Studio keeps one state of the annotations.")

    def _read(self, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int) -> Page[Label]:
        store = Annotations(self._adapter, dataset)
        return store.page(cursor, size) if items is None else store.on(items, cursor, size)

    def _write(self, dataset: str, rows: Sequence[Label], update: bool) -> list[RowResult]:
        return Annotations(self._adapter, dataset).write(rows, update=update)

    def _find(self, dataset: str, rows: Sequence[Label]) -> list[RowResult | None]:
        return Annotations(self._adapter, dataset).find(rows)

    def _fidelity(self, dataset: str) -> Any:
        return table_for(project_of(self._adapter.client, dataset).config)

    def _export(self, dataset: str) -> str:
        """Return a file of this machine: the export opens only to who is logged in."""
        path = path_of(dataset)
        whole = {"serialization_options": {"predictions": {"only_id": False}}}
        made = self._adapter.client.post(f"{path}exports/", whole, Numbered)
        file = self._adapter.exports / f"project-{dataset}-export-{made.id}.json"
        try:
            self._adapter.client.download(f"{path}exports/{made.id}/download", file, {"exportType": "JSON"})
        finally:
            self._adapter.client.delete(f"{path}exports/{made.id}")
        return str(file)
