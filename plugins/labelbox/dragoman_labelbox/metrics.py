"""Metrics of items: rows of their own beside predictions, which Labelbox shows and filters by in a model run.

A prediction's metadata `{"metrics": {name: value}}` are metrics of its feature on its item. A value is a number; four
counts (true positives, false positives, true negatives, false negatives); either of them by threshold, as in
`{"0.25": 3, "0.5": 2}`; or `{"value": ..., "aggregation": "SUM"}`. Limits are the SDK's. Exports do not show metrics,
so reading gives back what is kept beside the prediction. Pure; no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dragoman.errors import InvalidData
from dragoman.schema import Label, Prediction
from dragoman_labelbox import wire
from dragoman_labelbox.keys import uuid_of

METRICS = "metrics"
"""Key of a prediction's metadata."""
RESERVED = (
    "true_positive_count",
    "false_positive_count",
    "true_negative_count",
    "false_negative_count",
    "precision",
    "recall",
    "f1",
    "iou",
)
"""Names of numbers that Labelbox computes itself."""
AGGREGATIONS = ("ARITHMETIC_MEAN", "GEOMETRIC_MEAN", "HARMONIC_MEAN", "SUM")
CONFUSION = "CONFUSION_MATRIX"
LARGEST, MOST = 100_000_000, 10_000_000_000
"""Largest number, and largest count."""
THRESHOLDS = range(2, 16)
"""How many thresholds a metric may have."""


def metrics_out(row: Label, global_key: str) -> Iterator[wire.ImportRow]:
    """Yield the metrics of a prediction as Labelbox imports them.

    Raises:
        InvalidData: Labelbox takes no such metric.
    """
    if not isinstance(row, Prediction) or METRICS not in row.metadata:
        return
    metrics = row.metadata[METRICS]
    if not isinstance(metrics, dict):
        raise _invalid("", "they are no table of names and values")
    for name, said in metrics.items():
        value, aggregation = _parts(name, said)
        yield wire.ImportRow(
            uuid_of(f"{row.id}/{name}"),
            wire.ByGlobalKey(global_key),
            metricName=name,
            metricValue=value,
            featureName=row.feature,
            aggregation=aggregation,
        )


def _parts(name: str, said: Any) -> tuple[Any, str]:
    """Return a metric's value and how Labelbox is to aggregate it."""
    if isinstance(said, dict) and "value" in said:
        value, aggregation = said["value"], said.get("aggregation")
    else:
        value, aggregation = said, None
    each = list(_by_threshold(name, value).values()) if isinstance(value, dict) else [value]
    if all(map(_is_counts, each)):
        known: tuple[str, ...] = (CONFUSION,)
    elif all(map(_is_number, each)):
        known = AGGREGATIONS
    else:
        raise _invalid(name, f"it is neither a number from 0 to {LARGEST} nor four counts")
    chosen = aggregation or known[0]
    if chosen not in known:
        raise _invalid(name, f"it is aggregated by one of {', '.join(known)}")
    if chosen != CONFUSION and name.lower().strip() in RESERVED:
        raise _invalid(name, "Labelbox computes one of that name itself")
    return value, chosen


def _by_threshold(name: str, value: dict[str, Any]) -> dict[str, Any]:
    try:
        fits = all(0 <= float(threshold) <= 1 for threshold in value)
    except ValueError:
        fits = False
    if not fits or len(value) not in THRESHOLDS:
        raise _invalid(name, f"it has {THRESHOLDS.start} to {THRESHOLDS.stop - 1} thresholds between 0 and 1")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _is_counts(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 4
        and all(isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= MOST for count in value)
    )


def _invalid(name: str, rule: str) -> InvalidData:
    what = f"metric {name!r}" if name else "metrics"
    return InvalidData(f"Labelbox does not take the {what}: {rule}.", field=f"metadata.{METRICS}")
