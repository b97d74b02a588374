"""Evaluations of models by benchmarks: their life, figures checked by hand, classes, exclusions, filters, examples."""

from __future__ import annotations

import nucleus
import pytest
from nucleus import BoxAnnotation, BoxPrediction, Point, PolygonAnnotation, PolygonPrediction
from nucleus.errors import NucleusAPIError
from nucleus.evaluation_v2 import RollupGroup
from nucleus.evaluation_v2_exclusions import BoxAreaExclusionRule, LabelExclusionRule, MetadataExclusionRule

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def label(name, x, annotation_id, reference_id="img-0", side=10):
    return BoxAnnotation(name, x, 0, side, 10, reference_id, annotation_id)


def guess(name, x, annotation_id, confidence=0.5, reference_id="img-0", side=10, **metadata):
    return BoxPrediction(name, x, 0, side, 10, reference_id, confidence, annotation_id, metadata)


LABELS = [
    label("car", 0, "found"),
    label("car", 100, "missed"),
    label("bus", 200, "mistaken"),
    label("bus", 300, "shifted"),
    label("van", 0, "alone", "img-1", 40),
]
GUESSES = [
    guess("car", 0, "right", 0.9, source="a"),
    guess("car", 1, "again", 0.8),
    guess("car", 200, "class", 0.7),
    guess("bus", 306, "place", 0.6),
    guess("car", 900, "nothing", 0.4),
    guess("van", 0, "van", None, "img-1", 40),
]


@pytest.fixture
def benchmark(client, dataset):
    dataset.annotate(LABELS)
    return client.create_benchmark("b", dataset_id=dataset.id, verbose=False)


@pytest.fixture
def detector(model):
    return model


def version(client, benchmark, **taxonomy):
    return client.create_benchmark("v", parent_benchmark_id=benchmark.id, verbose=False, **taxonomy)


def evaluate(benchmark, model, **options):
    return benchmark.create_evaluation_v2(model_id=model, **options).wait_for_completion(poll_interval=0)


@pytest.fixture
def evaluation(benchmark, detector):
    detector.upload_predictions(GUESSES)
    return evaluate(benchmark, detector, name="e")


def counts(evaluation, threshold=0.5, **options):
    total = evaluation.charts(threshold, **options).totalCounts
    return (total.tp, total.fp, total.fn)


def test_an_evaluation_is_computed_by_a_job(client, benchmark, detector):
    made = benchmark.create_evaluation_v2(model_id=detector.id, name="e")
    assert made.id.startswith("evalv2_")
    assert (made.status, made.model_id, made.model_run_id) == ("computing", detector.id, None)
    with pytest.raises(NucleusAPIError) as refusal:
        made.charts()
    assert refusal.value.status_code == 409
    made.refresh()
    assert (made.status, made.name, made.benchmark_id) == ("succeeded", "e", benchmark.id)
    assert client.list_evaluations_v2(model_id=detector) == [made]


def test_the_counts_are_those_of_the_matches(evaluation):
    total = evaluation.charts().totalCounts
    assert (total.tp, total.fp, total.fn, total.predsWithConfidence) == (2, 4, 3, 5)


def test_every_error_is_attributed(evaluation):
    found = evaluation.charts().tideAttribution
    assert found.dict() == {
        "truePositive": 2,
        "localization": 1,
        "classification": 1,
        "both": 0,
        "duplicate": 1,
        "background": 1,
        "missed": 1,
    }


def test_classes_that_were_taken_for_others_are_shown(evaluation):
    cells = {(cell.gtLabel, cell.predLabel): cell.count for cell in evaluation.charts().confusionMatrix}
    assert cells == {
        ("car", "car"): 1,
        ("van", "van"): 1,
        ("bus", "car"): 1,
        ("background", "car"): 2,
        ("background", "bus"): 1,
        ("car", "background"): 1,
        ("bus", "background"): 1,
    }


