"""Matching the predictions of a run with ground truth, as commit and `calculateEvaluationMetrics` do.

Greedy, the pairs that overlap most first, and for shapes without a threshold: what touches at all is matched. Masks are
matched segment by segment. A category is matched with the one of the same taxonomy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from dragoman_nucleus.emulator.blobs import Blobs
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.masks import overlaps_of_segments, pixels, segments_in
from dragoman_nucleus.emulator.overlap import Floats, comparable, overlaps
from dragoman_nucleus.emulator.rows import Category, Mask, Row, Rows

LEAST_OF_SEGMENTS = 0.01
"""Overlap above which segments are matched; public guides name it."""


class AllowedMatch(msgspec.Struct, frozen=True):
    ground_truth_label: str
    model_prediction_label: str


class Matching(msgspec.Struct, omit_defaults=True):
    """How predictions are matched with ground truth; a list of pairs implies that classes matter."""

    class_agnostic: bool | None = None
    allowed_label_matches: list[AllowedMatch] = []

    def settled(self) -> Matching:
        """Return the same with all defaults filled in."""
        agnostic = not self.allowed_label_matches and self.class_agnostic is not False
        return Matching(agnostic, self.allowed_label_matches)

    def allows(self, label: str, predicted: str) -> bool:
        """Say whether ground truth and a prediction with these class names may be matched."""
        return bool(self.class_agnostic) or self.same(label, predicted)

    def same(self, label: str, predicted: str) -> bool:
        """Say whether two class names mean the same class."""
        return label == predicted or AllowedMatch(label, predicted) in self.allowed_label_matches


@dataclass(frozen=True)
class Side:
    """A row, and the class that it is matched as; a mask is matched once for each of its segments."""

    row: Row
    label: str


@dataclass(frozen=True)
class Match:
    """A prediction with the ground truth that it was matched with, or one of them without the other."""

    item_id: str
    prediction: Side | None
    label: Side | None
    iou: float
    true_positive: bool


def match_dataset(dataset: Dataset, predictions: Rows, matching: Matching, blobs: Blobs) -> list[Match]:
    """Return what becomes of all ground truth of a dataset and all predictions on it.

    Args:
        dataset: The dataset.
        predictions: The predictions of a run.
        matching: What may be matched.
        blobs: Where uploaded masks are; others are not matched.
    """
    matches: list[Match] = []
    for target in dataset.targets():
        labels, predicted = dataset.ground_truth.on(target.id), predictions.on(target.id)
        matches += _match_shapes(target.id, labels, predicted, matching)
        matches += _match_masks(target.id, labels, predicted, matching, blobs)
        matches += _match_categories(target.id, labels, predicted, matching)
    return matches


def _match_shapes(item_id: str, labels: Sequence[Row], predicted: Sequence[Row], matching: Matching) -> Iterator[Match]:
    truth, made = comparable(labels), comparable(predicted)
    sides = [Side(row, row.label) for row in made], [Side(row, row.label) for row in truth]
    yield from _greedy(item_id, *sides, overlaps(made, truth), matching)


def _match_masks(
    item_id: str, labels: Sequence[Row], predicted: Sequence[Row], matching: Matching, blobs: Blobs
) -> Iterator[Match]:
    """Match the one mask of the ground truth with the one that was predicted."""
    truth, made = ([row for row in rows if isinstance(row, Mask)] for rows in (labels, predicted))
    if not truth or not made:
        return
    first, second = pixels(made[0], blobs), pixels(truth[0], blobs)
    if first is None or second is None or first.shape != second.shape:
        return
    segments, others = segments_in(made[0], first), segments_in(truth[0], second)
    ious = overlaps_of_segments(first, list(segments), second, list(others))
    sides = [Side(made[0], name) for name in segments.values()], [Side(truth[0], name) for name in others.values()]
    yield from _greedy(item_id, *sides, np.where(ious > LEAST_OF_SEGMENTS, ious, 0.0), matching)


def _greedy(
    item_id: str, predicted: Sequence[Side], labels: Sequence[Side], ious: Floats, matching: Matching
) -> Iterator[Match]:
    free_labels, free_predictions = dict(enumerate(labels)), dict(enumerate(predicted))
    rows, columns = np.nonzero(ious)
    for index in np.argsort(-ious[rows, columns], kind="stable"):
        place, other = int(rows[index]), int(columns[index])
        taken = place not in free_predictions or other not in free_labels
        # Unless classes are ignored, only those that may be matched are paired at all.
        if not taken and matching.allows(labels[other].label, predicted[place].label):
            yield Match(item_id, free_predictions.pop(place), free_labels.pop(other), float(ious[place, other]), True)
    yield from (Match(item_id, side, None, 0.0, False) for side in free_predictions.values())
    yield from (Match(item_id, None, side, 0.0, False) for side in free_labels.values())


def _match_categories(
    item_id: str, labels: Sequence[Row], predicted: Sequence[Row], matching: Matching
) -> Iterator[Match]:
    truth = {row.key(): Side(row, row.label) for row in labels if isinstance(row, Category)}
    for row in predicted:
        if isinstance(row, Category):
            label = truth.pop(row.key(), None)
            same = label is not None and matching.same(label.label, row.label)
            yield Match(item_id, Side(row, row.label), label, 0.0 if label is None else 1.0, same)
    yield from (Match(item_id, None, side, 0.0, False) for side in truth.values())
