"""Slices of items: making and filling them, reading them by page, exports of ground truth and predictions."""

from __future__ import annotations

import pytest
from nucleus import BoxAnnotation, BoxPrediction, DatasetItem, VideoScene
from nucleus.dataset import ObjectQueryType
from nucleus.errors import NotFoundError, NucleusAPIError
from nucleus.slice import SliceBuilderFilters, SliceBuilderMethods


@pytest.fixture
def part(dataset):
    return dataset.create_slice("some", ["img-3", "img-1", "img-2"])


def references(items):
    return [item.reference_id for item in items]


def test_a_slice_describes_itself(client, dataset, part):
    assert part.id.startswith("slc_")
    for known in (client.get_slice(part.id), *dataset.slices, *client.slices):
        assert (known.id, known.name, known.dataset_id, known.type) == (
            part.id,
            "some",
            dataset.id,
            "dataset_item",
        )
    assert (part.pending_job_count, part.description, part.tags) == (0, None, [])
    assert dataset.slices[0].created_at.year > 2000


def test_items_come_in_the_order_of_the_dataset(part):
    assert references(part.items) == references(part.dataset_items()) == ["img-1", "img-2", "img-3"]


@pytest.mark.parametrize("page_size", [1, 2, 3, 100])
def test_every_page_size_gives_every_item_once(part, page_size):
    assert references(part.items_generator(page_size=page_size)) == ["img-1", "img-2", "img-3"]


def test_appending_adds_only_what_is_new(part):
    answer = part.append(["img-0", "img-1"])
    assert answer == {"slice_id": part.id, "new_items": ["img-0"]}
    assert references(part.items) == ["img-0", "img-1", "img-2", "img-3"]


def test_a_slice_of_item_ids(dataset):
    ids = [dataset.refloc(name)["item"].dataset_item_id for name in ("img-0", "img-4")]
    assert references(dataset.create_slice_by_ids("ids", dataset_item_ids=ids).items) == ["img-0", "img-4"]


def test_a_slice_of_unknown_items_is_refused(dataset, part):
    for attempt in (lambda: dataset.create_slice("x", ["none"]), lambda: part.append(["none"])):
        with pytest.raises(NucleusAPIError, match="none does not exist"):
            attempt()
    assert len(dataset.slices) == 1


def test_a_request_names_at_most_10_000_items(dataset):
    with pytest.raises(NucleusAPIError, match="at most 10000") as refusal:
        dataset.create_slice("x", [str(n) for n in range(10_001)])
    assert refusal.value.status_code == 400


def test_tags_are_added_once(part):
    part.add_tags(["train"])
    assert part.add_tags(["train", "v2"])["tags"] == part.tags == ["train", "v2"]


def test_a_deleted_slice_is_gone_and_its_items_stay(client, dataset, part):
    client.delete_slice(part.id)
    assert dataset.slices == []
    assert dataset.size == 5


@pytest.mark.parametrize("page_limit", [None, 1, 2])
def test_ground_truth_is_exported_by_slice(dataset, part, live, page_limit):
    live.settings.page_limit = page_limit
    dataset.annotate([BoxAnnotation("car", 0, 0, 1, 1, f"img-{n}", "a") for n in range(5)])
    for rows in (part.items_and_annotations(), list(part.items_and_annotation_generator())):
        assert references(row["item"] for row in rows) == ["img-1", "img-2", "img-3"]
        assert [len(row["annotations"]["box"]) for row in rows] == [1, 1, 1]


@pytest.mark.parametrize("page_limit", [None, 1, 2])
def test_predictions_are_exported_by_slice(dataset, model, part, live, page_limit):
    live.settings.page_limit = page_limit
    assert [dict(row["predictions"]) for row in part.export_predictions(model)] == [{}, {}, {}]
    rows = [BoxPrediction("car", 0, 0, 1, 1, f"img-{n}", 0.5, "a") for n in (0, 1, 3)]
    dataset.upload_predictions(model, rows)
    for exported in (part.export_predictions(model), list(part.export_predictions_generator(model))):
        assert references(row["item"] for row in exported) == ["img-1", "img-2", "img-3"]
        assert [len(row["predictions"]["box"]) for row in exported] == [1, 0, 1]
        assert exported[0]["predictions"]["box"][0].confidence == 0.5


def test_a_slice_of_scenes(client):
    made = client.create_dataset("scenes", is_scene=True)
    scenes = [
        VideoScene(name, 5, items=[DatasetItem(f"https://images.example/{name}.jpg", f"{name}-0")]) for name in "abc"
    ]
    made.append(scenes).sleep_until_complete(verbose_std_out=False)
    listed = {scene.reference_id: scene.id for scene in made.scenes}
    by_id = made.create_slice_by_ids("by id", scene_ids=[listed["a"]])
    by_reference = made.create_slice("by reference", ["b", "c"])
    assert {by_id.info()["type"], by_reference.info()["type"]} == {"scene"}
    assert references(by_id.items) == ["a"]
    assert references(by_reference.items) == ["b", "c"]
    assert by_id.append(["b"])["new_items"] == ["b"]
    assert references(by_id.items) == ["a", "b"]
    assert references(by_id.items_generator()) == ["a-0", "b-0"]


