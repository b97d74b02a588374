"""Model runs: three ways to make one, commit, predict, every way to read, deletion."""

from __future__ import annotations

import pytest
from nucleus import BoxPrediction, CategoryPrediction
from nucleus.errors import NucleusAPIError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def box(reference_id="img-0", annotation_id="a", label="car", **target):
    return BoxPrediction(label, 1, 2, 3, 4, reference_id, 0.5, annotation_id, **target)


@pytest.fixture
def run(dataset, model):
    return model.create_run("first", dataset)


def labels(shown):
    return {kind: [row.label for row in rows] for kind, rows in shown.items()}


def test_a_run_of_a_model_on_a_dataset(model, dataset):
    made = model.create_run("first", dataset, [box()], {"epoch": 3})
    info = made.info()
    assert (info["model_id"], info["name"], info["metadata"]) == (model.id, "first", {"epoch": 3})
    assert dataset.model_runs == [made.model_run_id]
    assert labels(made.refloc("img-0")) == {"box": ["car"]}


def test_a_run_made_from_the_dataset_finds_its_model_by_reference_id(model, dataset):
    made = dataset.create_model_run("first", reference_id=model.reference_id, metadata={"epoch": 3})
    assert made.info()["model_id"] == model.id


def test_a_run_made_by_the_client_finds_its_model_by_id_too(client, model, dataset):
    made = client.create_model_run(dataset.id, {"name": "first", "model_id": model.id})
    assert (made.info()["model_id"], dataset.model_runs) == (model.id, [made.model_run_id])


@pytest.mark.parametrize(("reference_id", "status"), [("none", 404), (None, 400)])
def test_a_run_made_from_the_dataset_needs_a_known_reference_id(dataset, model, reference_id, status):
    with pytest.raises(NucleusAPIError) as refusal:
        dataset.create_model_run("first", reference_id=reference_id, model_id=model.id)
    assert refusal.value.status_code == status


def test_a_run_without_dataset_covers_those_of_its_predictions(client, model, dataset, live):
    other = client.create_dataset("other", is_scene=False)
    other.append([dataset.refloc("img-0")["item"]]).sleep_until_complete(verbose_std_out=False)
    ids = [made.refloc("img-0")["item"].dataset_item_id for made in (dataset, other)]
    rows = [box(None, f"a-{item_id}", dataset_item_id=item_id) for item_id in ids]
    made = model.create_run("wide", predictions=rows)
    assert live.state.runs[made.model_run_id].dataset_ids == [dataset.id, other.id]
    assert all(labels(made.loc(item_id)) == {"box": ["car"]} for item_id in ids)
    assert model.model_runs() == [made.model_run_id]
    again = made.add_predictions(rows)
    assert (again["predictions_processed"], again["predictions_ignored"]) == (0, 2)


def test_the_runs_of_a_model_and_of_a_dataset_are_listed(client, model, dataset):
    runs = [model.create_run(name, dataset).model_run_id for name in ("a", "b")]
    other = client.create_model("other", "other-ref")
    other.create_run("c", dataset)
    assert model.model_runs() == runs
    assert dataset.model_runs[:2] == runs


def test_predictions_are_read_in_every_way(run, dataset):
    assert run.predict([box(), box("img-2", "b", "bus")]) == {
        "model_run_id": run.model_run_id,
        "predictions_processed": 2,
        "predictions_ignored": 0,
    }
    item_id = dataset.refloc("img-2")["item"].dataset_item_id
    for shown in (run.refloc("img-2"), run.loc(item_id), run.iloc(2)):
        assert labels(shown) == {"box": ["bus"]}
    assert run.prediction_loc("img-2", "b").to_payload() == {
        **box("img-2", "b", "bus").to_payload(),
        "item_id": item_id,
    }
    assert labels(run.ungrouped_export()) == {"box": ["car", "bus"]}
    assert run.refloc("img-1") == {"annotations": {}}


def test_what_is_not_there_is_not_found(run):
    run.predict([box()])
    for missing in (
        lambda: run.refloc("none"),
        lambda: run.loc("di_none"),
        lambda: run.iloc(5),
        lambda: run.prediction_loc("img-0", "none"),
    ):
        with pytest.raises(NucleusAPIError, match="does not exist"):
            missing()


def test_predict_ignores_and_updates(run):
    run.predict([box()])
    assert run.predict([box(label="bus")])["predictions_ignored"] == 1
    assert run.prediction_loc("img-0", "a").label == "car"
    assert run.predict([box(label="bus")], update=True)["predictions_processed"] == 1
    assert run.prediction_loc("img-0", "a").label == "bus"


def test_predict_as_a_job(run):
    job = run.predict([box(), box("none", "b")], asynchronous=True)
    assert job.job_type == "uploadPredictions"
    assert run.ungrouped_export() == {"annotations": {}}
    job.sleep_until_complete(verbose_std_out=False)
    assert job.status()["message"]["prediction_upload"]["errored"] == 1
    assert labels(run.ungrouped_export()) == {"box": ["car"]}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_predict_cannot_tell_the_dataset_of_a_run_over_several(client, dataset, run, asynchronous):
    other = client.create_dataset("other", is_scene=False)
    other.upload_predictions_for_model_run(run.model_run_id, [box()])
    with pytest.raises(NucleusAPIError, match="covers several datasets") as refusal:
        run.predict([box("img-1")], asynchronous=asynchronous)
    assert refusal.value.status_code == 400
    assert run.refloc("img-1") == {"annotations": {}}


