"""Scenario tests (`client.validate`): functions, criteria, evaluation of a model, results that come from outside."""

from __future__ import annotations

import pytest
from nucleus import (
    BoxAnnotation,
    BoxPrediction,
    CategoryAnnotation,
    CategoryPrediction,
    CuboidAnnotation,
    CuboidPrediction,
    Point3D,
)
from nucleus.async_job import JobError
from nucleus.errors import NucleusAPIError
from nucleus.metrics.filtering import FieldFilter, MetadataFilter
from nucleus.validate.constants import EntityLevel
from nucleus.validate.data_transfer_objects.scenario_test_evaluations import EvaluationResult

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def street(dataset):
    """Two cars on `img-0`, one on `img-1`, a category and a cuboid on `img-2`."""
    dataset.annotate(
        [
            BoxAnnotation("car", 0, 0, 10, 10, "img-0", "a"),
            BoxAnnotation("car", 50, 0, 10, 10, "img-0", "b", track_reference_id="t"),
            BoxAnnotation("car", 0, 0, 10, 10, "img-1", "a"),
            CategoryAnnotation("sun", "img-2", "weather"),
            CuboidAnnotation("van", Point3D(0, 0, 0), Point3D(2, 2, 2), 0, "img-2", "c"),
        ]
    )
    return dataset


@pytest.fixture
def part(street):
    return street.create_slice("s", ["img-0", "img-1", "img-2"])


@pytest.fixture
def detector(street, model):
    """Finds the first car by half, the third as a bus, nothing of the second; the rest is right."""
    rows = [
        BoxPrediction("car", 0, 0, 10, 5, "img-0", 0.9, "p"),
        BoxPrediction("bus", 0, 0, 10, 10, "img-1", 0.4, "q"),
        CategoryPrediction("sun", "img-2", "weather"),
        CuboidPrediction("van", Point3D(0, 0, 0), Point3D(2, 2, 2), 0, "img-2", 0.5, "r"),
    ]
    street.upload_predictions(model, rows)
    return model


def create(client, part, name, **arguments):
    function = getattr(client.validate.eval_functions, name)(**arguments)
    return client.validate.create_scenario_test(f"test of {name}", part.id, [function])


def evaluate(model, test):
    model.evaluate([test.name]).sleep_until_complete(verbose_std_out=False)
    (evaluation,) = test.get_eval_history()
    return evaluation


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("bbox_iou", {}, (0.5 + 1) / 3),
        ("bbox_iou", {"enforce_label_match": True}, 0.5 / 3),
        ("poly_iou", {}, (0.5 + 1) / 3),
        ("bbox_precision", {}, 1.0),
        ("bbox_precision", {"enforce_label_match": True}, 0.5),
        ("bbox_recall", {}, 2 / 3),
        ("bbox_recall", {"iou_threshold": 0.6}, 1 / 3),
        ("bbox_recall", {"confidence_threshold": 0.5}, 1 / 3),
        ("bbox_map", {}, (51 / 101 + 0) / 2),
        ("cuboid_iou_3d", {}, 1.0),
        ("cat_f1", {}, 1.0),
    ],
)
def test_a_function_scores_a_model(client, part, detector, name, arguments, result):
    evaluation = evaluate(detector, create(client, part, name, **arguments))
    assert evaluation.result == pytest.approx(result)
    assert (evaluation.status.value, evaluation.model_id) == ("completed", detector.id)


@pytest.mark.parametrize(("method", "result"), [(None, 4 / 9), ("macro", 4 / 9), ("micro", 4 / 7), ("weighted", 0.5)])
def test_the_f1_of_categories_is_over_all_items(client, part, street, model, method, result):
    """F1 is 2/3 for rain, found once of twice, and for sun, found once too often; the weather was not sure enough."""
    truth, made = ["sun", "rain", "rain"], ["sun", "sun", "rain"]
    street.annotate([CategoryAnnotation(name, f"img-{n}", "sky") for n, name in enumerate(truth)])
    guesses = [CategoryPrediction(name, f"img-{n}", "sky", 0.9) for n, name in enumerate(made)]
    street.upload_predictions(model, [*guesses, CategoryPrediction("sun", "img-2", "weather", 0.1)])
    evaluation = evaluate(model, create(client, part, "cat_f1", f1_method=method, confidence_threshold=0.5))
    assert evaluation.result == pytest.approx(result)


