"""Scenario tests: the evaluation functions that are offered, how they score a model on an item, and what is kept.

A function gives each item a score and a weight; the score of a test is the weighted mean. Scores of shapes are those of
`nucleus.metrics` in the SDK, with the overlaps of `overlap`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from dragoman_nucleus.emulator.detections import FN, FP, TP, Case, Classes, Hit
from dragoman_nucleus.emulator.items import Item, Json
from dragoman_nucleus.emulator.metrics import mean_precision
from dragoman_nucleus.emulator.overlap import Comparable
from dragoman_nucleus.emulator.rows import Box, Category, Cuboid, Polygon, Row

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "greater_than": lambda score, threshold: score > threshold,
    "greater_than_equal_to": lambda score, threshold: score >= threshold,
    "less_than": lambda score, threshold: score < threshold,
    "less_than_equal_to": lambda score, threshold: score <= threshold,
}
DEFAULT_COMPARISON = "greater_than_equal_to"


class Arguments(Struct):
    """What the configurations of the SDK send, as far as it is used; filters are refused unless they are empty."""

    enforce_label_match: bool = False
    iou_threshold: float | None = None
    confidence_threshold: float | None = None
    annotation_filters: None = None
    prediction_filters: None = None


@dataclass(frozen=True)
class Score:
    """A score with the weight that it has among others."""

    value: float
    weight: float = 1.0


Scorer = Callable[[Item, Sequence[Row], Sequence[Row], Arguments], Score]


def _shape_scorer(
    kinds: tuple[type[Comparable], ...], threshold: float, by_class: bool, score: Callable[[list[Hit]], Score]
) -> Scorer:
    """Return a scorer of shapes.

    Args:
        kinds: Rows that count.
        threshold: Overlap that is asked for unless the arguments say otherwise.
        by_class: Whether classes always matter, or only if the arguments say so.
        score: Scores the hits of one item.
    """

    def score_item(item: Item, labels: Sequence[Row], predictions: Sequence[Row], arguments: Arguments) -> Score:
        truth = [row for row in labels if isinstance(row, kinds)]
        made = [row for row in predictions if isinstance(row, kinds)]
        if arguments.confidence_threshold is not None:
            made = [row for row in made if row.confidence is None or row.confidence >= arguments.confidence_threshold]
        least = threshold if arguments.iou_threshold is None else arguments.iou_threshold
        agnostic = not (by_class or arguments.enforce_label_match)
        return score(Case(item, truth, made, Classes(agnostic=agnostic)).hits(least))

    return score_item


def _count(hits: list[Hit], *match_types: str) -> int:
    return sum(hit.match_type in match_types for hit in hits)


def _iou(hits: list[Hit]) -> Score:
    weight = max(_count(hits, TP, FN), _count(hits, TP, FP))
    shared = sum(hit.iou or 0.0 for hit in hits if hit.match_type == TP)
    return Score(shared / weight if weight else 0.0, weight)


def _precision(hits: list[Hit]) -> Score:
    made = _count(hits, TP, FP)
    return Score(_count(hits, TP) / made if made else 0.0, made)


def _recall(hits: list[Hit]) -> Score:
    truth = _count(hits, TP, FN)
    return Score(_count(hits, TP) / truth if truth else 0.0, truth)


def _mean_precision(hits: list[Hit]) -> Score:
    value = mean_precision(hits)
    return Score(0.0, 0.0) if value is None else Score(value)


def _categories(item: Item, labels: Sequence[Row], predictions: Sequence[Row], arguments: Arguments) -> Score:
    """Score the share of right categories; with one category per item and taxonomy this is the micro F1."""
    truth = {row.key(): row.label for row in labels if isinstance(row, Category)}
    made = {row.key(): row.label for row in predictions if isinstance(row, Category)}
    right = sum(truth.get(key) == label for key, label in made.items())
    weight = (len(truth) + len(made)) / 2
    return Score(right / weight if weight else 0.0, weight)


FLAT, SOLID = (Box, Polygon), (Cuboid,)
SCORERS: dict[str, Scorer] = {
    **{
        f"{family}_{name}": _shape_scorer(kinds, threshold, by_class, score)
        for family, kinds in (("bbox", FLAT), ("poly", FLAT))
        for name, threshold, by_class, score in (
            ("iou", 0.0, False, _iou),
            ("precision", 0.5, False, _precision),
            ("recall", 0.5, False, _recall),
            ("map", 0.5, True, _mean_precision),
        )
    },
    "cuboid_iou_3d": _shape_scorer(SOLID, 0.0, False, _iou),
    "cuboid_precision": _shape_scorer(SOLID, 0.5, False, _precision),
    "cuboid_recall": _shape_scorer(SOLID, 0.5, False, _recall),
    "cat_f1": _categories,
}


@dataclass(kw_only=True)
class EvalFunction:
    """A function that is offered. An external one is computed by the user, who uploads the results."""

    id: str
    name: str
    external: bool = False
    level: str = "item"

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "is_public": not self.external,
            "is_external_function": self.external,
            "user_id": "user",
            "serialized_fn": None,
            "raw_source": None,
        }


@dataclass(kw_only=True)
class Criterion:
    """One function of a test, with what it must reach."""

    function: EvalFunction
    arguments: Arguments = field(default_factory=Arguments)
    threshold: float | None = None
    comparison: str = DEFAULT_COMPARISON

    def passes(self, score: float) -> bool:
        """Say whether a score is good enough; without a threshold every score is."""
        return self.threshold is None or COMPARISONS[self.comparison](score, self.threshold)


@dataclass(kw_only=True)
class ScenarioEvaluation:
    """What a function said of a model."""

    id: str
    test_id: str
    function_id: str
    model_id: str
    result: float
    passed: bool
    item_results: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "scenario_test_id": self.test_id,
            "eval_function_id": self.function_id,
            "model_id": self.model_id,
            "status": "completed",
            "result": self.result,
            "pass": self.passed,
        }


@dataclass(kw_only=True)
class ScenarioTest:
    id: str
    name: str
    slice_id: str
    criteria: dict[str, Criterion] = field(default_factory=dict)
    """By the id of the function."""
    baseline_model_id: str | None = None
    evaluations: list[ScenarioEvaluation] = field(default_factory=list)

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "slice_id": self.slice_id,
            "baseline_model_id": self.baseline_model_id,
        }
