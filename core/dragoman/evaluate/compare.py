"""Comparing versions: what is better, for which features, on which items, and whether it can be chance.

Intervals come from the bootstrap over images (Efron and Tibshirani 1993): the same images are drawn for both versions,
so what is shared by both does not widen them. Those of COCO's averages come from hotcoco, whose draws leave images out
but count none twice, and are widened to what the bootstrap gives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import e, sqrt
from typing import Any, NamedTuple

import hotcoco
import numpy as np
from hotcoco import COCOeval

from dragoman.errors import InvalidData
from dragoman.evaluate.classification import Classification
from dragoman.evaluate.detection import METRICS
from dragoman.evaluate.index import Floats, Integers, in_order, item_of
from dragoman.evaluate.matching import NOBODY, Matches
from dragoman.evaluate.studies import Study

DRAWS = 1000
FEATURE_DRAWS = 250
"""Most draws for the AP of one feature: each feature is measured anew on every draw, and there can be many."""
CONFIDENCE = 0.95
SEED = 0
WIDER = sqrt(e - 1)
"""How much wider the bootstrap's intervals are than those of draws that count no image twice.

A draw of n images of which each is kept once is a sample of about m = (1 - 1/e) n of them without replacement. What it
gives varies with (n - m) / m of the variance that the bootstrap has (Shao and Wu 1989, "A general theory for jackknife
variance estimation"; Politis and Romano 1994, "Large sample confidence regions based on subsamples under minimal
assumptions"), and m / (n - m) is e - 1.
"""


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


class Counts(NamedTuple):
    """A count for each of two versions.

    Args:
        first: That of the first.
        other: That of the other.
    """

    first: int
    other: int


@dataclass(frozen=True)
class Comparison:
    """What another version does differently from the first.

    Args:
        first: Id of the first version.
        other: Id of the other.
        metrics: Metric to its change: COCO's, then precision, recall and F1 under the policy; accuracy for
            classifications.
        per_feature: Feature to the change of its AP, or of its F1 for classifications.
        items: Key of each item that changed to the difference in mistakes on it, the largest first; below zero is
            better.
        skipped: How many predictions of another kind were left out.
        left_out: How many rows were on other items than the chosen ones.
    """

    first: str
    other: str
    metrics: dict[str, Change]
    per_feature: dict[str, Change]
    items: dict[str, int]
    skipped: Counts
    left_out: Counts


def compare(studies: Sequence[Study], *, draws: int = DRAWS, seed: int = SEED) -> list[Comparison]:
    """Compare studies of several versions over the same labels with the first of them.

    Args:
        studies: At least two.
        draws: How often the images are drawn anew for the intervals, which cover 95 %; for the AP of each feature
            `FEATURE_DRAWS` times at most.
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
        metrics, per_feature = _class_changes(first, other, draws, seed)
    else:
        metrics, per_feature = _shape_changes(first, other, draws, seed)
    mistakes = Counter(_mistakes(other))
    mistakes.subtract(_mistakes(first))
    changed = {item: count for item, count in mistakes.items() if count}
    return Comparison(
        first.evaluation.version,
        other.evaluation.version,
        metrics=metrics,
        per_feature=per_feature,
        items=dict(sorted(changed.items(), key=lambda pair: (-abs(pair[1]), pair[0]))),
        skipped=Counts(first.evaluation.skipped, other.evaluation.skipped),
        left_out=Counts(first.left_out, other.left_out),
    )


# -- shapes -----------------------------------------------------------------------------------------------------------


def _shape_changes(first: Study, other: Study, draws: int, seed: int) -> tuple[dict[str, Change], dict[str, Change]]:
    one, two = first.detection, other.detection
    assert one is not None
    assert two is not None
    # An image on which only one version says something is an image of both: it counts in the draws.
    images = in_order({*one.images, *two.images})
    sides = [side.coco if side.images == images else side.over(images).coco for side in (one, two)]
    found = hotcoco.compare(sides[0], sides[1], draws, seed, CONFIDENCE)
    before, after = first.evaluation.metrics, other.evaluation.metrics
    changes = {
        name: _widened(after[name] - before[name], found["ci"][key])
        for name, key in zip(METRICS, found["metric_keys"], strict=True)
        if name in before and name in after
    }
    changes |= _policy_changes(first, other, images, draws, seed)
    return changes, _feature_changes(first, other, sides, min(draws, FEATURE_DRAWS), seed)


def _widened(delta: float, interval: Mapping[str, float]) -> Change:
    """Return a change with the bootstrap's interval from hotcoco's; none is by more than 1."""
    low, high = (delta + WIDER * (interval[end] - delta) for end in ("lower", "upper"))
    return Change(delta, max(low, -1.0), min(high, 1.0))


def _feature_changes(first: Study, other: Study, sides: Sequence[COCOeval], draws: int, seed: int) -> dict[str, Change]:
    """Return feature to the change of its AP; categories are independent in COCO, so each is measured alone."""
    before, after = first.evaluation.per_feature, other.evaluation.per_feature
    shared = [feature for feature, values in before.items() if "AP" in values and "AP" in after.get(feature, {})]
    changes = {}
    for feature, one, two in zip(shared, _alone(sides[0], shared), _alone(sides[1], shared), strict=True):
        interval = hotcoco.compare(one, two, draws, seed, CONFIDENCE)["ci"]["AP"]
        changes[feature] = _widened(after[feature]["AP"] - before[feature]["AP"], interval)
    return changes


def _alone(side: COCOeval, features: Sequence[str]) -> Iterator[COCOeval]:
    """Yield an evaluation of each feature alone, and of nothing that its AP does not need."""
    numbers = {category["name"]: category["id"] for category in side.coco_gt.load_cats(side.coco_gt.get_cat_ids())}
    found = COCOeval(side.coco_gt, side.coco_dt, side.params.iou_type)
    found.params.area_rng, found.params.area_rng_lbl = side.params.area_rng[:1], side.params.area_rng_lbl[:1]
    found.params.max_dets = side.params.max_dets[-1:]
    for feature in features:
        found.params.cat_ids = [numbers[feature]]
        found.evaluate()
        yield found


def _policy_changes(first: Study, other: Study, images: Sequence[Any], draws: int, seed: int) -> dict[str, Change]:
    """Return the changes of precision, recall and F1 under the policy."""
    assert first.matches is not None
    assert other.matches is not None
    one, two = _by_image(first.matches, images), _by_image(other.matches, images)
    intervals = _bootstrapped(lambda drawn: _rates(drawn @ two) - _rates(drawn @ one), len(images), draws, seed)
    before, after = first.evaluation.metrics, other.evaluation.metrics
    return {
        name: Change(after[name] - before[name], *interval)
        for name, interval in zip(("precision", "recall", "F1"), intervals, strict=True)
    }


def _by_image(matches: Matches, images: Sequence[Any]) -> Integers:
    """Return how many hits, predictions and labels each image has, shape (images, 3)."""
    truth, said = matches.truth, matches.said
    places = {unit: place for place, unit in enumerate(images)}
    place = np.array([places[unit] for unit in said.units], np.int64)
    rows = said.unit[matches.label_of != NOBODY], said.unit[~matches.ignored], truth.unit[~truth.crowd]
    return np.column_stack([np.bincount(place[unit], minlength=len(images)) for unit in rows])


def _rates(sums: Integers) -> Floats:
    """Return precision, recall and F1 from how many hits, predictions and labels there are."""
    hits, said, labels = sums.tolist()
    return np.array([hits / max(said, 1), hits / max(labels, 1), 2 * hits / max(said + labels, 1)])


# -- classes ----------------------------------------------------------------------------------------------------------


def _class_changes(first: Study, other: Study, draws: int, seed: int) -> tuple[dict[str, Change], dict[str, Change]]:
    assert first.classification is not None
    assert other.classification is not None
    features = list(first.evaluation.per_feature)
    one, two = _Classes(first.classification, features), _Classes(other.classification, features)
    intervals = _bootstrapped(lambda drawn: two.rates(drawn) - one.rates(drawn), one.items, draws, seed)
    before, after = first.evaluation, other.evaluation
    accuracy = after.metrics["accuracy"] - before.metrics["accuracy"]
    deltas = [after.per_feature[name]["F1"] - before.per_feature[name]["F1"] for name in features]
    changes = [Change(delta, *interval) for delta, interval in zip((accuracy, *deltas), intervals, strict=True)]
    return {"accuracy": changes[0]}, dict(zip(features, changes[1:], strict=True))


class _Classes:
    """What a version says of items, ready to be drawn from.

    Args:
        found: The classes.
        features: Those whose F1 is asked for.
    """

    def __init__(self, found: Classification, features: Sequence[str]) -> None:
        # Items in the order of their keys, which is the same for both versions.
        keys, self._item = np.unique([str(item) for item in found.items], return_inverse=True)
        self.items = len(keys)
        self._there, self._said, self._right = found.there, found.said, found.there == found.said
        self._size = len(found.names) + 1
        self._features = [found.names.index(name) for name in features]

    def rates(self, drawn: Integers) -> Floats:
        """Return the accuracy, then the F1 of each feature, where `drawn` says how often each item counts."""
        weights = drawn[self._item]
        hits, all_ = weights * self._right, weights.sum()
        right = np.bincount(self._there, hits, self._size)[self._features]
        total = np.bincount(self._there, weights, self._size) + np.bincount(self._said, weights, self._size)
        return np.append(hits.sum() / all_, 2 * right / np.maximum(total[self._features], 1))


def _bootstrapped(
    statistic: Callable[[Integers], Floats], size: int, draws: int, seed: int
) -> list[tuple[float, float]]:
    """Return the interval of each number that a statistic has.

    Args:
        statistic: Gets how often each of the images or items counts, shape (size,), and returns an array.
        size: How many there are.
        draws: How often they are drawn.
        seed: Where the drawing starts.
    """
    generator = np.random.default_rng(seed)
    # One draw at a time: all of them at once would not fit in memory for many items.
    found = [statistic(np.bincount(generator.integers(0, size, size), minlength=size)) for _ in range(draws)]
    low, high = np.quantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


# -- items ------------------------------------------------------------------------------------------------------------


def _mistakes(study: Study) -> dict[str, int]:
    """Return how many mistakes are on each item: labels missed or named wrong, and predictions of what is not there."""
    if study.classification is not None:
        found = study.classification
        wrong = found.there != found.said
        return Counter(item_of(item) for item, miss in zip(found.items, wrong.tolist(), strict=True) if miss)
    assert study.matches is not None
    return _mistaken(study.matches)


def _mistaken(matches: Matches) -> dict[str, int]:
    units = matches.said.units.names()
    false = matches.said.unit[(matches.label_of == NOBODY) & ~matches.ignored]
    missed = matches.truth.unit[matches.missed]
    return Counter(item_of(units[number]) for number in np.concatenate((false, missed)).tolist())
