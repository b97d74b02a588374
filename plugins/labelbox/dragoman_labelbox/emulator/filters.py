"""The filters of exports, slices and searches: which data rows pass."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dragoman_labelbox.emulator.graphql import GraphQLError, invalid
from dragoman_labelbox.emulator.objects import DataRow, Project
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]

MOST_IDS = 2000
"""Most ids in one filter."""
_IDS: dict[str, Callable[[DataRow], str | None]] = {
    "data_row_id": lambda row: row.id,
    "global_key": lambda row: row.global_key,
    "dataset": lambda row: row.dataset_id,
}
_STATES = {"MANUAL_REVIEW_QUEUE": "InReview", "MANUAL_REWORK_QUEUE": "InRework"}


def selected(state: State, filters: list[Json] | None, project: Project | None = None) -> list[DataRow]:
    """Return the data rows that pass all filters, in the order in which they were made.

    Args:
        state: The account.
        filters: As the SDK sends them.
        project: Of whose data rows, and by whose batches, labels and workflow it is asked; else of all data rows.

    Raises:
        GraphQLError: A filter is unknown here, or has too many ids.
    """
    rows = list(state.rows.values()) if project is None else [state.rows[key] for key in project.row_ids()]
    for part in filters or ():
        passes = _test(state, part, project)
        rows = [row for row in rows if passes(row)]
    return rows


def _test(state: State, part: Json, project: Project | None) -> Callable[[DataRow], bool]:
    kind = part["type"]
    if "ids" in part:
        return _among(part, kind, project)
    if kind == "data_row_last_activity_at":
        return lambda row: within(last_activity(state, row), part["value"])
    if kind == "labeled_at":
        labels = [project.labels] if project is not None else [each.labels for each in state.projects.values()]
        return lambda row: any(within(each[row.id].created, part["value"]) for each in labels if row.id in each)
    if project is not None and kind in ("task_queue_not_exist", "task_queue_status"):
        wanted = part.get("status", "ToLabel")
        return lambda row: status_of(project, row.id) == wanted
    raise invalid(f"The filter {kind!r} is not emulated.")


def _among(part: Json, kind: str, project: Project | None) -> Callable[[DataRow], bool]:
    wanted = set(part["ids"])
    if len(wanted) > MOST_IDS:
        raise GraphQLError("MALFORMED_REQUEST", f"A filter has {len(wanted)} ids; {MOST_IDS} are the limit.")
    if kind in _IDS:
        return lambda row: _IDS[kind](row) in wanted
    if kind == "batch" and project is not None:
        held = {row_id for key, batch in project.batches.items() if key in wanted for row_id in batch.row_ids}
        return lambda row: row.id in held
    raise invalid(f"The filter {kind!r} is not emulated.")


def last_activity(state: State, row: DataRow) -> datetime:
    """Return when a data row or one of its labels was last changed."""
    labels = (each.labels[row.id].updated for each in state.projects.values() if row.id in each.labels)
    return max((row.updated, *labels))


def status_of(project: Project, row_id: str) -> str:
    """Return the workflow status of a data row as filters name it: ToLabel, InReview, InRework or Done."""
    queue = project.queue_of(row_id)
    return "Done" if queue is None else _STATES.get(queue.kind, "ToLabel")


def within(time: datetime, wanted: Json) -> bool:
    """Say whether a moment lies in a period: `{"operator", "timezone", "value"}`."""
    zone, value = ZoneInfo(wanted.get("timezone") or "UTC"), wanted["value"]
    if wanted["operator"] == "BETWEEN":
        return _moment(value["min"], zone) <= time <= _moment(value["max"], zone)
    if wanted["operator"] == "GREATER_THAN_OR_EQUAL":
        return time >= _moment(value, zone)
    return time <= _moment(value, zone)


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{text!r} is no moment.", 400) from None
    return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
