"""What is told of label rows without their labels, and which of them a listing asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from dragoman_encord.emulator import groups, labels
from dragoman_encord.emulator.filters import during, like
from dragoman_encord.emulator.label_row import LabelRow
from dragoman_encord.emulator.legacy.query import Json
from dragoman_encord.emulator.state import Dataset, Item, Project, State
from dragoman_encord.emulator.workflow import ANNOTATION, DONE, REVIEW, TITLES, Task

STATUSES = {ANNOTATION: "QUEUED", REVIEW: "IN_REVIEW", DONE: "COMPLETED"}
"""Stage of a task to its status in older words."""
SHADOW = "SHADOW_DATA"
"""What is labelled to measure annotators, which no data here are."""


@dataclass(frozen=True)
class Place:
    """One piece of data of a project on one branch; `row` is None before its labels were initialised."""

    dataset: Dataset
    data_hash: str
    item: Item
    branch: str
    row: LabelRow | None
    task: Task


def listed(state: State, project: Project, payload: Json, base: str) -> list[Json]:
    """Return the metadata of the label rows that a listing asks for.

    Args:
        state: The account.
        project: The project.
        payload: The listing's filters, all in their places or null.
        base: Root of this server, for links.
    """
    return [
        _shown(state, project, place, payload, base)
        for place in _places(state, project, payload)
        if _asked(place, payload)
    ]


def _places(state: State, project: Project, payload: Json) -> Iterator[Place]:
    branches = [payload.get("branch_name") or "main"]
    if payload.get("include_all_label_branches"):
        branches = list(dict.fromkeys([*branches, *(branch for branch, _ in project.rows)]))
    for dataset in map(state.dataset, project.datasets):
        for data_hash, key in dataset.rows.items():
            for branch in branches:
                row = project.rows.get((branch, data_hash))
                # A piece of data without labels is listed once, whatever branches others have.
                if row is not None or branch == branches[0]:
                    task = state.task(project, data_hash)
                    yield Place(dataset, data_hash, state.items[key], branch, row, task)


def _asked(place: Place, wanted: Json) -> bool:
    row = place.row
    if row is None and not wanted.get("include_uninitialised_labels"):
        return False
    if wanted.get("shadow_data_state") == SHADOW:
        return False
    hashes, of_labels, statuses = (wanted.get(name) for name in ("data_hashes", "label_hashes", "label_statuses"))
    title, stage = place.item.name, TITLES[place.task.stage]
    return (
        (hashes is None or place.data_hash in hashes)
        and (of_labels is None or (row is not None and row.label_hash in of_labels))
        and (statuses is None or STATUSES[place.task.stage] in statuses)
        and wanted.get("data_title_eq") in (None, title)
        and like(wanted.get("data_title_like"), title)
        and wanted.get("workflow_graph_node_title_eq") in (None, stage)
        and like(wanted.get("workflow_graph_node_title_like"), stage)
        and during(row.edited if row else None, wanted, "edited")
    )


def _shown(state: State, project: Project, place: Place, wanted: Json, base: str) -> Json:
    item, row, task = place.item, place.row, place.task
    shown: Json = {
        "data_hash": place.data_hash,
        "dataset_hash": place.dataset.id,
        "dataset_title": place.dataset.title,
        "data_title": item.name,
        "data_type": labels.UPPER[item.type],
        "data_link": None,
        "spaces": groups.spaces(state, item, {}),
        "label_status": "LABEL_IN_PROGRESS" if row else "NOT_LABELLED",
        "annotation_task_status": STATUSES[task.stage],
        "number_of_frames": item.frames or 1,
        "branch_name": place.branch,
        "label_hash": row.label_hash if row else None,
        "created_at": row.created.isoformat() if row else None,
        "last_edited_at": row.edited.isoformat() if row else None,
        "frames_per_second": item.fps,
        "duration": item.duration,
        "width": item.width,
        "height": item.height,
        "file_type": item.mime,
        "backing_item_uuid": item.id,
        "task_uuid": task.id,
        "priority": task.priority,
        "assigned_user_email": task.assignee,
        "last_actioned_by_user_email": task.actor,
        **labels.heard(item),
    }
    if wanted.get("include_workflow_graph_node"):
        shown["workflow_graph_node"] = project.workflow.node(task)
    if wanted.get("include_client_metadata"):
        shown |= _metadata(state, item, base if wanted.get("client_metadata_as_signed_url") else None)
    if wanted.get("include_images_data") and item.children:
        shown["images_data"] = [_image(image, index) for index, image in enumerate(state.images(item))]
    return shown


def _metadata(state: State, item: Item, base: str | None) -> Json:
    """Return the metadata of an item, or with `base` a link to it."""
    if base is None:
        return {"client_metadata": item.metadata}
    key = f"metadata-{item.id}"
    state.blobs.content[key] = msgspec.json.encode(item.metadata)
    return {"client_metadata_signed_url": state.blobs.sign(base, key)}


def _image(image: Item, index: int) -> dict[str, Any]:
    return {
        "index": index,
        "title": image.name,
        "file_type": image.mime,
        "height": image.height,
        "width": image.width,
        "image_hash": image.id,
    }
