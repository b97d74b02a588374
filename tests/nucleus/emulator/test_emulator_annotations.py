"""Ground truth: every geometry there and back, ignored and updated rows, row errors, exports, deletion."""

from __future__ import annotations

import json
from pathlib import Path

import nucleus
import pytest
import requests
from nucleus import (
    BoxAnnotation,
    CategoryAnnotation,
    CategoryPrediction,
    CuboidAnnotation,
    DatasetItem,
    Keypoint,
    KeypointsAnnotation,
    LineAnnotation,
    MultiCategoryAnnotation,
    Point,
    Point3D,
    PolygonAnnotation,
    Segment,
    SegmentationAnnotation,
)
from nucleus.errors import NucleusAPIError
from PIL import Image

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TRIANGLE = [Point(0, 0), Point(10.5, 0), Point(0, 10)]


def every_kind(reference_id="img-0"):
    return [
        BoxAnnotation("car", 1.5, 2, 30, 40, reference_id, "box", {"k": 1}, embedding_vector=[0.5, 1.0]),
        PolygonAnnotation("road", TRIANGLE, reference_id, "polygon", track_reference_id="t1"),
        LineAnnotation("lane", TRIANGLE[:2], reference_id, "line", {"dashed": "yes"}),
        KeypointsAnnotation(
            "face", [Keypoint(1, 2), Keypoint(visible=False)], ["l", "r"], reference_id, [[0, 1]], "keypoints"
        ),
        CuboidAnnotation("van", Point3D(1, 2, 3), Point3D(4, 5, 6), 0.5, reference_id, "cuboid", {"far": 1}),
        CategoryAnnotation("sunny", reference_id, "weather", {"sure": "no"}),
        MultiCategoryAnnotation(["wet", "dark"], reference_id, "road"),
        SegmentationAnnotation(
            "https://masks.example/0.png",
            [Segment("sky", 0), Segment("road", 7, {"k": 1})],
            reference_id,
            "mask",
        ),
    ]


def kinds(annotations):
    return {
        kind: [row.to_payload() for row in (rows if isinstance(rows, list) else [rows])]
        for kind, rows in annotations.items()
    }


def sent_kinds():
    names = ["box", "polygon", "line", "keypoints", "cuboid", "category", "multicategory", "segmentation"]
    return {name: [row.to_payload()] for name, row in zip(names, every_kind(), strict=True)}


def box(reference_id="img-0", annotation_id="a", label="car"):
    return BoxAnnotation(label, 1, 2, 3, 4, reference_id, annotation_id)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_every_kind_comes_back_as_it_was_sent(dataset, asynchronous):
    answer = dataset.annotate(every_kind(), asynchronous=asynchronous)
    if asynchronous:
        answer.sleep_until_complete(verbose_std_out=False)
    else:
        assert answer == {
            "dataset_id": dataset.id,
            "annotations_processed": 8,
            "annotations_ignored": 0,
        }
    item_id = dataset.refloc("img-0")["item"].dataset_item_id
    for shown in (dataset.refloc("img-0"), dataset.loc(item_id), dataset.iloc(0)):
        assert kinds(shown["annotations"]) == sent_kinds()


def test_one_annotation_is_found_by_its_ids(dataset):
    dataset.annotate(every_kind())
    assert dataset.ground_truth_loc("img-0", "polygon").to_payload() == every_kind()[1].to_payload()
    for reference_id, annotation_id in (("img-0", "none"), ("none", "polygon"), ("img-1", "polygon")):
        with pytest.raises(NucleusAPIError, match="does not exist"):
            dataset.ground_truth_loc(reference_id, annotation_id)


def test_ids_that_are_paths_name_one_annotation(client):
    made = client.create_dataset("folders", is_scene=False)
    made.append([DatasetItem("https://images.example/a.jpg", "train/day/a.jpg")]).sleep_until_complete(False)
    row = BoxAnnotation("car", 0, 0, 1, 1, "train/day/a.jpg")
    made.annotate([row])
    assert row.annotation_id == "car-0-0-1-1-train/day/a.jpg"
    assert made.ground_truth_loc(row.reference_id, row.annotation_id) == row


def test_mirrored_images_are_shown_where_they_are_asked_for(dataset):
    part = dataset.create_slice("s", ["img-0"])
    for source in (dataset, part):
        (shown, *_) = source.items_and_annotation_generator(use_mirrored_images=True)
        assert shown["item"].image_location == "https://images.example/0.jpg"


