"""Classification: how often the class that is said is the class that is there.

A class is a feature, or a feature and the option that it is answered with (`weather/fog`). The most confident
prediction on an item, or frame, is what is said of it; one without a prediction counts as wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hotcoco import metrics as measures

from dragoman.evaluate.index import Floats, Integers
from dragoman.schema import Label, Prediction, Radio, Whole

BINS = 10
TOP = (3, 5)
"""How many of the most confident classes count as said in `top3` and `top5`, where there are more classes than that."""
NOTHING = "nothing"
"""What is said of an item without a prediction."""


@dataclass(frozen=True)
class Classification:
    """The classes of items, and what was said of them.

    Args:
        names: The classes.
        there: Class of each label, shape (labels,).
        said: Class of the most confident prediction on its item, `len(names)` for none, shape (labels,).
        confidence: Its confidence, shape (labels,).
        scores: Confidence in each class, shape (labels, names); 0 where nothing was said of it.
        items: Item of each label, with its frame if it has one.
        skipped: Rows with a shape, which are not evaluated here.
        predictions: How many predictions there were.
    """

    names: list[str]
    there: Integers
    said: Integers
    confidence: Floats
    scores: Floats
    items: list[Any]
    skipped: int
    predictions: int

    def metrics(self) -> dict[str, float]:
        """Return accuracy, also of the best three and five, macro precision, recall, F1 and ROC AUC, and calibration.

        `top3` and `top5` need more classes than that, `AUC` two classes and scores in both; `ECE` is the expected
        calibration error in ten bins (Guo et al. 2017, https://arxiv.org/abs/1706.04599).
        """
        right = self.there == self.said
        found = {"accuracy": float(right.mean())}
        rank = _rank(self.scores, self.there)
        found |= {f"top{most}": float(np.mean(rank < most)) for most in TOP if len(self.names) > most}
        by_class = list(self.per_feature().values())
        for name in ("precision", "recall", "F1"):
            found[name] = float(np.mean([values[name] for values in by_class]))
        if areas := [values["AUC"] for values in by_class if "AUC" in values]:
            found["AUC"] = float(np.mean(areas))
        if self.predictions:
            sure = self.said < len(self.names)
            found["ECE"] = float(measures.calibration_error(self.confidence[sure], right[sure], BINS)[0])
        return found

    def per_feature(self) -> dict[str, dict[str, float]]:
        """Return class to precision, recall, F1, and the area under its ROC curve where it has one."""
        matrix = self.confusion()[1]
        found = {}
        for number in np.unique(self.there).tolist():
            hits, there, said = matrix[number, number], matrix[number].sum(), matrix[:, number].sum()
            values = {
                "precision": float(hits / said) if said else 0.0,
                "recall": float(hits / there),
                "F1": float(2 * hits / (there + said)),
            }
            if (area := _area(self.scores[:, number], self.there == number)) is not None:
                values["AUC"] = area
            found[self.names[number]] = values
        return dict(sorted(found.items()))

    def confusion(self) -> tuple[list[str], Integers]:
        """Return the names, `nothing` last, and counts: a row for what is there, a column for what was said."""
        size = len(self.names) + 1
        counts = np.zeros((size, size), np.int64)
        np.add.at(counts, (self.there, self.said), 1)
        return [*self.names, NOTHING], counts

    def within(self, items: set[str]) -> Classification:
        """Return the same for some items only; `items` has their keys."""
        mine = np.array([(unit if isinstance(unit, str) else unit[0]) in items for unit in self.items], np.bool_)
        return replace(
            self,
            there=self.there[mine],
            said=self.said[mine],
            confidence=self.confidence[mine],
            scores=self.scores[mine],
            items=[unit for unit, chosen in zip(self.items, mine, strict=True) if chosen],
        )

    def reliability(self) -> list[dict[str, Any]]:
        """Return for each bin of the confidence how many predictions it has, how sure and how right they are."""
        sure = self.said < len(self.names)
        right = self.there[sure] == self.said[sure]
        return measures.calibration_curve(self.confidence[sure], right, BINS)


def classify(labels: Iterable[Label], predictions: Iterable[Label]) -> Classification:
    """Bring labels and predictions together."""
    truth = [label for label in labels if isinstance(label.geometry, Whole)]
    names: dict[str, int] = {}
    there = np.array([names.setdefault(class_of(label), len(names)) for label in truth], np.int64)
    best: dict[Any, tuple[float, str]] = {}
    sums: dict[tuple[Any, str], float] = {}
    count = skipped = 0
    for prediction in predictions:
        if not (isinstance(prediction, Prediction) and isinstance(prediction.geometry, Whole)):
            skipped += 1
            continue
        count += 1
        unit, name = _unit(prediction), class_of(prediction)
        confidence = 1.0 if prediction.confidence is None else prediction.confidence
        if unit not in best or confidence > best[unit][0]:
            best[unit] = confidence, name
        for said, score in (prediction.class_pdf or {name: confidence}).items():
            sums[unit, said] = max(score, sums.get((unit, said), 0.0))
    units = [_unit(label) for label in truth]
    for _, name in best.values():
        names.setdefault(name, len(names))
    known = [best.get(unit) for unit in units]
    return Classification(
        names=list(names),
        there=there,
        said=np.array([len(names) if one is None else names[one[1]] for one in known], np.int64),
        confidence=np.array([0.0 if one is None else one[0] for one in known]),
        scores=_scores(units, list(names), sums),
        items=units,
        skipped=skipped,
        predictions=count,
    )


def class_of(row: Label) -> str:
    """Return the class that a row says: its feature, with the option where it answers a question."""
    if isinstance(row.answer, Radio):
        return f"{row.feature}/{row.answer.option.name}"
    return row.feature


def _scores(units: Sequence[Any], names: Sequence[str], sums: dict[tuple[Any, str], float]) -> Floats:
    return np.array([[sums.get((unit, name), 0.0) for name in names] for unit in units]).reshape(len(units), len(names))


def _unit(row: Label) -> Any:
    return row.item if row.frame is None else (row.item, row.frame)


def _rank(scores: Floats, there: Integers) -> Integers:
    """Return how many classes have a higher score than the one that is there."""
    mine = np.take_along_axis(scores, there[:, None], axis=1)
    # A class of which nothing was said is nobody's guess.
    return np.where(mine[:, 0] > 0, (scores > mine).sum(axis=1), scores.shape[1])


def _area(scores: Floats, positive: Any) -> float | None:
    """Return the area under the ROC curve, as the share of pairs in the right order (Mann and Whitney)."""
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return None
    # Equal scores share the mean of their ranks.
    _, place, size = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(size) - (size - 1) / 2)[place]
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))
