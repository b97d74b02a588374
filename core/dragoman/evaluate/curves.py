"""Precision, recall and F1 over the confidence, and where F1 is best. From matches, so a policy is honoured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dragoman.evaluate.index import Floats
from dragoman.evaluate.matching import NOBODY, Matches

POINTS = 201
"""Most points of a curve; more are not to be seen."""


@dataclass(frozen=True)
class Curve:
    """Precision and recall of one feature as the confidence that is asked for falls.

    Args:
        confidence: The confidences, falling, shape (points,).
        precision: Share of the predictions that are right, shape (points,).
        recall: Share of the labels that are found, shape (points,).
        labels: How many labels there are.
        best_f1: Highest harmonic mean of the two.
        best_confidence: The confidence at which it is reached.
    """

    confidence: Floats
    precision: Floats
    recall: Floats
    labels: int
    best_f1: float
    best_confidence: float

    @property
    def f1(self) -> Floats:
        """Harmonic mean of precision and recall, shape (points,)."""
        return _f1(self.precision, self.recall)


def curves(matches: Matches) -> dict[str, Curve]:
    """Return the curve of each feature that a label has. A prediction counts for the feature of the label it took."""
    truth, said = matches.truth, matches.said
    names = truth.features.names()
    taken = matches.label_of != NOBODY
    counted = np.where(taken, truth.feature[matches.label_of], said.feature) if len(truth) else said.feature
    result = {}
    for feature in np.unique(truth.feature[~truth.crowd]).tolist():
        mine = (counted == feature) & ~matches.ignored
        labels = int((truth.feature[~truth.crowd] == feature).sum())
        result[names[feature]] = _curve(said.score[mine], taken[mine], labels)
    return result


def overall(matches: Matches) -> dict[str, float]:
    """Return precision, recall and F1 of all predictions under the policy, whatever their confidence."""
    hits = int((matches.label_of != NOBODY).sum())
    said, labels = int((~matches.ignored).sum()), int((~matches.truth.crowd).sum())
    precision, recall = hits / said if said else 0.0, hits / labels if labels else 0.0
    return {"precision": precision, "recall": recall, "F1": 2 * hits / (said + labels) if said + labels else 0.0}


def _curve(scores: Floats, right: Floats, labels: int) -> Curve:
    if not len(scores):
        return Curve(np.empty(0), np.empty(0), np.empty(0), labels, 0.0, 0.0)
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    # Predictions of one confidence come or go together.
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    precision, recall, confidence = hits[last] / (last + 1), hits[last] / labels, scores[order][last]
    f1 = _f1(precision, recall)
    best = int(f1.argmax())
    shown = np.unique(np.linspace(0, len(last) - 1, min(len(last), POINTS)).astype(np.int64))
    return Curve(confidence[shown], precision[shown], recall[shown], labels, float(f1[best]), float(confidence[best]))


def _f1(precision: Floats, recall: Floats) -> Floats:
    total = precision + recall
    return np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
