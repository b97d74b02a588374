"""The query language: what selects items, scenes and rows of an export, and what is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nucleus import (
    BoxAnnotation,
    BoxPrediction,
    CategoryAnnotation,
    DatasetItem,
    Segment,
    SegmentationAnnotation,
    VideoScene,
)
from nucleus.errors import NucleusAPIError

from dragoman.emulate.app import ApiError
from dragoman_nucleus.emulator.queries import Subject, parse

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def street(dataset, model):
    """`img-0` has three boxes, `img-1` a category and a mask, `img-2` a prediction; `n` in the metadata counts."""
    dataset.annotate(
        [
            BoxAnnotation("truck", 1, 2, 5, 3, "img-0", "a"),
            BoxAnnotation("traffic light", 600, 2, 30, 40, "img-0", "b", {"color": "yellow"}),
            BoxAnnotation("traffic light", 1, 2, 30, 40, "img-0", "c", {"color": "red"}),
            CategoryAnnotation("dress", "img-1", "clothing_type"),
            SegmentationAnnotation("https://masks.example/1.png", [Segment("sky", 1)], "img-1"),
        ]
    )
    dataset.upload_predictions(model, [BoxPrediction("person", 1, 2, 3, 4, "img-2", 0.5, "p")])
    dataset.update_item_metadata({"img-3": {"camera": "rear", "n": 50, "wet": True}, "img-4": {"camera": "front left"}})
    return dataset


QUERIES = {
    "": "01234",
    "annotations.count > 0": "01",
    'annotations."traffic light" >= 2 AND annotations.truck = 1': "0",
    'annotations."traffic light".color = "yellow"': "0",
    'annotations.metadata.color = "blue"': "",
    "annotations.segmentation.count > 0": "1",
    "annotations.box.truck = 1": "0",
    "annotations.truck + annotations.bus >= 1": "0",
    'annotations."traffic light" % 2 = 0 AND annotations.count > 0': "01",
    "annotations.clothing_type = dress": "1",
    "annotations.clothing_type != dress": "0234",
    "annotations.dimensions.x < 6 AND annotations.dimensions.y < 4": "0",
    "annotations.position.x > 500": "0",
    "predictions.count > 0": "2",
    "predictions.person >= 1": "2",
    "metadata.n >= 1 AND metadata.n <= 2": "12",
    "metadata.n % 5 = 0": "03",
    "metadata.n - 1 = 0": "1",
    'metadata.camera = "front left"': "4",
    'metadata.camera != "rear" AND metadata.camera != "front left"': "012",
    "metadata.n = 1 OR metadata.n = 2 AND metadata.camera = rear": "1",
    "(metadata.n = 1 OR metadata.n = 50) AND metadata.camera = rear": "3",
    'reference_id = "img-3"': "3",
    "metadata.camera > 3": "",
    "metadata.wet = true": "3",
    "metadata.wet != false or metadata.n = 1": "01234",
    "metadata.wet = True and metadata.n = 50": "3",
}


@pytest.mark.parametrize(("query", "selected"), QUERIES.items(), ids=QUERIES.keys())
def test_items_are_selected(street, query, selected):
    assert "".join(item.reference_id[-1] for item in street.query_items(query)) == selected


def test_items_are_selected_by_slice(street):
    part = street.create_slice("some", ["img-1", "img-3"])
    assert [item.reference_id for item in street.query_items(f"slice_id = {part.id}")] == ["img-1", "img-3"]


def test_items_are_selected_by_their_labelling_tasks(street):
    part = street.create_slice("some", ["img-1", "img-3"])
    part.send_to_labeling("project").sleep_until_complete(verbose_std_out=False)
    for query in ("scale_metadata.task_status = pending", 'scale_metadata.created_at > "2020-01-01"'):
        assert [item.reference_id for item in street.query_items(query)] == ["img-1", "img-3"]
    assert list(street.query_items("scale_metadata.project_name = other")) == []


@pytest.mark.parametrize("page_limit", [None, 1, 2])
def test_selected_items_come_in_pages(street, live, page_limit):
    live.settings.page_limit = page_limit
    assert len(list(street.query_items("metadata.n < 3"))) == 3


def test_an_export_is_narrowed_by_a_query(street):
    rows = list(street.items_and_annotation_generator(query="annotations.truck = 1"))
    assert [row["item"].reference_id for row in rows] == ["img-0"]


@pytest.mark.parametrize(
    "query",
    [
        "metadata.n =",
        "metadata.n = 1 AND",
        "= 1",
        "(metadata.n = 1",
        "weather.today = 1",
        "metadata.n = 9 AND annotations.a.b.c = 1",
        "%",
        "(" * 10_000,
    ],
    ids=lambda query: query[:40],
)
def test_what_is_no_query_is_refused(street, query):
    with pytest.raises(NucleusAPIError) as refusal:
        list(street.query_items(query))
    assert refusal.value.status_code == 400


def test_scenes_are_selected_by_their_metadata_and_by_what_is_on_their_frames(client):
    made = client.create_dataset("scenes", is_scene=True)
    scenes = [
        VideoScene(
            name,
            5,
            items=[DatasetItem(f"https://images.example/{name}.jpg", f"{name}-0")],
            metadata={"town": name},
        )
        for name in "ab"
    ]
    made.append(scenes).sleep_until_complete(verbose_std_out=False)
    made.annotate([BoxAnnotation("car", 1, 2, 3, 4, "b-0", "a")])
    assert [scene.reference_id for scene in made.query_scenes("metadata.town = a")] == ["a"]
    assert [scene.reference_id for scene in made.query_scenes("annotations.car > 0")] == ["b"]


@given(st.text(st.sampled_from('a1."()=<>!%+- AND OR metadata annotations'), max_size=40))
def test_any_text_is_a_query_or_refused(query):
    with contextlib.suppress(ApiError):
        assert parse(query)(Subject("a", {"a": 1})) in (True, False)
