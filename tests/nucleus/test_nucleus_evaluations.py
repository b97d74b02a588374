"""Nucleus's own evaluation: what a policy becomes, and how its figures compare with the core's."""

from __future__ import annotations

import random
from typing import Any

import pytest

from dragoman import (
    Box,
    InvalidData,
    Item,
    Label,
    Mask,
    MatchPolicy,
    NotFound,
    PlatformError,
    Polygon,
    Prediction,
    Whole,
)
from dragoman.emulate import Answer, DropBefore, Live
from dragoman.evaluate import evaluate
from dragoman_nucleus.evaluations import grouped, matching


@pytest.fixture
def scene(backend: Any) -> Any:
    """A dataset of six labelled images with boxes of all sizes, and a version that half knows them."""
    dice = random.Random(7)
    dataset = backend.datasets.create("measured")
    splits = {f"{n}": "val" if n > 3 else "train" for n in range(6)}
    items = [Item(key, uri=f"https://example.com/{key}.jpg", split=split) for key, split in splits.items()]
    backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
    labels, said = [], []
    for item in items:
        for feature in ("car", "car", "person"):
            size = dice.choice([12, 50, 120])
            box = Box(dice.randrange(400), dice.randrange(400), size, size)
            labels.append(Label(item.key, feature, box))
            shifted = Box(box.x + dice.uniform(0, size / 3), box.y, size, size * dice.uniform(0.8, 1))
            if dice.random() < 0.85:
                said.append(Prediction(item.key, feature, shifted, confidence=round(dice.random(), 3)))
        said.append(Prediction(item.key, "car", Box(900, 900, 40, 40), confidence=round(dice.random(), 3)))
    backend.labels.write(labels, dataset=dataset).raise_for_problems()
    model = backend.models.create("detector", task="object_detection", features=["car", "person"])
    version = backend.versions.create(model, name="first", dataset=dataset)
    backend.predictions.write(said, version=version, dataset=dataset).raise_for_problems()
    return type("Scene", (), {"dataset": dataset, "version": version, "labels": labels, "said": said, "model": model})


@pytest.fixture
def mixed(backend: Any) -> Any:
    """Evaluates a version that finds all labels: of a shape in both splits, and of a mask in one of them."""

    def evaluated(shape: Any, task: str, split: str | None = None) -> Any:
        dataset = backend.datasets.create("mixed")
        splits = {"a": "train", "b": "val", "c": "val"} if split else {"b": None, "c": None}
        items = [Item(key, uri=f"https://example.com/{key}.jpg", split=part) for key, part in splits.items()]
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
        shapes = {"a": shape, "b": shape, "c": Mask(48, 64, (0, 10, 3062))}
        labels = [Label(key, "car", shapes[key]) for key in splits]
        backend.labels.write(labels, dataset=dataset, on_loss="convert").raise_for_problems()
        model = backend.models.create("any", task=task, features=["car"])
        version = backend.versions.create(model, name="v", dataset=dataset)
        said = [Prediction(row.item, "car", row.geometry, confidence=0.9) for row in labels]
        backend.predictions.write(said, version=version, dataset=dataset, on_loss="convert").raise_for_problems()
        return backend.evaluations.evaluate(version, dataset=dataset, split=split)

    return evaluated


