"""Rows that others wrote to Nucleus with the SDK: what Dragoman reads of them, and what it says of what it cannot."""

from __future__ import annotations

from typing import Any

import nucleus
import pytest
from nucleus import (
    BoxAnnotation,
    BoxPrediction,
    CategoryAnnotation,
    KeypointsAnnotation,
    LineAnnotation,
    Segment,
    SegmentationAnnotation,
)
from nucleus import Keypoint as Joint
from nucleus import Point as Corner

from dragoman import InvalidData, Keypoint, Keypoints, Label, PlatformError, Unavailable, Whole
from dragoman.emulate import Live


@pytest.fixture
def theirs(emulated: Live[Any], dataset: Any) -> nucleus.Dataset:
    """The dataset as the SDK has it."""
    client = nucleus.NucleusClient(emulated.credentials["api_key"], endpoint=f"{emulated.url}/v1/nucleus")
    return client.get_dataset(dataset.id)


def test_keypoints_need_no_skeleton(backend: Any, dataset: Any, theirs: Any) -> None:
    theirs.annotate([KeypointsAnnotation("face", [Joint(1, 2), Joint(visible=False)], ["nose", "ear"], "a")])
    (label,) = backend.labels.read(dataset)
    assert label.geometry == Keypoints((Keypoint("nose", 1, 2), Keypoint("ear", None, None, 1)), ())


UNREADABLE = {
    "The box 'wide' on item 'a' cannot be read: box width is -5.0": BoxAnnotation("car", 0, 0, -5, 5, "a", "wide"),
    "The line 'dot' on item 'b' cannot be read": LineAnnotation("lane", [Corner(0, 0)], "b", "dot"),
    "The category on item 'a' cannot be read: an option has no name": CategoryAnnotation("", "a", "weather"),
    "The box 'odd' on item 'b' cannot be read": BoxAnnotation(
        "car", 0, 0, 5, 5, "b", "odd", metadata={"dragoman_provenance": "x"}
    ),
}


@pytest.mark.parametrize("message", UNREADABLE)
def test_a_row_that_cannot_be_read_is_named(backend: Any, dataset: Any, theirs: Any, message: str) -> None:
    theirs.annotate([BoxAnnotation("car", 0, 0, 5, 5, "a", "good"), UNREADABLE[message]])
    with pytest.raises(InvalidData, match=message) as failure:
        list(backend.labels.read(dataset))
    assert failure.value.field is not None
    assert failure.value.hint is not None


def test_a_category_that_cannot_be_read_costs_no_outcomes(backend: Any, dataset: Any, theirs: Any) -> None:
    theirs.annotate([CategoryAnnotation("", "a", "weather")])
    rows = [Label("a", "rain", Whole()), Label("b", "rain", Whole())]
    assert backend.labels.write(rows, dataset=dataset).counts == {"created": 2}
    assert backend.labels.write(rows, dataset=dataset).counts == {"ignored": 2}


def test_a_prediction_that_cannot_be_read_is_named(backend: Any, dataset: Any, version: Any, theirs: Any) -> None:
    theirs.upload_predictions_for_model_run(version.id, [BoxPrediction("car", 0, 0, 5, 5, "b", 7.5, "sure")])
    for items in (None, ["b"]):
        with pytest.raises(InvalidData, match="The box 'sure' on item 'b' cannot be read: confidence"):
            list(backend.predictions.read(version, dataset=dataset, items=items))


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        (
            "https://127.0.0.1:1/mask.png?signature=secret",
            Unavailable,
            "https://127.0.0.1:1/mask.png cannot be fetched",
        ),
        ("s3://masks/mask.png", PlatformError, "s3://masks/mask.png cannot be fetched: it is no URL of the web"),
    ],
)
def test_a_mask_that_cannot_be_fetched_is_named(
    backend: Any, dataset: Any, theirs: Any, url: str, kind: type[Exception], message: str
) -> None:
    theirs.annotate([SegmentationAnnotation(url, [Segment("sky", 1)], "a")])
    with pytest.raises(kind, match=message) as failure:
        list(backend.labels.read(dataset))
    assert "secret" not in f"{failure.value}{failure.value.__cause__}"
