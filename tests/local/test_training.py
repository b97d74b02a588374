"""Training on the local backend: what comes of a job, and what is refused before one is made."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dragoman import (
    Box,
    Dataset,
    InvalidData,
    Item,
    Label,
    Model,
    NotFound,
    PlatformError,
    Polygon,
    Status,
    Whole,
)
from dragoman.adapter import Adapter

from .conftest import SIDE, Trained


class TestTrainedClassifier:
    def test_job_went_through_its_states_and_told_its_progress(self, classifier: Trained) -> None:
        seen = list(dict.fromkeys(report.status for report in classifier.reports))
        assert seen[-1] is Status.SUCCEEDED
        assert set(seen) <= {Status.QUEUED, Status.RUNNING, Status.SUCCEEDED}
        last = classifier.training.progress
        assert (last.step, last.steps) == (20, 20)
        assert last.epoch >= 2
        assert last.loss is not None
        assert last.images_per_second is not None
        assert last.images_per_second > 0
        assert last.seconds_left == 0
        assert classifier.training.created_at is not None
        assert classifier.training.ended_at is not None
        assert classifier.training.created_at < classifier.training.ended_at

    def test_version_says_how_it_was_made(self, classifier: Trained) -> None:
        version = classifier.version
        assert (version.model, version.status) == (classifier.model.id, Status.SUCCEEDED)
        assert (version.training, version.dataset) == (classifier.training.id, classifier.dataset.id)
        assert version.config["image_size"] == [32, 32]
        assert version.config["architecture"] == "compact"
        assert version.metrics["validation_accuracy"] >= 0.8
        assert list(classifier.backend.versions.list(classifier.model)) == [version]

    def test_job_and_version_list_the_items_with_their_splits(self, classifier: Trained) -> None:
        backend = classifier.backend
        of_job = list(backend.training.data(classifier.training, page_size=25))
        assert of_job == list(backend.versions.data(classifier.version))
        assert [item.split for item in of_job].count("train") == 48
        assert [item.split for item in of_job].count("validation") == 12

    def test_log_has_lines_by_pages(self, classifier: Trained) -> None:
        lines = list(classifier.backend.training.logs(classifier.training, page_size=1))
        assert lines == list(classifier.backend.training.logs(classifier.training))
        assert any("training on 48 samples, validating on 12" in line for line in lines)

    def test_ended_job_is_listed_and_cancelling_leaves_it_as_it_is(self, classifier: Trained) -> None:
        training = classifier.backend.training
        assert list(training.list()) == [classifier.training]
        assert list(training.list(status="running")) == []
        assert training.cancel(classifier.training) == classifier.training


class TestTrainedDetector:
    def test_detector_finds_the_shapes_of_images_it_has_not_seen(self, shapes: Trained) -> None:
        backend = shapes.backend
        found = backend.inference.predict(shapes.version, shapes.items("test"))
        backend.predictions.write(found, version=shapes.version, dataset=shapes.dataset).raise_for_problems()
        result = backend.evaluations.evaluate(shapes.version, dataset=shapes.dataset, split="test")
        assert result.labels == 24
        assert result.metrics["mAP50"] >= 0.6

    def test_items_of_other_splits_are_not_trained_on(self, shapes: Trained) -> None:
        splits = [item.split for item in shapes.backend.training.data(shapes.training)]
        assert (splits.count("train"), splits.count("validation"), len(splits)) == (64, 8, 72)

    def test_weights_move_to_another_version_and_predict_the_same(self, shapes: Trained, tmp_path: Path) -> None:
        backend, items = shapes.backend, shapes.items("test")[:4]
        path = backend.versions.download_weights(shapes.version, tmp_path / "new" / "w.safetensors")
        copy = backend.versions.create(shapes.model, name="copy")
        assert backend.versions.upload_weights(copy, path).status is Status.SUCCEEDED
        rows = [
            [(row.item, row.feature, row.geometry, row.confidence) for row in backend.inference.predict(version, items)]
            for version in (shapes.version, copy)
        ]
        assert rows[0] == rows[1] != []
        backend.versions.delete(copy)
        assert path.is_file()

    @pytest.mark.parametrize("name", ["folder", "folder.onnx"])
    def test_folder_is_no_file_to_write_the_weights_to(self, shapes: Trained, tmp_path: Path, name: str) -> None:
        (tmp_path / name).mkdir()
        with pytest.raises(InvalidData, match=f"{name} is a folder") as caught:
            shapes.backend.versions.download_weights(shapes.version, tmp_path / name)
        assert caught.value.field == "path"
        assert list(tmp_path.iterdir()) == [tmp_path / name]

    @pytest.mark.parametrize("content", [b"", b"\x80\x02pickled", b"PK\x03\x04zip of pickles", b"x" * 100])
    def test_file_that_is_no_weights_is_refused(self, shapes: Trained, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "w").write_bytes(content)
        with pytest.raises(InvalidData, match="weight file"):
            shapes.backend.versions.upload_weights(shapes.version, tmp_path / "w")
        assert list(shapes.backend.inference.predict(shapes.version, shapes.items("test")[:1], confidence=0.0))

    def test_weights_for_other_features_or_another_task_are_refused(self, shapes: Trained, tmp_path: Path) -> None:
        backend = shapes.backend
        path = backend.versions.download_weights(shapes.version, tmp_path / "w.safetensors")
        for task, features, reason in (
            ("object_detection", ["stripe", "square"], "features"),
            ("classification", ["square", "stripe"], "detection"),
        ):
            model = backend.models.create(f"other {reason}", task=task, features=features)
            version = backend.versions.create(model, name="v")
            with pytest.raises(InvalidData, match=reason):
                backend.versions.upload_weights(version, path)


def submit(local: Adapter, model: Model, dataset: Dataset, **options: Any) -> Any:
    return local.training.submit(model, dataset=dataset, **options)


class TestRefusals:
    """What is refused leaves no job behind."""

    @pytest.fixture(autouse=True)
    def _no_job(self, local: Adapter) -> Any:
        yield
        assert list(local.training.list()) == []

    @pytest.mark.parametrize(
        ("parameters", "field"),
        [
            ({"epoch": 1}, "parameters.epoch"),
            ({"task": "detection"}, "parameters.task"),
            ({"epochs": 0}, "parameters.epochs"),
            ({"epochs": "many"}, "parameters.epochs"),
            ({"epochs": 1, "steps": 1}, "parameters"),
            ({"learning_rate": float("nan")}, "parameters.learning_rate"),
            ({"image_size": 3}, "parameters.image_size.0"),
            ({"architecture": "perceptron"}, "parameters.architecture"),
            ({"pretrained": "/nowhere/at/all"}, "parameters.pretrained"),
            ({"pretrained": ""}, "parameters.pretrained"),
            ({"pretrained": "x" * 300}, "parameters.pretrained"),
            ({"pretrained": "~nobody-of-that-name/weights"}, "parameters.pretrained"),
        ],
    )
    def test_bad_parameter_is_named(
        self, local: Adapter, detector: Model, boxes: Dataset, parameters: Mapping[str, Any], field: str
    ) -> None:
        with pytest.raises(InvalidData) as caught:
            submit(local, detector, boxes, parameters=parameters)
        assert caught.value.field == field

    def test_label_of_a_feature_that_the_model_does_not_know(
        self, local: Adapter, detector: Model, boxes: Dataset
    ) -> None:
        local.labels.write([Label("b", "circle", Box(0, 0, 2, 2))], dataset=boxes)
        with pytest.raises(InvalidData, match="item 'b' has the feature 'circle'") as caught:
            submit(local, detector, boxes)
        assert caught.value.field == "feature"
        with pytest.raises(InvalidData, match="no feature 'disc'"):
            submit(local, detector, boxes, features={"circle": "disc"})

    def test_dataset_without_labels(self, local: Adapter, detector: Model, dataset: Dataset) -> None:
        with pytest.raises(InvalidData, match="no item to train on"):
            submit(local, detector, dataset)

    def test_labels_of_another_kind_do_not_count(self, local: Adapter, boxes: Dataset) -> None:
        classifier = local.models.create("c", task="classification", features=["square"])
        with pytest.raises(InvalidData, match="classification label"):
            submit(local, classifier, boxes)

    def test_labels_on_validation_items_alone(
        self, local: Adapter, detector: Model, image: Callable[..., Path]
    ) -> None:
        dataset = local.datasets.create("d")
        local.datasets.write_items([Item("v", uri=str(image()), split="validation")], dataset=dataset)
        local.labels.write([Label("v", "square", Box(0, 0, 2, 2))], dataset=dataset)
        with pytest.raises(InvalidData, match="no item to train on"):
            submit(local, detector, dataset)

    def test_box_without_area(self, local: Adapter, detector: Model, dataset: Dataset) -> None:
        local.labels.write([Label("a", "square", Box(1, 1, 0, 5))], dataset=dataset)
        with pytest.raises(InvalidData, match="item 'a' has no area"):
            submit(local, detector, dataset)

    @pytest.mark.parametrize("box", [Box(32, 0, 5, 5), Box(0, 24, 5, 5), Box(-5, 3, 5, 5), Box(3, -9, 5, 5)])
    def test_box_outside_its_image(self, local: Adapter, detector: Model, dataset: Dataset, box: Box) -> None:
        local.labels.write([Label("a", "square", box)], dataset=dataset)
        with pytest.raises(InvalidData, match="item 'a' lies outside its 32 x 24 pixels") as caught:
            submit(local, detector, dataset)
        assert "EXIF" in (caught.value.hint or "")

    def test_outline_outside_its_image(self, local: Adapter, dataset: Dataset) -> None:
        model = local.models.create("s", task="instance_segmentation", features=["square"])
        outline = Polygon.of([(40, 1), (50, 1), (50, 9)])
        local.labels.write([Label("a", "square", outline)], dataset=dataset)
        with pytest.raises(InvalidData, match="item 'a' lies outside"):
            submit(local, model, dataset)

    def test_item_of_two_classes(self, local: Adapter, dataset: Dataset) -> None:
        model = local.models.create("c", task="classification", features=["x", "y"])
        local.labels.write([Label("a", feature, Whole()) for feature in "xy"], dataset=dataset)
        with pytest.raises(InvalidData, match="one class per item"):
            submit(local, model, dataset)

    def test_labels_without_the_outlines_that_segmentation_learns_from(self, local: Adapter, boxes: Dataset) -> None:
        model = local.models.create("s", task="instance_segmentation", features=["square"])
        with pytest.raises(InvalidData, match="a polygon or mask label"):
            submit(local, model, boxes)

    def test_features_without_an_example_are_named(self, local: Adapter, boxes: Dataset) -> None:
        model = local.models.create("m", task="object_detection", features=["square", "disc", "stripe", "ring"])
        with pytest.raises(InvalidData, match=r"features: disc, ring.*unseen_features") as caught:
            submit(local, model, boxes)
        assert caught.value.field == "features"

    def test_of_many_features_without_an_example_some_are_named(self, local: Adapter, boxes: Dataset) -> None:
        names = ["square", "stripe", *map(str, range(80))]
        model = local.models.create("m", task="object_detection", features=names)
        with pytest.raises(InvalidData, match="8, 9 and 70 more"):
            submit(local, model, boxes)

    def test_examples_that_are_validated_on_are_none(
        self, local: Adapter, detector: Model, boxes: Dataset, tmp_path: Path
    ) -> None:
        items = [Item("c", uri=str(tmp_path / "c.png"), split="validation")]
        local.datasets.write_items(items, dataset=boxes, update=True).raise_for_problems()
        with pytest.raises(InvalidData, match="features: stripe"):
            submit(local, detector, boxes)

    def test_patience_without_validation_items(self, local: Adapter, detector: Model, boxes: Dataset) -> None:
        with pytest.raises(InvalidData, match="validation") as caught:
            submit(local, detector, boxes, parameters={"patience": 2})
        assert caught.value.field == "parameters.patience"

    def test_unknown_model_dataset_or_version(self, local: Adapter, detector: Model, boxes: Dataset) -> None:
        for what, call in (
            ("model", lambda: local.training.submit("nobody", dataset=boxes)),
            ("dataset", lambda: local.training.submit(detector, dataset="nobody")),
            ("version", lambda: submit(local, detector, boxes, pretrained="nobody")),
        ):
            with pytest.raises(NotFound, match=f"no {what}"):
                call()

    def test_version_without_weights_is_nothing_to_start_from(
        self, local: Adapter, detector: Model, boxes: Dataset
    ) -> None:
        with pytest.raises(NotFound, match="no weights"):
            submit(local, detector, boxes, pretrained=local.versions.create(detector, name="empty"))

    @pytest.mark.parametrize("operation", ["get", "cancel", "delete"])
    def test_unknown_job(self, local: Adapter, operation: str) -> None:
        with pytest.raises(NotFound, match="no training"):
            getattr(local.training, operation)("nobody")


_SUBMIT = """
import sys, dragoman
root, model, dataset = sys.argv[1:]
backend = dragoman.connect("local", root=root)
print(backend.training.submit(model, dataset=dataset, parameters={"steps": 2, "batch_size": 2, "image_size": 32}).id)
"""


@pytest.mark.slow
def test_job_outlives_the_process_that_submitted_it_and_can_be_deleted_then(
    local: Adapter, detector: Model, boxes: Dataset, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _SUBMIT, str(tmp_path / "home"), detector.id, boxes.id]
    training = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    job = local.training.wait(training, timeout=120)
    assert job.status is Status.SUCCEEDED
    local.training.delete(job)
    with pytest.raises(NotFound):
        local.training.get(job)
    assert job.version is not None
    # The version stays, and still knows what it was trained on.
    assert [item.key for item in local.versions.data(job.version)] == ["a", "b", "c"]
    assert list(local.inference.predict(job.version, [tmp_path / "a.png"], confidence=0.0))


@pytest.mark.slow
def test_features_without_an_example_are_not_learned_where_that_is_allowed(local: Adapter, boxes: Dataset) -> None:
    model = local.models.create("m", task="object_detection", features=["square", "disc", "stripe"])
    parameters = {"steps": 2, "batch_size": 2, "image_size": 32, "unseen_features": "allow"}
    ended = local.training.wait(submit(local, model, boxes, parameters=parameters), timeout=120)
    assert local.versions.get(ended.version or "").config["unseen_features"] == "allow"
    assert any("which are not learned: disc" in line for line in local.training.logs(ended))


@pytest.mark.slow
def test_image_that_turns_out_corrupt_fails_the_job_and_is_named(
    local: Adapter, detector: Model, boxes: Dataset, tmp_path: Path
) -> None:
    Image.new("RGB", (32, 24)).save(tmp_path / "b.png")
    whole = (tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2])
    job = submit(local, detector, boxes, parameters={"steps": 2, "batch_size": 2, "image_size": 32})
    with pytest.raises(PlatformError, match=r"b\.png cannot be decoded"):
        local.training.wait(job, timeout=120)
    assert local.training.get(job).status is Status.FAILED


@pytest.mark.slow
def test_training_from_a_version_begins_where_that_ended(shapes: Trained) -> None:
    backend, losses = shapes.backend, []
    for start in (None, shapes.version):
        parameters = {"steps": 1, "batch_size": 8, "image_size": SIDE, "learning_rate": 1e-9}
        job = backend.training.submit(shapes.model, dataset=shapes.dataset, pretrained=start, parameters=parameters)
        ended = backend.training.wait(job, timeout=120)
        losses.append(ended.progress.loss)
        config = backend.versions.get(ended.version).config
        assert config["pretrained"] == (start.id if start else None)
        backend.versions.delete(ended.version)
        backend.training.delete(ended)
    assert losses[1] < losses[0] / 2
