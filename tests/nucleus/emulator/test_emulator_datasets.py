"""Datasets: creation, properties, tags, taxonomies, class labels, deletion."""

from __future__ import annotations

import nucleus
import pytest
from nucleus import BoxAnnotation, BoxPrediction, CategoryAnnotation, CategoryPrediction, MultiCategoryAnnotation
from nucleus.errors import NucleusAPIError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_a_new_dataset_is_listed_with_its_properties(client, live):
    made = client.create_dataset("street", is_scene=False, use_privacy_mode=True)
    assert made.id.startswith("ds_")
    assert [(known.id, known.name) for known in client.datasets] == [(made.id, "street")]
    assert client.list_datasets() == [made.id]
    known = client.get_dataset(made.id)
    assert (known.name, known.is_scene, known.use_privacy_mode, known.size) == ("street", False, True, 0)
    assert live.state.datasets[made.id].name == "street"


def test_a_scene_dataset_stays_one(client):
    assert client.get_dataset(client.create_dataset("drive", is_scene=True).id).is_scene is True


def test_info_counts_items_runs_and_slices(client, dataset, model):
    part = dataset.create_slice("two", ["img-0", "img-1"])
    run = model.create_run("first", dataset)
    info = dataset.info()
    assert (info.dataset_id, info.name, info.length) == (dataset.id, "street", 5)
    assert info.model_run_ids == dataset.model_runs == [run.model_run_id]
    assert info.slice_ids == [part.id]


def test_tags_are_added_once_and_removed(dataset):
    assert dataset.add_tags(["night", "rain"]) == ["night", "rain"]
    assert dataset.add_tags(["rain", "snow"]) == ["night", "rain", "snow"]
    assert dataset.remove_tags(["rain", "unknown"]) == ["night", "snow"]
    assert dataset.get_tags() == ["night", "snow"]


def test_a_taxonomy_is_created_kept_updated_and_deleted(dataset, live):
    assert dataset.add_taxonomy("weather", "category", ["sun"])["status"] == "Taxonomy created"
    assert dataset.add_taxonomy("weather", "category", ["fog"])["status"] == "Taxonomy already exists"
    taxonomies = live.state.datasets[dataset.id].taxonomies
    assert taxonomies["weather"]["labels"] == ["sun"]
    assert dataset.add_taxonomy("weather", "category", ["fog"], update=True)["status"] == "Taxonomy updated"
    assert taxonomies["weather"]["labels"] == ["sun", "fog"]
    assert dataset.delete_taxonomy("weather")["status"] == "Taxonomy successfully deleted"
    with pytest.raises(NucleusAPIError, match="Taxonomy weather does not exist"):
        dataset.delete_taxonomy("weather")


def test_taxonomies_are_of_categories_only(dataset):
    with pytest.raises(NucleusAPIError, match="type") as refusal:
        dataset.add_taxonomy("weather", "box", ["sun"])
    assert refusal.value.status_code == 400


def test_class_labels_are_those_of_the_ground_truth(dataset):
    dataset.annotate(
        [
            nucleus.BoxAnnotation("car", 0, 0, 1, 1, "img-0", "a"),
            nucleus.BoxAnnotation("bus", 0, 0, 1, 1, "img-1", "b"),
            nucleus.BoxAnnotation("car", 0, 0, 1, 1, "img-1", "c"),
            nucleus.MultiCategoryAnnotation(["wet", "dark"], "img-2", taxonomy_name="road"),
        ]
    )
    assert dataset.export_class_labels() == ["car", "bus", "wet", "dark"]
    part = dataset.create_slice("two", ["img-1"])
    assert part.export_class_labels() == dataset.export_class_labels(part.id) == ["bus", "car"]


def test_deleting_a_dataset_takes_its_slices_and_predictions_along(client, dataset, model, live):
    dataset.create_slice("one", ["img-0"])
    dataset.upload_predictions(model, [nucleus.BoxPrediction("car", 0, 0, 1, 1, "img-0", annotation_id="a")])
    assert client.delete_dataset(dataset.id) == {"message": "Beginning dataset deletion..."}
    assert client.datasets == []
    assert client.slices == []
    (run,) = live.state.runs.values()
    assert (len(run.predictions), run.dataset_ids) == (0, [])


def test_what_belongs_to_a_deleted_taxonomy_goes_with_it(dataset, model):
    dataset.add_taxonomy("weather", "category", ["sun"])
    dataset.annotate(
        [
            CategoryAnnotation("sun", "img-0", "weather"),
            MultiCategoryAnnotation(["sun"], "img-0", "weather"),
            CategoryAnnotation("wet", "img-0", "road"),
        ]
    )
    dataset.upload_predictions(model, [CategoryPrediction("sun", "img-0", "weather")])
    dataset.delete_taxonomy("weather")
    left = dataset.refloc("img-0")["annotations"]
    assert {kind: [row.label for row in rows] for kind, rows in left.items()} == {"category": ["wet"]}
    assert dataset.export_predictions(model) == {"annotations": {}}


def test_the_label_schema_tells_the_classes_of_both_sides(dataset, model):
    dataset.annotate([BoxAnnotation("car", 0, 0, 1, 1, "img-0", "a")])
    dataset.upload_predictions(model, [BoxPrediction("bus", 0, 0, 1, 1, "img-0", 0.5, "a")])
    assert dataset.evaluation_label_schema() == {"gt_labels": ["car"], "prediction_labels": ["bus"]}
