"""The filters of scenario tests: which rows a function looks at.

Filters come in disjunctive normal form, or as one list of conditions that must all hold; a condition is a list of key,
operator, value, whether the key may be missing, and where the key is looked up. The meaning is that of
`nucleus.metrics.filtering` in the SDK. Conditions on the segments of masks are refused: no function looks at masks.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from dragoman.emulate.app import ApiError
from dragoman_nucleus.emulator.rows import Row

R = TypeVar("R", bound=Row)
Conditions = list[list[Any]]
"""Filters as they are sent: conditions, or branches of conditions."""

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "in": lambda known, values: known in values,
    "not in": lambda known, values: known not in values,
}


class Condition(Struct, array_like=True):
    """What one key of a row must be like."""

    key: str
    op: Literal[">", ">=", "<", "<=", "=", "==", "!=", "in", "not in"]
    value: Any
    allow_missing: bool = False
    type: Literal["field", "metadata"] = "field"

    def holds(self, row: Row) -> bool:
        """Say whether a row is as it must be.

        Raises:
            ApiError: 400, the row has no such key, which is not allowed, or the values cannot be compared.
        """
        known = _metadata(row, self.key) if self.type == "metadata" else _field(row, self.key)
        if known is msgspec.UNSET:
            if self.allow_missing:
                return False
            raise ApiError(400, f"Row {row.annotation_id} has no {self.type} {self.key}.")
        try:
            return bool(COMPARISONS[self.op](known, self.value))
        except TypeError as error:
            raise ApiError(400, f"{self.key} of row {row.annotation_id} cannot be compared: {error}.") from error


def branches_of(filters: Conditions | None) -> list[list[Condition]]:
    """Return filters in disjunctive normal form.

    Raises:
        msgspec.ValidationError: They are no filters.
    """
    if not filters:
        return []
    plain = all(condition and isinstance(condition[0], str) for condition in filters)
    return msgspec.convert([filters] if plain else filters, list[list[Condition]])


def kept(rows: Sequence[R], filters: Conditions | None) -> list[R]:
    """Return the rows that pass filters; without filters all do."""
    branches = branches_of(filters)
    if not branches:
        return list(rows)
    return [row for row in rows if any(all(one.holds(row) for one in branch) for branch in branches)]


def _field(row: Row, name: str) -> Any:
    """Return what the SDK shows as an attribute of a row; geometry is part of the row there."""
    geometry = getattr(row, "geometry", None)
    return getattr(geometry, name, getattr(row, name, msgspec.UNSET))


def _metadata(row: Row, name: str) -> Any:
    return (row.metadata or {}).get(name, msgspec.UNSET)