def test_precision_follows_from_the_ranking(evaluation):
    chart = evaluation.charts()
    precisions = {entry.classLabel: entry.ap for entry in chart.perClassAp}
    # One of two cars comes first, so the precision is 1 up to recall 0.5: 51 of 101 recalls.
    assert precisions == pytest.approx({"bus": 0.0, "car": 51 / 101, "van": 1.0})
    assert chart.mapSummary.mapAt50 == pytest.approx((51 / 101 + 1) / 3)
    curve = [point for point in chart.prCurve if point.classLabel == "car"]
    assert [point.recall for point in curve] == [0.5] * 4
    assert [point.precision for point in curve] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])


def test_sizes_are_told_apart(evaluation):
    sizes = evaluation.charts().apBySize
    assert (sizes.medium, sizes.large) == (None, None)
    assert sizes.small == pytest.approx((51 / 101 + 1) / 3)


def test_confidences_are_counted_in_tenths(evaluation):
    buckets = evaluation.charts().scoreHistogram
    assert [bucket.count for bucket in buckets] == [0, 0, 0, 0, 1, 0, 1, 1, 1, 1]
    assert (buckets[0].bucketMin, buckets[-1].bucketMax) == (0.0, 1.0)


def test_a_lower_threshold_lets_shifted_boxes_count(evaluation):
    assert counts(evaluation, 0.2) == (3, 3, 2)
    assert evaluation.charts().computedIouRanges == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]


def test_items_without_predictions_count_as_missed(benchmark, detector):
    assert counts(evaluate(benchmark, detector)) == (0, 0, 5)


def test_polygons_are_compared_by_their_area(client, dataset, detector):
    square = [Point(0, 0), Point(10, 0), Point(10, 10), Point(0, 10)]
    dataset.annotate([PolygonAnnotation("road", square, "img-0", "a")])
    detector.upload_predictions([PolygonPrediction("road", square[:3], "img-0", 0.5, "p")])
    made = client.create_benchmark("b", dataset_id=dataset.id, verbose=False)
    done = evaluate(made, detector)
    assert (counts(done, 0.5), counts(done, 0.55)) == ((1, 0, 0), (0, 1, 1))


def test_a_run_can_be_evaluated_too(client, benchmark, dataset, detector):
    run = detector.create_run("r", dataset, GUESSES[:1])
    made = benchmark.create_evaluation_v2(run.model_run_id).wait_for_completion(poll_interval=0)
    assert (made.model_run_id, made.model_id) == (run.model_run_id, None)
    assert counts(made) == (1, 0, 4)
    assert client.list_evaluations_v2(run.model_run_id) == [made]
    assert client.list_evaluations_v2(model_id=detector) == []


def test_labels_are_rolled_up_to_classes(benchmark, detector, evaluation):
    groups = [RollupGroup("vehicle", ["car", "bus"])]
    done = evaluate(benchmark, detector, rollup_groups=groups)
    assert done.rollup_groups == groups
    assert counts(done) == (3, 3, 2)


def test_groups_of_an_evaluation_go_before_those_of_its_benchmark(client, benchmark, detector, evaluation):
    groups = [RollupGroup("vehicle", ["car", "bus"])]
    rolled = version(client, benchmark, rollup_groups=groups)
    assert counts(evaluate(rolled, detector)) == (3, 3, 2)
    assert counts(evaluate(rolled, detector, rollup_groups=[])) == (2, 4, 3)


def test_a_label_is_in_one_group(client, benchmark, detector):
    groups = [RollupGroup("vehicle", ["car", "bus"]), RollupGroup("long", ["bus"])]
    for attempt in (
        lambda: evaluate(benchmark, detector, rollup_groups=groups),
        lambda: version(client, benchmark, rollup_groups=groups),
    ):
        with pytest.raises(NucleusAPIError, match="bus") as refusal:
            attempt()
        assert refusal.value.status_code == 400


def test_a_benchmark_can_ignore_classes(client, benchmark, detector, evaluation):
    assert counts(evaluate(version(client, benchmark, class_agnostic=True), detector)) == (3, 3, 2)


