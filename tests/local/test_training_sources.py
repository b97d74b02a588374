"""What a training learns from: several datasets, chosen items and labels, and mappings of features many to many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman import Box, Dataset, InvalidData, Item, Label, Mask, Model, NotFound, Polygon, Status, Whole
from dragoman.adapter import Adapter
from dragoman.schema import TrainingSource
from dragoman_local.samples import TRAIN, VALIDATION, Example, engine_samples, examples

from .video_clips import write_clip

TRIANGLE = Polygon.of([(2, 2), (20, 2), (10, 18)])


@pytest.fixture
def other(local: Adapter, image: Callable[..., Path]) -> Dataset:
    """A second dataset, which has items `a` and `d` and other words for the same things."""
    made = local.datasets.create("other")
    items = [Item(key, uri=str(image(f"other-{key}.png"))) for key in "ad"]
    local.datasets.write_items(items, dataset=made).raise_for_problems()
    rows = [Label(key, "Quadrat", Box(1, 1, 5, 5)) for key in "ad"]
    local.labels.write(rows, dataset=made).raise_for_problems()
    return made


def found(local: Adapter, model: Model, *sources: TrainingSource) -> list[Example]:
    return examples(local.home, model, sources)  # type: ignore[attr-defined]


def seen(found: list[Example], model: Model) -> dict[tuple[str, str], list[str]]:
    """Dataset and key to the features learned on that item."""
    return {
        (example.dataset, example.item.key): [model.features[target.feature] for target in example.targets]
        for example in found
    }


class TestSeveralDatasets:
    def test_each_has_its_own_items_labels_and_words(
        self, local: Adapter, detector: Model, boxes: Dataset, other: Dataset
    ) -> None:
        sources = (
            TrainingSource(dataset=boxes.id),
            TrainingSource(dataset=other.id, features={"Quadrat": "stripe"}),
        )
        assert seen(found(local, detector, *sources), detector) == {
            **{(boxes.id, key): ["square"] for key in "ab"},
            (boxes.id, "c"): ["stripe"],
            **{(other.id, key): ["stripe"] for key in "ad"},
        }

    def test_job_names_the_items_of_all_of_them(
        self, local: Adapter, detector: Model, boxes: Dataset, other: Dataset
    ) -> None:
        sources = [boxes, TrainingSource(dataset=other.id, features={"Quadrat": "square"}, items=("d",))]
        job = local.training.submit(
            detector, dataset=sources, parameters={"steps": 2, "batch_size": 2, "image_size": 32}
        )
        assert [item.key for item in local.training.data(job)] == ["a", "b", "c", "d"]
        assert job.config["sources"][1] == {"dataset": other.id, "features": {"Quadrat": ["square"]}, "items": 1}
        ended = local.training.wait(job, timeout=120)
        version = local.versions.get(ended.version or "")
        assert (version.dataset, version.metadata["datasets"]) == (None, [boxes.id, other.id])
        assert version.metadata["data"].startswith("sha256:")
        assert [item.key for item in local.versions.data(version)] == ["a", "b", "c", "d"]

    def test_label_that_is_unknown_in_one_of_them_is_named(
        self, local: Adapter, detector: Model, boxes: Dataset, other: Dataset
    ) -> None:
        with pytest.raises(InvalidData, match="'Quadrat', which the model does not know"):
            local.training.submit(detector, dataset=[boxes, other])
        assert list(local.training.list()) == []


class TestChoice:
    def test_chosen_items_are_trained_on_whatever_their_split(
        self, local: Adapter, detector: Model, image: Callable[..., Path]
    ) -> None:
        made = local.datasets.create("splits")
        parts = {"t": "train", "v": "validation", "w": "validation", "x": "test"}
        rows = [Item(key, uri=str(image(f"{key}.png")), split=split) for key, split in parts.items()]
        local.datasets.write_items(rows, dataset=made).raise_for_problems()
        local.labels.write([Label(key, "square", Box(0, 0, 3, 3)) for key in parts], dataset=made).raise_for_problems()
        every = {example.item.key: example.split for example in found(local, detector, TrainingSource(dataset=made.id))}
        assert every == {"t": TRAIN, "v": VALIDATION, "w": VALIDATION}
        source = TrainingSource(dataset=made.id, items=("x", "v"))
        chosen = {example.item.key: example.split for example in found(local, detector, source)}
        assert chosen == {"x": TRAIN, "v": TRAIN, "w": VALIDATION}

    def test_chosen_labels_are_all_that_is_learned(self, local: Adapter, detector: Model, boxes: Dataset) -> None:
        local.labels.write([Label("a", "stripe", Box(9, 9, 3, 3))], dataset=boxes).raise_for_problems()
        wanted = [label.id for label in local.labels.read(boxes) if label.item in "ab" and label.feature == "square"]
        source = TrainingSource(dataset=boxes.id, labels=tuple(wanted))
        assert seen(found(local, detector, source), detector) == {(boxes.id, key): ["square"] for key in "ab"}

    @pytest.mark.parametrize(
        ("field", "said"), [("items", "item with the key 'z'"), ("labels", "label with the id 'z'")]
    )
    def test_what_is_chosen_and_not_there_is_named(
        self, local: Adapter, detector: Model, boxes: Dataset, field: str, said: str
    ) -> None:
        with pytest.raises(NotFound, match=said) as caught:
            local.training.submit(detector, dataset=TrainingSource(dataset=boxes.id, **{field: ("z",)}))
        assert caught.value.field == field


class TestMappings:
    def test_label_feature_stands_for_several_features_of_the_model(
        self, local: Adapter, detector: Model, boxes: Dataset
    ) -> None:
        source = TrainingSource(dataset=boxes.id, features={"square": ("square", "stripe")})
        (first, *_) = engine_samples(found(local, detector, source), TRAIN)
        assert first.target.classes.tolist() == [0, 1]  # type: ignore[union-attr]
        assert first.target.boxes.tolist() == [[4, 4, 16, 16]] * 2  # type: ignore[union-attr]

    def test_several_label_features_stand_for_one(self, local: Adapter, dataset: Dataset) -> None:
        model = local.models.create("animals", task="object_detection", features=["animal"])
        rows = [Label("a", "cat", Box(0, 0, 3, 3)), Label("a", "dog", Box(5, 5, 3, 3))]
        local.labels.write(rows, dataset=dataset).raise_for_problems()
        source = TrainingSource(dataset=dataset.id, features={"cat": "animal", "dog": "animal"})
        assert seen(found(local, model, source), model) == {(dataset.id, "a"): ["animal", "animal"]}

    def test_classifier_sees_an_item_of_two_features_once_as_each(self, local: Adapter, dataset: Dataset) -> None:
        model = local.models.create("c", task="classification", features=["animal", "cat"])
        rows = [Label("a", "cat", Whole()), Label("a", "cat", Whole(), metadata={"again": 1}, id="second")]
        local.labels.write(rows, dataset=dataset).raise_for_problems()
        source = TrainingSource(dataset=dataset.id, features={"cat": ("cat", "animal")})
        assert [sample.target for sample in engine_samples(found(local, model, source), TRAIN)] == [1, 0]

    def test_mapping_to_an_unknown_feature(self, local: Adapter, detector: Model, boxes: Dataset) -> None:
        with pytest.raises(InvalidData, match="no feature 'disc'"):
            local.training.submit(detector, dataset=boxes, features={"square": ["square", "disc"]})


class TestShapes:
    def test_segmentation_learns_from_polygons_and_masks_alone(self, local: Adapter, dataset: Dataset) -> None:
        model = local.models.create("s", task="instance_segmentation", features=["square"])
        mask = Mask(24, 32, (30, 10, 728))
        rows = [Label("a", "square", TRIANGLE), Label("a", "square", mask), Label("b", "square", Box(0, 0, 3, 3))]
        local.labels.write(rows, dataset=dataset).raise_for_problems()
        (sample,) = engine_samples(found(local, model, TrainingSource(dataset=dataset.id)), TRAIN)
        assert sample.target.shapes == (TRIANGLE, mask)  # type: ignore[union-attr]

    def test_mask_without_a_pixel(self, local: Adapter, dataset: Dataset) -> None:
        model = local.models.create("s", task="instance_segmentation", features=["square"])
        local.labels.write([Label("a", "square", Mask(24, 32, (768,)))], dataset=dataset).raise_for_problems()
        with pytest.raises(InvalidData, match=r"mask of label .* has no area"):
            local.training.submit(model, dataset=dataset)


class TestVideos:
    @pytest.fixture
    def film(self, local: Adapter, tmp_path: Path) -> Dataset:
        made = local.datasets.create("film")
        item = Item("clip", uri=str(write_clip(tmp_path / "clip.mp4")), media="video")
        local.datasets.write_items([item], dataset=made).raise_for_problems()
        return made

    def test_each_labelled_frame_is_a_sample(self, local: Adapter, detector: Model, film: Dataset) -> None:
        rows = [
            Label("clip", "square", Box(4, 6, 20, 20), frame=0),
            Label("clip", "stripe", Box(1, 1, 9, 9), span=(0, 2)),
        ]
        local.labels.write(rows, dataset=film).raise_for_problems()
        got = found(local, detector, TrainingSource(dataset=film.id))
        assert [(example.frame, len(example.targets)) for example in got] == [(0, 2), (1, 1), (2, 1)]
        assert [sample.frame for sample in engine_samples(got, TRAIN)] == [0, 1, 2]

    def test_label_of_a_whole_video_is_refused(self, local: Adapter, detector: Model, film: Dataset) -> None:
        local.labels.write([Label("clip", "square", Box(4, 6, 20, 20))], dataset=film).raise_for_problems()
        with pytest.raises(InvalidData, match="Give the label a frame") as caught:
            local.training.submit(detector, dataset=film)
        assert caught.value.field == "frame"

    def test_training_on_frames_ends_in_a_version(self, local: Adapter, detector: Model, film: Dataset) -> None:
        rows = [Label("clip", "square", Box(4 + 3 * n, 6 + 2 * n, 20, 20), frame=n) for n in range(7)]
        rows.append(Label("clip", "stripe", Box(4, 6, 20, 20), frame=7))
        local.labels.write(rows, dataset=film).raise_for_problems()
        parameters = {"steps": 2, "batch_size": 4, "image_size": 64}
        job = local.training.submit(detector, dataset=film, parameters=parameters)
        assert local.training.wait(job, timeout=120).status is Status.SUCCEEDED
