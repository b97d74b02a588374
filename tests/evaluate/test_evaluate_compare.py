"""Comparisons of versions: deltas with intervals, per feature, and the items that changed most."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman import Box, InvalidData, Label, Prediction, Whole
from dragoman.evaluate import study
from dragoman.evaluate.compare import compare
from dragoman.evaluate.studies import Study

LABELS = [Label(f"i{n}", "cat" if n % 2 else "dog", Box(10, 10, 20, 20)) for n in range(60)]


def found(version: str, right: int, *, labels: list[Label] = LABELS) -> Study:
    """A study of a version that finds the first `right` labels."""
    said = [Prediction(label.item, label.feature, label.geometry, confidence=0.9) for label in labels[:right]]
    return study(labels, said, version=version, dataset="d")


def test_a_better_version_is_better_for_certain() -> None:
    (change,) = compare([found("old", 20), found("new", 50)], draws=200)

    assert (change.first, change.other) == ("old", "new")
    ap = change.metrics["mAP"]
    assert ap.low < ap.delta < ap.high
    assert ap.delta == pytest.approx(0.5, abs=0.02)
    assert ap.certain
    assert change.per_feature == {"dog": pytest.approx(0.5, abs=0.05), "cat": pytest.approx(0.5, abs=0.05)}
    assert change.items == {f"i{n}": -1 for n in sorted(range(20, 50), key=lambda n: f"i{n}")}


def test_the_same_version_twice_does_not_differ() -> None:
    (change,) = compare([found("a", 30), found("b", 30)], draws=50)

    assert {(one.delta, one.low, one.high) for one in change.metrics.values()} == {(0.0, 0.0, 0.0)}
    assert not any(one.certain for one in change.metrics.values())
    assert change.items == {}


def test_several_are_compared_with_the_first() -> None:
    changes = compare([found("a", 10), found("b", 20), found("c", 5)], draws=20)

    assert [(one.other, one.metrics["mAP"].delta > 0) for one in changes] == [("b", True), ("c", False)]


def test_classifications_are_compared_by_their_accuracy() -> None:
    labels = [Label(f"i{n}", "xy"[n % 2], Whole()) for n in range(200)]

    def said(version: str, wrong: int) -> Study:
        rows = [Prediction(one.item, "x" if n < wrong else one.feature, Whole()) for n, one in enumerate(labels)]
        return study(labels, rows, version=version, dataset="d")

    (change,) = compare([said("old", 100), said("new", 20)], draws=500)

    accuracy = change.metrics["accuracy"]
    assert accuracy.delta == pytest.approx(0.2)
    # The gain of an item is 0 or 1: its standard error is that of a share.
    error = np.sqrt(0.2 * 0.8 / 200)
    assert (accuracy.low, accuracy.high) == (
        pytest.approx(0.2 - 1.96 * error, abs=0.015),
        pytest.approx(0.2 + 1.96 * error, abs=0.015),
    )
    assert set(change.items.values()) == {-1}


def test_one_version_is_no_comparison() -> None:
    with pytest.raises(InvalidData, match="two versions"):
        compare([found("a", 10)])


def test_other_labels_are_no_comparison() -> None:
    with pytest.raises(InvalidData, match="not evaluated against the same labels"):
        compare([found("a", 10), found("b", 10, labels=LABELS[:50])])