@pytest.mark.parametrize(
    ("rule", "expected", "stats"),
    [
        (MetadataExclusionRule("n", "EQ", 1), (1, 4, 3), (1, 0, 0)),
        (MetadataExclusionRule("n", "IN", [0]), (1, 0, 0), (1, 0, 0)),
        (MetadataExclusionRule("n", "GT", 0), (1, 4, 3), (1, 0, 0)),
        (LabelExclusionRule("annotation", "groundTruth", ["bus"]), (2, 4, 1), (0, 2, 0)),
        (LabelExclusionRule("annotation", "prediction", ["car"]), (1, 1, 4), (0, 0, 4)),
        (LabelExclusionRule("item", "prediction", ["van"]), (1, 4, 3), (1, 0, 0)),
        (BoxAreaExclusionRule("annotation", "groundTruth", min=200), (1, 5, 0), (0, 4, 0)),
        (BoxAreaExclusionRule("item", "groundTruth", max=200), (1, 4, 3), (1, 0, 0)),
    ],
)
def test_rules_leave_out_items_and_rows(benchmark, detector, evaluation, rule, expected, stats):
    done = evaluate(benchmark, detector, exclusion_rules=[rule])
    assert counts(done) == expected
    names = ("items_excluded", "ground_truth_excluded", "predictions_excluded")
    assert tuple(done.exclusion_stats[name] for name in names) == stats
    assert done.exclusion_rules[0]["type"] == rule.to_api_dict()["type"]


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "color", "scope": "item"},
        {"type": "labels", "scope": "annotation", "target": "groundTruth", "labels": []},
        {"type": "boxArea", "scope": "annotation", "target": "groundTruth"},
        {"type": "metadata", "scope": "annotation", "key": "k", "op": "EQ", "value": 1},
        {"type": "metadata", "scope": "item", "key": "k", "op": "NE", "value": 1},
    ],
)
def test_a_rule_that_means_nothing_is_refused(benchmark, detector, rule):
    with pytest.raises(NucleusAPIError) as refusal:
        benchmark.create_evaluation_v2(model_id=detector, exclusion_rules=[rule])
    assert refusal.value.status_code == 400


def test_a_preset_seeds_an_evaluation(client, benchmark, detector, evaluation):
    preset = client.create_evaluation_v2_preset("p", rollup_groups=[RollupGroup("vehicle", ["car", "bus"])])
    assert counts(evaluate(benchmark, detector, preset=preset)) == (3, 3, 2)


FILTERS = {
    "confidence": ({"confidence_range": {"min": 0.65, "max": 0.95}}, (1, 2, 3)),
    "iou": ({"iou_range": {"min": 0.9}}, (2, 1, 0)),
    "predicted class": ({"pred_labels": ["bus"]}, (0, 1, 3)),
    "true class": ({"gt_labels": ["car"]}, (1, 3, 1)),
    "item metadata": ({"item_metadata": [{"key": "n", "op": "EQ", "value": 1}]}, (1, 0, 0)),
    "prediction metadata": ({"prediction_metadata": [{"key": "source", "op": "EQ", "value": "a"}]}, (1, 0, 3)),
    "area": ({"gt_area_range": {"max": 200}}, (1, 4, 3)),
    "equal classes": ({"label_equality": "EQ"}, (2, 0, 0)),
    "different classes": ({"label_equality": "NEQ"}, (0, 4, 3)),
    "no ground truth": ({"has_ground_truth": False}, (0, 3, 0)),
    "background": ({"tide_background": True}, (0, 1, 0)),
}


@pytest.mark.parametrize(("wanted", "expected"), FILTERS.values(), ids=FILTERS.keys())
def test_charts_are_narrowed_by_filters(evaluation, wanted, expected):
    assert counts(evaluation, filters=nucleus.EvaluationV2FilterArgs(**wanted)) == expected


