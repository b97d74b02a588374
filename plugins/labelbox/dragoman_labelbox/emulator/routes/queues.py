"""The work of a project: the steps of its workflow, priorities and reservations of data rows, and the overview."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.objects import DataRow, Project
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]

_OVERRIDE = re.compile(r'\{id: "([^"]*)", idType: (\w+)\}, priority: (-?\d+)')


class Queues:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "GetProjectTaskQueuesPyApi": self.listing,
            "AddDataRowsToTaskQueueAsyncPyApi": self.move,
            "SetLabelingParameterOverridesPyApi": self.set_priorities,
            "createQueuePriorityUpdateTaskPyApi": self.set_priority,
            "GetProjectLabelingParameterOverridesPyApi": self.overrides,
            "ExtendReservationsPyApi": lambda _: 0,
            "ClearQueueReservationsPyApi": self.clear_reservations,
            "BulkAssignDataRowsPyApi": self.assign,
            "ProjectGetOverviewPyApi": self.overview,
        }

    def listing(self, query: Query) -> Json:
        project = self._state.project(query.subject())
        return {"taskQueues": [wire.queue(project, queue) for queue in project.queues]}

    def _rows(self, wanted: Json) -> list[DataRow]:
        by_id = wanted["idType"] == "ID"
        return self._state.named_rows(wanted["ids"] if by_id else None, None if by_id else wanted["ids"])

    def _task(self, type_: str, work: Callable[[], None]) -> str:
        return self._state.jobs.start(self._state.ids.new(), type_, self._state.clock.now(), work).id

    def move(self, query: Query) -> Json:
        project, queue_id = self._state.project(query.get("projectId")), query.variables.get("queueId")
        if queue_id not in (None, *(queue.id for queue in project.queues)):
            raise invalid(f"The project has no task queue {queue_id}.")
        rows = self._rows(query.get("dataRowIdentifiers"))

        def work() -> None:
            held = set(project.row_ids())
            project.moved |= {row.id: queue_id for row in rows if row.id in held}

        return {"createBulkAddRowsToQueueTask": {"taskId": self._task("send-to-task-queue", work)}}

    # -- priorities ---------------------------------------------------------------------------------------------------

    def set_priorities(self, query: Query) -> Json:
        project = self._state.project(query.subject())
        held = set(project.row_ids())
        for key, kind, priority in _OVERRIDE.findall(query.text):
            rows = self._rows({"ids": [key], "idType": kind.rpartition(".")[2]})
            if not rows or rows[0].id not in held:
                raise invalid(f"Data row {key} is not in the project.")
            project.priorities[rows[0].id] = int(priority)
        return {"setLabelingParameterOverrides": {"success": True}}

    def set_priority(self, query: Query) -> Json:
        project, priority = self._state.project(query.get("projectId")), query.get("priority")
        rows = self._rows(query.get("dataRowIdentifiers"))

        def work() -> None:
            held = set(project.row_ids())
            project.priorities |= {row.id: priority for row in rows if row.id in held}

        return {"createQueuePriorityUpdateTask": {"taskId": self._task("queue-priority-update", work)}}

    def overrides(self, query: Query) -> Json:
        project = self._state.project(query.subject())
        shown = (
            {
                "id": f"{project.id}-{row_id}",
                "priority": priority,
                "numberOfLabels": 1,
                "dataRow": wire.data_row(self._state, self._state.rows[row_id]),
            }
            for row_id, priority in project.priorities.items()
            if row_id in self._state.rows
        )
        return {"labelingParameterOverrides": query.paged(shown, dict)}

    # -- reservations: nobody annotates here, so there are none -------------------------------------------------------

    def clear_reservations(self, query: Query) -> Json:
        wanted = query.get("input")
        project = self._state.project(wanted["projectId"])
        if wanted["queueId"] not in (queue.id for queue in project.queues):
            raise invalid(f"The project has no task queue {wanted['queueId']}.")
        return {"success": True, "clearedReservationCount": 0}

    def assign(self, query: Query) -> Json:
        wanted = query.get("input")
        project = self._state.project(wanted["projectId"])
        return {"success": set(wanted["dataRowIds"]).issubset(project.row_ids())}

    # -- overview -----------------------------------------------------------------------------------------------------

    def overview(self, query: Query) -> Json:
        project, wanted = self._state.project(query.subject()), query.variables.get("batchIds")
        batches = [batch for batch in project.batches.values() if wanted is None or batch.id in wanted]
        rows = [row_id for batch in batches for row_id in batch.row_ids]
        return {
            "workstreamStateCounts": [
                {"state": state, "count": count} for state, count in _states(project, rows).items()
            ],
            "taskQueues": [
                {"queueType": queue.kind, "name": queue.name, "dataRowCount": _at(project, rows, queue.kind)}
                for queue in project.queues
            ],
            "issues": {"totalCount": sum(issue.resolved is None for issue in project.issues.values())},
            "completedDataRowCount": _at(project, rows, None),
        }


def _at(project: Project, rows: list[str], kind: str | None) -> int:
    """Count the data rows at a step; None counts those that are done."""
    queues = (project.queue_of(row_id) for row_id in rows)
    return sum((queue.kind if queue else None) == kind for queue in queues)


def _states(project: Project, rows: list[str]) -> dict[str, int]:
    """Count data rows by the states of the overview."""
    return {
        "All": len(rows),
        "Unlabeled": _at(project, rows, "INITIAL_LABELING_QUEUE"),
        "Labeled": sum(row_id in project.labels for row_id in rows),
        "InReview": _at(project, rows, "MANUAL_REVIEW_QUEUE"),
        "InRework": _at(project, rows, "MANUAL_REWORK_QUEUE"),
        "Skipped": 0,
        "Done": _at(project, rows, None),
        "NotInTaskQueue": 0,
    }
