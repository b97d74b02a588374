"""Exports: of a project, of data rows in the catalog or a slice of it, and of a model run; their files in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dragoman_labelbox.emulator.exports import Export, Lines, cut
from dragoman_labelbox.emulator.filters import selected
from dragoman_labelbox.emulator.graphql import Handler, Query
from dragoman_labelbox.emulator.jobs import COMPLETE
from dragoman_labelbox.emulator.objects import DataRow
from dragoman_labelbox.emulator.state import State, found

Json = dict[str, Any]


class Exports:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "exportDataRowsInModelRunPyApi": self.of_run,
            "exportDataRowsInProjectPyApi": self.of_project,
            "exportDataRowsInCatalogPyApi": self.of_catalog,
            "exportDataRowsInSlicePyApi": self.of_slice,
            "GetExportMetadataHeaderPyApi": self.header,
            "GetExportFileFromOffsetPyApi": self.file,
        }

    def _start(self, query: Query, lines: Callable[[Lines], Iterator[bytes]]) -> Json:
        wanted = query.get("input")
        task_id = self._state.ids.new()
        builder = Lines(self._state, task_id, wanted["params"], query.base)
        made: list[Export] = []

        def work() -> None:
            made.append(cut(self._state, lines(builder)))

        name, now = wanted.get("taskName") or "Export", self._state.clock.now()
        job = self._state.jobs.start(task_id, "export-data-rows", now, work, name=name, held=made)
        return {"taskId": job.id, "isStreamable": True}

    def of_run(self, query: Query) -> Json:
        run = self._state.run(query.get("input")["filters"]["modelRunId"])
        return self._start(
            query, lambda lines: (lines.line(self._state.rows[row_id], runs=[run]) for row_id in list(run.rows))
        )

    def of_project(self, query: Query) -> Json:
        filters = query.get("input")["filters"]
        project = self._state.project(filters["projectId"])
        rows = selected(self._state, filters["searchQuery"]["query"], project)
        return self._start(query, lambda lines: (lines.line(row, projects=[project.id]) for row in rows))

    def of_catalog(self, query: Query) -> Json:
        return self._of_rows(query, selected(self._state, query.get("input")["filters"]["searchQuery"]["query"]))

    def of_slice(self, query: Query) -> Json:
        slice_ = found(self._state.slices, query.get("input")["filters"]["sliceId"], "Slice")
        return self._of_rows(query, selected(self._state, slice_.filters))

    def _of_rows(self, query: Query, rows: list[DataRow]) -> Json:
        """Export data rows with what they are in some projects and model runs."""
        params, state = query.get("input")["params"], self._state
        project_ids = list(state.projects) if params.get("allProjects") else params.get("projectIds") or []
        run_ids = list(state.runs) if params.get("allModelRuns") else params.get("modelRunIds") or []
        projects = [state.project(project_id) for project_id in project_ids]
        runs = [state.run(run_id) for run_id in run_ids]

        def lines(builder: Lines) -> Iterator[bytes]:
            held = {project.id: set(project.row_ids()) for project in projects}
            for row in rows:
                within = [project_id for project_id, row_ids in held.items() if row.id in row_ids]
                yield builder.line(row, projects=within, runs=[run for run in runs if row.id in run.rows])

        return self._start(query, lines)

    # -- files --------------------------------------------------------------------------------------------------------

    def _done(self, query: Query) -> Export | None:
        job = found(self._state.jobs.by_id, query.get("where")["id"], "Task")
        if job.status != COMPLETE or query.get("streamType") != "RESULT":
            return None
        export: Export = job.held[0]
        return export if export.size else None

    def header(self, query: Query) -> Json:
        export = self._done(query)
        return {
            "exportMetadataHeader": {"totalSize": export.size, "totalLines": export.lines}
            if export is not None
            else None
        }

    def file(self, query: Query) -> Json:
        export = self._done(query)
        chunk = export.at(int(query.get("offset"))) if export is not None else None
        if chunk is None:
            return {"exportFileFromOffset": None}
        shown = {
            "offsets": {"start": str(chunk.start), "end": str(chunk.end)},
            "lines": {"start": str(chunk.first), "end": str(chunk.last)},
            "file": f"{query.base}/files/{chunk.token}",
        }
        return {"exportFileFromOffset": shown}
