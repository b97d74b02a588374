"""Objects as the API shows them: every field that the SDK selects, whatever it asked for."""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman_labelbox.emulator.jobs import FAILED, RUNNING, Job
from dragoman_labelbox.emulator.objects import (
    App,
    Batch,
    Comment,
    DataRow,
    Dataset,
    Import,
    Issue,
    Label,
    Model,
    Named,
    Ontology,
    Project,
    Queue,
    Review,
    Run,
    RunRow,
    Slice,
    User,
)
from dragoman_labelbox.emulator.showing import label_json
from dragoman_labelbox.emulator.state import ROLES, State, moment

Json = dict[str, Any]


def _named(thing: Named) -> Json:
    return {
        "id": thing.id,
        "name": thing.name,
        "createdAt": moment(thing.created),
        "updatedAt": moment(thing.updated),
    }


def user(thing: User) -> Json:
    return _named(thing) | {
        "nickname": thing.name,
        "email": thing.email,
        "isExternalUser": False,
        "isViewer": False,
        "lastLoginAt": moment(thing.updated),
        "picture": None,
        "timezone": "UTC",
    }


def role(key: str) -> Json:
    return {"id": key, "name": ROLES[key], "description": "", "permissions": [], "organizationId": None}


def organization(state: State) -> Json:
    since = moment(state.user.created)
    return {"id": state.organization_id, "name": "emulated", "createdAt": since, "updatedAt": since}


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
        "createdBy": state.user.id,
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
        "rowData": thing.row_data,
        "createdAt": moment(thing.created),
        "updatedAt": moment(thing.updated),
    }


def metadata_fields(state: State, thing: DataRow) -> list[Json]:
    """Return the metadata of a data row with the names and kinds of its schemas and options."""
    known = {node["id"]: node for schema_ in state.metadata_schemas.values() for node in (schema_, *schema_["options"])}
    shown = []
    for value in thing.fields:
        node = known.get(value["schemaId"], {})
        shown.append({**value, "name": node.get("name"), "kind": node.get("kind")})
    return shown


def project(thing: Project) -> Json:
    return _named(thing) | {
        "autoAuditNumberOfLabels": None,
        "autoAuditPercentage": None,
        "editorTaskType": None,
        "isBenchmarkEnabled": False,
        "isConsensusEnabled": False,
        "modelSetupComplete": None,
        "uploadType": "MANUAL",
        **thing.settings,
        "dataRowCount": len(thing.row_ids()),
        "description": thing.description,
        "lastActivityTime": moment(thing.updated),
        "allowedMediaType": thing.media_type,
        "setupComplete": moment(thing.created) if thing.ontology_id else None,
    }


def label(state: State, row_id: str, thing: Label) -> Json:
    """Show a label as the API does; its annotations are text, in the form of exports."""
    return {
        "id": thing.id,
        "agreement": None,
        "benchmarkAgreement": None,
        "createdAt": moment(thing.created),
        "updatedAt": moment(thing.updated),
        "isBenchmarkReference": thing.benchmarked is not None,
        "label": thing.text if thing.text is not None else _annotations(state, row_id, thing),
        "secondsToLabel": 0.0,
    }


def _annotations(state: State, row_id: str, thing: Label) -> str:
    """Return the annotations of a label as text; addresses of masks are relative to the server."""
    return msgspec.json.encode(label_json(state, row_id, thing, "labels", "")["annotations"]).decode()


def review(thing: Review) -> Json:
    return {
        "id": thing.id,
        "score": thing.score,
        "createdAt": moment(thing.created),
        "updatedAt": moment(thing.updated),
    }


def benchmark(thing: Label) -> Json:
    """Show a label as a benchmark; the id is that of the label."""
    since = moment(thing.benchmarked or thing.created)
    return {
        "id": thing.id,
        "createdAt": since,
        "lastActivity": since,
        "averageAgreement": None,
        "completedCount": 0,
    }


def queue(within: Project, thing: Queue) -> Json:
    rows = [row_id for row_id in within.row_ids() if within.queue_of(row_id) is thing]
    return {
        "id": thing.id,
        "name": thing.name,
        "description": None,
        "queueType": thing.kind,
        "dataRowCount": len(rows),
    }


def issue(state: State, thing: Issue) -> Json:
    resolved = moment(thing.resolved) if thing.resolved else None
    return {
        "id": thing.id,
        "friendlyId": str(thing.number),
        "labelId": thing.label_id,
        "dataRowId": thing.row_id,
        "categoryId": thing.category_id,
        "content": thing.content,
        "position": thing.position,
        "status": "Resolved" if resolved else "Open",
        "createdBy": user(state.user),
        "resolvedBy": user(state.user) if resolved else None,
        "createdAt": moment(thing.created),
        "updatedAt": moment(thing.updated),
        "resolvedAt": resolved,
        "contentUpdatedAt": moment(thing.updated),
        "latestReplyAt": max((moment(each.created) for each in thing.comments.values()), default=None),
    }


def comment(state: State, thing: Comment) -> Json:
    return {
        "id": thing.id,
        "content": thing.content,
        "createdBy": user(state.user),
        "createdAt": moment(thing.created),
        "updatedAt": moment(thing.updated),
    }


def batch(thing: Batch) -> Json:
    return _named(thing) | {"consensusSettingsJson": thing.consensus, "size": len(thing.row_ids)}


def slice_(thing: Slice) -> Json:
    return _named(thing) | {"description": thing.description, "filter": {"query": thing.filters}}


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
        "result": msgspec.json.encode({"error": thing.error}).decode() if status == FAILED else None,
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