@pytest.fixture
def scenes(client):
    """A dataset of the videos `a` and `b`, with one frame each."""
    made = client.create_dataset("scenes", is_scene=True)
    videos = [
        VideoScene(name, 5, items=[DatasetItem(f"https://images.example/{name}.jpg", f"{name}-0")]) for name in "ab"
    ]
    made.append(videos).sleep_until_complete(verbose_std_out=False)
    return made


def test_the_first_members_of_an_empty_slice_say_what_it_is_of(scenes):
    empty = scenes.create_slice("empty")
    empty.append(["a"])
    assert references(empty.items) == ["a"]
    scenes.delete_scene("a")
    assert empty.items == []
    empty.append(["b-0"])
    assert (empty.info()["type"], references(empty.items)) == ("dataset_item", ["b-0"])


def test_a_slice_that_refuses_a_mixture_stays_as_it_was(scenes):
    empty = scenes.create_slice("empty")
    with pytest.raises(NucleusAPIError, match="members of another kind"):
        empty.append(["a", "b-0"])
    assert (empty.info()["type"], empty.items) == ("dataset_item", [])


def test_a_slice_of_objects(dataset, model, live):
    dataset.annotate([BoxAnnotation("car", 0, 0, 1, 1, "img-0", "a")])
    dataset.upload_predictions(model, [BoxPrediction("bus", 0, 0, 1, 1, "img-1", 0.5, "p")])
    dataset.calculate_evaluation_metrics(model)
    (run_id,) = dataset.model_runs
    matches = [
        *dataset.query_objects("", ObjectQueryType.FALSE_NEGATIVE, run_id),
        *dataset.query_objects("", ObjectQueryType.FALSE_POSITIVE, run_id),
    ]
    made = dataset.create_slice_by_ids(
        "objects",
        annotation_ids=[matches[0].ground_truth_annotation_id],
        prediction_ids=[matches[1].model_prediction_id],
    )
    assert made.info()["type"] == "object"
    assert sorted(row.annotation_id for row in made.items) == ["a", "p"]
    nouns = {noun for row in made.export_raw_json() for noun in row}
    assert nouns == {"item", "annotation", "prediction"}
    assert references(row["item"] for row in made.items_and_annotations()) == ["img-0", "img-1"]
    dataset.delete_item("img-0")
    assert [row.annotation_id for row in made.items] == ["p"]
    assert [row["prediction"]["annotation_id"] for row in made.export_raw_json()] == ["p"]
    assert made.append([]) == {"slice_id": made.id, "new_items": []}


def test_objects_of_another_dataset_are_refused(client, dataset, model):
    dataset.annotate([BoxAnnotation("car", 0, 0, 1, 1, "img-0", "a")])
    dataset.upload_predictions(model, [BoxPrediction("car", 0, 0, 1, 1, "img-0", 0.5, "p")])
    dataset.calculate_evaluation_metrics(model)
    (match,) = dataset.query_objects("", ObjectQueryType.IOU)
    other = client.create_dataset("other", is_scene=False)
    for ids in (
        {"annotation_ids": [match.ground_truth_annotation_id]},
        {"prediction_ids": [match.model_prediction_id]},
    ):
        with pytest.raises(NucleusAPIError, match=f"does not exist in dataset {other.id}") as refusal:
            other.create_slice_by_ids("foreign", **ids)
        assert refusal.value.status_code == 404
    assert other.slices == []


def test_members_must_exist_and_be_of_one_kind(dataset):
    for ids in ({"dataset_item_ids": ["di_none"]}, {"scene_ids": ["scn_none"]}, {"annotation_ids": ["ann_none"]}):
        with pytest.raises(NucleusAPIError, match="does not exist"):
            dataset.create_slice_by_ids("x", **ids)


def test_slices_are_found_by_name_and_type(dataset, part):
    dataset.create_slice("other", ["img-0"])
    assert [made.id for made in dataset.get_slices(name=part.name)] == [part.id]
    assert len(dataset.get_slices(slice_type="dataset_item")) == 2
    for wanted in ({"name": "none"}, {"slice_type": "scene"}):
        with pytest.raises(NotFoundError):
            dataset.get_slices(**wanted)


@pytest.mark.parametrize("method", SliceBuilderMethods)
def test_a_slice_is_built_by_sampling_another(dataset, part, method):
    filters = SliceBuilderFilters(slice_id=part.id)
    job, slice_id = dataset.build_slice("sample", 2, method, filters)
    job.sleep_until_complete(verbose_std_out=False)
    (sample,) = dataset.get_slices(name="sample")
    assert sample.id == slice_id
    assert set(references(sample.items)) < set(references(part.items))
    assert len(sample.items) == 2


def test_a_slice_that_is_sampled_needs_a_new_name(dataset, part):
    with pytest.raises(NucleusAPIError, match="exists already") as refusal:
        dataset.build_slice(part.name, 2, SliceBuilderMethods.RANDOM)
    assert refusal.value.status_code == 409


@pytest.mark.parametrize("method", SliceBuilderMethods)
def test_the_size_of_a_sample_is_not_negative(dataset, method):
    with pytest.raises(NucleusAPIError, match="sampleSize") as refusal:
        dataset.build_slice("sample", -1, method)
    assert refusal.value.status_code == 400
    assert dataset.slices == []


def test_raw_items_tell_where_the_images_are(part):
    (first, *_) = part.export_raw_items()
    assert (first["ref_id"], first["original_url"]) == ("img-1", "https://images.example/1.jpg")
