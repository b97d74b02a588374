"""Commit and metrics: which predictions meet which ground truth, under which rules, and how queries show it."""

from __future__ import annotations

import pytest
from nucleus import (
    BoxAnnotation,
    BoxPrediction,
    CategoryAnnotation,
    CategoryPrediction,
    CuboidAnnotation,
    CuboidPrediction,
    Point,
    Point3D,
    PolygonAnnotation,
    PolygonPrediction,
    Segment,
    SegmentationAnnotation,
    SegmentationPrediction,
)
from nucleus.dataset import ObjectQueryType
from nucleus.evaluation_match import ConfusionCategory
from PIL import Image

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

EVERY_MODE = (ObjectQueryType.IOU, ObjectQueryType.FALSE_POSITIVE, ObjectQueryType.FALSE_NEGATIVE)


def label(name, x, annotation_id, reference_id="img-0"):
    return BoxAnnotation(name, x, 0, 10, 10, reference_id, annotation_id)


def guess(name, x, annotation_id, reference_id="img-0"):
    return BoxPrediction(name, x, 0, 10, 10, reference_id, 0.5, annotation_id)


def matches(dataset, run, mode=ObjectQueryType.IOU, query=""):
    return list(dataset.query_objects(query, mode, run.model_run_id))


def pairs(dataset, run, mode=ObjectQueryType.IOU):
    return [
        (match.ground_truth_annotation_label, match.model_prediction_label, round(match.iou, 3))
        for match in matches(dataset, run, mode)
    ]


def committed(dataset, model, labels, guesses, payload=None):
    dataset.annotate(labels)
    run = model.create_run("run", dataset, guesses)
    run.commit(payload)
    return run


def test_what_overlaps_most_is_matched_first(dataset, model):
    run = committed(
        dataset,
        model,
        [label("car", 0, "near"), label("car", 6, "far")],
        [guess("car", 2, "between"), guess("car", 1, "closest")],
    )
    # 9 of 11 columns shared, then 6 of 14; the greatest overlap of `between` is taken.
    assert pairs(dataset, run) == [("car", "car", 0.818), ("car", "car", 0.429)]


def test_a_slight_touch_is_a_match_and_none_is_not(dataset, model):
    run = committed(
        dataset,
        model,
        [label("car", 0, "a"), label("car", 50, "b")],
        [guess("car", 9.5, "p"), guess("car", 80, "q")],
    )
    assert pairs(dataset, run) == [("car", "car", 0.026)]
    assert pairs(dataset, run, ObjectQueryType.FALSE_POSITIVE) == [(None, "car", 0.0)]
    assert pairs(dataset, run, ObjectQueryType.FALSE_NEGATIVE) == [("car", None, 0.0)]


def test_only_rows_of_one_item_meet(dataset, model):
    run = committed(dataset, model, [label("car", 0, "a")], [guess("car", 0, "p", "img-1")])
    assert pairs(dataset, run) == []


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (None, [("car", "bus", 1.0), ("van", "van", 1.0)]),
        ({"class_agnostic": True}, [("car", "bus", 1.0), ("van", "van", 1.0)]),
        ({"class_agnostic": False}, [("van", "van", 1.0)]),
        (
            {"allowed_label_matches": [{"ground_truth_label": "car", "model_prediction_label": "bus"}]},
            [("car", "bus", 1.0), ("van", "van", 1.0)],
        ),
        (
            {"allowed_label_matches": [{"ground_truth_label": "bus", "model_prediction_label": "car"}]},
            [("van", "van", 1.0)],
        ),
    ],
    ids=["default", "agnostic", "by class", "pair allowed", "pair the other way round"],
)
def test_classes_matter_as_the_options_say(dataset, model, payload, found):
    labels = [label("car", 0, "a"), label("van", 50, "b")]
    run = committed(dataset, model, labels, [guess("bus", 0, "p"), guess("van", 50, "q")], payload)
    assert pairs(dataset, run) == found
    assert {match.confusion_category for match in matches(dataset, run)} == {ConfusionCategory.TRUE_POSITIVE}


def test_an_allowed_pair_is_taken_before_a_closer_one_that_is_not(dataset, model):
    labels = [label("car", 0, "a")]
    run = committed(dataset, model, labels, [guess("bus", 0, "p"), guess("car", 5, "q")], {"class_agnostic": False})
    assert pairs(dataset, run) == [("car", "car", 0.333)]
    assert pairs(dataset, run, ObjectQueryType.FALSE_POSITIVE) == [(None, "bus", 0.0)]


