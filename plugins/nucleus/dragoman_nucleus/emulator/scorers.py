"""How the functions of scenario tests score a model.

A function gives each item a score and a weight; the score of a test is the weighted mean, that of categories the F1
over all items. The figures are defined as in `nucleus.metrics` of the SDK; what is matched with what is decided in
`detections`, and which rows count in `row_filters`.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from dragoman_nucleus.emulator.detections import FN, FP, TP, Case, Classes, Hit
from dragoman_nucleus.emulator.items import Item
from dragoman_nucleus.emulator.metrics import mean_precision
from dragoman_nucleus.emulator.overlap import Comparable
from dragoman_nucleus.emulator.row_filters import Conditions, branches_of, kept
from dragoman_nucleus.emulator.rows import Box, Category, Cuboid, Labelled, Polygon, Row

L = TypeVar("L", bound=Labelled)


class Arguments(Struct):
    """What the configurations of the SDK send, as far as it is used."""

    enforce_label_match: bool = False
    iou_threshold: float | None = None
    confidence_threshold: float | None = None
    f1_method: Literal["micro", "macro", "weighted"] | None = None
    annotation_filters: Conditions | None = None
    prediction_filters: Conditions | None = None

    def __post_init__(self) -> None:
        # Filters that cannot be read are refused with the test, not when it is evaluated.
        branches_of(self.annotation_filters)
        branches_of(self.prediction_filters)


Class = tuple[str, str]
"""A taxonomy with one of its labels."""


@dataclass(frozen=True)
class Score:
    """A score with the weight that it has among others."""

    value: float
    weight: float = 1.0
    categories: tuple[tuple[Class | None, Class | None], ...] = ()
    """What was true and what was predicted, taxonomy by taxonomy."""


Scorer = Callable[[Item, Sequence[Row], Sequence[Row], Arguments], Score]


def _shape_scorer(
    kinds: tuple[type[Comparable], ...],
    threshold: float,
    by_class: bool,
    score: Callable[[list[Hit]], Score],
    flat: bool = False,
) -> Scorer:
    """Return a scorer of shapes.

    Args:
        kinds: Rows that count.
        threshold: Overlap that is asked for unless the arguments say otherwise.
        by_class: Whether classes always matter, or only if the arguments say so.
        score: Scores the hits of one item.
        flat: Whether only the footprints of cuboids count.
    """

    def score_item(item: Item, labels: Sequence[Row], predictions: Sequence[Row], arguments: Arguments) -> Score:
        truth = kept([row for row in labels if isinstance(row, kinds)], arguments.annotation_filters)
        made = kept([row for row in predictions if isinstance(row, kinds)], arguments.prediction_filters)
        if flat:
            truth, made = list(map(_flattened, truth)), list(map(_flattened, made))
        made = _confident(made, arguments)
        least = threshold if arguments.iou_threshold is None else arguments.iou_threshold
        agnostic = not (by_class or arguments.enforce_label_match)
        return score(Case(item, truth, made, Classes(agnostic=agnostic)).hits(least))

    return score_item


def _confident(rows: Sequence[L], arguments: Arguments) -> list[L]:
    """Return the rows that are confident enough, and those that do not say."""
    least = arguments.confidence_threshold or 0.0
    return [row for row in rows if row.confidence is None or row.confidence >= least]


def _flattened(row: Comparable) -> Comparable:
    """Return a cuboid as high as all others, so that it shares with them as much volume as area."""
    if not isinstance(row, Cuboid):
        return row
    place, size = (replace(part, z=1.0) for part in (row.geometry.position, row.geometry.dimensions))
    return replace(row, geometry=replace(row.geometry, position=place, dimensions=size))


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
    """Score the share of right categories, and keep them for the F1 over all items."""
    truth = _by_taxonomy([row for row in labels if isinstance(row, Category)], arguments.annotation_filters)
    confident = _confident([row for row in predictions if isinstance(row, Category)], arguments)
    made = _by_taxonomy(confident, arguments.prediction_filters)
    pairs = tuple((truth.get(name), made.get(name)) for name in {**truth, **made})
    return Score(f1(pairs, "micro"), (len(truth) + len(made)) / 2, pairs)


def _by_taxonomy(rows: Sequence[Category], filters: Conditions | None) -> dict[str, Class]:
    return {row.taxonomy_name or "": (row.taxonomy_name or "", row.label) for row in kept(rows, filters)}


def f1(pairs: Sequence[tuple[Class | None, Class | None]], method: str) -> float:
    """Return the F1 of true and predicted classes: of all at once, or the mean of the classes, weighted or not."""
    truth, made = (Counter(pair[side] for pair in pairs if pair[side] is not None) for side in (0, 1))
    right = Counter(one for one, other in pairs if one == other)
    if method == "micro":
        return 2 * right.total() / (truth.total() + made.total()) if pairs else 0.0
    classes = [*{**truth, **made}]
    values = [2 * right[name] / (truth[name] + made[name]) for name in classes]
    weights = [truth[name] if method == "weighted" else 1 for name in classes]
    return sum(map(operator.mul, values, weights)) / sum(weights) if any(weights) else 0.0


def overall(scores: Sequence[Score], arguments: Arguments) -> float:
    """Return the score of a test by those of its items."""
    categories = [pair for score in scores for pair in score.categories]
    if categories:
        return f1(categories, arguments.f1_method or "macro")
    weight = sum(score.weight for score in scores)
    return sum(score.value * score.weight for score in scores) / weight if weight else 0.0


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
    "cuboid_iou_2d": _shape_scorer(SOLID, 0.0, False, _iou, flat=True),
    "cuboid_iou_3d": _shape_scorer(SOLID, 0.0, False, _iou),
    "cuboid_precision": _shape_scorer(SOLID, 0.5, False, _precision),
    "cuboid_recall": _shape_scorer(SOLID, 0.5, False, _recall),
    "cat_f1": _categories,
}
