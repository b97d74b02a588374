"""Matching for evaluations, as COCO does it: by class, the most confident prediction first, above a threshold of
overlap. What is not matched is attributed to a kind of error after TIDE (Bolya et al., 2020).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import Struct

from dragoman.emulate.app import ApiError
from dragoman_nucleus.emulator.items import Item
from dragoman_nucleus.emulator.overlap import Comparable, Floats, area, overlaps

BACKGROUND_IOU = 0.1
"""Overlap below which a prediction is on nothing, TIDE's threshold."""
TP, FP, FN = "TP", "FP", "FN"
ANY_CLASS = "object"
"""The one class of an evaluation that ignores classes."""


class RollupGroup(Struct):
    """Labels that count as one class."""

    class_name: str
    labels: list[str]


def check_groups(groups: Iterable[RollupGroup]) -> None:
    """Raise `ApiError` 400 if a label is in two groups."""
    labels = Counter(label for group in groups for label in set(group.labels))
    if twice := [label for label, count in labels.items() if count > 1]:
        raise ApiError(400, f"Labels {twice} are in more than one group.")


@dataclass(frozen=True)
class Classes:
    """The class that each label counts as: its group, or itself."""

    groups: Sequence[RollupGroup] = ()
    agnostic: bool = False

    def of(self, label: str) -> str:
        if self.agnostic:
            return ANY_CLASS
        return next((group.class_name for group in self.groups if label in group.labels), label)


@dataclass(frozen=True)
class Hit:
    """One row of an evaluation at one threshold.

    A true positive has both rows. A false negative has only the label. A false positive has the prediction, and the
    label that it was taken for if that is of another class.
    """

    item: Item
    match_type: str
    error: str
    """The field of TIDE's attribution that it counts for; empty for a label that an error accounts for."""
    prediction: Comparable | None
    label: Comparable | None
    iou: float | None
    prediction_class: str | None
    label_class: str | None
    label_area: float | None
    prediction_area: float | None

    @property
    def confidence(self) -> float | None:
        return None if self.prediction is None else self.prediction.confidence

    @property
    def score(self) -> float:
        """Confidence for ranking; a prediction without one counts as certain."""
        return 1.0 if self.confidence is None else self.confidence


class Case:
    """The ground truth and the predictions of one item, with their overlaps computed once.

    Args:
        item: The item.
        labels: Its ground truth.
        predictions: The predictions on it, in any order.
        classes: What the labels count as.
    """

    def __init__(
        self, item: Item, labels: Sequence[Comparable], predictions: Sequence[Comparable], classes: Classes
    ) -> None:
        self.item = item
        self._labels = list(labels)
        self._predictions = sorted(predictions, key=lambda row: -1.0 if row.confidence is None else -row.confidence)
        self._ious = overlaps(self._predictions, self._labels)
        self._label_classes = [classes.of(row.label) for row in self._labels]
        self._prediction_classes = [classes.of(row.label) for row in self._predictions]
        same = np.equal.outer(np.array(self._prediction_classes, str), np.array(self._label_classes, str))
        self._candidates = _ranked(np.where(same, self._ious, 0.0))
        self._strangers = _ranked(np.where(same, 0.0, self._ious))
        self._label_areas, self._prediction_areas = list(map(area, self._labels)), list(map(area, self._predictions))

    def hits(self, threshold: float) -> list[Hit]:
        """Return what becomes of all rows of the item at a threshold of overlap."""
        matched = self._match(threshold)
        taken = set(matched.values())
        blamed: set[int] = set()
        hits: list[Hit] = []
        for place in range(len(self._predictions)):
            if place in matched:
                hits.append(self._hit(TP, "truePositive", place, matched[place]))
            else:
                error, label = self._error(place, threshold)
                blamed |= {label} if label is not None else set()
                hits.append(self._hit(FP, error, place, label if error == "classification" else None))
        for place in range(len(self._labels)):
            if place not in taken:
                hits.append(self._hit(FN, "" if place in blamed else "missed", None, place))
        return hits

    def _match(self, threshold: float) -> dict[int, int]:
        """Return the places of predictions with the places of the labels that they get."""
        matched: dict[int, int] = {}
        taken: set[int] = set()
        for place, candidates in enumerate(self._candidates):
            best = next((label for iou, label in candidates if iou >= threshold and label not in taken), None)
            if best is not None:
                matched[place] = best
                taken.add(best)
        return matched

    def _error(self, place: int, threshold: float) -> tuple[str, int | None]:
        """Return the kind of error of an unmatched prediction, and the label that it accounts for."""
        same, best_same = next(iter(self._candidates[place]), (0.0, None))
        other, best_other = next(iter(self._strangers[place]), (0.0, None))
        if BACKGROUND_IOU <= same < threshold:
            return "localization", best_same
        if other >= max(threshold, BACKGROUND_IOU):
            return "classification", best_other
        if same >= threshold and same > 0:
            return "duplicate", None
        if max(same, other) < BACKGROUND_IOU:
            return "background", None
        return "both", None

    def _hit(self, match_type: str, error: str, prediction: int | None, label: int | None) -> Hit:
        both = prediction is not None and label is not None
        return Hit(
            item=self.item,
            match_type=match_type,
            error=error,
            prediction=None if prediction is None else self._predictions[prediction],
            label=None if label is None else self._labels[label],
            iou=float(self._ious[prediction, label]) if both else None,
            prediction_class=None if prediction is None else self._prediction_classes[prediction],
            label_class=None if label is None else self._label_classes[label],
            label_area=None if label is None else self._label_areas[label],
            prediction_area=None if prediction is None else self._prediction_areas[prediction],
        )


def _ranked(ious: Floats) -> list[list[tuple[float, int]]]:
    """Return, for every row, the overlaps that there are with their columns, the greatest first."""
    ranked: list[list[tuple[float, int]]] = [[] for _ in ious]
    for row, column in zip(*map(np.ndarray.tolist, np.nonzero(ious)), strict=True):
        ranked[row].append((float(ious[row, column]), column))
    for candidates in ranked:
        candidates.sort(key=lambda pair: -pair[0])
    return ranked
