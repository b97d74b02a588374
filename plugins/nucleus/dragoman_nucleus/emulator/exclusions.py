"""Exclusion rules of evaluations: what is left out of benchmark items, ground truth and predictions before matching."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from dragoman_nucleus.emulator.items import Item, Json
from dragoman_nucleus.emulator.overlap import Comparable, area
from dragoman_nucleus.emulator.rows import Box
from dragoman_nucleus.emulator.wire import encode

Operator = Literal["EQ", "IN", "GT", "LT"]
Target = Literal["groundTruth", "prediction"]
Scope = Literal["item", "annotation"]


class Rule(Struct, tag_field="type"):
    """What all rules have."""


class MetadataRule(Rule, tag="metadata", kw_only=True):
    """Leaves out items by their metadata."""

    key: str
    op: Operator
    value: Any
    scope: Literal["item"] = "item"


class LabelRule(Rule, tag="labels", kw_only=True):
    """Leaves out rows by their class, or the items that have such a row."""

    scope: Scope
    target: Target
    labels: Annotated[list[str], Meta(min_length=1)]

    def hits(self, row: Comparable) -> bool:
        return row.label in self.labels


class BoxAreaRule(Rule, tag="boxArea", kw_only=True):
    """Leaves out boxes whose area in square pixels is outside of bounds, or the items that have such a box."""

    scope: Scope
    target: Target
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise ValueError("a boxArea rule needs min or max")

    def hits(self, row: Comparable) -> bool:
        if not isinstance(row, Box):
            return False
        size = area(row) or 0.0
        return (self.min is not None and size < self.min) or (self.max is not None and size > self.max)


RowRule = LabelRule | BoxAreaRule
AnyRule = MetadataRule | LabelRule | BoxAreaRule


@dataclass
class Excluded:
    """How much was left out."""

    items: int = 0
    ground_truth: int = 0
    predictions: int = 0

    def to_json(self) -> Json:
        return {
            "items_excluded": self.items,
            "ground_truth_excluded": self.ground_truth,
            "predictions_excluded": self.predictions,
        }


def metadata_holds(metadata: Json, key: str, op: Operator, value: Any) -> bool:
    """Say whether a predicate holds for metadata; never if the key is missing or the values cannot be compared.

    Values may be named by their text, too, as the filter schema of an evaluation names them.
    """
    if key not in metadata:
        return False
    known = metadata[key]
    if op in ("EQ", "IN"):
        named = value if op == "IN" and isinstance(value, list) else [value]
        return any(one in (known, text_of(known)) for one in named)
    try:
        return bool(known > value) if op == "GT" else bool(known < value)
    except TypeError:
        return False


def text_of(value: Any) -> str:
    """Return a value of metadata as the filter schema shows it."""
    return value if isinstance(value, str) else encode(value).decode()


def item_excluded(
    rules: Iterable[AnyRule], item: Item, labels: Sequence[Comparable], predictions: Sequence[Comparable]
) -> bool:
    """Say whether a rule leaves out a whole item."""
    sides = {"groundTruth": labels, "prediction": predictions}
    for rule in rules:
        if isinstance(rule, MetadataRule):
            if metadata_holds(item.metadata, rule.key, rule.op, rule.value):
                return True
        elif rule.scope == "item" and any(map(rule.hits, sides[rule.target])):
            return True
    return False


def rows_left(rules: Iterable[AnyRule], target: Target, rows: Sequence[Comparable]) -> list[Comparable]:
    """Return the rows of one side that no rule leaves out by itself."""
    hits = [
        rule.hits
        for rule in rules
        if not isinstance(rule, MetadataRule) and rule.scope == "annotation" and rule.target == target
    ]
    return [row for row in rows if not any(hit(row) for hit in hits)]
