"""Comparisons of versions: deltas with intervals, per feature, and the items that changed most."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman import Box, InvalidData, Label, MatchPolicy, Prediction, Whole
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
    for feature in ("cat", "dog"):
        assert change.per_feature[feature].delta == pytest.approx(0.5, abs=0.05)
        assert change.per_feature[feature].certain
    assert change.items == {f"i{n}": -1 for n in sorted(range(20, 50), key=lambda n: f"i{n}")}


def test_the_same_version_twice_does_not_differ() -> None:
    (change,) = compare([found("a", 30), found("b", 30)], draws=50)

    assert {(one.delta, one.low, one.high) for one in change.metrics.values()} == {(0.0, 0.0, 0.0)}
    assert {(one.delta, one.low, one.high) for one in change.per_feature.values()} == {(0.0, 0.0, 0.0)}
    assert not any(one.certain for one in change.metrics.values())
    assert change.items == {}


def test_changes_are_those_of_the_metrics_where_only_one_version_says_something() -> None:
    labels = LABELS[:20]
    right = [Prediction(label.item, label.feature, label.geometry, confidence=0.5) for label in labels]
    # On images without labels, which the first version has nothing on.
    strays = [Prediction(f"u{label.item}", label.feature, label.geometry, confidence=0.9) for label in labels]
    quiet, loud = (study(labels, said, version="v", dataset="d") for said in (right, right + strays))

    for first, other in ((quiet, loud), (loud, quiet)):
        (change,) = compare([first, other], draws=200)
        before, after = first.evaluation, other.evaluation
        assert abs(change.metrics["mAP"].delta) == pytest.approx(0.5)
        assert {name: one.delta for name, one in change.metrics.items()} == {
            name: pytest.approx(after.metrics[name] - value) for name, value in before.metrics.items()
        }
        assert {name: one.delta for name, one in change.per_feature.items()} == {
            name: pytest.approx(after.per_feature[name]["AP"] - values["AP"])
            for name, values in before.per_feature.items()
        }
        assert change.metrics["mAP"].certain
        assert all(one.certain for one in change.per_feature.values())


def test_the_order_of_the_rows_does_not_matter() -> None:
    said = [Prediction(one.item, one.feature, one.geometry, confidence=0.9) for one in LABELS[:40]]
    first = study(LABELS, said, version="a", dataset="d")
    others = [study(LABELS, rows, version="b", dataset="d") for rows in (said[5:], said[:4:-1])]

    forth, back = compare([first, *others], draws=50)
    assert forth == back


@pytest.mark.parametrize(("images", "found_by_other"), [(100, 50), (400, 40)])
def test_intervals_are_those_of_the_bootstrap(images: int, found_by_other: int) -> None:
    labels = [Label(f"i{n}", "cat", Box(0, 0, 50, 50)) for n in range(images)]

    (change,) = compare([found("all", images, labels=labels), found("some", found_by_other, labels=labels)], draws=2000)

    # What is lost on an image is 0 or 1, and so the standard error is that of a share.
    share = found_by_other / images
    reach = 1.96 * np.sqrt(share * (1 - share) / images)
    for one in (change.metrics["AR100"], change.metrics["recall"]):
        assert one.delta == pytest.approx(share - 1)
        assert (one.low, one.high) == (
            pytest.approx(share - 1 - reach, abs=0.1 * reach),
            pytest.approx(share - 1 + reach, abs=0.1 * reach),
        )


def test_no_interval_reaches_beyond_what_there_is() -> None:
    (change,) = compare([found("none", 1, labels=LABELS[:3]), found("all", 3, labels=LABELS[:3])], draws=100)

    assert all(-1 <= one.low <= one.high <= 1 for one in change.metrics.values())


def test_a_feature_on_one_image_is_never_certain() -> None:
    labels = [*LABELS, Label("i0", "cow", Box(50, 50, 20, 20))]
    (change,) = compare([found("old", 60, labels=labels), found("new", 61, labels=labels)], draws=200)

    assert change.per_feature["cow"].delta == pytest.approx(1.0)
    assert not change.per_feature["cow"].certain
    assert (change.per_feature["cat"].low, change.per_feature["cat"].high) == (0.0, 0.0)


def test_a_policy_changes_what_is_compared() -> None:
    right = [Prediction(one.item, one.feature, one.geometry, confidence=0.9) for one in LABELS]
    beside = [Prediction(one.item, one.feature, Box(10, 10, 20, 14), confidence=0.9) for one in LABELS]

    def precision(policy: MatchPolicy | None) -> tuple[float, bool]:
        studies = [study(LABELS, said, version="v", dataset="d", policy=policy) for said in (right, beside)]
        (change,) = compare(studies, draws=50)
        return change.metrics["precision"].delta, change.metrics["precision"].certain

    assert precision(None) == (0.0, False)
    assert precision(MatchPolicy(iou=0.75)) == (-1.0, True)


def test_what_is_left_out_is_counted() -> None:
    said = [Prediction(one.item, one.feature, one.geometry, confidence=0.9) for one in LABELS]
    more = [*said, Prediction("i0", "cat", Whole()), Prediction("elsewhere", "cat", Box(1, 1, 9, 9))]
    items = {label.item for label in LABELS}
    (change,) = compare([study(LABELS, rows, version="v", dataset="d", items=items) for rows in (said, more)], draws=5)

    assert (change.skipped.first, change.skipped.other) == (0, 1)
    assert (change.left_out.first, change.left_out.other) == (0, 1)


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
    assert change.per_feature["x"].delta == pytest.approx(200 / 210 - 200 / 250)
    for one in change.per_feature.values():
        assert one.low < one.delta < one.high
        assert one.certain


def test_one_version_is_no_comparison() -> None:
    with pytest.raises(InvalidData, match="two versions"):
        compare([found("a", 10)])


def test_other_labels_are_no_comparison() -> None:
    with pytest.raises(InvalidData, match="not evaluated against the same labels"):
        compare([found("a", 10), found("b", 10, labels=LABELS[:50])])
