"""Model runs: data rows, labels, splits, config and status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.jobs import JobFailed
from dragoman_labelbox.emulator.objects import Label, Run, RunRow
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]

SPLITS = ("TRAINING", "TEST", "VALIDATION", "UNASSIGNED")
STATUSES = ("EXPORTING_DATA", "PREPARING_DATA", "TRAINING_MODEL", "COMPLETE", "FAILED")


class Runs:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "modelRunPyApi": self.rows,
            "ModelRunPyApi": lambda query: {"trainingMetadata": self._run(query).config},
            "updateModelRunConfigPyApi": self.update_config,
            "resetModelRunConfigPyApi": self.reset_config,
            "setPipelineStatusPyApi": self.set_status,
            "trainingPipelinePyApi": lambda query: self._state.run(query.get("where")["id"]).pipeline,
            "createMEAModelRunDataRowRegistrationTaskPyApi": self.register_rows,
            "createMEAModelRunLabelRegistrationTaskPyApi": self.register_labels,
            "createMEAModelRunProjectLabelRegistrationTaskPyApi": self.register_project,
            "MEADataRowRegistrationTaskStatusPyApi": self.registration,
            "MEALabelRegistrationTaskStatusPyApi": self.registration,
            "assignDataSplitPyApi": self.assign_split,
            "assignDataRowsToDataSplitTaskStatusPyApi": self.registration,
            "DeleteModelRunDataRowsPyApi": self.delete_rows,
            "GetModelRunCostInfoPyApi": lambda query: None,
        }

    def _run(self, query: Query) -> Run:
        return self._state.run(query.get("modelRunId"))

    def rows(self, query: Query) -> Json:
        run = self._run(query)
        shown, following = query.cursor_page(list(run.rows.values()), self._state.settings.page_limit)
        nodes = [wire.run_row(self._state, run, row) for row in shown]
        return {"nodes": nodes, "pageInfo": {"endCursor": following}}

    # -- config and status --------------------------------------------------------------------------------------------

    def update_config(self, query: Query) -> Json:
        run = self._run(query)
        run.config = query.get("data")["config"]
        return {"trainingMetadata": run.config}

    def reset_config(self, query: Query) -> Json:
        run = self._run(query)
        run.config = None
        return {"trainingMetadata": None}

    def set_status(self, query: Query) -> Json:
        pipeline, data = self._run(query).pipeline, query.get("data")
        if data.get("status") not in STATUSES:
            raise invalid(f"{data.get('status')!r} is not a status.")
        pipeline["status"] = data["status"]
        pipeline["errorMessage"] = data.get("errorMessage", pipeline["errorMessage"])
        if "metadata" in data:
            pipeline["metadata"] = {**(pipeline["metadata"] or {}), **data["metadata"]}
        return {"status": pipeline["status"]}

    # -- registrations ------------------------------------------------------------------------------------------------

    def _start(self, work: Callable[[], None]) -> str:
        now = self._state.clock.now()
        return self._state.jobs.start(self._state.ids.new(), "registration", now, work).id

    def registration(self, query: Query) -> Json:
        job_id = query.variables.get("id") or query.variables.get("where", {}).get("id")
        job = self._state.jobs.by_id.get(job_id)
        if job is None:
            raise invalid(f"There is no registration {job_id}.", 400)
        return wire.registration(job)

    def register_rows(self, query: Query) -> str:
        run = self._run(query)
        rows = self._state.named_rows(query.variables.get("dataRowIds"), query.variables.get("globalKeys"))

        def work() -> None:
            for row in self._state.remaining(rows):
                run.rows.setdefault(row.id, RunRow(row.id))

        return self._start(work)

    def register_labels(self, query: Query) -> str:
        run, wanted = self._run(query), query.get("labelIds")
        known = {label.id: (row_id, label) for _, row_id, label in self._state.labels()}

        def work() -> None:
            if unknown := [label_id for label_id in wanted if label_id not in known]:
                raise JobFailed(f"There is no label {unknown[0]}.")
            for row_id, label in [known[label_id] for label_id in wanted]:
                if row_id in self._state.rows:
                    self._add_label(run, row_id, label)

        return self._start(work)

    def register_project(self, query: Query) -> str:
        run, project = self._run(query), self._state.project(query.get("projectId"))

        def work() -> None:
            for row_id, label in project.labels.items():
                self._add_label(run, row_id, label)

        return self._start(work)

    def _add_label(self, run: Run, row_id: str, label: Label) -> None:
        """Copy a label into a run: the run keeps it as it is now."""
        row = run.rows.setdefault(row_id, RunRow(row_id))
        row.labels = [each for each in row.labels if each.id != label.id] + [replace(label, rows=list(label.rows))]

    def assign_split(self, query: Query) -> str:
        run, assignments = self._run(query), query.get("data")["assignments"]

        def work() -> None:
            for assignment in assignments:
                if assignment["split"] not in SPLITS:
                    raise JobFailed(f"{assignment['split']!r} is not a split.")
                rows = self._state.named_rows(assignment.get("dataRowIds"), assignment.get("globalKeys"))
                if outside := [row.id for row in rows if row.id not in run.rows]:
                    raise JobFailed(f"Data row {outside[0]} is not in the model run.")
                for row in rows:
                    run.rows[row.id].split = assignment["split"]

        return self._start(work)

    def delete_rows(self, query: Query) -> bool:
        run = self._run(query)
        for row_id in query.get("dataRowIds"):
            run.rows.pop(row_id, None)
        return True