def test_chips_are_cut_from_mirrored_images(client, tmp_path, monkeypatch):
    """The SDK fetches images from S3, which is not there; all else is as it is."""
    image = Image.new("RGB", (20, 20), "red")
    made = client.create_dataset("bucket", is_scene=False)
    made.append([DatasetItem("s3://bucket/a.jpg", "a")]).sleep_until_complete(verbose_std_out=False)
    made.annotate([BoxAnnotation("car", 0, 0, 5, 5, "a")])
    fetched = {"s3://bucket/a.jpg": image}
    monkeypatch.setattr(nucleus.dataset, "fetch_image", fetched.__getitem__)
    chips = list(made.items_and_annotation_chip_generator(10, 5, str(tmp_path)))
    assert [Image.open(chip["image_location"]).size for chip in chips] == [(10, 10)] * len(chips)
    assert json.loads(Path(chips[0]["annotation_location"]).read_text())[0]["label"] == "car"


def test_export_has_a_row_for_every_item(dataset):
    dataset.annotate(every_kind())
    rows = dataset.items_and_annotations()
    assert [row["item"].reference_id for row in rows] == [f"img-{n}" for n in range(5)]
    assert kinds(rows[0]["annotations"]) == sent_kinds()
    assert [dict(row["annotations"]) for row in rows[1:]] == [{}] * 4


@pytest.mark.parametrize("page_size", [1, 2, 5, 100])
def test_paged_export_equals_the_unpaged_one(dataset, page_size):
    dataset.annotate([*every_kind(), box("img-3")])
    paged = list(dataset.items_and_annotation_generator(page_size=page_size))
    unpaged = dataset.items_and_annotations()
    assert [row["item"] for row in paged] == [row["item"] for row in unpaged]
    assert [kinds(row["annotations"]) for row in paged] == [kinds(row["annotations"]) for row in unpaged]


def test_known_rows_are_ignored_unless_update(dataset):
    dataset.annotate([box(label="car")])
    again = dataset.annotate([box(label="bus"), box("img-1")])
    assert (again["annotations_processed"], again["annotations_ignored"]) == (1, 1)
    assert dataset.ground_truth_loc("img-0", "a").label == "car"
    updated = dataset.annotate([box(label="bus")], update=True)
    assert (updated["annotations_processed"], updated["annotations_ignored"]) == (1, 0)
    assert dataset.ground_truth_loc("img-0", "a").label == "bus"


def test_categories_are_known_by_taxonomy_and_masks_by_item(dataset):
    rows = [
        CategoryAnnotation("sunny", "img-0", "weather"),
        CategoryAnnotation("dry", "img-0", "road"),
        SegmentationAnnotation("https://masks.example/0.png", [Segment("sky", 0)], "img-0", "m1"),
    ]
    assert dataset.annotate(rows)["annotations_processed"] == 3
    others = [
        CategoryAnnotation("rainy", "img-0", "weather"),
        SegmentationAnnotation("https://masks.example/1.png", [Segment("sky", 0)], "img-0", "m2"),
    ]
    assert dataset.annotate(others)["annotations_ignored"] == 2
    labels = [row.label for row in dataset.refloc("img-0")["annotations"]["category"]]
    assert labels == ["sunny", "dry"]


def test_one_annotation_id_under_two_tasks_is_two_annotations(dataset):
    first, second = box(), box(label="bus")
    first._task_id, second._task_id = "task-1", "task-2"
    assert dataset.annotate([first, second])["annotations_processed"] == 2


def test_rows_without_annotation_id_get_one(dataset):
    dataset.annotate([PolygonAnnotation("road", TRIANGLE, "img-0")])
    (row,) = dataset.refloc("img-0")["annotations"]["polygon"]
    assert row.annotation_id.startswith("ann_")
    assert dataset.ground_truth_loc("img-0", row.annotation_id).to_payload() == row.to_payload()


def test_metadata_of_any_depth_and_size_comes_back(dataset):
    metadata = {"deep": {"list": [1, 2.5, None, True, "ü"]}, "large": 10**30, "empty": {}}
    dataset.annotate([BoxAnnotation("car", 1, 2, 3, 4, "img-0", "a", metadata)])
    assert dataset.ground_truth_loc("img-0", "a").metadata == metadata


def test_batches_are_added_up(dataset):
    rows = [box(annotation_id=str(n)) for n in range(5)] + [box("none", "x")]
    answer = dataset.annotate(rows, batch_size=2)
    assert (answer["annotations_processed"], len(answer["errors"])) == (5, 1)