def test_every_item_has_its_own_score(client, street, part, detector):
    evaluation = evaluate(detector, create(client, part, "bbox_recall"))
    items = {item.dataset_item_id: item.reference_id for item in street.items}
    scores = {items[one.dataset_item_id]: one.result for one in evaluation.item_evals}
    assert scores == {"img-0": 0.5, "img-1": 1.0, "img-2": 0.0}
    assert {one.evaluation_id for one in evaluation.item_evals} == {evaluation.id}


def test_a_threshold_decides_who_passes(client, part, detector):
    test = create(client, part, "bbox_recall")
    (criterion,) = test.get_eval_functions()
    assert (criterion.threshold, criterion.threshold_comparison) == (None, "greater_than_equal_to")
    criterion.set_threshold(0.7)
    assert test.get_eval_functions()[0].threshold == 0.7
    evaluation = evaluate(detector, test)
    assert evaluation.passed is False
    assert [one.passed for one in evaluation.item_evals] == [False, True, False]


def test_predictions_without_a_run_count_where_there_is_no_run(client, part, street, model):
    model.upload_predictions([BoxPrediction("car", 0, 0, 10, 10, "img-0", 0.9, "p")])
    assert evaluate(model, create(client, part, "bbox_recall")).result == pytest.approx(1 / 3)


def test_a_baseline_sets_the_thresholds(client, part, detector, model):
    test = create(client, part, "bbox_recall")
    with pytest.raises(NucleusAPIError, match="was not evaluated") as refusal:
        test.set_baseline_model(detector.id)
    assert refusal.value.status_code == 400
    reached = evaluate(detector, test).result
    assert test.set_baseline_model(detector.id) == detector.id
    assert client.validate.scenario_tests[0].baseline_model_id == detector.id
    assert [criterion.threshold for criterion in test.get_eval_functions()] == [reached]


def test_names_are_taken_once(client, part):
    create(client, part, "bbox_iou")
    client.validate.create_external_eval_function("mine")
    for attempt in (
        lambda: create(client, part, "bbox_iou"),
        lambda: client.validate.create_external_eval_function("mine"),
    ):
        with pytest.raises(NucleusAPIError, match="exists already") as refusal:
            attempt()
        assert refusal.value.status_code == 409


def test_functions_from_outside_are_not_mixed_with_others(client, part):
    test = create(client, part, "bbox_iou")
    client.validate.create_external_eval_function("mine")
    with pytest.raises(NucleusAPIError, match="mixed") as refusal:
        test.add_eval_function(client.validate.eval_functions.external_functions["mine"])
    assert refusal.value.status_code == 400
    assert len(test.get_eval_functions()) == 1


def test_tests_are_listed_found_and_deleted(client, part):
    test = create(client, part, "bbox_iou")
    assert (test.name, test.slice_id) == ("test of bbox_iou", part.id)
    assert client.validate.scenario_tests == [client.validate.get_scenario_test(test.id)] == [test]
    assert client.validate.delete_scenario_test(test.id) is True
    assert client.validate.scenario_tests == []


def test_a_function_is_added(client, part, detector):
    test = create(client, part, "bbox_iou")
    test.add_eval_function(client.validate.eval_functions.bbox_recall)
    assert len(test.get_eval_functions()) == 2
    detector.evaluate([test.name]).sleep_until_complete(verbose_std_out=False)
    assert len(test.get_eval_history()) == 2


def test_the_contents_of_a_test_are_those_of_its_slice(client, part):
    test = create(client, part, "bbox_iou")
    assert [item.reference_id for item in test.get_items()] == ["img-0", "img-1", "img-2"]
    assert [track.reference_id for track in test.get_items(EntityLevel.TRACK)] == ["t"]
    assert test.get_items(EntityLevel.SCENE) == []


def test_all_tests_are_run_at_once(client, part, detector):
    tests = [create(client, part, name) for name in ("bbox_iou", "bbox_recall")]
    jobs = client.validate.metrics(detector.id)
    assert {job.job_type for job in jobs} == {"modelMetrics"}
    for job in jobs:
        client.get_job(job.job_id).sleep_until_complete(verbose_std_out=False)
    assert [len(test.get_eval_history()) for test in tests] == [1, 1]


def test_results_from_outside_are_kept(client, part, detector):
    entry = client.validate.create_external_eval_function("mine")
    (function,) = client.validate.eval_functions.external_functions.values()
    assert function.id == entry.id
    test = client.validate.create_scenario_test("external", part.id, [function])
    results = [EvaluationResult(item_ref_id="img-0", score=1.0, weight=1), EvaluationResult(item_ref_id="img-1")]
    test.upload_external_evaluation_results(function, results, detector.id)
    (evaluation,) = test.get_eval_history()
    assert evaluation.result == 0.5
    assert [one.result for one in evaluation.item_evals] == [1.0, 0.0]
    detector.evaluate(["external"]).sleep_until_complete(verbose_std_out=False)
    assert len(test.get_eval_history()) == 1


