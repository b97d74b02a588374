"""Pure merging of rows into what is on a task: which results stay as they are, and which are written anew.

Results are grouped as they are read: a region with what was answered about it. A group stays byte by byte unless a
row of it is replaced; boxes of one object on a video share a group, so a new one has the whole object written anew.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.common.tables import Ids
from dragoman.formats.labelstudio.config import Config
from dragoman.formats.labelstudio.records import Annotation, Predicted
from dragoman.formats.labelstudio.rows import TaskRows
from dragoman.schema import CREATED, IGNORED, UPDATED, Item, Label, RowResult, Whole
from dragoman_labelstudio.codec import Encoder, Result
from dragoman_labelstudio.tasks import said
from dragoman_labelstudio.wire import StoredTask


@dataclass
class Group:
    """Results that belong together, with the rows that they are; none where they cannot be read."""

    results: list[Any]
    rows: list[Label]
    touched: bool = False


@dataclass
class Held:
    """One annotation or prediction of a task, in groups. `own` if new rows go into it."""

    number: int
    own: bool
    groups: list[Group]


@dataclass
class Written:
    """The results that an annotation or prediction is to have. `number` is None for one that is to be made."""

    task: int
    number: int | None
    results: list[Result]
    rows: list[Label]


@dataclass
class Merge:
    """What becomes of rows on one task."""

    outcomes: list[RowResult] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)


def held_on(task: StoredTask, item: Item, config: Config, stored: Sequence[tuple[int, bool, Any]]) -> list[Held]:
    """Return what is on a task in groups.

    Args:
        task: The task.
        item: Its item.
        config: The project's configuration.
        stored: Number, whether it is our own, and content of each annotation or prediction.
    """
    reader, ids = TaskRows(said(task), item, config, _pass_over), Ids()
    return [Held(number, own, _groups(reader, ids, one)) for number, own, one in stored]


def _groups(reader: TaskRows, ids: Ids, one: Annotation | Predicted) -> list[Group]:
    return [
        Group(results, [msgspec.structs.replace(row, id=ids.of(row.id)) for row in rows])
        for results, rows in reader.parted(one)
    ]


def _pass_over(error: InvalidData) -> None:
    """Leave results that cannot be read as they are."""


def merge(
    task: int, item: Item, held: Sequence[Held], rows: Sequence[Label], encoder: Encoder, *, update: bool
) -> Merge:
    """Return what becomes of rows on one task.

    Args:
        task: The task's number.
        item: Its item.
        held: What is on it.
        rows: The rows, all of this item.
        encoder: Makes results.
        update: Replace rows of the same id; otherwise they are left alone.
    """
    places = {row.id: group for one in held for group in one.groups for row in group.rows}
    own = next((one for one in held if one.own), None)
    merged, new = Merge(), dict[str, Label]()
    for row in rows:
        outcome = _outcome(row, item, encoder, known=row.id in places, repeated=row.id in new, update=update)
        merged.outcomes.append(outcome)
        if outcome is UPDATED:
            group = places[row.id]
            group.rows = [row if there.id == row.id else there for there in group.rows]
            group.touched = True
        elif outcome is CREATED:
            new[row.id] = row
            _touch_object(own, item, row)
    for one in held:
        more = list(new.values()) if one is own else []
        if more or any(group.touched for group in one.groups):
            merged.written.append(_written(task, one, item, more, encoder))
    if new and own is None:
        added = list(new.values())
        merged.written.append(Written(task, None, encoder.results(item, added, set()), added))
    return merged


def without(task: int, item: Item, held: Sequence[Held], gone: Set[str], encoder: Encoder) -> list[Written]:
    """Return what annotations or predictions of a task are to have, once the rows of those ids are taken out.

    Args:
        task: The task's number.
        item: Its item.
        held: What is on it; those that have none of the rows are left out.
        gone: The ids.
        encoder: Makes results.
    """
    for one in held:
        for group in one.groups:
            left = [row for row in group.rows if row.id not in gone]
            group.touched = len(left) < len(group.rows)
            group.rows = left
    return [_written(task, one, item, [], encoder) for one in held if any(group.touched for group in one.groups)]


def _outcome(row: Label, item: Item, encoder: Encoder, *, known: bool, repeated: bool, update: bool) -> RowResult:
    if repeated or (known and not update):
        return IGNORED
    try:
        encoder.results(item, [row], set())
    except InvalidData as error:
        return RowResult("rejected", reason=error.message)
    return UPDATED if known else CREATED


def _touch_object(own: Held | None, item: Item, row: Label) -> None:
    """Have the boxes of a row's object written anew with it: one region of a video has them all."""
    if own is None or item.media != "video" or row.track_id is None or isinstance(row.geometry, Whole):
        return
    for group in own.groups:
        group.touched |= any((there.feature, there.track_id) == (row.feature, row.track_id) for there in group.rows)


def _written(task: int, one: Held, item: Item, more: list[Label], encoder: Encoder) -> Written:
    kept = [result for group in one.groups if not group.touched for result in group.results]
    anew = [row for group in one.groups if group.touched for row in group.rows] + more
    used = {result.get("id") for result in kept if isinstance(result, dict)}
    rows = [row for group in one.groups for row in group.rows] + more
    return Written(task, one.number, kept + encoder.results(item, anew, used), rows)
