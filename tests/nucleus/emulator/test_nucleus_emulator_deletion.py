"""Deletion: what goes along with runs, models and datasets, and what stays."""

from __future__ import annotations

import pytest
from nucleus import BoxAnnotation, BoxPrediction
from nucleus.dataset import ObjectQueryType
from nucleus.errors import NucleusAPIError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

LABEL = BoxAnnotation("car", 0, 0, 1, 1, "img-0", "a")
GUESS = BoxPrediction("bus", 0, 0, 1, 1, "img-0", 0.5, "p")
DELETIONS = {
    "run": lambda client, run: client.delete_model_run(run.model_run_id),
    "model": lambda client, run: client.delete_model(run.info()["model_id"]),
    "dataset": lambda client, run: client.delete_dataset(run.dataset_id),
}


@pytest.fixture
def run(dataset, model):
    """A run with one prediction, of a dataset with one label."""
    dataset.annotate([LABEL])
    return model.create_run("first", dataset, [GUESS])


@pytest.mark.parametrize("deleted", ["run", "model"])
def test_predictions_leave_slices_with_their_run(client, dataset, run, deleted):
    run.commit()
    (match,) = dataset.query_objects("", ObjectQueryType.IOU)
    ids = {"annotation_ids": [match.ground_truth_annotation_id], "prediction_ids": [match.model_prediction_id]}
    made = dataset.create_slice_by_ids("objects", **ids)
    DELETIONS[deleted](client, run)
    assert [row.annotation_id for row in made.items] == ["a"]
    assert [set(row) for row in made.export_raw_json()] == [{"item", "annotation"}]
    with pytest.raises(NucleusAPIError, match=f"{match.model_prediction_id} does not exist"):
        dataset.create_slice_by_ids("again", **ids)


@pytest.mark.parametrize("deleted", DELETIONS)
def test_an_evaluation_still_shows_what_it_measured(client, dataset, run, deleted):
    benchmark = client.create_benchmark("b", dataset_id=dataset.id, verbose=False)
    evaluation = benchmark.create_evaluation_v2(run.model_run_id).wait_for_completion(poll_interval=0)
    before = evaluation.charts(), evaluation.examples(), evaluation.filter_schema()
    DELETIONS[deleted](client, run)
    assert (evaluation.charts(), evaluation.examples(), evaluation.filter_schema()) == before
    left = 0 if deleted == "dataset" else before[1].total
    assert evaluation.examples(query="metadata.n = 0").total == left
    evaluation.delete()
