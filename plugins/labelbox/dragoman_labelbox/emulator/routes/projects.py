"""Projects, their batches and labels, and what is sent to them for annotation."""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import GraphQLError, Handler, Query, invalid
from dragoman_labelbox.emulator.rows import label_json
from dragoman_labelbox.emulator.state import Annotations, Batch, DataRow, Project, State, moment

Json = dict[str, Any]


class Projects:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateProjectPyApi": self.create,
            "GetProjectPyApi": lambda query: wire.project(self._state.project(query.get("param_0"))),
            "GetProjectsPyApi": self.listing,
            "deleteProjectPyApi": self.delete,
            "updateProjectPyApi": self.update,
            "GetProjectOntologyPyApi": self.ontology,
            "LabelCountPyApi": lambda query: {"labelCount": len(self._state.project(query.get("projectId")).labels)},
            "GetProjectLabelingFrontendPyApi": self.frontend,
            "ConnectOntologyPyApi": self.connect,
            "CheckAllDataRowsHaveBeenProcessedPyApi": lambda _: {"allDataRowsHaveBeenProcessed": True},
            "createBatchV2PyApi": self.create_batch,
            "createEmptyBatchPyApi": self.create_empty_batch,
            "addDataRowsToBatchAsyncPyApi": self.fill_batch,
            "getProjectBatchPyApi": self.batches,
            "GetProjectBatchesPyApi": self.batches,
            "GetProjectTaskQueuesPyApi": self.queues,
            "GetProjectLabelsPyApi": self.labels,
            "SendToAnnotateFromMeaPyApi": self.send_from_run,
            "SendToAnnotateFromCatalogPyApi": self.send_from_catalog,
        }

    def create(self, query: Query) -> Json:
        variables = query.variables
        media = variables.get("allowedMediaType")
        made = Project(**self._state.stamp(), name=variables["name"], media_type=media)
        made.description = variables.get("description") or ""
        self._state.projects[made.id] = made
        return wire.project(made)

    def listing(self, query: Query) -> list[Json]:
        skip, first = query.page()
        shown = [wire.project(each) for each in self._state.projects.values() if query.matches(vars(each))]
        return shown[skip : skip + first]

    def update(self, query: Query) -> Json:
        project = self._state.project(query.get("ProjectId"))
        project.name = query.variables.get("name") or project.name
        project.description = query.variables.get("description") or project.description
        return wire.project(project)

    def delete(self, query: Query) -> Json:
        project = self._state.project(query.get("ProjectId"))
        del self._state.projects[project.id]
        return {"id": project.id}

    def ontology(self, query: Query) -> Json:
        project = self._state.project(query.get("param_0"))
        ontology = self._state.ontologies.get(project.ontology_id or "")
        return {"ontology": wire.ontology(ontology) if ontology else None}

    def frontend(self, query: Query) -> Json:
        self._state.project(query.get("param_0"))
        front = {"description": "Editor", "iframeUrlPath": "https://editor.example", "name": "Editor", "id": "editor"}
        return {"labelingFrontend": front}

    def connect(self, query: Query) -> Json:
        project = self._state.project(query.get("projectId"))
        project.ontology_id = self._state.ontology(query.get("ontologyId")).id
        return {"connectOntology": {"id": project.ontology_id}}

    # -- batches ------------------------------------------------------------------------------------------------------

    def create_batch(self, query: Query) -> Json:
        wanted = query.get("batchInput")
        project = self._state.project(query.get("projectId"))
        rows = self._state.named_rows(wanted.get("dataRowIds"), wanted.get("globalKeys"))
        batch, failed = self._new_batch(project, wanted["name"], rows)
        return {"createBatchV2": {"batch": wire.batch(batch), "failedDataRowIds": failed}}

    def _new_batch(self, project: Project, name: str, rows: list[DataRow]) -> tuple[Batch, list[str]]:
        if any(batch.name == name for batch in project.batches.values()):
            raise GraphQLError("RESOURCE_CONFLICT", f"The project has a batch named {name!r}.")
        fresh = [row.id for row in rows if not project.has(row.id)]
        batch = Batch(**self._state.stamp(), name=name, row_ids=fresh)
        project.batches[batch.id] = batch
        return batch, [row.id for row in rows if row.id not in fresh]

    def create_empty_batch(self, query: Query) -> Json:
        project = self._state.project(query.get("projectId"))
        batch, _ = self._new_batch(project, query.get("input")["name"], [])
        return {"createEmptyBatch": {"id": batch.id}}

    def fill_batch(self, query: Query) -> Json:
        project, wanted = self._state.project(query.get("projectId")), query.get("input")
        batch = project.batches[wanted["batchId"]]
        rows = self._state.named_rows(wanted.get("dataRowIds"), wanted.get("globalKeys"))

        def work() -> None:
            batch.row_ids += [row.id for row in rows if not project.has(row.id)]

        now = self._state.clock.now()
        job = self._state.jobs.start(self._state.ids.new(), "add-data-rows-to-batch", now, work)
        return {"addDataRowsToBatchAsync": {"taskId": job.id}}

    def batches(self, query: Query) -> Json:
        project = self._state.project(query.get("projectId"))
        wanted = query.variables.get("batchId")
        shown = [wire.batch(batch) for batch in project.batches.values() if wanted in (None, batch.id)]
        return {"batches": {"nodes": shown, "pageInfo": {"endCursor": None}}}

    def queues(self, query: Query) -> Json:
        project = self._state.project(query.get("projectId"))
        queue = {"id": f"{project.id}-q", "name": "Initial labeling task", "queueType": "INITIAL_LABELING_QUEUE"}
        return {"taskQueues": [{**queue, "description": None, "dataRowCount": 0}]}

    def labels(self, query: Query) -> Json:
        project = self._state.project(query.get("projectId") if "projectId" in query.variables else _only(query))
        skip, first = query.page()
        shown = [
            {
                "id": label.id,
                "agreement": None,
                "benchmarkAgreement": None,
                "createdAt": moment(self._state.clock.now()),
                "updatedAt": moment(self._state.clock.now()),
                "isBenchmarkReference": False,
                "label": msgspec.json.encode(label_json(self._state, row_id, label, "labels", query.base)).decode(),
                "secondsToLabel": 0.0,
            }
            for row_id, label in project.labels.items()
        ]
        return {"labels": shown[skip : skip + first]}

    # -- sending to annotation ----------------------------------------------------------------------------------------

    def send_from_run(self, query: Query) -> Json:
        wanted = query.get("input")
        run = self._state.run(wanted["sourceModelRunId"])
        project = self._state.project(wanted["destinationProjectId"])
        rows = [row for row in self._searched(wanted["searchQuery"]) if row.id in run.rows]

        def work() -> None:
            self._new_batch(project, wanted["batchInput"]["batchName"], rows)
            for row in rows:
                said = run.rows[row.id].predictions
                if wanted.get("predictionsInput") and said is not None and row.id not in project.labels:
                    project.drafts[row.id] = Annotations(self._state.ids.new(), list(said.rows))

        now = self._state.clock.now()
        return {"taskId": self._state.jobs.start(self._state.ids.new(), "send-to-annotate", now, work).id}

    def send_from_catalog(self, query: Query) -> Json:
        wanted = query.get("input")
        project = self._state.project(wanted["destinationProjectId"])
        rows = self._searched(wanted["searchQuery"]["query"])

        def work() -> None:
            self._new_batch(project, wanted["batchInput"]["batchName"], rows)

        now = self._state.clock.now()
        return {"taskId": self._state.jobs.start(self._state.ids.new(), "send-to-annotate", now, work).id}

    def _searched(self, filters: list[Json]) -> list[DataRow]:
        rows: list[DataRow] = []
        for part in filters:
            named = {"data_row_id": (part["ids"], None), "global_key": (None, part["ids"])}.get(part["type"])
            if named is None:
                raise invalid(f"The filter {part['type']!r} is not emulated.")
            rows += self._state.named_rows(*named)
        return rows


def _only(query: Query) -> str:
    """Return the one variable of a query, whatever its name: the SDK derives names of parameters."""
    values = [value for value in query.variables.values() if isinstance(value, str)]
    if len(values) != 1:
        raise invalid("The query names no project.", 400)
    return values[0]
