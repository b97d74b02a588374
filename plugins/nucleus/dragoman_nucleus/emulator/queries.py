"""The query language of Nucleus, as far as its public reference describes it, over what an emulated account holds.

Supported are `annotations.`, `predictions.`, `metadata.`, `scale_metadata.`, `reference_id` and `slice_id`; the
operators `=`, `!=`, `<`, `<=`, `>`, `>=`, `+`, `-`, `%`, `AND`, `OR` and parentheses. A path may have several values,
one per row; a comparison holds if it does for one of them, and `!=` holds if `=` does not.

Reference: https://nucleus.scale.com/docs/query-language-reference, read in November 2026.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyparsing as pp

from dragoman.emulate.app import ApiError
from dragoman_nucleus.emulator.items import Json
from dragoman_nucleus.emulator.rows import Box, Category, Cuboid, MultiCategory, Row

Values = list[Any]
"""All values that an expression has for one subject."""


@dataclass(frozen=True)
class Subject:
    """An item or a scene that a query may select, with the rows on it."""

    reference_id: str
    metadata: Json
    labels: Sequence[Row] = ()
    predictions: Sequence[Row] = ()
    slice_ids: Sequence[str] = ()
    tasks: Sequence[Json] = ()
    """Labelling tasks of an item, as they are shown."""


Expression = Callable[[Subject], Values]
NOTHING = Subject("", {})
KINDS = ("box", "polygon", "line", "keypoints", "cuboid", "segmentation", "category", "multicategory")


def parse(query: str | None) -> Callable[[Subject], bool]:
    """Return the test that a query makes; the empty query selects everything.

    Raises:
        ApiError: 400, this is no query, or one that is not understood here.
    """
    if not query or not query.strip():
        return lambda subject: True
    try:
        expression: Expression = GRAMMAR.parse_string(query, parse_all=True)[0]
    except pp.ParseException as error:
        raise ApiError(400, f"Invalid query at column {error.column}: {query}") from error
    except RecursionError as error:
        raise ApiError(400, "The query is nested too deeply.") from error
    return lambda subject: any(expression(subject))


def _value_of(path: Sequence[str], subject: Subject) -> Values:
    match path:
        case ["metadata", name]:
            return [subject.metadata[name]] if name in subject.metadata else []
        case ["annotations", *rest]:
            return _of_rows(rest, subject.labels)
        case ["predictions", *rest]:
            return _of_rows(rest, subject.predictions)
        case ["scale_metadata", name]:
            return [task[name] for task in subject.tasks if task.get(name) is not None]
        case ["reference_id" | "ref_id"]:
            return [subject.reference_id]
        case ["slice_id" | "slice"]:
            return list(subject.slice_ids)
        case [word]:
            return [word]
    raise ApiError(400, f"The emulator does not understand {'.'.join(path)} in a query.")


def _of_rows(path: Sequence[str], rows: Sequence[Row]) -> Values:
    """Return what a path below `annotations` or `predictions` means."""
    match path:
        case ["count"]:
            return [sum(not isinstance(row, Category | MultiCategory) for row in rows)]
        case ["metadata", name]:
            return _metadata(rows, name)
        case ["position" | "dimensions" as part, axis]:
            return _geometry(rows, part, axis)
        case [kind, "count"] if kind in KINDS:
            return [sum(row.kind == kind for row in rows)]
        case [kind, label] if kind in KINDS:
            return [sum(row.kind == kind and label in row.labels() for row in rows)]
        case [label, name]:
            return _metadata([row for row in rows if label in row.labels()], name)
        case [name]:
            return _categories(rows, name) or [_count(rows, name)]
    raise ApiError(400, f"The emulator does not understand {'.'.join(path)} in a query.")


def _metadata(rows: Iterable[Row], name: str) -> Values:
    return [row.metadata[name] for row in rows if row.metadata and name in row.metadata]


def _categories(rows: Iterable[Row], taxonomy: str) -> Values:
    categories = (row for row in rows if isinstance(row, Category | MultiCategory) and row.taxonomy_name == taxonomy)
    return [label for row in categories for label in row.labels()]


def _count(rows: Iterable[Row], label: str) -> int:
    return sum(label in row.labels() and not isinstance(row, Category | MultiCategory) for row in rows)


def _geometry(rows: Iterable[Row], part: str, axis: str) -> Values:
    """Return coordinates or sizes along an axis; the sizes of a box along x and y are its width and height."""
    names = {"x": "width", "y": "height"} if part == "dimensions" else {}
    values: Values = []
    for row in rows:
        if isinstance(row, Box):
            values.append(getattr(row.geometry, names.get(axis, axis), None))
        elif isinstance(row, Cuboid):
            values.append(getattr(getattr(row.geometry, part), axis, None))
    return [value for value in values if value is not None]


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, bool) or isinstance(second, bool):
        return str(first).casefold() == str(second).casefold()
    return bool(first == second) or str(first) == str(second)


def _comparable(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(first: Any, second: Any) -> bool:
        try:
            return compare(first, second)
        except TypeError:
            return False

    return test


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": _equal,
    "<": _comparable(operator.lt),
    "<=": _comparable(operator.le),
    ">": _comparable(operator.gt),
    ">=": _comparable(operator.ge),
}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "%": operator.mod}


def _constant(tokens: pp.ParseResults) -> Expression:
    value = tokens[0]
    return lambda subject: [value]


def _path(tokens: pp.ParseResults) -> Expression:
    path = list(tokens)
    # What is wrong with a path shall not depend on whether there is anything to select from.
    _value_of(path, NOTHING)
    return lambda subject: _value_of(path, subject)


def _computed(tokens: pp.ParseResults) -> Expression:
    first, *rest = tokens[0]
    steps = list(zip(rest[::2], rest[1::2], strict=True))

    def compute(subject: Subject) -> Values:
        values: Values = first(subject)
        for sign, operand in steps:
            numbers = [value for value in operand(subject) if isinstance(value, int | float)]
            pairs = [(a, b) for a in values if isinstance(a, int | float) for b in numbers if sign != "%" or b]
            values = [ARITHMETIC[sign](a, b) for a, b in pairs]
        return values

    return compute


def _compared(tokens: pp.ParseResults) -> Expression:
    if len(tokens[0]) != 3:
        raise ApiError(400, "A comparison in a query has two sides.")
    first, sign, second = tokens[0]

    def compare(subject: Subject) -> Values:
        test = COMPARISONS["=" if sign == "!=" else sign]
        holds = any(test(a, b) for a in first(subject) for b in second(subject))
        return [holds != (sign == "!=")]

    return compare


def _combined(tokens: pp.ParseResults) -> Expression:
    parts = tokens[0][::2]
    every = tokens[0][1] == "AND"
    return lambda subject: [(all if every else any)(any(part(subject)) for part in parts)]


def _grammar() -> pp.ParserElement:
    quoted = pp.QuotedString('"', esc_char="\\") | pp.QuotedString("'", esc_char="\\")
    word = pp.Regex(r"(?!(?i:AND|OR)\b)[^\W\d][\w-]*")
    path = word + pp.ZeroOrMore(pp.Suppress(".") + (quoted | pp.Regex(r"[\w-]+")))
    constant = (quoted.copy() | pp.common.number.copy()).add_parse_action(_constant)
    operand = constant | path.add_parse_action(_path)
    grammar: pp.ParserElement = pp.infix_notation(  # type: ignore[no-untyped-call]
        operand,
        [
            ("%", 2, pp.OpAssoc.LEFT, _computed),
            (pp.one_of("+ -"), 2, pp.OpAssoc.LEFT, _computed),
            (pp.one_of("= != < <= > >="), 2, pp.OpAssoc.LEFT, _compared),
            (pp.CaselessKeyword("AND"), 2, pp.OpAssoc.LEFT, _combined),
            (pp.CaselessKeyword("OR"), 2, pp.OpAssoc.LEFT, _combined),
        ],
    )
    return grammar


GRAMMAR = _grammar()
