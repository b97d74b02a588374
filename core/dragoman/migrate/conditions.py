"""Conditions on rows: `"items.split=train"`, `"labels.feature=car"`, `"predictions.confidence>=0.5"`.

A condition names a kind of rows, a field of it (fields of objects by dots, such as `items.metadata.city`), an operator
and a value. `geometry` is the form of a row's geometry.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

import msgspec

from dragoman.errors import InvalidData
from dragoman.schema import Geometry

RowKind = Literal["items", "labels", "predictions"]
"""Kinds that come as rows."""
ROW_KINDS: tuple[RowKind, ...] = get_args(RowKind)

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "~": lambda value, pattern: fnmatchcase(str(value), str(pattern)),
}
_FORM = re.compile(r"\s*(items|labels|predictions)\.([^\s=!<>~]+)\s*(!=|<=|>=|=|<|>|~)\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on one kind of rows. `~` compares with a pattern in which `*` stands for anything."""

    kind: RowKind
    path: tuple[str, ...]
    operator: str
    value: Any

    def holds(self, row: msgspec.Struct) -> bool:
        """Return whether the row meets the condition; a field that it does not have is None, which no order holds."""
        value: Any = row
        for name in self.path:
            value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if isinstance(value, Geometry):
            value = value.form
        try:
            return _OPERATORS[self.operator](value, self.value)
        except TypeError:
            return False


def parse(text: str) -> Condition:
    """Return the condition that a text states; its value is JSON where it can be read so, else a text.

    Raises:
        InvalidData: It is not of the form.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise InvalidData(
            f"{text!r} is not a condition.",
            hint="Write it as in items.split=train or labels.feature!=car.",
            field="where",
        )
    kind, path, sign, value = found.groups()
    return Condition(_kind(kind), tuple(path.split(".")), sign, _value(value))


def meets(row: msgspec.Struct, conditions: Iterable[Condition]) -> bool:
    """Return whether a row meets all the conditions."""
    return all(condition.holds(row) for condition in conditions)


def _kind(text: str) -> RowKind:
    return next(kind for kind in ROW_KINDS if kind == text)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