def test_charts_are_narrowed_by_slices_and_queries(evaluation, dataset):
    part = dataset.create_slice("s", ["img-1"])
    assert counts(evaluation, filters={"sliceIds": [part.id]}) == (1, 0, 0)
    assert counts(evaluation, query="metadata.n = 0") == (1, 4, 3)
    assert counts(evaluation, query="metadata.n = 0", filters={"sliceIds": [part.id]}) == (0, 0, 0)


def test_examples_show_every_hit(evaluation, dataset):
    page = evaluation.examples(limit=100)
    assert page.total == len(page.rows) == 9
    (row,) = [row for row in page.rows if row.confidence == 0.7]
    assert (row.match_type, row.true_positive, row.iou, row.gt_area) == ("FP", False, 1.0, 100.0)
    assert (row.pred_canonical_label, row.gt_canonical_label) == ("car", "bus")
    assert (row.prediction_row["annotation_id"], row.annotation_row["annotation_id"]) == ("class", "mistaken")
    assert row.dataset_item_id == dataset.refloc("img-0")["item"].dataset_item_id
    assert row.item_metadata == {"n": 0}


def test_examples_are_chosen_sorted_and_paged(evaluation):
    page = evaluation.examples("FP", limit=2, offset=1, sort_by="confidence", sort_order="DESC")
    assert (page.total, [row.confidence for row in page.rows]) == (4, [0.7, 0.6])
    rising = evaluation.examples("FP", sort_by="confidence", sort_order="ASC")
    assert [row.confidence for row in rising.rows] == [0.4, 0.6, 0.7, 0.8]
    assert evaluation.examples("FN").total == 3
    ids = [row.dataset_item_id for row in evaluation.examples(sort_by="dataset_item_id").rows]
    assert ids == sorted(ids, reverse=True)


@pytest.mark.parametrize("options", [{"limit": 101}, {"offset": -1}, {"match_type": "TN"}, {"sort_by": "color"}])
def test_senseless_examples_are_refused(evaluation, options):
    with pytest.raises(NucleusAPIError) as refusal:
        evaluation.examples(**options)
    assert refusal.value.status_code == 400


def test_the_filter_schema_tells_what_can_be_filtered(client, evaluation):
    schema = client.get_evaluation_v2_filter_schema(evaluation.id)
    assert schema == evaluation.filter_schema()
    assert (schema.gt_labels, schema.pred_labels) == (["bus", "car", "van"], ["bus", "car", "van"])
    (entry,) = schema.metadata_fields
    assert (entry.key, entry.value_type, entry.values) == ("n", "number", ["0", "1"])


def test_an_evaluation_that_runs_can_be_cancelled(benchmark, detector):
    made = benchmark.create_evaluation_v2(model_id=detector)
    assert made.cancel().status == "cancelled"
    for attempt in (made.cancel, made.retry):
        with pytest.raises(NucleusAPIError, match="is cancelled") as refusal:
            attempt()
        assert refusal.value.status_code == 409


def test_a_failed_evaluation_says_why_and_can_be_made_again(benchmark, detector, live):
    live.state.jobs.fail_next("Errored", "disk on fire")
    made = benchmark.create_evaluation_v2(model_id=detector, name="e")
    with pytest.raises(RuntimeError, match="disk on fire"):
        made.wait_for_completion(poll_interval=0)
    again = made.retry().wait_for_completion(poll_interval=0)
    assert (again.id != made.id, again.name, again.status) == (True, "e", "succeeded")


def test_the_newest_evaluation_is_listed_first(client, benchmark, detector):
    made = [evaluate(benchmark, detector, name=name) for name in ("first", "second")]
    assert client.list_evaluations_v2(model_id=detector) == made[::-1]


def test_a_deleted_evaluation_is_gone(client, evaluation):
    evaluation.delete()
    with pytest.raises(NucleusAPIError, match="does not exist"):
        client.get_evaluation_v2(evaluation.id)


def test_a_draft_cannot_be_evaluated(client, benchmark, detector):
    draft = client.create_benchmark("d", draft=True)
    with pytest.raises(NucleusAPIError) as refusal:
        draft.create_evaluation_v2(model_id=detector)
    assert refusal.value.status_code == 409
