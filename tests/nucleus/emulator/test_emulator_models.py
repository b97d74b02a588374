"""The model registry, and predictions that belong to a model without a run."""

from __future__ import annotations

import json

import pytest
from nucleus import BoxPrediction, CuboidPrediction, LinePrediction, Point, Point3D, PolygonPrediction
from nucleus.errors import NucleusAPIError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def box(reference_id="img-0", annotation_id="a", label="car", **target):
    return BoxPrediction(label, 1, 2, 3, 4, reference_id, 0.5, annotation_id, **target)


def test_a_model_comes_back_as_it_was_registered(client, live):
    made = client.create_model("m", "m-ref", {"lr": 0.1}, "bundle", ["tag"], ["slc_1"])
    for known in (client.get_model(made.id), *client.models, *client.list_models()):
        assert (known.id, known.name, known.reference_id) == (made.id, "m", "m-ref")
        assert (known.metadata, known.tags, known.trained_slice_ids) == ({"lr": 0.1}, ["tag"], ["slc_1"])
    assert live.state.models[made.id].bundle_name == "bundle"


def test_a_model_needs_no_more_than_name_and_reference_id(client):
    made = client.create_model("m", "m-ref")
    assert made.id.startswith("prj_")
    assert client.get_model(made.id).metadata is None


def test_a_run_id_leads_to_its_model(client, dataset, model):
    run = model.create_run("first", dataset)
    assert client.get_model(model_run_id=run.model_run_id).id == model.id


def test_a_reference_id_is_taken_once(client, model):
    with pytest.raises(NucleusAPIError, match="exists already") as refusal:
        client.create_model("other", model.reference_id)
    assert refusal.value.status_code == 409
    assert len(client.models) == 1


def test_tags_are_added_once_and_removed(client, model):
    model.add_tags(["a", "b"])
    model.add_tags(["b", "c"])
    assert client.get_model(model.id).tags == ["a", "b", "c"]
    model.remove_tags(["b"])
    assert client.get_model(model.id).tags == ["a", "c"]
    with pytest.raises(NucleusAPIError, match="Deleted 0 tags from model") as refusal:
        model.remove_tags(["none"])
    assert refusal.value.status_code == 400


def test_trained_slices_are_added_once_and_removed(client, model):
    model.add_trained_slice_ids(["slc_1", "slc_2"])
    model.add_trained_slice_ids(["slc_2"])
    model.remove_trained_slice_ids(["slc_1"])
    assert client.get_model(model.id).trained_slice_ids == ["slc_2"]


def test_deleting_a_model_takes_its_runs_along(client, dataset, model):
    run = model.create_run("first", dataset)
    assert client.delete_model(model.id) == {"msg": "Model deletion running in an async job"}
    assert client.models == []
    assert dataset.model_runs == []
    with pytest.raises(NucleusAPIError, match="does not exist"):
        run.info()


def test_run_free_predictions_are_read_by_item(dataset, model):
    rows = [
        box(),
        PolygonPrediction("road", [Point(0, 0), Point(1, 0), Point(1, 1)], "img-0", 0.25, "p"),
        CuboidPrediction("van", Point3D(1, 2, 3), Point3D(4, 5, 6), 0.5, "img-0", 0.75, "c"),
        box("img-1"),
    ]
    assert model.upload_predictions(rows) == {
        "model_id": model.id,
        "predictions_processed": 4,
        "predictions_ignored": 0,
    }
    item_id = dataset.refloc("img-0")["item"].dataset_item_id
    for shown in (
        model.predictions_refloc("img-0"),
        model.predictions_loc(item_id),
        model.predictions_iloc(0),
    ):
        assert {kind: len(found) for kind, found in shown.items()} == {"box": 1, "polygon": 1, "cuboid": 1}
        assert shown["box"][0].to_payload() == {**box().to_payload(), "item_id": item_id}
    assert model.predictions_refloc("img-2") == {"predictions": []}


def test_run_free_predictions_are_ignored_unless_update_also_over_batches(dataset, model):
    rows = [box(annotation_id=str(n)) for n in range(4)]
    model.upload_predictions(rows[:2])
    again = model.upload_predictions(rows, batch_size=1)
    assert (again["predictions_processed"], again["predictions_ignored"]) == (2, 2)
    # The SDK adds up the answers of all batches, and forgets that this one is no number.
    assert again["model_id"] == model.id * 4
    assert model.upload_predictions(rows, update=True)["predictions_processed"] == 4


def test_run_free_predictions_take_three_geometries_only(dataset, model):
    answer = model.upload_predictions([box(), LinePrediction("lane", [Point(0, 0)], "img-0", 0.5, "l")])
    assert answer["predictions_processed"] == 1
    (error,) = map(json.loads, answer["errors"])
    assert "line" in error["error"]


def test_a_reference_id_in_two_datasets_needs_more_to_be_found(client, dataset, model):
    other = client.create_dataset("other", is_scene=False)
    item = dataset.refloc("img-0")["item"]
    other.append([item]).sleep_until_complete(verbose_std_out=False)
    assert len(model.upload_predictions([box()])["errors"]) == 1
    by_dataset = box(dataset_id=other.id)
    by_item = box(None, dataset_item_id=item.dataset_item_id)
    assert model.upload_predictions([by_dataset, by_item])["predictions_processed"] == 2
    other_item = other.refloc("img-0")["item"].dataset_item_id
    assert len(model.predictions_loc(item.dataset_item_id)["box"]) == 1
    assert len(model.predictions_loc(other_item)["box"]) == 1


def test_predictions_of_a_run_are_copied_to_the_model(dataset, model):
    run = model.create_run("first", dataset)
    run.predict([box(), LinePrediction("lane", [Point(0, 0)], "img-0", 0.5, "l")])
    answer = model.copy_predictions_from_run(run.model_run_id)
    assert answer == {
        "model_id": model.id,
        "model_run_ids": [run.model_run_id],
        "predictions_copied": 1,
        "predictions_skipped_unsupported": 1,
    }
    assert [row.label for row in model.predictions_refloc("img-0")["box"]] == ["car"]
    assert len(run.ungrouped_export()["line"]) == 1
