"""Predictions of a model on a dataset: every kind there and back, updates, row errors, jobs, masks, runs."""

from __future__ import annotations

import json

import pytest
import requests
from nucleus import (
    BoxPrediction,
    CategoryPrediction,
    CuboidPrediction,
    DatasetItem,
    Keypoint,
    KeypointsPrediction,
    LinePrediction,
    Point,
    Point3D,
    PolygonPrediction,
    Segment,
    SegmentationPrediction,
)
from nucleus.errors import NucleusAPIError
from PIL import Image

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TRIANGLE = [Point(0, 0), Point(10.5, 0), Point(0, 10)]
PDF = {"car": 0.75, "bus": 0.25}


def every_kind(reference_id="img-0", **target):
    return {
        "box": BoxPrediction(
            "car", 1.5, 2, 30, 40, reference_id, 0.75, "box", {"k": 1}, PDF, [0.5, 1.0], "t1", **target
        ),
        "polygon": PolygonPrediction("road", TRIANGLE, reference_id, 0.5, "polygon", class_pdf=PDF, **target),
        "line": LinePrediction("lane", TRIANGLE[:2], reference_id, 1, "line", {"dashed": "yes"}, **target),
        "keypoints": KeypointsPrediction(
            "face",
            [Keypoint(1, 2), Keypoint(visible=False)],
            ["l", "r"],
            [[0, 1]],
            reference_id,
            0.5,
            "keypoints",
            **target,
        ),
        "cuboid": CuboidPrediction(
            "van", Point3D(1, 2, 3), Point3D(4, 5, 6), 0.5, reference_id, 0.5, "cuboid", **target
        ),
        "category": CategoryPrediction("sunny", reference_id, "weather", 0.5, PDF, **target),
        "segmentation": SegmentationPrediction(
            "https://masks.example/0.png", [Segment("sky", 0, {"score": 0.5})], reference_id, "mask", **target
        ),
    }


def box(reference_id="img-0", annotation_id="a", label="car", **target):
    return BoxPrediction(label, 1, 2, 3, 4, reference_id, 0.5, annotation_id, **target)


def payloads(shown):
    return {kind: [row.to_payload() for row in rows] for kind, rows in shown.items()}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_every_kind_comes_back_as_it_was_sent(dataset, model, asynchronous):
    answer = dataset.upload_predictions(model, list(every_kind().values()), asynchronous=asynchronous)
    if asynchronous:
        answer.sleep_until_complete(verbose_std_out=False)
        message = answer.status()["message"]
        assert message["prediction_upload"]["processed"] == 6
        assert message["segmentation_upload"] == {"ignored": 0, "n_errors": 0, "processed": 1}
    else:
        assert answer["predictions_processed"] == 7
    item_id = dataset.refloc("img-0")["item"].dataset_item_id
    expected = payloads({kind: [row] for kind, row in every_kind(dataset_item_id=item_id).items()})
    for shown in (
        dataset.predictions_refloc(model, "img-0"),
        dataset.predictions_iloc(model, 0),
        dataset.export_predictions(model),
    ):
        assert payloads(shown) == expected


def test_the_run_is_made_by_the_first_upload_and_used_by_the_next(dataset, model, live):
    first = dataset.upload_predictions(model, [box()])
    second = dataset.upload_predictions(model, [box(annotation_id="b")])
    assert first["model_run_id"] == second["model_run_id"]
    assert first["dataset_id"] == dataset.id
    assert dataset.model_runs == [first["model_run_id"]]
    assert live.state.runs[first["model_run_id"]].name == model.name


def test_sending_again_is_safe(dataset, model):
    rows = [box(annotation_id=str(n)) for n in range(5)]
    assert dataset.upload_predictions(model, rows)["predictions_processed"] == 5
    again = dataset.upload_predictions(model, rows, batch_size=2)
    assert (again["predictions_processed"], again["predictions_ignored"]) == (0, 5)
    assert len(dataset.export_predictions(model)["box"]) == 5


@pytest.mark.parametrize("asynchronous", [False, True])
def test_update_overwrites(dataset, model, asynchronous):
    dataset.upload_predictions(model, [box(label="car"), box("img-1")])
    for update, expected in ((False, "car"), (True, "bus")):
        answer = dataset.upload_predictions(model, [box(label="bus")], update=update, asynchronous=asynchronous)
        if asynchronous:
            answer.sleep_until_complete(verbose_std_out=False)
            upload = answer.status()["message"]["prediction_upload"]
            assert (upload["processed"], upload["ignored"]) == (int(update), int(not update))
        else:
            assert answer["predictions_processed"] == int(update)
            assert answer["predictions_ignored"] == int(not update)
        assert dataset.prediction_loc(model, "img-0", "a").label == expected
    assert len(dataset.export_predictions(model)["box"]) == 2


def test_a_prediction_is_addressed_by_item_id_too(dataset, model):
    item_id = dataset.refloc("img-3")["item"].dataset_item_id
    dataset.upload_predictions(model, [box(None, dataset_item_id=item_id)])
    assert dataset.prediction_loc(model, "img-3", "a").reference_id == "img-3"


def test_the_item_id_of_another_account_is_an_error_even_beside_a_good_reference_id(dataset, model):
    answer = dataset.upload_predictions(model, [box("img-0", dataset_item_id="di_elsewhere")])
    (error,) = map(json.loads, answer["errors"])
    assert error["error"] == "Item with id di_elsewhere does not exist."


def test_row_errors_are_told_and_the_other_rows_stored(dataset, model):
    answer = dataset.upload_predictions(model, [box(), box("none", "b")])
    assert (answer["predictions_processed"], answer["predictions_ignored"]) == (1, 0)
    (error,) = map(json.loads, answer["errors"])
    assert error["prediction"]["referenceId"] == "none"
    assert error["prediction"]["annotationId"] == "b"
    assert error["error"] == "Item with id none does not exist."


