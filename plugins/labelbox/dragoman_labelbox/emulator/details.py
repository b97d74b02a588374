"""What exports say of data rows and labels besides the annotations."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator.filters import status_of
from dragoman_labelbox.emulator.objects import Batch, DataRow, Label, Project
from dragoman_labelbox.emulator.state import State
from dragoman_labelbox.emulator.wire import metadata_fields

Json = dict[str, Any]

STATUSES = {"ToLabel": "TO_LABEL", "InReview": "IN_REVIEW", "InRework": "IN_REWORK", "Done": "DONE"}
"""Workflow status as filters name it, to its name in exports."""
USUAL_PRIORITY = 5


def metadata_details(state: State, row: DataRow) -> list[Json]:
    """Return the metadata of a data row; the value of an enum is the list of the options chosen."""
    fields = [
        {
            "schema_id": each["schemaId"],
            "schema_name": each["name"],
            "schema_kind": each["kind"],
            "value": each["value"],
        }
        for each in metadata_fields(state, row)
    ]
    options = {each["schema_id"]: each for each in fields if each["schema_kind"] == "CustomMetadataEnumOption"}
    for each in fields:
        if each["schema_kind"] == "CustomMetadataEnum":
            chosen = state.with_options([each["schema_id"]]) & options.keys()
            each["value"] = [_chosen(options[key]) for key in sorted(chosen)]
    return [each for each in fields if each["schema_id"] not in options]


def _chosen(option: Json) -> Json:
    return {name: value for name, value in option.items() if name != "value"}


def label_details(state: State, label: Label) -> Json:
    """Return who made a label, when, and what was thought of it."""
    return {
        "created_at": label.created.isoformat(),
        "updated_at": label.updated.isoformat(),
        "created_by": state.user.email,
        "content_last_updated_at": label.updated.isoformat(),
        "is_benchmark_reference": label.benchmarked is not None,
        "reviews": [
            {"reviewed_at": review.created.isoformat(), "reviewed_by": state.user.email, "score": review.score}
            for review in label.reviews.values()
        ],
    }


def performance_details(label: Label) -> Json:
    """Return how long the work took: no time, because labels come by import."""
    made: Json = {"seconds_to_create": 0, "seconds_to_review": 0, "skipped": False}
    if label.scores:
        made["scores"] = [{"name": name, "score": value} for name, (_, value) in label.scores.items()]
    return made


def project_details(project: Project, row: DataRow, batch: Batch | None) -> Json:
    """Return where a data row, which came with a batch, is in the workflow of a project."""
    queue, label = project.queue_of(row.id), project.labels.get(row.id)
    usual = batch.priority if batch else USUAL_PRIORITY
    return {
        "ontology_id": project.ontology_id,
        "task_id": queue.id if queue else None,
        "task_name": queue.name if queue else "Done",
        "batch_id": batch.id if batch else None,
        "batch_name": batch.name if batch else None,
        "workflow_status": STATUSES[status_of(project, row.id)],
        "priority": project.priorities.get(row.id, usual),
        "consensus_expected_label_count": 1,
        "selected_label_id": label.id if label else None,
        "workflow_history": [],
    }
