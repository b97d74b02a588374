"""Evaluations on the local backend: computed by the core, and kept as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

import dragoman
from dragoman import Box, Dataset, InvalidData, Item, MatchPolicy, Model, NotFound, Prediction, Version
from dragoman.adapter import Adapter


@pytest.fixture
def version(local: Adapter, detector: Model, boxes: Dataset) -> Version:
    """A version whose predictions hit two of the three labelled boxes, and miss the third by far."""
    made = local.versions.create(detector, name="v")
    rows = [Prediction(key, "square", Box(4, 4, 12, 12), confidence=0.9) for key in "ab"]
    rows.append(Prediction("c", "stripe", Box(20, 16, 5, 5), confidence=0.8))
    local.predictions.write(rows, version=made, dataset=boxes).raise_for_problems()
    return made


def test_evaluation_is_kept_after_reopening(local: Adapter, version: Version, boxes: Dataset, tmp_path: Path) -> None:
    made = local.evaluations.evaluate(version, dataset=boxes, policy=MatchPolicy(iou=0.5))
    assert (made.version, made.dataset, made.labels, made.predictions) == (version.id, boxes.id, 3, 3)
    assert made.metrics["recall"] == pytest.approx(2 / 3)
    assert made.per_feature["square"]
    local.close()
    with dragoman.connect("local", root=tmp_path / "home") as again:
        assert again.evaluations.get(made) == made


def test_each_evaluation_stays_as_it_was_when_it_was_computed(local: Adapter, version: Version, boxes: Dataset) -> None:
    before = local.evaluations.evaluate(version, dataset=boxes)
    right = Prediction("c", "stripe", Box(4, 4, 12, 12), confidence=0.95)
    local.predictions.write([right], version=version, dataset=boxes).raise_for_problems()
    after = local.evaluations.evaluate(version, dataset=boxes)
    assert before.id != after.id
    assert local.evaluations.get(before).metrics["mAP50"] < local.evaluations.get(after).metrics["mAP50"]
    assert local.evaluations.get(before) == before


def test_split_leaves_the_items_of_others_out(local: Adapter, version: Version, boxes: Dataset, tmp_path: Path) -> None:
    local.datasets.write_items(
        [Item("c", uri=str(tmp_path / "c.png"), split="test")], dataset=boxes, update=True
    ).raise_for_problems()
    found = local.evaluations.evaluate(version, dataset=boxes, split="test")
    assert (found.labels, found.predictions, found.metrics["mAP50"]) == (1, 1, 0.0)
    with pytest.raises(InvalidData):
        local.evaluations.evaluate(version, dataset=boxes, split="nobody's")


def test_evaluation_goes_with_its_version_and_with_its_dataset(
    local: Adapter, version: Version, detector: Model, boxes: Dataset
) -> None:
    other = local.versions.create(detector, name="other")
    wrong = Prediction("a", "square", Box(0, 0, 1, 1), confidence=0.5)
    local.predictions.write([wrong], version=other, dataset=boxes).raise_for_problems()
    of_version, of_dataset = (local.evaluations.evaluate(one, dataset=boxes) for one in (version, other))
    local.versions.delete(version)
    with pytest.raises(NotFound, match="no evaluation"):
        local.evaluations.get(of_version)
    assert local.evaluations.get(of_dataset) == of_dataset
    local.datasets.delete(boxes)
    with pytest.raises(NotFound, match="no evaluation"):
        local.evaluations.get(of_dataset)


@pytest.mark.parametrize("unknown", ["version", "dataset"])
def test_unknown_version_or_dataset_is_not_found(
    local: Adapter, version: Version, boxes: Dataset, unknown: str
) -> None:
    given = {"version": version.id, "dataset": boxes.id, unknown: "nobody"}
    with pytest.raises(NotFound, match=f"no {unknown}"):
        local.evaluations.evaluate(given["version"], dataset=given["dataset"])
