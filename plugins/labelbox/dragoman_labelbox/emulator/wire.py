"""Objects as the API shows them: every field that the SDK selects, whatever it asked for."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator.jobs import FAILED, RUNNING, Job
from dragoman_labelbox.emulator.state import (
    App,
    Batch,
    DataRow,
    Dataset,
    Import,
    Model,
    Named,
    Ontology,
    Project,
    Run,
    RunRow,
    State,
    moment,
)

Json = dict[str, Any]


def _named(thing: Named) -> Json:
    return {
        "id": thing.id,
        "name": thing.name,
        "createdAt": moment(thing.created),
        "updatedAt": moment(thing.updated),
    }


def user(state: State) -> Json:
    now = moment(state.clock.now())
    return {
        "id": state.user_id,
        "name": "emulated",
        "nickname": "emulated",
        "email": "emulated@example.com",
        "isExternalUser": False,
        "isViewer": False,
        "lastLoginAt": now,
        "picture": None,
        "timezone": "UTC",
        "createdAt": now,
        "updatedAt": now,
    }


def organization(state: State) -> Json:
    now = moment(state.clock.now())
    return {"id": state.organization_id, "name": "emulated", "createdAt": now, "updatedAt": now}


def ontology(thing: Ontology) -> Json:
    return _named(thing) | {
        "description": None,
        "mediaType": thing.media_type,
        "classificationSchemaCount": len(thing.classifications),
        "objectSchemaCount": len(thing.tools),
        "normalized": {"tools": thing.tools, "classifications": thing.classifications, "relationships": []},
    }


def schema(node: Json) -> Json:
    name = node.get("name") or node.get("label")
    return {"id": node["schemaNodeId"], "name": name, "normalized": node}


def model(thing: Model) -> Json:
    return _named(thing) | {"ontologyId": thing.ontology_id}


def app(thing: App) -> Json:
    return {
        "id": thing.id,
        "modelId": thing.hosted_model,
        "name": thing.name,
        "description": thing.description,
        "inferenceParams": thing.parameters,
        "classToSchemaId": thing.classes,
        "ontologyId": thing.ontology_id,
        "createdBy": None,
    }


def run(state: State, thing: Run) -> Json:
    return _named(thing) | {
        "createdBy": state.user_id,
        "modelAppId": None,
        "modelId": thing.model_id,
        "trainingMetadata": thing.config,
    }


def run_row(state: State, run_: Run, thing: RunRow) -> Json:
    return {
        "id": f"{run_.id}-{thing.id}",
        "dataSplit": thing.split,
        "labelId": thing.labels[-1].id if thing.labels else None,
        "modelRunId": run_.id,
        "dataRow": data_row(state, state.rows[thing.id]),
    }


def dataset(thing: Dataset) -> Json:
    return _named(thing) | {"description": thing.description, "rowCount": len(thing.rows)}


def data_row(state: State, thing: DataRow) -> Json:
    fields = metadata_fields(state, thing)
    return {
        "id": thing.id,
        "externalId": thing.external_id,
        "globalKey": thing.global_key,
        "mediaAttributes": thing.attributes,
        "customMetadata": [{"schemaId": field["schemaId"], "value": field["value"]} for field in fields],
        "metadataFields": fields,
        "metadata": fields,
        "attachments": thing.attachments,
        "rowData": thing.row_data,
        "createdAt": moment(thing.created),
        "updatedAt": moment(thing.updated),
    }


def metadata_fields(state: State, thing: DataRow) -> list[Json]:
    """Return the metadata of a data row with the names and kinds of its schemas."""
    shown = []
    for value in thing.fields:
        known = state.metadata_schemas.get(value["schemaId"], {})
        shown.append({**value, "name": known.get("name"), "kind": known.get("kind")})
    return shown


def project(thing: Project) -> Json:
    return _named(thing) | {
        "autoAuditNumberOfLabels": 3,
        "autoAuditPercentage": 0,
        "dataRowCount": sum(len(batch.row_ids) for batch in thing.batches.values()),
        "description": thing.description,
        "editorTaskType": None,
        "isBenchmarkEnabled": True,
        "isConsensusEnabled": False,
        "lastActivityTime": moment(thing.updated),
        "allowedMediaType": thing.media_type,
        "modelSetupComplete": None,
        "setupComplete": moment(thing.created) if thing.ontology_id else None,
        "uploadType": "Auto",
    }


def batch(thing: Batch) -> Json:
    return _named(thing) | {"consensusSettingsJson": "", "size": len(thing.row_ids)}


def task(thing: Job) -> Json:
    """Show a job as a task of the user. Asking counts as a look at it."""
    status = thing.look()
    return {
        "id": thing.id,
        "name": thing.name or thing.type,
        "type": thing.type,
        "status": status,
        "completionPercentage": 0.0 if status == RUNNING else 100.0,
        "createdAt": moment(thing.created),
        "updatedAt": moment(thing.created),
        "errors": None,
        "result": f'{{"error": "{thing.error}"}}' if status == FAILED else None,
        "metadata": thing.metadata,
    }


def registration(thing: Job) -> Json:
    """Show a job as a registration. Asking counts as a look at it."""
    return {"status": thing.look(), "errorMessage": thing.error}


def annotation_import(state: State, thing: Import, base: str) -> Json:
    """Show an import of annotations. Asking counts as a look at it."""
    running = thing.job.look() == RUNNING
    ended = "FAILED" if thing.failed or thing.job.status == FAILED else "FINISHED"
    shown: Json = _named(thing) | {
        "state": "RUNNING" if running else ended,
        "progress": "0%" if running else "100%",
        "inputFileUrl": f"{base}/files/{thing.files['input']}",
        "statusFileUrl": None if running else f"{base}/files/{thing.files['status']}",
        "errorFileUrl": None if running else f"{base}/files/{thing.files['error']}",
        "modelRunId": thing.parent,
    }
    if thing.parent in state.projects:
        shown["project"] = project(state.projects[thing.parent])
    return shown
