"""A little of MongoDB's aggregation: the stages that choose, order, cut, count and show documents."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dragoman_viam.emulator.refusals import invalid, unimplemented

Document = dict[str, Any]
_GONE = object()
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def run(stages: Sequence[Mapping[str, Any]], documents: Sequence[Document]) -> list[Document]:
    """Return what a pipeline makes of documents.

    Raises:
        Refusal: A stage or an operator in it is not known here, or is none.
    """
    held = list(documents)
    for stage in stages:
        if len(stage) != 1:
            raise invalid("a stage has one name", "mql_binary")
        ((name, wanted),) = stage.items()
        if name not in _STAGES:
            raise unimplemented(f"the emulator knows no stage {name!r}, but {', '.join(_STAGES)}")
        held = _STAGES[name](held, wanted)
    return held


def _matched(held: list[Document], wanted: Any) -> list[Document]:
    return [document for document in held if _fits(document, _mapping(wanted))]


def _fits(document: Document, wanted: Mapping[str, Any]) -> bool:
    return all(_meets(document, name, condition) for name, condition in wanted.items())


def _meets(document: Document, name: str, condition: Any) -> bool:
    if name in ("$and", "$or"):
        parts = [_fits(document, _mapping(part)) for part in _several(condition)]
        return all(parts) if name == "$and" else any(parts)
    if name.startswith("$"):
        raise unimplemented(f"the emulator knows no operator {name!r}")
    value = _at(document, name)
    if isinstance(condition, Mapping) and any(key.startswith("$") for key in condition):
        return all(_compares(value, key, other) for key, other in condition.items())
    return _equals(value, condition)


def _compares(value: Any, name: str, other: Any) -> bool:
    match name:
        case "$eq":
            return _equals(value, other)
        case "$ne":
            return not _equals(value, other)
        case "$in" | "$nin":
            return any(_equals(value, one) for one in _several(other)) is (name == "$in")
        case "$exists":
            return (value is not _GONE) is bool(other)
    if name not in _COMPARED:
        raise unimplemented(f"the emulator knows no operator {name!r}")
    try:
        return value is not _GONE and _COMPARED[name](value, other)
    except TypeError:
        # Values of different kinds are not compared.
        return False


def _equals(value: Any, other: Any) -> bool:
    """Return whether a value is another one, or a list has it; what is not there is null."""
    if value is _GONE:
        return other is None
    return bool(value == other) or (isinstance(value, list) and other in value)


def _sorted(held: list[Document], wanted: Any) -> list[Document]:
    ordered = list(held)
    for name, way in list(_mapping(wanted).items())[::-1]:
        ranks = [_rank(_at(document, name)) for document in ordered]
        places = sorted(range(len(ordered)), key=ranks.__getitem__, reverse=way == -1)
        ordered = [ordered[place] for place in places]
    return ordered


def _rank(value: Any) -> tuple[int, Any]:
    """Return where a value stands: what is not there first, then numbers, texts, and others of one kind."""
    if value is _GONE or value is None:
        return (0, 0)
    if isinstance(value, bool | int | float):
        return (1, value)
    return (2, value) if isinstance(value, str) else (3, str(value))


def _shown(held: list[Document], wanted: Any) -> list[Document]:
    """Leave out what is marked with 0, or else show only what is marked with 1 or named as `$field`."""
    fields = _mapping(wanted)
    if all(mark in (0, False) for mark in fields.values()):
        return [{name: value for name, value in document.items() if name not in fields} for document in held]
    places = {name: mark[1:] if isinstance(mark, str) else name for name, mark in fields.items() if mark}
    made = [{name: _at(document, place) for name, place in places.items()} for document in held]
    return [{name: value for name, value in document.items() if value is not _GONE} for document in made]


def _counted(held: list[Document], wanted: Any) -> list[Document]:
    return [{str(wanted): len(held)}] if held else []


def _at(document: Document, path: str) -> Any:
    value: Any = document
    for name in path.split("."):
        value = value.get(name, _GONE) if isinstance(value, Mapping) else _GONE
    return value


def _mapping(wanted: Any) -> Mapping[str, Any]:
    if not isinstance(wanted, Mapping):
        raise invalid(f"{wanted!r} is no document", "mql_binary")
    return wanted


def _several(wanted: Any) -> list[Any]:
    if not isinstance(wanted, list):
        raise invalid(f"{wanted!r} is no list", "mql_binary")
    return wanted


def _number(wanted: Any) -> int:
    if not isinstance(wanted, int | float) or wanted < 0:
        raise invalid(f"{wanted!r} is no number of documents", "mql_binary")
    return int(wanted)


_STAGES: Mapping[str, Callable[[list[Document], Any], list[Document]]] = {
    "$match": _matched,
    "$sort": _sorted,
    "$skip": lambda held, wanted: held[_number(wanted) :],
    "$limit": lambda held, wanted: held[: _number(wanted)],
    "$project": _shown,
    "$count": _counted,
}
