"""The figures of an evaluation, computed from its hits: average precision as COCO defines it, curves and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dragoman_nucleus.emulator.detections import FN, FP, TP, Hit

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""COCO's thresholds of overlap."""
RECALLS = np.linspace(0, 1, 101)
SIZES = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, float("inf"))}
"""Bounds of areas in square pixels, https://cocodataset.org/#detection-eval."""
BUCKETS = 10
BACKGROUND = "background"
"""Stands for no ground truth, or no prediction, in the confusion matrix."""
ERRORS = ("truePositive", "localization", "classification", "both", "duplicate", "background", "missed")
Hits = Sequence[Hit]


def curve(hits: Hits) -> list[tuple[float, float]]:
    """Return recall and precision after each prediction, the most confident first; empty without ground truth.

    Args:
        hits: Of one class.
    """
    truths = sum(hit.match_type in (TP, FN) for hit in hits)
    ranked = sorted((hit for hit in hits if hit.match_type != FN), key=lambda hit: -hit.score)
    if not truths or not ranked:
        return []
    right = np.cumsum([hit.match_type == TP for hit in ranked])
    recalls, precisions = right / truths, right / np.arange(1, len(ranked) + 1)
    return list(zip(recalls.tolist(), precisions.tolist(), strict=True))


def average_precision(hits: Hits) -> float | None:
    """Return the precision of one class, averaged over 101 recalls; `None` if there is no ground truth."""
    if not any(hit.match_type in (TP, FN) for hit in hits):
        return None
    points = np.array(curve(hits)).reshape(-1, 2)
    best = np.maximum.accumulate(points[::-1, 1])[::-1]
    places = np.searchsorted(points[:, 0], RECALLS)
    return float(np.append(best, 0.0)[np.minimum(places, len(best))].mean())


def by_class(hits: Hits) -> dict[str, list[Hit]]:
    """Group hits by class: that of the prediction for a false positive, that of the label for others."""
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        name = hit.prediction_class if hit.match_type == FP else hit.label_class
        groups.setdefault(str(name), []).append(hit)
    return dict(sorted(groups.items()))


def class_precisions(hits: Hits) -> dict[str, float]:
    """Return the average precision of every class that has ground truth."""
    values = {name: average_precision(group) for name, group in by_class(hits).items()}
    return {name: value for name, value in values.items() if value is not None}


def mean_precision(hits: Hits) -> float | None:
    """Return the mean over the classes, `None` if none has ground truth."""
    values = class_precisions(hits).values()
    return sum(values) / len(values) if values else None


def mean_over_thresholds(hits: Mapping[float, Hits]) -> float | None:
    """Return the mean over classes and thresholds."""
    values = [value for value in map(mean_precision, hits.values()) if value is not None]
    return sum(values) / len(values) if values else None


def precision_by_size(hits: Mapping[float, Hits], size: str) -> float | None:
    """Return the mean precision for ground truth of one size; false positives count by their own size."""
    low, high = SIZES[size]

    def inside(hit: Hit) -> bool:
        value = hit.prediction_area if hit.match_type == FP else hit.label_area
        return value is not None and low <= value < high

    return mean_over_thresholds({threshold: list(filter(inside, some)) for threshold, some in hits.items()})


def counts(hits: Iterable[Hit]) -> dict[str, int]:
    """Return how many hits there are of each match type."""
    found = Counter(hit.match_type for hit in hits)
    return {name: found[name] for name in (TP, FP, FN)}


def operating_point(hits: Hits, confidence: float) -> dict[str, float]:
    """Return precision, recall and F1 if only predictions of some confidence are made."""
    found = counts(hit for hit in hits if hit.match_type != FN and hit.score >= confidence)
    truths = sum(hit.match_type in (TP, FN) for hit in hits)
    made, right = found[TP] + found[FP], found[TP]
    return {
        "PRECISION": right / made if made else 0.0,
        "RECALL": right / truths if truths else 0.0,
        "F1": 2 * right / (made + truths) if made + truths else 0.0,
    }


def charts(hits_at: Callable[[float], Hits], threshold: float) -> dict[str, Any]:
    """Return all figures of an evaluation.

    Args:
        hits_at: Gives the hits at a threshold of overlap.
        threshold: The threshold of the figures that are for one.
    """
    hits = {value: hits_at(value) for value in THRESHOLDS}
    chosen = hits_at(threshold)
    found = counts(chosen)
    confidences = [hit.confidence for hit in chosen if hit.confidence is not None]
    return {
        "mapSummary": {
            "mapAt50": mean_precision(hits[0.5]),
            "mapAt75": mean_precision(hits[0.75]),
            "mapAt5095": mean_over_thresholds(hits),
        },
        "perClassAp": [{"classLabel": name, "ap": ap} for name, ap in class_precisions(chosen).items()],
        "confusionMatrix": confusion(chosen),
        "scoreHistogram": histogram(confidences),
        "computedIouRanges": list(THRESHOLDS),
        "totalCounts": {
            "tp": found[TP],
            "fp": found[FP],
            "fn": found[FN],
            "predsWithConfidence": len(confidences),
        },
        "apBySize": {size: precision_by_size(hits, size) for size in SIZES},
        "prCurve": [
            {"classLabel": name, "recall": recall, "precision": precision}
            for name, group in by_class(chosen).items()
            for recall, precision in curve(group)
        ],
        "tideAttribution": {name: sum(hit.error == name for hit in chosen) for name in ERRORS},
    }


def confusion(hits: Hits) -> list[dict[str, Any]]:
    """Return how often each class was taken for each; a label is counted once, with the prediction that took it."""
    mistaken = {id(hit.label) for hit in hits if hit.match_type == FP and hit.label is not None}
    cells: Counter[tuple[str, str]] = Counter()
    for hit in hits:
        if hit.match_type != FN or id(hit.label) not in mistaken:
            cells[hit.label_class or BACKGROUND, hit.prediction_class or BACKGROUND] += 1
    return [{"gtLabel": truth, "predLabel": made, "count": count} for (truth, made), count in sorted(cells.items())]


def histogram(confidences: Sequence[float]) -> list[dict[str, Any]]:
    """Return how many confidences are in each tenth between 0 and 1."""
    edges = np.arange(BUCKETS + 1) / BUCKETS
    values, _ = np.histogram(confidences, edges)
    return [
        {"bucketMin": float(low), "bucketMax": float(high), "count": int(count)}
        for count, low, high in zip(values, edges, edges[1:], strict=False)
    ]
