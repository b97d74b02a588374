"""Comparing versions: what is better, for which features, on which items, and whether it can be chance.

Intervals come from the bootstrap over images (Efron and Tibshirani 1993): the same images are drawn for both versions,
so what is shared by both does not widen them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import hotcoco
import numpy as np

from dragoman.errors import InvalidData
from dragoman.evaluate.classification import Classification
from dragoman.evaluate.detection import METRICS
from dragoman.evaluate.index import Integers
from dragoman.evaluate.matching import NOBODY, Matches
from dragoman.evaluate.studies import Study

DRAWS = 1000
CONFIDENCE = 0.95
SEED = 0


@dataclass(frozen=True)
class Change:
    """How one metric differs from the first version's.

    Args:
        delta: The other's value less the first's.
        low: Lower end of its interval.
        high: Upper end.
    """

    delta: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Comparison:
    """What another version does differently from the first.

    Args:
        first: Id of the first version.
        other: Id of the other.
        metrics: Metric to its change.
        per_feature: Feature to the change of its AP, or of its F1 for classifications.
        items: Key of each item that changed to the difference in mistakes on it, the largest first; below zero is
            better.
    """

    first: str
    other: str
    metrics: dict[str, Change]
    per_feature: dict[str, float]
    items: dict[str, int]


def compare(studies: Sequence[Study], *, draws: int = DRAWS, seed: int = SEED) -> list[Comparison]:
    """Compare studies of several versions over the same labels with the first of them.

    Args:
        studies: At least two.
        draws: How often the images are drawn anew for the intervals, which cover 95 %.
        seed: Where the drawing starts.

    Raises:
        InvalidData: There are fewer than two, or they are not over the same labels.
    """
    if len(studies) < 2:
        raise InvalidData("A comparison needs two versions at least.")
    first, *others = studies
    for other in others:
        if labels_of(first) != labels_of(other):
            raise InvalidData(
                f"{first.evaluation.version} and {other.evaluation.version} are not evaluated against the same labels."
            )
    return [_compared(first, other, draws, seed) for other in others]


def labels_of(study: Study) -> Any:
    """Return what tells whether two studies have the same labels."""
    if study.classification is not None:
        found = study.classification
        return sorted((str(item), found.names[number]) for item, number in zip(found.items, found.there, strict=True))
    assert study.matches is not None
    return sorted(study.matches.truth.ids)


def _compared(first: Study, other: Study, draws: int, seed: int) -> Comparison:
    if first.classification is not None and other.classification is not None:
        metrics = _class_changes(first.classification, other.classification, draws, seed)
        name = "F1"
    else:
        metrics = _shape_changes(first, other, draws, seed)
        name = "AP"
    before, after = first.evaluation.per_feature, other.evaluation.per_feature
    mistakes = Counter(_mistakes(other))
    mistakes.subtract(_mistakes(first))
    changed = {item: count for item, count in mistakes.items() if count}
    return Comparison(
        first.evaluation.version,
        other.evaluation.version,
        metrics=metrics,
        per_feature={feature: after[feature][name] - values[name] for feature, values in before.items()},
        items=dict(sorted(changed.items(), key=lambda pair: (-abs(pair[1]), pair[0]))),
    )


def _shape_changes(first: Study, other: Study, draws: int, seed: int) -> dict[str, Change]:
    assert first.detection is not None
    assert other.detection is not None
    found = hotcoco.compare(first.detection.coco, other.detection.coco, draws, seed, CONFIDENCE)
    return {
        name: Change(found["deltas"][key], found["ci"][key]["lower"], found["ci"][key]["upper"])
        for name, key in zip(METRICS, found["metric_keys"], strict=True)
        if found["metrics_a"][key] >= 0
    }


def _class_changes(first: Classification, other: Classification, draws: int, seed: int) -> dict[str, Change]:
    there, before = _right_by_item(first)
    _, after = _right_by_item(other)
    gain = after - before
    generator = np.random.default_rng(seed)
    deltas = []
    # One draw at a time: all of them at once would not fit in memory for many items.
    for _ in range(draws):
        drawn = generator.integers(0, len(gain), len(gain))
        deltas.append(gain[drawn].sum() / there[drawn].sum())
    low, high = np.quantile(deltas, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return {"accuracy": Change(float(gain.sum() / there.sum()), float(low), float(high))}


def _right_by_item(found: Classification) -> tuple[Integers, Integers]:
    """Return how many labels each item has, and how many of them are right, items in the order of their keys."""
    _, item = np.unique([str(item) for item in found.items], return_inverse=True)
    return np.bincount(item), np.bincount(item, weights=found.there == found.said).astype(np.int64)


def _mistakes(study: Study) -> dict[str, int]:
    """Return how many mistakes are on each item: labels missed or named wrong, and predictions of what is not there."""
    if study.classification is not None:
        found = study.classification
        wrong = found.there != found.said
        return Counter(_key(item) for item, miss in zip(found.items, wrong.tolist(), strict=True) if miss)
    assert study.matches is not None
    return _mistaken(study.matches)


def _mistaken(matches: Matches) -> dict[str, int]:
    units = matches.said.units.names()
    false = matches.said.unit[(matches.label_of == NOBODY) & ~matches.ignored]
    missed = matches.truth.unit[matches.missed]
    return Counter(_key(units[number]) for number in np.concatenate((false, missed)).tolist())


def _key(unit: Any) -> str:
    return unit if isinstance(unit, str) else str(unit[0])
