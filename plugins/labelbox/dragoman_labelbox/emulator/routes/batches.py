"""Batches of projects: how data rows come into a project, and leave it."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.details import USUAL_PRIORITY
from dragoman_labelbox.emulator.graphql import GraphQLError, Handler, Query, invalid
from dragoman_labelbox.emulator.objects import Batch, DataRow, Project
from dragoman_labelbox.emulator.state import State, found

Json = dict[str, Any]

MOST_ROWS = 100_000
"""Most data rows in one batch."""


class Batches:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "CheckAllDataRowsHaveBeenProcessedPyApi": lambda _: {"allDataRowsHaveBeenProcessed": True},
            "createBatchV2PyApi": self.create,
            "createEmptyBatchPyApi": self.create_empty,
            "addDataRowsToBatchAsyncPyApi": self.fill,
            "createBatchesPyApi": self.create_many,
            "createBatchesFromDatasetPyApi": self.create_of_dataset,
            "getProjectBatchPyApi": self.one,
            "GetProjectBatchesPyApi": self.listing,
            "getProjectPyApi": lambda query: wire.project(self._state.project(query.get("projectId"))),
            "RemoveQueuedDataRowsFromBatchPyApi": self.remove_queued,
            "DeleteBatchPyApi": self.delete,
            "DeleteBatchLabelsPyApi": self.delete_labels,
        }

    def _at(self, query: Query) -> tuple[Project, Batch]:
        project = self._state.project(query.get("projectId"))
        return project, found(project.batches, query.get("batchId"), "Batch")

    # -- making -------------------------------------------------------------------------------------------------------

    def create(self, query: Query) -> Json:
        wanted = query.get("batchInput")
        project = self._state.project(query.get("projectId"))
        rows = self._state.named_rows(wanted.get("dataRowIds"), wanted.get("globalKeys"))
        if not rows:
            raise invalid("None of the data rows is there.")
        batch, failed = new_batch(self._state, project, wanted["name"], rows, wanted)
        return {"createBatchV2": {"batch": wire.batch(batch), "failedDataRowIds": failed}}

    def create_empty(self, query: Query) -> Json:
        project, wanted = self._state.project(query.get("projectId")), query.get("input")
        batch, _ = new_batch(self._state, project, wanted["name"], [], wanted)
        return {"createEmptyBatch": {"id": batch.id}}

    def fill(self, query: Query) -> Json:
        project, wanted = self._state.project(query.get("projectId")), query.get("input")
        batch = found(project.batches, wanted["batchId"], "Batch")
        if wanted.get("priority") is not None:
            batch.priority = wanted["priority"]
        rows = self._state.named_rows(wanted.get("dataRowIds"), wanted.get("globalKeys"))
        return {"addDataRowsToBatchAsync": {"taskId": self._filling("add-data-rows-to-batch", project, batch, rows)}}

    def _filling(self, type_: str, project: Project, batch: Batch, rows: list[DataRow]) -> str:
        """Start a job that adds to a batch those data rows that are new in its project, and return its id."""

        def work() -> None:
            held = set(project.row_ids())
            batch.row_ids += [row.id for row in self._state.remaining(rows) if row.id not in held]

        return self._state.jobs.start(self._state.ids.new(), type_, self._state.clock.now(), work).id

    def create_many(self, query: Query) -> Json:
        wanted = query.get("input")
        rows = self._state.named_rows(wanted.get("dataRowIds"), wanted.get("globalKeys"))
        return {"createBatches": self._in_parts(query, rows)}

    def create_of_dataset(self, query: Query) -> Json:
        rows = list(self._state.dataset(query.get("input")["datasetId"]).rows.values())
        return {"createBatchesFromDataset": self._in_parts(query, rows)}

    def _in_parts(self, query: Query, rows: list[DataRow]) -> Json:
        """Make as many batches as the data rows that are new in the project need."""
        project, wanted = self._state.project(query.get("projectId")), query.get("input")
        held = set(project.row_ids())
        rows = [row for row in rows if row.id not in held]
        tasks = []
        for number, start in enumerate(range(0, len(rows), MOST_ROWS)):
            name = f"{wanted['batchNamePrefix']}{number:04}"
            batch, _ = new_batch(self._state, project, name, [], wanted)
            job_id = self._filling("create-batches", project, batch, rows[start : start + MOST_ROWS])
            tasks.append({"batchUuid": batch.id, "taskId": job_id})
        return {"tasks": tasks}

    # -- reading ------------------------------------------------------------------------------------------------------

    def one(self, query: Query) -> Json:
        return {"batches": {"nodes": [wire.batch(self._at(query)[1])]}}

    def listing(self, query: Query) -> Json:
        batches = [*self._state.project(query.get("projectId")).batches.values()]
        shown, following = query.cursor_page(batches, self._state.settings.page_limit)
        return {"batches": {"nodes": [wire.batch(batch) for batch in shown], "pageInfo": {"endCursor": following}}}

    # -- deleting -----------------------------------------------------------------------------------------------------

    def remove_queued(self, query: Query) -> Json:
        """Take those data rows out of a batch that have no label."""
        project, batch = self._at(query)
        project.release(row_id for row_id in batch.row_ids if row_id not in project.labels)
        batch.row_ids = [row_id for row_id in batch.row_ids if row_id in project.labels]
        return {"removeQueuedDataRowsFromBatch": {"id": batch.id}}

    def delete(self, query: Query) -> Json:
        project, batch = self._at(query)
        if any(row_id in project.labels for row_id in batch.row_ids):
            raise invalid("A batch with labels cannot be deleted.")
        project.release(batch.row_ids)
        del project.batches[batch.id]
        return {"deleteBatch": {"deletedBatchId": batch.id}}

    def delete_labels(self, query: Query) -> Json:
        project, batch = self._at(query)
        gone = {row_id: project.labels.pop(row_id) for row_id in batch.row_ids if row_id in project.labels}
        if query.get("type") == "RequeueDataWithLabelAsTemplate":
            project.drafts |= gone
        return {"deleteBatchLabels": {"deletedLabelIds": [label.id for label in gone.values()]}}


def new_batch(state: State, project: Project, name: str, rows: list[DataRow], wanted: Json) -> tuple[Batch, list[str]]:
    """Make a batch of those data rows that are new in a project.

    Args:
        state: The account.
        project: The project.
        name: Name of the batch.
        rows: The data rows.
        wanted: May have a `priority` and `consensusSettings`.

    Returns:
        The batch, and the ids of the data rows that are in the project already.

    Raises:
        GraphQLError: The project has a batch of that name.
    """
    if any(batch.name == name for batch in project.batches.values()):
        raise GraphQLError("RESOURCE_CONFLICT", f"The project has a batch named {name!r}.")
    held = set(project.row_ids())
    batch = Batch(
        **state.stamp(),
        name=name,
        row_ids=[row.id for row in rows if row.id not in held],
        priority=USUAL_PRIORITY if wanted.get("priority") is None else wanted["priority"],
        consensus=wanted.get("consensusSettings"),
    )
    project.batches[batch.id] = batch
    return batch, [row.id for row in rows if row.id in held]