SQUARE = [Point(0, 0), Point(10, 0), Point(10, 10), Point(0, 10)]
TRIANGLE = [Point(0, 0), Point(10, 0), Point(0, 10)]
BOW = [Point(0, 0), Point(10, 10), Point(10, 0), Point(0, 10)]


@pytest.mark.parametrize(
    ("annotation", "prediction", "iou"),
    [
        (PolygonAnnotation("x", SQUARE, "img-0", "a"), PolygonPrediction("x", TRIANGLE, "img-0", None, "p"), 0.5),
        (label("x", 0, "a"), PolygonPrediction("x", TRIANGLE, "img-0", None, "p"), 0.5),
        (PolygonAnnotation("x", SQUARE, "img-0", "a"), PolygonPrediction("x", BOW, "img-0", None, "p"), 0.5),
        (BoxAnnotation("x", 10, 10, -10, -10, "img-0", "a"), guess("x", 5, "p"), 1 / 3),
        (
            CuboidAnnotation("x", Point3D(0, 0, 0), Point3D(2, 2, 2), 0, "img-0", "a"),
            CuboidPrediction("x", Point3D(1, 0, 1), Point3D(2, 2, 2), 0, "img-0", None, "p"),
            2 / 14,
        ),
        (
            CuboidAnnotation("x", Point3D(0, 0, 0), Point3D(4, 2, 1), 0, "img-0", "a"),
            CuboidPrediction("x", Point3D(0, 0, 0), Point3D(2, 4, 1), 3.141592653589793 / 2, "img-0", None, "p"),
            1.0,
        ),
    ],
    ids=["polygons", "box and polygon", "crossed outline", "box to the left", "cuboids", "turned cuboid"],
)
def test_shapes_are_compared_exactly(dataset, model, annotation, prediction, iou):
    run = committed(dataset, model, [annotation], [prediction])
    (match,) = matches(dataset, run)
    assert match.iou == pytest.approx(iou)


def test_boxes_without_extent_or_beyond_all_measure_meet_nothing(dataset, model):
    labels = [BoxAnnotation("x", 0, 0, 0, 0, "img-0", "a"), BoxAnnotation("x", 0, 0, 1e308, 1e308, "img-1", "a")]
    guesses = [
        BoxPrediction("x", 0, 0, 0, 0, "img-0", 0.5, "p"),
        BoxPrediction("x", 0, 0, 1e308, 1e308, "img-1", 0.5, "p"),
    ]
    assert pairs(dataset, committed(dataset, model, labels, guesses)) == []


def test_a_cuboid_meets_no_box(dataset, model):
    cuboid = CuboidPrediction("x", Point3D(0, 0, 0), Point3D(10, 10, 10), 0, "img-0", None, "p")
    run = committed(dataset, model, [label("x", 0, "a")], [cuboid])
    assert pairs(dataset, run) == []


def test_categories_meet_by_taxonomy_and_agree_or_not(dataset, model):
    labels = [CategoryAnnotation("sun", "img-0", "weather"), CategoryAnnotation("wet", "img-0", "road")]
    guesses = [CategoryPrediction("fog", "img-0", "weather"), CategoryPrediction("sun", "img-0")]
    run = committed(dataset, model, labels, guesses)
    assert pairs(dataset, run) == [("sun", "fog", 1.0)]
    assert pairs(dataset, run, ObjectQueryType.FALSE_POSITIVE) == [("sun", "fog", 1.0), (None, "sun", 0.0)]
    assert pairs(dataset, run, ObjectQueryType.FALSE_NEGATIVE) == [("wet", None, 0.0)]


def test_matches_name_their_rows_run_and_item(dataset, model):
    run = committed(dataset, model, [label("car", 0, "a")], [guess("car", 0, "p")])
    (match,) = matches(dataset, run)
    assert match.model_run_id == run.model_run_id
    assert match.dataset_item_id == dataset.refloc("img-0")["item"].dataset_item_id
    assert (match.model_prediction_id[:5], match.ground_truth_annotation_id[:4]) == ("pred_", "ann_")
    assert matches(dataset, run) == [match]


def test_nothing_is_matched_before_commit_and_nothing_new_before_the_next(dataset, model):
    dataset.annotate([label("car", 0, "a")])
    run = model.create_run("run", dataset, [guess("car", 0, "p")])
    assert [pairs(dataset, run, mode) for mode in EVERY_MODE] == [[], [], []]
    dataset.calculate_evaluation_metrics(model)
    dataset.annotate([label("van", 50, "b")])
    assert pairs(dataset, run, ObjectQueryType.FALSE_NEGATIVE) == []
    dataset.calculate_evaluation_metrics(model)
    assert pairs(dataset, run, ObjectQueryType.FALSE_NEGATIVE) == [("van", None, 0.0)]


