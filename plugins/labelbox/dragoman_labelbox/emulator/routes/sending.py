"""Sending data rows to annotation: from a model run with its predictions, or from the catalog."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.objects import Annotations, DataRow, Project
from dragoman_labelbox.emulator.routes.batches import new_batch
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]


class Sending:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "SendToAnnotateFromMeaPyApi": self.from_run,
            "SendToAnnotateFromCatalogPyApi": self.from_catalog,
        }

    def from_run(self, query: Query) -> Json:
        wanted = query.get("input")
        run = self._state.run(wanted["sourceModelRunId"])
        rows = [row for row in self._searched(wanted["searchQuery"]) if row.id in run.rows]
        return self._send(wanted, rows)

    def from_catalog(self, query: Query) -> Json:
        wanted = query.get("input")
        return self._send(wanted, self._searched(wanted["searchQuery"]["query"]))

    def _searched(self, filters: list[Json]) -> list[DataRow]:
        rows: list[DataRow] = []
        for part in filters:
            named = {"data_row_id": (part["ids"], None), "global_key": (None, part["ids"])}.get(part["type"])
            if named is None:
                raise invalid(f"The filter {part['type']!r} is not emulated.")
            rows += self._state.named_rows(*named)
        return rows

    def _send(self, wanted: Json, rows: list[DataRow]) -> Json:
        project = self._state.project(wanted["destinationProjectId"])
        target = wanted["destinationTaskQueue"].get("value")
        if target not in (None, *(queue.id for queue in project.queues)):
            raise invalid(f"The project has no task queue {target}.")
        if wanted.get("excludeDataRowsInProject"):
            held = set(project.row_ids())
            rows = [row for row in rows if row.id not in held]

        def work() -> None:
            batch, left = wanted["batchInput"], self._state.remaining(rows)
            new_batch(self._state, project, batch["batchName"], left, {"priority": batch.get("batchPriority")})
            for row in left:
                project.moved[row.id] = target
                self._bring(project, row, wanted)

        now = self._state.clock.now()
        return {"taskId": self._state.jobs.start(self._state.ids.new(), "send-to-annotate", now, work).id}

    def _bring(self, project: Project, row: DataRow, wanted: Json) -> None:
        """Bring the predictions or the label that a data row has elsewhere along with it."""
        strategy = wanted.get("conflictLabelsResolutionStrategy")
        if source := wanted.get("predictionsInput"):
            held = self._state.run(source["modelRunId"]).rows.get(row.id)
            free = row.id not in project.labels or strategy == "OVERRIDE_WITH_PREDICTIONS"
            if held is not None and held.predictions is not None and free:
                project.drafts[row.id] = Annotations(self._state.ids.new(), list(held.predictions.rows))
        if source := wanted.get("annotationsInput"):
            label = self._state.project(source["projectId"]).labels.get(row.id)
            if label is not None and (row.id not in project.labels or strategy == "OVERRIDE_WITH_ANNOTATIONS"):
                project.labels[row.id] = self._state.new_label()
                project.labels[row.id].rows = list(label.rows)
