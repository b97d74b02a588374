"""Slices of items: making and filling them, reading them by page, exports of ground truth and predictions."""

from __future__ import annotations

import pytest
from nucleus import BoxAnnotation, BoxPrediction
from nucleus.errors import NucleusAPIError


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