def test_a_row_for_an_unknown_item_is_an_error_of_its_own(dataset):
    answer = dataset.annotate([box(), box("none", "b")])
    assert answer["annotations_processed"] == 1
    (error,) = map(json.loads, answer["errors"])
    assert error["error"] == "Item with id none does not exist."
    assert (error["annotation"]["referenceId"], error["annotation"]["annotationId"]) == ("none", "b")


def test_lost_rows_of_a_job_do_not_fail_it(dataset):
    job = dataset.annotate([box(), box("none", "b")], asynchronous=True)
    job.sleep_until_complete(verbose_std_out=False)
    status = job.status()
    assert status["status"] == "Completed"
    assert status["message"]["annotation_upload"] == {
        "epoch": 1,
        "total": 2,
        "errored": 1,
        "ignored": 0,
        "datasetId": dataset.id,
        "processed": 1,
    }
    (error,) = map(json.loads, job.errors())
    assert error["error"] == "Item with id none does not exist."


def raw_box(geometry):
    return f'{{"type":"box","label":"x","geometry":{geometry},"reference_id":"img-0"}}'


BROKEN = {
    "no width": raw_box('{"x":1,"y":2,"height":3}'),
    "a null": raw_box('{"x":1,"y":2,"width":null,"height":3}'),
    "a text": raw_box('{"x":1,"y":2,"width":"3","height":3}'),
    "infinite": raw_box('{"x":1e999,"y":2,"width":3,"height":3}'),
    "beyond 2^53": raw_box('{"x":9007199254740993,"y":2,"width":3,"height":3}'),
    "no geometry": '{"type":"box","label":"x","reference_id":"img-0"}',
    "no label": '{"type":"box","geometry":{"x":1,"y":2,"width":3,"height":3},"reference_id":"img-0"}',
    "no vertices": '{"type":"polygon","label":"x","geometry":{"vertices":[]},"reference_id":"img-0"}',
    "unequal names": '{"type":"keypoints","label":"x","geometry":{"keypoints":[{"x":1,"y":1,"visible":true}],'
    '"names":["a","b"],"skeleton":[]},"reference_id":"img-0"}',
    "unknown type": '{"type":"ellipse","label":"x","geometry":{},"reference_id":"img-0"}',
    "no type": '{"label":"x","geometry":{},"reference_id":"img-0"}',
    "no item": '{"type":"category","label":"x","geometry":{}}',
    "not an object": "5",
}
GOOD = '{"type":"box","label":"x","geometry":{"x":1,"y":2,"width":3,"height":4},"reference_id":"img-1"}'