@pytest.mark.parametrize("level", ["scene_ref_id", "track_ref_id"])
def test_results_of_scenes_and_tracks_have_no_items(client, part, detector, level):
    client.validate.create_external_eval_function("mine", level=EntityLevel.SCENE)
    function = client.validate.eval_functions.external_functions["mine"]
    test = client.validate.create_scenario_test("external", part.id, [function])
    test.upload_external_evaluation_results(function, [EvaluationResult(score=0.5, **{level: "s"})], detector.id)
    (evaluation,) = test.get_eval_history()
    assert (evaluation.result, evaluation.item_evals) == (0.5, [])


def test_results_for_items_outside_of_the_test_are_refused(client, part, detector):
    client.validate.create_external_eval_function("mine")
    function = client.validate.eval_functions.external_functions["mine"]
    test = client.validate.create_scenario_test("external", part.id, [function])
    with pytest.raises(NucleusAPIError, match="img-4 does not exist"):
        test.upload_external_evaluation_results(function, [EvaluationResult(item_ref_id="img-4")], detector.id)
    assert test.get_eval_history() == []


def test_what_does_not_exist_is_refused(client, part, model):
    for attempt in (
        lambda: client.validate.get_scenario_test("ut_none"),
        lambda: model.evaluate(["none"]),
        lambda: create(client, client.get_slice("slc_none"), "bbox_iou"),
    ):
        with pytest.raises(NucleusAPIError) as refusal:
            attempt()
        assert refusal.value.status_code == 404


@pytest.mark.parametrize(
    ("filters", "result"),
    [
        ({"annotation_filters": [FieldFilter("x", "<", 50)]}, (0.5 + 1) / 2),
        ({"annotation_filters": [FieldFilter("x", "<", 50), FieldFilter("reference_id", "==", "img-1")]}, 0.5),
        ({"annotation_filters": [[FieldFilter("x", ">=", 50)], [FieldFilter("reference_id", "=", "img-1")]]}, 0.5),
        ({"annotation_filters": [MetadataFilter("far", "!=", True, allow_missing=True)]}, 0.0),
        ({"prediction_filters": [FieldFilter("label", "in", ["car"])]}, 0.5 / 3),
        ({"prediction_filters": [FieldFilter("label", "not in", ["car"])]}, 1 / 3),
        ({"prediction_filters": [FieldFilter("confidence", ">", 0.8), FieldFilter("y", "<=", 0)]}, 0.5 / 3),
        ({"annotation_filters": [], "prediction_filters": None}, (0.5 + 1) / 3),
    ],
)
def test_filters_narrow_what_a_function_looks_at(client, part, detector, filters, result):
    evaluation = evaluate(detector, create(client, part, "bbox_iou", **filters))
    assert evaluation.result == pytest.approx(result)


def test_filters_narrow_categories_too(client, part, detector):
    filters = [MetadataFilter("sure", "==", True, allow_missing=True)]
    evaluation = evaluate(detector, create(client, part, "cat_f1", prediction_filters=filters))
    assert evaluation.result == 0


@pytest.mark.parametrize(
    "condition",
    [MetadataFilter("far", "==", True), FieldFilter("taxonomy_name", "==", "a"), FieldFilter("x", "<", "a")],
)
def test_what_cannot_be_looked_up_fails_the_evaluation(client, part, detector, condition):
    test = create(client, part, "bbox_iou", annotation_filters=[condition])
    with pytest.raises(JobError, match=condition.key):
        evaluate(detector, test)


@pytest.mark.parametrize(
    "filters", [[["label", "~", "car"]], [["label"]], [[["label", "==", "car", False, "segment_field"]]]]
)
def test_senseless_filters_are_refused(client, part, filters):
    with pytest.raises(NucleusAPIError) as refusal:
        create(client, part, "bbox_iou", annotation_filters=filters)
    assert refusal.value.status_code == 400


def test_the_footprints_of_cuboids_are_compared_without_their_heights(client, part, street, model):
    row = CuboidPrediction("van", Point3D(0, 0, 5), Point3D(2, 1, 9), 0, "img-2", 0.5, "r")
    street.upload_predictions(model, [row])
    assert evaluate(model, create(client, part, "cuboid_iou_2d")).result == pytest.approx(0.5)
