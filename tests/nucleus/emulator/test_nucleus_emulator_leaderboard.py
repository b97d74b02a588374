"""Rankings of models, and the figures behind them against COCO's own evaluation."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hotcoco import COCO, COCOeval
from nucleus import BoxAnnotation, BoxPrediction
from nucleus.errors import NucleusAPIError

IMAGES = 5
METRICS = ("MAP_50", "MAP_50_95", "AP_SMALL", "AP_MEDIUM", "AP_LARGE", "PRECISION", "RECALL", "F1")


@pytest.fixture
def benchmark(client, dataset):
    dataset.annotate([BoxAnnotation("car", 0, 0, 10, 10, f"img-{n}", "a") for n in range(4)])
    return client.create_benchmark("b", dataset_id=dataset.id, verbose=False)


def measured(client, benchmark, name, found, wrong=0, confidence=0.9):
    """Return a model that finds some of the four cars and makes some wrong predictions."""
    model = client.create_model(name, name)
    rows = [BoxPrediction("car", 0, 0, 10, 10, f"img-{n}", confidence, "p") for n in range(found)]
    rows += [BoxPrediction("car", 500, 0, 10, 10, f"img-{n}", 0.1, "w") for n in range(wrong)]
    model.upload_predictions(rows)
    benchmark.create_evaluation_v2(model_id=model, name=name).wait_for_completion(poll_interval=0)
    return model


def test_models_are_ranked_best_first(client, benchmark):
    for name, found in (("poor", 1), ("best", 4), ("fair", 2)):
        measured(client, benchmark, name, found)
    ranking = client.leaderboard_ranking("RECALL", [benchmark.id])
    assert [(entry.model_name, entry.rank, entry.score) for entry in ranking] == [
        ("best", 1, 1.0),
        ("fair", 2, 0.5),
        ("poor", 3, 0.25),
    ]
    assert ranking[0].evaluation_name == "best"


def test_a_confidence_decides_what_counts(client, benchmark):
    measured(client, benchmark, "m", 4, wrong=4)
    assert client.leaderboard_ranking("PRECISION", [benchmark.id])[0].score == 0.5
    (sure,) = client.leaderboard_ranking("PRECISION", [benchmark.id], confidence_threshold=0.5)
    assert sure.score == 1.0
    (surer,) = client.leaderboard_ranking("F1", [benchmark.id], confidence_threshold=0.95)
    assert surer.score == 0.0


def test_the_best_evaluation_of_a_model_stands_for_it(client, benchmark):
    model = measured(client, benchmark, "m", 2)
    model.upload_predictions([BoxPrediction("car", 0, 0, 10, 10, "img-3", 0.9, "p")])
    better = benchmark.create_evaluation_v2(model_id=model).wait_for_completion(poll_interval=0)
    (entry,) = client.leaderboard_ranking("RECALL", [benchmark.id])
    assert (entry.evaluation_id, entry.score) == (better.id, 0.75)
    assert len(client.leaderboard_ranking("RECALL", [benchmark.id], collapse="allEvaluations")) == 2


def test_a_ranking_is_restricted_to_models(client, benchmark):
    models = [measured(client, benchmark, name, 1) for name in ("a", "b")]
    (entry,) = client.leaderboard_ranking("F1", [benchmark.id], model_ids=[models[1].id])
    assert entry.model_id == models[1].id


def test_what_has_no_value_is_not_ranked(client, benchmark):
    measured(client, benchmark, "m", 1)
    assert client.leaderboard_ranking("AP_LARGE", [benchmark.id]) == []


@pytest.mark.parametrize(("metric", "benchmarks", "status"), [("SPEED", [], 400), ("F1", ["bm_none"], 404)])
def test_senseless_rankings_are_refused(client, metric, benchmarks, status):
    with pytest.raises(NucleusAPIError) as refusal:
        client.leaderboard_ranking(metric, benchmarks)
    assert refusal.value.status_code == status


def test_curves_show_f1_over_confidence(client, benchmark):
    measured(client, benchmark, "cautious", 4, wrong=4)
    measured(client, benchmark, "blind", 0)
    first, second = client.leaderboard_f1_curve([benchmark.id])
    assert (first.model_name, first.best_f1, second.best_f1) == ("cautious", 1.0, 0.0)
    scores = {point.confidence_threshold: point.score for point in first.points}
    assert (scores[0.0], scores[0.5], scores[1.0]) == (pytest.approx(2 / 3), 1.0, 0.0)
    assert len(client.leaderboard_f1_curve([benchmark.id], top_n=1)) == 1


def scene(seed):
    """Return random boxes as (class, x, y, width, height), and predictions near some of them with their confidences."""
    chance = random.Random(seed)
    boxes = [
        (chance.choice("abc"), chance.uniform(0, 400), chance.uniform(0, 400), *(chance.choice((20, 60, 150)),) * 2)
        for _ in range(12)
    ]
    near = [
        (chance.choice((name, name, name, "a")), x + chance.gauss(0, 6), y + chance.gauss(0, 6), w, h * 1.1)
        for name, x, y, w, h in [*boxes, *boxes[:6]]
    ]
    return boxes, [(*box, chance.random()) for box in near]


def coco_figures(boxes, guesses):
    """Return mAP, mAP50 and mAP75 as COCO's evaluation computes them, of rows that begin with their image."""
    names = sorted({box[1] for box in boxes})
    images = [{"id": n + 1, "width": 1000, "height": 1000} for n in range(IMAGES)]
    truth = COCO.from_arrays(
        images,
        [{"id": n, "name": name} for n, name in enumerate(names, start=1)],
        np.array([box[0] + 1 for box in boxes]),
        np.array([names.index(box[1]) + 1 for box in boxes]),
        np.array([box[2:6] for box in boxes]),
    )
    results = np.array([(guess[0] + 1, *guess[2:7], names.index(guess[1]) + 1) for guess in guesses])
    measured = COCOeval(truth, truth.load_res(results), "bbox")
    measured.evaluate()
    measured.accumulate()
    measured.summary_lines()
    return measured.stats[:3]


def test_the_figures_are_those_of_coco(client, dataset, model):
    truth, said = [], []
    for n in range(IMAGES):
        boxes, guesses = scene(n)
        item = f"img-{n}"
        dataset.annotate([BoxAnnotation(*box, item, f"a{k}") for k, box in enumerate(boxes)])
        rows = [BoxPrediction(*guess[:5], item, guess[5], f"p{k}") for k, guess in enumerate(guesses)]
        model.upload_predictions(rows)
        truth += [(n, *box) for box in boxes]
        said += [(n, *guess) for guess in guesses]
    benchmark = client.create_benchmark("b", dataset_id=dataset.id, verbose=False)
    done = benchmark.create_evaluation_v2(model_id=model).wait_for_completion(poll_interval=0)
    summary = done.charts().mapSummary
    found = (summary.mapAt5095, summary.mapAt50, summary.mapAt75)
    assert found == pytest.approx(tuple(coco_figures(truth, said)))
    scores = {name: client.leaderboard_ranking(name, [benchmark.id])[0].score for name in METRICS}
    assert (scores["MAP_50_95"], scores["MAP_50"]) == found[:2]
    assert scores["AP_MEDIUM"] == done.charts().apBySize.medium
