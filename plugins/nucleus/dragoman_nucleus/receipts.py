"""What Nucleus's answers say of each row. Pure; no network.

Nucleus answers a bulk upload with two counts (processed, ignored) and a list of error texts, an asynchronous one in the
message of its job. Each error text is usually JSON with the offending row in camel case; its exact form is not
documented, so what cannot be attributed to a row makes the remaining rows `unknown`, and they are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from dragoman.errors import PlatformError
from dragoman.schema import CREATED, IGNORED, UPDATED, Item, Label, RowResult
from dragoman_nucleus.codec import category_of
from dragoman_nucleus.jobs import IMAGES

UNCLEAR = RowResult("unknown", reason="Nucleus's counts do not tell this row's fate.")
FOUND = RowResult("created", reason="Found by look-up: Nucleus holds the row as it was sent.")
REPLACED = RowResult(
    "rejected", reason="Nucleus keeps one category per item and taxonomy, and a later row of this call is it."
)
OTHER = RowResult("ignored", reason="Nucleus holds another row of that id, and kept it.")

R = TypeVar("R")
_EXACT = ("box", "polygon", "polyline", "whole")


@dataclass(frozen=True)
class Counts:
    """What an upload says: rows by fate, and a text for each that was refused (of a job, the newest ten thousand)."""

    processed: int
    ignored: int
    errored: int
    errors: Sequence[str] = ()

    @classmethod
    def of_answer(cls, answer: Mapping[str, Any], noun: str) -> Counts:
        """Read the answer to a synchronous upload; `noun` is `"prediction"` or `"annotation"`."""
        errors = answer.get("errors") or []
        return cls(answer[f"{noun}s_processed"], answer[f"{noun}s_ignored"], len(errors), errors)

    @classmethod
    def of_job(cls, message: Mapping[str, Any], errors: Sequence[str], noun: str) -> Counts:
        """Read the message of an asynchronous upload's job; one that counts nothing tells nothing."""
        said = message.get(f"{noun}_upload") or {}
        return cls(said.get("processed", 0), said.get("ignored", 0), said.get("errored", len(errors)), errors)


def row_results(
    rows: Sequence[R], counts: Counts, *, update: bool, name: Callable[[R], tuple[str, str]]
) -> list[RowResult]:
    """Return one result per row of an upload.

    Args:
        rows: What was sent, in order.
        counts: What Nucleus said.
        update: Whether rows that are there were to be overwritten.
        name: Returns a row's item key and its id, by which errors name it.
    """
    if not counts.errored:
        return [_rest(len(rows), counts, update)] * len(rows)
    blamed = _blame(counts.errors)
    results = [_rejection(blamed, *name(row)) for row in rows]
    refused = sum(result is not None for result in results)
    rest = _rest(len(rows) - refused, counts, update) if refused == counts.errored else UNCLEAR
    return [result or rest for result in results]


def _rest(count: int, counts: Counts, update: bool) -> RowResult:
    """Return the one fate of `count` rows, if the counts leave only one."""
    if counts.processed == count and not counts.ignored:
        return UPDATED if update else CREATED
    return IGNORED if counts.ignored == count and not counts.processed else UNCLEAR


def _blame(errors: Sequence[str]) -> dict[tuple[str, str], str]:
    """Map (item key, row id) to the reason, for the errors that name a row. An item's own error has no row id."""
    blamed: dict[tuple[str, str], str] = {}
    for text in errors:
        try:
            error = msgspec.json.decode(text)
            row = next(value for value in error.values() if isinstance(value, dict))
        except (msgspec.DecodeError, AttributeError, StopIteration):
            continue
        row_id = row.get("annotationId") or (row.get("metadata") or {}).get("dragoman_id") or ""
        blamed[row.get("referenceId") or "", row_id] = str(error.get("error") or text)
    return blamed


def _rejection(blamed: dict[tuple[str, str], str], item: str, row_id: str) -> RowResult | None:
    reason = blamed.get((item, row_id))
    return RowResult("rejected", reason=reason) if reason else None


def item_results(items: Sequence[Item], message: dict[str, Any], errors: Sequence[str]) -> list[RowResult]:
    """Return one result per item of an append whose job has ended, none of which was there before.

    Raises:
        PlatformError: The job failed, and its errors do not tell the items.
    """
    blamed = _blame(errors)
    results = [_rejection(blamed, item.key, "") for item in items]
    refused = sum(result is not None for result in results)
    completed = message.get(IMAGES, {}).get("completed")
    if completed != len(items) - refused and "final_error" in message:
        raise PlatformError(f"Nucleus could not take all items: {message['final_error']}", maybe_applied=True)
    rest = CREATED if completed == len(items) - refused else UNCLEAR
    return [result or rest for result in results]


def compare(rows: Sequence[Label], stored: Mapping[tuple[str, str], Label]) -> list[RowResult | None]:
    """Return what a look-up says of each row: there as sent, there otherwise, or (None) not there.

    Args:
        rows: The rows that are looked up.
        stored: What Nucleus holds, by item and id.
    """
    taken = {_category(row) for row in stored.values() if row.geometry.kind == "whole"}
    return [_compared(row, stored.get((row.item, row.id)), taken) for row in rows]


def _category(row: Label) -> tuple[str, str, str | None]:
    """What Nucleus keeps one category of: the item and the taxonomy."""
    return row.item, *category_of(row)


def replaced(rows: Sequence[Label]) -> set[int]:
    """Return the positions of the classifications that a later one of another id would overwrite, if all were sent."""
    wholes = {place: row for place, row in enumerate(rows) if row.geometry.kind == "whole"}
    last = {_category(row): row.id for row in wholes.values()}
    return {place for place, row in wholes.items() if last[_category(row)] != row.id}


def _compared(row: Label, found: Label | None, taken: Set[tuple[str, str, str | None]]) -> RowResult | None:
    if found is None:
        if row.geometry.kind == "whole" and _category(row) in taken:
            return RowResult("rejected", reason="Nucleus keeps one category per item and taxonomy, and has another.")
        return None
    # What a shape has become may depend on others, or on rounding; the rest must be as it was sent.
    shape = row.geometry if row.geometry.kind in _EXACT else found.geometry
    same = msgspec.structs.replace(found, provenance=None) == msgspec.structs.replace(
        row, geometry=shape, provenance=None
    )
    return FOUND if same else OTHER