def test_matches_can_be_narrowed_to_items(dataset, model):
    labels = [label("car", 0, "a"), label("car", 0, "a", "img-1")]
    run = committed(dataset, model, labels, [guess("car", 0, "p"), guess("car", 0, "p", "img-1")])
    (match,) = matches(dataset, run, query="metadata.n = 1")
    assert match.dataset_item_id == dataset.refloc("img-1")["item"].dataset_item_id


def test_rows_can_be_queried_without_matches(dataset, model):
    dataset.annotate([label("car", 0, "a"), CategoryAnnotation("sun", "img-0")])
    run = model.create_run("run", dataset, [guess("bus", 0, "p")])
    (row,) = dataset.query_objects("", ObjectQueryType.GROUND_TRUTH_ONLY)
    assert row.to_payload() == label("car", 0, "a").to_payload()
    (row,) = dataset.query_objects("", ObjectQueryType.PREDICTIONS_ONLY, run.model_run_id)
    assert (row.label, row.confidence) == ("bus", 0.5)


@pytest.mark.parametrize("mode", [ObjectQueryType.IOU, ObjectQueryType.PREDICTIONS_ONLY])
def test_a_query_that_names_no_run_means_the_youngest(dataset, model, mode):
    assert list(dataset.query_objects("", mode)) == []
    committed(dataset, model, [label("car", 0, "a")], [guess("car", 0, name) for name in "pq"])
    young = committed(dataset, model, [], [guess("car", 0, "r")])
    assert len(list(dataset.query_objects("", mode))) == 1
    assert list(dataset.query_objects("", mode)) == list(dataset.query_objects("", mode, young.model_run_id))


@pytest.mark.parametrize("page_limit", [None, 1, 2])
def test_matches_come_in_pages(dataset, model, live, page_limit):
    live.settings.page_limit = page_limit
    labels = [label("car", 20 * n, str(n)) for n in range(5)]
    run = committed(dataset, model, labels, [guess("car", 20 * n, str(n)) for n in range(5)])
    assert len({match.ground_truth_annotation_id for match in matches(dataset, run)}) == 5


SEGMENTS = [Segment("sky", 0), Segment("road", 1), Segment("car", 2)]


def mask(path, kind, columns, segments=SEGMENTS):
    """Return a mask of one row whose pixels have the values given, one digit each."""
    image = Image.new("L", (len(columns), 1))
    image.putdata([int(value) for value in columns])
    image.save(path)
    return kind(str(path), segments, "img-0")


def test_uploaded_masks_are_matched_by_segment(dataset, model, tmp_path):
    truth = mask(tmp_path / "a.png", SegmentationAnnotation, "0000111100")
    guess_ = mask(tmp_path / "b.png", SegmentationPrediction, "0000001122")
    run = committed(dataset, model, [truth], [guess_], {"class_agnostic": False})
    assert pairs(dataset, run) == [("sky", "sky", 0.5), ("road", "road", 0.5)]
    assert pairs(dataset, run, ObjectQueryType.FALSE_POSITIVE) == [(None, "car", 0.0)]
    assert pairs(dataset, run, ObjectQueryType.FALSE_NEGATIVE) == []


def test_segments_are_matched_across_classes_if_these_are_ignored(dataset, model, tmp_path):
    truth = mask(tmp_path / "a.png", SegmentationAnnotation, "0011", [Segment("sky", "0"), Segment("road", "1")])
    guess_ = mask(tmp_path / "b.png", SegmentationPrediction, "1100", [Segment("sky", 0), Segment("none", None)])
    run = committed(dataset, model, [truth], [guess_])
    assert pairs(dataset, run) == [("road", "sky", 1.0)]


def test_masks_of_two_sizes_or_at_urls_are_not_matched(dataset, model, tmp_path):
    truth = mask(tmp_path / "a.png", SegmentationAnnotation, "0011")
    for guess_ in (
        mask(tmp_path / "b.png", SegmentationPrediction, "001122"),
        SegmentationPrediction("https://masks.example/1.png", SEGMENTS, "img-0"),
    ):
        run = committed(dataset, model, [truth], [guess_])
        assert [pairs(dataset, run, mode) for mode in EVERY_MODE] == [[], [], []]