class TestFigures:
    def test_they_agree_with_the_core_s(self, backend: Any, scene: Any) -> None:
        native = backend.evaluations.evaluate(scene.version, dataset=scene.dataset)
        ours = evaluate(scene.labels, scene.said, version=scene.version.id, dataset=scene.dataset.id)
        for name in ("mAP", "mAP50", "mAP75"):
            assert native.metrics[name] == pytest.approx(ours.metrics[name], abs=1e-6), name
        for feature, figures in ours.per_feature.items():
            assert native.per_feature[feature]["AP50"] == pytest.approx(figures["AP50"], abs=1e-6)
        assert (native.labels, native.predictions) == (ours.labels, ours.predictions)
        assert (native.version, native.dataset) == (scene.version.id, scene.dataset.id)

    def test_a_split_is_measured_alone(self, backend: Any, scene: Any) -> None:
        native = backend.evaluations.evaluate(scene.version, dataset=scene.dataset, split="val")
        ours = evaluate(
            [row for row in scene.labels if row.item in "45"],
            [row for row in scene.said if row.item in "45"],
            version="",
            dataset="",
        )
        assert native.metrics["mAP50"] == pytest.approx(ours.metrics["mAP50"], abs=1e-6)
        assert native.labels == 6
        with pytest.raises(InvalidData, match="'test'"):
            backend.evaluations.evaluate(scene.version, dataset=scene.dataset, split="test")

    def test_the_overlap_of_the_policy_decides_what_a_hit_is(self, backend: Any, scene: Any) -> None:
        loose, strict = (
            backend.evaluations.evaluate(scene.version, dataset=scene.dataset, policy=MatchPolicy(iou=iou))
            for iou in (0.3, 0.9)
        )
        assert loose.metrics["recall"] > strict.metrics["recall"]
        assert loose.metrics["mAP50"] == strict.metrics["mAP50"]
        assert "AP90" in strict.per_feature["car"]
        assert backend.evaluations.get(strict) == strict, "the overlap is kept with the evaluation"

    def test_names_may_be_ignored_or_paired(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        backend.labels.write([Label("a", "car", Box(1, 2, 30, 40))], dataset=dataset).raise_for_problems()
        model = backend.models.create("german", task="object_detection", features=["Auto"])
        version = backend.versions.create(model, name="v", dataset=dataset)
        said = [Prediction("a", "Auto", Box(1, 2, 30, 40), confidence=0.9)]
        backend.predictions.write(said, version=version, dataset=dataset).raise_for_problems()

        def recall(policy: MatchPolicy | None) -> float:
            return backend.evaluations.evaluate(version, dataset=dataset, policy=policy).metrics["recall"]

        assert recall(None) == 0
        assert recall(MatchPolicy(class_agnostic=True)) == 1
        assert emulated.state.runs[version.id].matching["class_agnostic"] is True
        assert recall(MatchPolicy(pairs=(("car", "Auto"),))) == 1
        assert emulated.state.runs[version.id].matching["class_agnostic"] is False

    def test_pairs_of_one_direction_are_measured_by_the_core(self, backend: Any, dataset: Any) -> None:
        boxes = {name: Box(place, 2, 30, 40) for place, name in enumerate(("car", "truck"))}
        labels = [Label(key, name, boxes[name]) for key, name in (("a", "car"), ("b", "truck"))]
        backend.labels.write(labels, dataset=dataset).raise_for_problems()
        model = backend.models.create("swapped", task="object_detection", features=["car", "truck"])
        version = backend.versions.create(model, name="v", dataset=dataset)
        said = [
            Prediction(key, name, boxes[other], confidence=0.9)
            for key, name, other in (("a", "truck", "car"), ("b", "car", "truck"))
        ]
        backend.predictions.write(said, version=version, dataset=dataset).raise_for_problems()
        policy = MatchPolicy(pairs=(("car", "truck"),))
        found = backend.evaluations.evaluate(version, dataset=dataset, policy=policy)
        assert found.id == "", "Nucleus has not measured this"
        assert found == evaluate(labels, said, version=version.id, dataset=dataset.id, policy=policy)

    def test_classifications_are_measured_by_the_core(self, backend: Any, dataset: Any) -> None:
        backend.labels.write([Label("a", "cat", Whole()), Label("b", "dog", Whole())], dataset=dataset)
        model = backend.models.create("cats", task="classification", features=["cat", "dog"])
        version = backend.versions.create(model, name="v", dataset=dataset)
        said = [Prediction(key, "cat", Whole(), confidence=0.9) for key in ("a", "b")]
        backend.predictions.write(said, version=version, dataset=dataset).raise_for_problems()
        assert backend.evaluations.evaluate(version, dataset=dataset).metrics["accuracy"] == 0.5
        with pytest.raises(InvalidData):
            backend.evaluations.evaluate(version, dataset=dataset, split="nothing has this")

    def test_masks_are_measured_by_the_core(self, backend: Any, dataset: Any) -> None:
        mask = Mask(48, 64, (0, 10, 3062))
        backend.labels.write([Label("a", "car", mask)], dataset=dataset, on_loss="convert").raise_for_problems()
        model = backend.models.create("painter", task="instance_segmentation", features=["car"])
        version = backend.versions.create(model, name="v", dataset=dataset)
        said = [Prediction("a", "car", mask, confidence=0.9)]
        backend.predictions.write(said, version=version, dataset=dataset, on_loss="convert").raise_for_problems()
        found = backend.evaluations.evaluate(version, dataset=dataset)
        assert (found.id, found.labels) == ("", 1)
        assert found.metrics["mAP50"] == pytest.approx(1)
        assert backend.benchmarks.list() == [], "Nucleus has measured nothing of it"

    @pytest.mark.parametrize("split", [None, "val"])
    def test_polygons_beside_masks_are_measured_with_them(self, mixed: Any, split: str | None) -> None:
        found = mixed(Polygon.of([(0, 0), (10, 0), (10, 10)]), "instance_segmentation", split)
        assert (found.id, found.labels, found.metrics["mAP50"]) == ("", 2, pytest.approx(1))

    def test_boxes_beside_masks_are_no_labels_of_one_kind(self, mixed: Any) -> None:
        with pytest.raises(InvalidData, match="there are: box, mask"):
            mixed(Box(1, 2, 30, 40), "instance_segmentation")

    def test_a_detector_is_measured_against_the_boxes_beside_masks(self, mixed: Any) -> None:
        found = mixed(Box(1, 2, 30, 40), "object_detection")
        assert found.id
        assert found.labels == 1

    def test_masks_of_another_split_make_no_difference(self, mixed: Any) -> None:
        found = mixed(Box(1, 2, 30, 40), "instance_segmentation", "train")
        assert found.id
        assert found.labels == 1


class TestCourse:
    def test_it_is_waited_for(self, backend: Any, scene: Any, emulated: Live[Any]) -> None:
        emulated.settings.job_polls = 5
        assert backend.evaluations.evaluate(scene.version, dataset=scene.dataset).metrics["mAP50"] > 0
        assert len(backend.waited) >= 5

    def test_one_that_fails_says_so(self, backend: Any, scene: Any, emulated: Live[Any]) -> None:
        benchmark = backend.benchmarks.create("b", datasets=[scene.dataset])
        emulated.state.jobs.fail_next("Errored", "out of luck")
        with pytest.raises(PlatformError, match="ended as failed: out of luck"):
            backend.benchmarks.evaluate(benchmark, version=scene.version)

    @pytest.mark.parametrize("path", ["*/charts", "*/evaluationsV2/*", "*/commit", "*/labelSchema"])
    def test_a_passing_failure_is_not_seen(self, backend: Any, scene: Any, emulated: Live[Any], path: str) -> None:
        for mishap in (Answer(429), Answer(502), DropBefore()):
            emulated.faults.add(mishap, path=path)
            assert backend.evaluations.evaluate(scene.version, dataset=scene.dataset).labels == 18
        assert len(backend.waited) == 3
        assert len(backend.benchmarks.list()) == 3, "one for each evaluation, and none for what was tried in vain"

    def test_an_unknown_version_or_dataset_is_not_found(self, backend: Any, scene: Any) -> None:
        with pytest.raises(NotFound):
            backend.evaluations.evaluate("run_none", dataset=scene.dataset)
        with pytest.raises(NotFound):
            backend.evaluations.evaluate(scene.version, dataset="ds_none")


class TestPolicy:
    def test_pairs_are_sent_besides_equal_names(self) -> None:
        body = matching(MatchPolicy(pairs=(("car", "Auto"), ("car", "car"))), {"car", "bus"})
        sent = [(one["ground_truth_label"], one["model_prediction_label"]) for one in body["allowed_label_matches"]]
        assert (body["class_agnostic"], sent) == (False, [("bus", "bus"), ("car", "car"), ("car", "Auto")])
        assert matching(MatchPolicy(), {"car"}) == {"class_agnostic": False}

    def test_pairs_become_groups(self) -> None:
        policy = MatchPolicy(pairs=(("car", "Auto"), ("lorry", "Auto"), ("dog", "Hund")))
        assert grouped(policy, {"car", "lorry", "dog", "cat"}, {"Auto", "Hund", "cat"}) == {
            "car": ["Auto", "car", "lorry"],
            "dog": ["Hund", "dog"],
            "cat": ["cat"],
        }

    def test_pairs_that_a_group_would_widen_are_no_groups(self) -> None:
        policy = MatchPolicy(pairs=(("car", "truck"),))
        assert grouped(policy, {"car"}, {"car", "truck"}) == {"car": ["car", "truck"]}
        assert grouped(policy, {"car", "truck"}, {"car", "truck"}) is None
        both = MatchPolicy(pairs=(("car", "truck"), ("truck", "car")))
        assert grouped(both, {"car", "truck"}, {"car", "truck"}) == {"car": ["car", "truck"]}
