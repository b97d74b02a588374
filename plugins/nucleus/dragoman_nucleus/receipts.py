"""What Nucleus's answers say of each row. Pure; no network.

Nucleus answers a bulk upload with two counts (processed, ignored) and a list of error texts. Each error text is usually
JSON with the offending row in camel case; its exact form is not documented, so what cannot be attributed to a row makes
the remaining rows `unknown`, and they are looked up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from dragoman.schema import CREATED, IGNORED, UPDATED, Item, Label, RowResult

UNCLEAR = RowResult("unknown", reason="Nucleus's counts do not tell this row's fate.")
FOUND = RowResult("created", reason="Found by look-up: Nucleus holds the row as it was sent.")
OTHER = RowResult("ignored", reason="Nucleus holds another row of that id, and kept it.")


def row_results(rows: Sequence[Label], answer: dict[str, Any], noun: str, *, update: bool) -> list[RowResult]:
    """Return one result per row of a synchronous upload.

    Args:
        rows: What was sent, in order.
        answer: Nucleus's answer.
        noun: `"predictions"` or `"annotations"`, as in the names of the counts.
        update: Whether rows that are there were to be overwritten.
    """
    processed, ignored = answer[f"{noun}_processed"], answer[f"{noun}_ignored"]
    errors = answer.get("errors") or []
    if not errors:
        return [_rest(len(rows), processed, ignored, update)] * len(rows)
    blamed = _blame(errors)
    results = [_rejection(blamed, row.item, row.id) for row in rows]
    refused = sum(result is not None for result in results)
    rest = _rest(len(rows) - refused, processed, ignored, update) if refused == len(errors) else UNCLEAR
    return [result or rest for result in results]


def _rest(count: int, processed: int, ignored: int, update: bool) -> RowResult:
    """Return the one fate of `count` rows, if the counts leave only one."""
    if processed == count and not ignored:
        return UPDATED if update else CREATED
    return IGNORED if ignored == count and not processed else UNCLEAR


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
    """Return one result per item of an append whose job has ended, none of which was there before."""
    blamed = _blame(errors)
    results = [_rejection(blamed, item.key, "") for item in items]
    refused = sum(result is not None for result in results)
    completed = message.get("image_upload_step", {}).get("completed")
    rest = CREATED if completed == len(items) - refused else UNCLEAR
    return [result or rest for result in results]


def compare(rows: Sequence[Label], stored: Mapping[str, Label]) -> list[RowResult | None]:
    """Return what a look-up says of each row: there as sent, there otherwise, or (None) not there."""
    return [_compared(row, stored.get(row.id)) for row in rows]


def _compared(row: Label, found: Label | None) -> RowResult | None:
    if found is None:
        return None
    same = msgspec.structs.replace(found, provenance=None) == msgspec.structs.replace(row, provenance=None)
    return FOUND if same else OTHER