def test_two_runs_of_a_model_keep_their_predictions_apart(model, dataset):
    first = model.create_run("first", dataset, [box(label="car")])
    second = model.create_run("second", dataset, [box(label="bus")])
    assert first.prediction_loc("img-0", "a").label == "car"
    assert second.prediction_loc("img-0", "a").label == "bus"
    assert dataset.prediction_loc(model, "img-0", "a").label == "bus"


@pytest.mark.parametrize(
    ("payload", "agnostic", "pairs"),
    [
        (None, True, 0),
        ({"class_agnostic": False}, False, 0),
        (
            {"allowed_label_matches": [{"ground_truth_label": "a", "model_prediction_label": "b"}]},
            False,
            1,
        ),
    ],
)
def test_commit_keeps_how_to_match(run, live, payload, agnostic, pairs):
    assert run.info()["status"] == "pending"
    assert run.commit(payload) == {"model_run_id": run.model_run_id}
    assert run.info()["status"] == "completed"
    matching = live.state.runs[run.model_run_id].matching
    assert (matching["class_agnostic"], len(matching["allowed_label_matches"])) == (agnostic, pairs)


def test_commit_checks_the_pairs(run):
    with pytest.raises(NucleusAPIError) as refusal:
        run.commit({"allowed_label_matches": [{"ground_truth_label": "a"}]})
    assert refusal.value.status_code == 400
    assert run.info()["status"] == "pending"


def test_metrics_are_calculated_for_the_run_of_model_and_dataset(dataset, model, live):
    with pytest.raises(NucleusAPIError, match="has no run"):
        dataset.calculate_evaluation_metrics(model)
    dataset.upload_predictions(model, [box()])
    answer = dataset.calculate_evaluation_metrics(model, {"class_agnostic": False})
    assert live.state.runs[answer["model_run_id"]].matching["class_agnostic"] is False


def test_a_deleted_run_is_gone(client, dataset, run):
    client.delete_model_run(run.model_run_id)
    assert dataset.model_runs == []
    with pytest.raises(NucleusAPIError, match="does not exist"):
        run.predict([box()])


def merged(client, runs, **options):
    answer = client.merge_model_runs([run.model_run_id for run in runs], **options)
    answer["job"].sleep_until_complete(verbose_std_out=False)
    return answer


def test_merged_runs_are_a_new_run_with_all_their_predictions(client, model, dataset):
    other = client.create_dataset("other", is_scene=False)
    other.append([dataset.refloc("img-0")["item"]]).sleep_until_complete(verbose_std_out=False)
    runs = [model.create_run("a", dataset, [box(label="car")]), model.create_run("b", other, [box(label="bus")])]
    answer = merged(client, runs, metadata={"why": "both"})
    made = client.get_model_run(answer["model_run_id"], dataset.id)
    assert answer["dataset_ids"] == [dataset.id, other.id]
    assert labels(made.ungrouped_export()) == {"box": ["car", "bus"]}
    info = made.info()
    assert (info["model_id"], info["name"]) == (model.id, model.name)
    assert info["metadata"] == {"why": "both", "merged_from_model_run_ids": [run.model_run_id for run in runs]}
    assert [labels(run.ungrouped_export()) for run in runs] == [{"box": ["car"]}, {"box": ["bus"]}]


def test_a_merged_run_is_empty_until_its_job_is_done(client, model, dataset):
    runs = [model.create_run(name, dataset, [box(annotation_id=name)]) for name in "ab"]
    answer = client.merge_model_runs([run.model_run_id for run in runs], name="both")
    made = client.get_model_run(answer["model_run_id"], dataset.id)
    assert made.info()["name"] == "both"
    assert made.ungrouped_export() == {"annotations": {}}


def test_ids_that_collide_in_a_merge_are_rewritten_and_nothing_is_lost(client, model, dataset):
    category = CategoryPrediction("sun", "img-0", "weather")
    runs = [model.create_run(name, dataset, [box(label=name), category]) for name in ("car", "bus")]
    answer = merged(client, runs)
    made = client.get_model_run(answer["model_run_id"], dataset.id)
    rows = made.ungrouped_export()["box"]
    assert [row.label for row in rows] == ["car", "bus"]
    assert rows[0].annotation_id != rows[1].annotation_id
    assert made.prediction_loc("img-0", rows[1].annotation_id).label == "bus"
    message = answer["job"].status()["message"]
    counts = ("predictions_copied", "predictions_ignored", "annotation_ids_rewritten")
    assert [message[name] for name in counts] == [3, 1, 1]


def test_only_runs_of_one_model_can_be_merged(client, model, dataset):
    other = client.create_model("other", "other-ref")
    ids = [made.create_run("x", dataset).model_run_id for made in (model, other)]
    with pytest.raises(NucleusAPIError, match="runs of one model") as refusal:
        client.merge_model_runs(ids)
    assert refusal.value.status_code == 400
    with pytest.raises(NucleusAPIError, match="does not exist"):
        client.merge_model_runs([ids[0], "run_none"])