@pytest.mark.parametrize("row", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_row_is_an_error_and_the_others_are_stored(endpoint, dataset, row):
    answer = requests.post(
        f"{endpoint}/dataset/{dataset.id}/annotate",
        data=f'{{"update":false,"annotations":[{row},{GOOD}]}}',
        auth=("test-key", ""),
        timeout=10,
    )
    assert answer.status_code == 200
    assert (answer.json()["annotations_processed"], answer.json()["annotations_ignored"]) == (1, 0)
    (error,) = map(json.loads, answer.json()["errors"])
    assert error["error"]
    assert len(dataset.refloc("img-1")["annotations"]["box"]) == 1


def test_a_broken_line_of_a_job_is_an_error_and_the_others_are_stored(endpoint, dataset, live):
    lines = "\n".join([*BROKEN.values(), "{truncated", GOOD]) + "\n"
    live.state.blobs.uploads[dataset.id, "raw"] = lines.encode()
    url = f"{endpoint}/dataset/{dataset.id}/annotate?async=1"
    job = requests.post(url, json={"requestId": "raw"}, auth=("test-key", ""), timeout=10).json()
    live.state.jobs.finish_all()
    outcome = live.state.jobs.by_id[job["job_id"]].outcome
    assert outcome.status == "Completed"
    assert len(outcome.errors) == len(BROKEN) + 1
    assert len(dataset.refloc("img-1")["annotations"]["box"]) == 1


def test_local_masks_are_paired_with_their_rows_by_order(dataset, tmp_path):
    rows = []
    for n in range(3):
        Image.new("L", (4, 3), n).save(tmp_path / f"ä {n}.png")
        rows.append(SegmentationAnnotation(str(tmp_path / f"ä {n}.png"), [Segment(f"c{n}", n)], f"img-{n}"))
    answer = dataset.annotate(rows, local_files_per_upload_request=2)
    assert answer["annotations_processed"] == 3
    for n in range(3):
        (mask,) = dataset.refloc(f"img-{n}")["annotations"]["segmentation"]
        stored = requests.get(mask.mask_url, timeout=10).content
        assert stored == (tmp_path / f"ä {n}.png").read_bytes()
        assert mask.annotations == [Segment(f"c{n}", n)]


def test_a_mixed_upload_takes_all_three_ways(dataset, tmp_path, live):
    Image.new("L", (4, 3)).save(tmp_path / "m.png")
    local = SegmentationAnnotation(str(tmp_path / "m.png"), [Segment("sky", 0)], "img-0")
    remote = SegmentationAnnotation("https://masks.example/1.png", [Segment("sky", 0)], "img-1")
    live.journal.clear()
    answer = dataset.annotate([box(), remote, local, box("none", "x")])
    assert (answer["annotations_processed"], len(answer["errors"])) == (3, 1)
    assert live.journal.count == 3


@pytest.mark.parametrize("form", ['{"segmentations":[{"reference_id":"img-0"}]}', '{"segmentations":[5]}', "[]"])
def test_a_form_whose_rows_do_not_fit_its_masks_is_refused(endpoint, dataset, form):
    answer = requests.post(
        f"{endpoint}/dataset/{dataset.id}/annotate",
        files=[("serialized_request", (None, form))],
        auth=("test-key", ""),
        timeout=10,
    )
    assert answer.status_code == 400


def test_deleting_annotations_is_a_job_and_takes_whole_items(dataset):
    dataset.annotate([box(), box(annotation_id="b"), box("img-1")])
    job = dataset.delete_annotations(["img-0", "none"])
    assert job.job_type == "annotationDeletion"
    assert len(dataset.refloc("img-0")["annotations"]["box"]) == 2
    job.sleep_until_complete(verbose_std_out=False)
    assert dataset.refloc("img-0")["annotations"] == {}
    assert len(dataset.refloc("img-1")["annotations"]["box"]) == 1
    assert job.status()["message"] == {"annotations_deleted": 2}
    assert job.errors() == ["Item with id none does not exist."]


def test_an_upload_to_a_dataset_that_is_gone_fails_its_job(client, dataset):
    job = dataset.annotate([box()], asynchronous=True)
    client.delete_dataset(dataset.id)
    with pytest.raises(nucleus.async_job.JobError, match="does not exist"):
        job.sleep_until_complete(verbose_std_out=False)
    assert job.status()["status"] == "Errored"


def test_deleting_annotations_of_no_item_in_particular_deletes_all(dataset):
    dataset.annotate([box(), box("img-1")])
    dataset.delete_annotations().sleep_until_complete(verbose_std_out=False)
    assert [dict(row["annotations"]) for row in dataset.items_and_annotations()] == [{}] * 5


def test_categories_must_conform_to_their_taxonomies_if_the_account_is_strict(dataset, model, live):
    live.state.strict_taxonomies = True
    dataset.add_taxonomy("weather", "category", ["sun"])
    rows = [
        CategoryAnnotation("fog", "img-0", "weather"),
        CategoryAnnotation("sun", "img-1", "weather"),
        CategoryAnnotation("sun", "img-2", "mood"),
        CategoryAnnotation("sun", "img-3"),
        MultiCategoryAnnotation(["sun", "fog"], "img-4", "weather"),
    ]
    answer = dataset.annotate(rows)
    assert answer["annotations_processed"] == 2
    assert [json.loads(error)["error"] for error in answer["errors"]] == [
        "Taxonomy weather has no label fog.",
        "Taxonomy mood does not exist.",
        "Taxonomy weather has no label fog.",
    ]
    predictions = [CategoryPrediction("fog", "img-0", "weather"), CategoryPrediction("sun", "img-0", "weather")]
    answer = dataset.upload_predictions(model, predictions)
    assert (answer["predictions_processed"], len(answer["errors"])) == (1, 1)


def test_any_taxonomy_is_taken_otherwise(dataset):
    dataset.add_taxonomy("weather", "category", ["sun"])
    rows = [CategoryAnnotation("fog", "img-0", "weather"), CategoryAnnotation("sun", "img-0", "mood")]
    assert dataset.annotate(rows)["annotations_processed"] == 2
