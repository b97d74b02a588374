"""Matches: which prediction hit which label under a policy, the confusions and curves that follow from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import Box, InvalidData, Label, Prediction
from dragoman.evaluate import study
from dragoman.evaluate.matching import Match
from dragoman.schema import MatchPolicy

CAT, DOG = Box(0, 0, 10, 10), Box(50, 50, 10, 10)


def label(feature: str, box: Box, item: str = "a", **more: Any) -> Label:
    return Label(item, feature, box, **more)


def said(feature: str, box: Box, confidence: float = 0.5, item: str = "a", **more: Any) -> Prediction:
    return Prediction(item, feature, box, confidence=confidence, **more)


def matched(labels: list[Label], predictions: list[Prediction], **policy: Any) -> list[Match]:
    found = study(labels, predictions, version="v", dataset="d", policy=MatchPolicy(**policy))
    assert found.matches is not None
    return list(found.matches.rows())


def statuses(rows: list[Match]) -> list[str]:
    return [row.status for row in rows]


def test_every_row_of_either_side_is_in_one_match() -> None:
    labels = [label("cat", CAT), label("dog", DOG), label("dog", DOG, item="b", frame=3)]
    predictions = [said("cat", CAT), said("cow", DOG), said("cow", Box(90, 90, 5, 5))]

    right, wrong, false, missed = matched(labels, predictions)

    assert right == Match("a", "true_positive", None, labels[0].id, predictions[0].id, "cat", "cat", 0.5, 1.0)
    assert wrong == Match("a", "wrong_feature", None, labels[1].id, predictions[1].id, "dog", "cow", 0.5, 1.0)
    assert false == Match("a", "false_positive", prediction=predictions[2].id, prediction_feature="cow", confidence=0.5)
    assert missed == Match("b", "false_negative", 3, labels[2].id, label_feature="dog")


def test_the_most_confident_prediction_chooses_first_and_takes_what_it_overlaps_most() -> None:
    near = Box(2, 0, 10, 10)
    rows = matched(
        [label("cat", CAT), label("cat", near)], [said("cat", CAT, 0.4), said("cat", Box(1.5, 0, 10, 10), 0.9)]
    )

    assert statuses(rows) == ["true_positive", "true_positive"]
    assert rows[1].label == label("cat", near).id


def test_a_label_is_found_once() -> None:
    rows = matched([label("cat", CAT)], [said("cat", CAT, 0.4), said("cat", Box(1, 0, 10, 10), 0.9)])

    assert statuses(rows) == ["false_positive", "true_positive"]


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        ({}, "wrong_feature"),
        ({"class_agnostic": True}, "true_positive"),
        ({"pairs": (("dog", "cat"),)}, "true_positive"),
        ({"pairs": (("cat", "dog"),)}, "wrong_feature"),
        ({"pairs": (("cow", "cat"),)}, "wrong_feature"),
    ],
)
def test_a_policy_says_which_features_match(policy: dict[str, Any], status: str) -> None:
    assert statuses(matched([label("dog", DOG)], [said("cat", DOG)], **policy)) == [status]


@pytest.mark.parametrize(("iou", "status"), [(0.6, "true_positive"), (0.7, "false_positive")])
def test_a_policy_says_how_much_must_overlap(iou: float, status: str) -> None:
    # Two thirds of their union.
    rows = matched([label("cat", CAT)], [said("cat", Box(2, 0, 10, 10))], iou=iou)

    assert rows[0].status == status


def test_frames_of_a_video_are_images_of_their_own() -> None:
    rows = matched([label("cat", CAT, frame=1)], [said("cat", CAT, frame=2)])

    assert statuses(rows) == ["false_positive", "false_negative"]


def test_items_without_labels_or_without_predictions_count() -> None:
    labels, predictions = (
        [label("cat", CAT), label("cat", CAT, item="b")],
        [said("cat", CAT), said("cat", CAT, item="c")],
    )

    assert statuses(matched(labels, predictions)) == ["true_positive", "false_positive", "false_negative"]


def test_what_lies_in_a_crowd_counts_for_nothing() -> None:
    crowd = label("cat", Box(0, 0, 100, 100), metadata={"coco": {"iscrowd": 1}})
    found = study([crowd, label("cat", CAT, item="b")], [said("cat", CAT)] * 1, version="v", dataset="d")

    assert found.matches is not None
    assert statuses(list(found.matches.rows())) == ["in_crowd", "false_negative"]
    assert (found.evaluation.metrics["precision"], found.evaluation.metrics["recall"]) == (0.0, 0.0)


def test_what_lies_in_a_crowd_takes_no_label_of_another_feature() -> None:
    crowd = label("cat", Box(0, 0, 100, 100), id="crowd", metadata={"coco": {"iscrowd": 1}})
    dog = label("dog", CAT, id="dog")

    absorbed, missed = matched([dog, crowd], [said("cat", CAT)])

    assert (absorbed.status, absorbed.label) == ("in_crowd", "crowd")
    assert (missed.status, missed.label) == ("false_negative", "dog")


def test_of_two_crowds_that_is_named_which_holds_most_of_a_prediction() -> None:
    most, some = (
        label("cat", Box(0, 0, width, 10), id=str(width), metadata={"coco": {"iscrowd": 1}}) for width in (9, 6)
    )

    (absorbed,) = matched([some, most], [said("cat", CAT)])

    assert (absorbed.label, absorbed.iou) == ("9", pytest.approx(0.9))


def test_a_feature_that_is_only_in_crowds_has_no_figures() -> None:
    labels = [label("cat", CAT, metadata={"coco": {"iscrowd": 1}}), label("dog", DOG)]
    found = study(labels, [said("dog", DOG)], version="v", dataset="d")

    assert found.evaluation.per_feature["cat"] == {}
    assert found.evaluation.per_feature["dog"]["AP"] == pytest.approx(1.0)
    assert found.evaluation.metrics["mAP"] == pytest.approx(1.0)


def test_confusions_count_what_is_there_against_what_was_said() -> None:
    labels = [label("cat", CAT), label("dog", DOG), label("dog", DOG, item="b")]
    predictions = [said("cat", CAT, 0.9), said("cat", DOG, 0.3), said("dog", Box(90, 90, 5, 5), 0.8)]
    found = study(labels, predictions, version="v", dataset="d")

    names, counts = found.confusion
    assert names == ["cat", "dog", "background"]
    assert counts.tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 0]]
    assert found.matches is not None
    assert found.matches.confusion(0.5)[1].tolist() == [[1, 0, 0], [0, 0, 2], [0, 1, 0]]


def test_curves_name_the_confidence_of_the_best_f1() -> None:
    labels = [label("cat", Box(20 * n, 0, 10, 10)) for n in range(4)]
    right = [said("cat", one.geometry, confidence) for one, confidence in zip(labels[:3], (0.9, 0.8, 0.3), strict=True)]
    wrong = [said("cat", Box(20 * n, 60, 10, 10), confidence) for n, confidence in enumerate((0.7, 0.6, 0.5))]

    curve = study(labels, right + wrong, version="v", dataset="d").curves["cat"]

    assert curve.confidence.tolist() == [0.9, 0.8, 0.7, 0.6, 0.5, 0.3]
    assert curve.precision.tolist() == pytest.approx([1, 1, 2 / 3, 1 / 2, 2 / 5, 1 / 2])
    assert curve.recall.tolist() == [0.25, 0.5, 0.5, 0.5, 0.5, 0.75]
    assert (curve.best_confidence, curve.best_f1, curve.labels) == (0.8, pytest.approx(2 / 3), 4)


def test_slices_have_metrics_of_their_own() -> None:
    labels = [label("cat", CAT, item) for item in "ab"]
    found = study(
        labels, [said("cat", CAT)], version="v", dataset="d", slices={"day": ["a"], "night": ["b"], "none": []}
    )

    assert {name: metrics["mAP"] for name, metrics in found.slices.items()} == {"day": pytest.approx(1.0), "night": 0.0}


def test_a_slice_may_have_any_name() -> None:
    slices = {name: ["a"] for name in ("_overall", "", "0", "1")}
    found = study([label("cat", CAT)], [said("cat", CAT)], version="v", dataset="d", slices=slices)

    assert {name: metrics["mAP"] for name, metrics in found.slices.items()} == dict.fromkeys(slices, pytest.approx(1.0))


def test_frames_are_in_the_slice_of_their_item() -> None:
    labels = [label("cat", CAT, item, frame=frame) for item in "ba" for frame in (10, 9)]
    predictions = [said("cat", CAT, item="b", frame=frame) for frame in (9, 10)]
    found = study(labels, predictions, version="v", dataset="d", slices={"day": ["a"], "night": ["b"]})

    assert {name: metrics["mAP"] for name, metrics in found.slices.items()} == {"day": 0.0, "night": pytest.approx(1.0)}


def test_an_id_that_occurs_twice_is_refused() -> None:
    with pytest.raises(InvalidData, match="'same' occurs twice"):
        study(
            [label("cat", CAT), label("dog", DOG, id="x")], [said("cat", CAT, id="same")] * 2, version="v", dataset="d"
        )


# Few places, so that many lie on each other.
boxes = st.builds(Box, st.sampled_from([0, 3, 20]), st.just(0), *(st.integers(8, 12) for _ in range(2)))
rows = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["cat", "dog"]), boxes, st.floats(0, 1)), max_size=12)


@given(truth=rows.filter(bool), crowds=st.sets(st.integers(0, 11)), found=rows, agnostic=st.booleans())
def test_no_row_is_lost_and_none_counts_twice(
    truth: list[Any], crowds: set[int], found: list[Any], agnostic: bool
) -> None:
    facts = [{"coco": {"iscrowd": 1}} if n in crowds else {} for n in range(len(truth))]
    labels = [
        label(feature, box, item, id=f"l{n}", metadata=facts[n]) for n, (item, feature, box, _) in enumerate(truth)
    ]
    predictions = [said(feature, box, sure, item, id=f"p{n}") for n, (item, feature, box, sure) in enumerate(found)]
    result = study(labels, predictions, version="v", dataset="d", policy=MatchPolicy(class_agnostic=agnostic))
    assert result.matches is not None
    matches = list(result.matches.rows())

    assert sorted(row.prediction for row in matches if row.prediction) == sorted(row.id for row in predictions)
    absorbed = [row for row in matches if row.status == "in_crowd"]
    counted = [row for row in matches if row.status != "in_crowd"]
    objects = [row for row in labels if not row.metadata]
    assert sorted(row.label for row in counted if row.label) == sorted(row.id for row in objects)
    assert {row.label for row in absorbed} <= {row.id for row in labels if row.metadata}
    hits = [row for row in matches if row.status == "true_positive"]
    assert all(row.iou is not None and row.iou >= 0.5 for row in hits)
    assert all(agnostic or row.label_feature == row.prediction_feature for row in hits)
    assert int(np.sum(result.confusion[1])) == len(counted)
    assert result.evaluation.metrics["recall"] == pytest.approx(len(hits) / max(len(objects), 1))