def test_errors_of_several_batches_are_joined(dataset, model):
    rows = [box("none", str(n)) for n in range(3)]
    assert len(dataset.upload_predictions(model, rows, batch_size=1)["errors"]) == 3


def test_an_asynchronous_upload_has_no_effect_before_it_is_done(dataset, model):
    job = dataset.upload_predictions(model, [box()], asynchronous=True)
    assert dataset.export_predictions(model) == {"annotations": {}}
    job.sleep_until_complete(verbose_std_out=False)
    assert len(dataset.export_predictions(model)["box"]) == 1


def test_one_prediction_is_found_by_its_ids(dataset, model):
    with pytest.raises(NucleusAPIError, match="does not exist"):
        dataset.prediction_loc(model, "img-0", "a")
    dataset.upload_predictions(model, [box()])
    assert dataset.prediction_loc(model, "img-0", "a").label == "car"
    with pytest.raises(NucleusAPIError, match="Prediction img-0/none does not exist"):
        dataset.prediction_loc(model, "img-0", "none")


@pytest.mark.parametrize("reference_id", ["with space", "ümläut", "deep/er", "line\nbreak"])
def test_difficult_reference_ids_are_read_back(client, model, reference_id):
    made = client.create_dataset("odd", is_scene=False)
    item = DatasetItem("https://images.example/a.jpg", reference_id)
    made.append([item]).sleep_until_complete(verbose_std_out=False)
    made.upload_predictions(model, [box(reference_id), box(reference_id, "a/b", label="bus")])
    assert made.predictions_refloc(model, reference_id)["box"][0].reference_id == reference_id
    assert made.prediction_loc(model, reference_id, "a").label == "car"
    assert made.prediction_loc(model, reference_id, "a/b").label == "bus"


def test_local_masks_are_stored(dataset, model, tmp_path):
    rows = []
    for n in range(3):
        Image.new("L", (4, 3), n).save(tmp_path / f"{n}.png")
        rows.append(SegmentationPrediction(str(tmp_path / f"{n}.png"), [Segment("c", n)], f"img-{n}"))
    answer = dataset.upload_predictions(model, [*rows, box()], local_files_per_upload_request=2)
    assert answer["predictions_processed"] == 4
    for n in range(3):
        (mask,) = dataset.predictions_refloc(model, f"img-{n}")["segmentation"]
        assert requests.get(mask.mask_url, timeout=10).content == (tmp_path / f"{n}.png").read_bytes()


def test_a_run_is_widened_to_another_dataset(client, dataset, model):
    run = model.create_run("first", dataset, [box()])
    other = client.create_dataset("other", is_scene=False)
    other.append([dataset.refloc("img-1")["item"]]).sleep_until_complete(verbose_std_out=False)
    answer = other.upload_predictions_for_model_run(run.model_run_id, [box("img-1", label="bus")])
    assert answer == {
        "dataset_id": other.id,
        "model_run_id": run.model_run_id,
        "predictions_processed": 1,
        "predictions_ignored": 0,
    }
    assert other.model_runs == [run.model_run_id]
    assert [row.label for row in run.ungrouped_export()["box"]] == ["car", "bus"]
    assert [row.label for row in other.export_predictions(model)["box"]] == ["bus"]
    assert [row.label for row in dataset.export_predictions(model)["box"]] == ["car"]


def test_a_run_takes_asynchronous_uploads_by_dataset(dataset, model):
    run = model.create_run("first", dataset)
    job = dataset.upload_predictions_for_model_run(run.model_run_id, [box()], asynchronous=True)
    job.sleep_until_complete(verbose_std_out=False)
    assert len(run.ungrouped_export()["box"]) == 1


@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_training_slice_is_noted(dataset, model, live, asynchronous):
    part = dataset.create_slice("train", ["img-1"])
    dataset.upload_predictions(model, [box()], asynchronous=asynchronous, trained_slice_id=part.id)
    (run_id,) = dataset.model_runs
    assert live.state.runs[run_id].trained_slice_id == part.id


def test_the_training_slice_is_of_the_dataset(client, dataset, model):
    other = client.create_dataset("other", is_scene=False).create_slice("train")
    for slice_id, status in (("slc_none", 404), (other.id, 400)):
        with pytest.raises(NucleusAPIError) as refusal:
            dataset.upload_predictions(model, [box()], trained_slice_id=slice_id)
        assert refusal.value.status_code == status
    assert dataset.export_predictions(model) == {"annotations": {}}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_refused_upload_makes_no_run_and_widens_none(client, dataset, model, asynchronous):
    other = client.create_dataset("other", is_scene=False)
    run = model.create_run("elsewhere", other)
    refused = {"trained_slice_id": other.create_slice("train").id, "asynchronous": asynchronous}
    for attempt in (
        lambda: dataset.upload_predictions(model, [box()], **refused),
        lambda: dataset.upload_predictions_for_model_run(run.model_run_id, [box()], **refused),
    ):
        with pytest.raises(NucleusAPIError, match="is of another dataset"):
            attempt()
    assert (dataset.model_runs, model.model_runs()) == ([], [run.model_run_id])


def test_multicategory_is_no_prediction(endpoint, dataset, model):
    row = {"type": "multicategory", "labels": ["a"], "reference_id": "img-0", "geometry": {}}
    answer = requests.post(
        f"{endpoint}/dataset/{dataset.id}/model/{model.id}/uploadPredictions",
        json={"annotations": [row]},
        auth=("test-key", ""),
        timeout=10,
    ).json()
    assert answer["predictions_processed"] == 0
    assert len(answer["errors"]) == 1
