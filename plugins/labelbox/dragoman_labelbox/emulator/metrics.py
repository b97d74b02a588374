"""Metrics of items: what the platform takes. They are kept and shown in no export."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator.answers import RowError

COUNTS = ("true_positive_count", "false_positive_count", "true_negative_count", "false_negative_count")
RESERVED = (*COUNTS, "precision", "recall", "f1", "iou")
MEANS = ("ARITHMETIC_MEAN", "GEOMETRIC_MEAN", "HARMONIC_MEAN", "SUM")


def check_metric(name: str | None, value: Any, aggregation: str | None) -> None:
    """Refuse a metric that is none.

    Raises:
        RowError: It is neither a number nor four counts, has a name that is taken, or is aggregated by another way.
    """
    each = list(value.values()) if isinstance(value, dict) else [value]
    confusion = all(isinstance(one, list) and len(one) == 4 for one in each)
    if not confusion and not all(isinstance(one, int | float) for one in each):
        raise RowError("InvalidAnnotation", f"The metric {name!r} is neither a number nor four counts.")
    if aggregation not in (("CONFUSION_MATRIX",) if confusion else (None, *MEANS)):
        raise RowError("InvalidAnnotation", f"The metric {name!r} cannot be aggregated by {aggregation}.")
    if not confusion and (name or "").lower().strip() in RESERVED:
        raise RowError("InvalidAnnotation", f"{name!r} is a reserved metric name.")
