"""Training, attachments and inference on Encord over its emulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman import (
    Box,
    InvalidData,
    Item,
    Label,
    NotFound,
    PlatformError,
    Polygon,
    Timeout,
    Unsupported,
    Whole,
)
from dragoman.emulate import Live
from dragoman.schema import Feature, Ontology, Radio, TrainingSource


class TestTraining:
    def test_a_training_makes_a_version(self, backend: Any, dataset: Any, model: Any, version: Any) -> None:
        assert version.config == {"batch_size": 8, "epochs": 2}
        assert version.model == model.id
        assert list(backend.versions.list(model)) == [version]
        assert [item.key for item in backend.versions.data(version)] == ["a"]
        assert [item.key for item in backend.training.data(version.training)] == ["a"]

    def test_its_weights_are_downloaded(self, backend: Any, version: Any, tmp_path: Path) -> None:
        path = backend.versions.download_weights(version, tmp_path / "weights")
        assert path.read_bytes().startswith(b"weights of ")
        assert [file.name for file in tmp_path.iterdir() if "weights" in file.name] == ["weights"]

    def test_a_deleted_version_is_gone(self, backend: Any, version: Any) -> None:
        backend.versions.delete(version)
        with pytest.raises(NotFound):
            backend.versions.get(version)

    def test_an_id_that_is_none_is_named_as_it_was_given(self, backend: Any, model: Any) -> None:
        for read in (backend.versions.get, backend.training.get):
            with pytest.raises(NotFound, match=f"{model.id}'.*slash"):
                read(model.id)

    def test_the_sdk_is_never_left_to_wait(self, backend: Any, dataset: Any, model: Any, emulated: Live[Any]) -> None:
        backend.labels.write([Label("a", "car", Box(1, 2, 3, 4))], dataset=dataset)
        emulated.settings.job_polls = 3
        training = backend.training.submit(model, dataset=dataset)
        seen = []
        done = backend.training.wait(training, on_progress=lambda job: seen.append(str(job.status)))
        assert seen == ["running", "running", "running", "succeeded"]
        assert backend.waited == [backend.training.poll_seconds] * 3
        assert done.version == training.id

    def test_a_deadline_ends_the_wait_and_not_the_training(
        self, backend: Any, dataset: Any, model: Any, emulated: Live[Any]
    ) -> None:
        backend.labels.write([Label("a", "car", Box(1, 2, 3, 4))], dataset=dataset)
        emulated.state.training_seconds = 3600.0
        training = backend.training.submit(model, dataset=dataset)
        with pytest.raises(Timeout, match="still running"):
            backend.training.wait(training, timeout=0)
        assert backend.training.get(training).status == "running"

    def test_a_failed_training_says_all_that_the_platform_says(
        self, backend: Any, dataset: Any, model: Any, emulated: Live[Any]
    ) -> None:
        backend.labels.write([Label("a", "car", Box(1, 2, 3, 4))], dataset=dataset)
        emulated.state.fail_trainings = True
        with pytest.raises(PlatformError, match="gives no reason"):
            backend.training.wait(backend.training.submit(model, dataset=dataset))

    def test_several_datasets_feed_one_model(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        other = backend.datasets.create("other")
        features = (Feature(name="lorry", geometries=("box",)),)
        backend.ontologies.create(Ontology(name="o", features=features), dataset=other)
        item = Item("c", uri="https://example.com/c.jpg", width=9, height=9)
        backend.datasets.write_items([item], dataset=other).raise_for_problems()
        backend.labels.write([Label(key, "car", Box(1, 2, 3, 4)) for key in "ab"], dataset=dataset).raise_for_problems()
        backend.labels.write([Label("c", "lorry", Box(1, 2, 3, 4))], dataset=other).raise_for_problems()
        model = backend.models.create("m", task="object_detection", features=["vehicle", "thing"])
        sources = [
            TrainingSource(dataset=dataset.id, features={"car": ["vehicle", "thing"]}, items=["b"]),
            TrainingSource(dataset=other.id, features={"lorry": "vehicle"}),
        ]
        backend.training.submit(model, dataset=sources, parameters={"weights": "fasterRcnnR50C41X"})
        (held,) = emulated.state.models[model.id].trainings.values()
        projects = [backend.projects.of(one.id) for one in (dataset, other)]
        assert [list(held.features_mapping[project].values()) for project in projects] == [
            [["vehicle", "thing"]],
            [["vehicle"]],
        ]
        assert [item.key for item in backend.versions.data(f"{model.id}/{held.id}")] == ["b", "c"]
        assert held.pretrained_weights == "fasterRcnnR50C41X"

    @pytest.mark.parametrize(
        ("source", "refusal"),
        [
            ({"items": ["nowhere"]}, InvalidData),
            ({"items": ["b"]}, InvalidData),
            ({"features": {"car": "van"}}, InvalidData),
            ({"features": {"van": "car"}}, InvalidData),
            ({"labels": ["one"]}, Unsupported),
        ],
    )
    def test_a_source_that_cannot_be_learned_from_is_refused(
        self, backend: Any, dataset: Any, model: Any, source: Any, refusal: type[Exception]
    ) -> None:
        backend.labels.write([Label("a", "car", Box(1, 2, 3, 4))], dataset=dataset)
        with pytest.raises(refusal):
            backend.training.submit(model, dataset=TrainingSource(dataset=dataset.id, **source))

    def test_a_version_can_be_started_from(
        self, backend: Any, dataset: Any, model: Any, version: Any, emulated: Any
    ) -> None:
        backend.training.submit(model, dataset=dataset, pretrained=version)
        held = list(emulated.state.models[model.id].trainings.values())[-1]
        assert held.pretrained_training == version.name

    @pytest.mark.parametrize(
        "parameters",
        [
            {"lr": 0.1},
            {"epochs": 0},
            {"batch_size": "many"},
            {"weights": "none such"},
        ],
    )
    def test_bad_parameters_are_named(self, backend: Any, dataset: Any, model: Any, parameters: Any) -> None:
        backend.labels.write([Label("a", "car", Box(1, 2, 3, 4))], dataset=dataset)
        with pytest.raises(InvalidData):
            backend.training.submit(model, dataset=dataset, parameters=parameters)

    def test_a_feature_that_the_ontology_lacks_is_named(self, backend: Any, dataset: Any) -> None:
        backend.labels.write([Label("a", "car", Box(1, 2, 3, 4))], dataset=dataset)
        model = backend.models.create("m", task="object_detection", features=["van"])
        with pytest.raises(InvalidData, match="no feature 'van'"):
            backend.training.submit(model, dataset=dataset)
        assert backend.training.submit(model, dataset=dataset, features={"car": "van"}).status == "queued"

    def test_a_dataset_without_labels_is_refused(self, backend: Any, dataset: Any, model: Any) -> None:
        with pytest.raises(InvalidData, match="no labels"):
            backend.training.submit(model, dataset=dataset)


class TestAttachments:
    def test_a_model_is_attached_changed_and_detached(
        self, backend: Any, dataset: Any, model: Any, version: Any
    ) -> None:
        project = backend.projects.of(dataset.id)
        made = backend.attachments.attach(model, project=project, features={"car": "car"})
        assert (made.project, made.model, made.features, made.versions) == (
            project,
            model.id,
            {"car": "car"},
            "latest",
        )
        assert list(backend.attachments.list(dataset.id)) == [made]
        changed = backend.attachments.update(made, features={"car": "anything"})
        assert (changed.id, changed.features) == (made.id, {"car": "anything"})
        backend.attachments.detach(made)
        assert list(backend.attachments.list(project)) == []
        with pytest.raises(NotFound):
            backend.attachments.update(made, features={})

    def test_versions_are_chosen_or_all_are_used(self, backend: Any, dataset: Any, model: Any, version: Any) -> None:
        chosen = backend.attachments.attach(model, project=dataset.id, features={"car": "car"}, versions=[version.id])
        every = backend.attachments.attach(model, project=dataset.id, features={"car": "car"}, versions="all")
        assert (chosen.versions, every.versions) == ((version.id,), "all")
        assert backend.attachments.update(chosen, features={"car": "anything"}).versions == (version.id,)
        assert backend.attachments.update(chosen, versions="latest").versions == "latest"
        assert backend.attachments.update(every, versions=[version]).versions == (version.id,)
        with pytest.raises(InvalidData, match="another model"):
            backend.attachments.update(
                every, versions=["00000000-0000-4000-8000-000000000000/00000000-0000-4000-8000-000000000000"]
            )

    @pytest.mark.parametrize("features", [{"van": "car"}, {"car": "van"}, {"car": "rain"}])
    def test_features_that_are_not_there_are_named(self, backend: Any, dataset: Any, model: Any, features: Any) -> None:
        with pytest.raises(InvalidData):
            backend.attachments.attach(model, project=dataset.id, features=features)


class TestInference:
    def test_boxes_lie_where_the_labels_are(
        self, backend: Any, dataset: Any, model: Any, version: Any, pictures: Any
    ) -> None:
        backend.attachments.attach(model, project=dataset.id, features={"car": "car"})
        items = list(backend.datasets.read_items(dataset))
        (found,) = backend.inference.predict(version, items, confidence=0)
        assert (found.item, found.feature, found.provenance.version) == ("a", "car", version.id)
        box = found.geometry
        assert (box.x, box.y, box.width, box.height) == pytest.approx((4, 8, 16, 12), abs=0.4)
        (file,) = backend.inference.predict(version, [Path(pictures[0].uri)], confidence=0)
        assert file.geometry == box

    def test_outlines_and_tracks_of_a_video(self, backend: Any, dataset: Any) -> None:
        rows = [
            Label("clip", "car", Polygon.of([(10, 10), (20, 10), (20, 20), (10, 20)]), frame=f, track_id="t")
            for f in (1, 2)
        ]
        backend.labels.write(rows, dataset=dataset)
        model = backend.models.create("s", task="instance_segmentation", features=["vehicle"])
        training = backend.training.wait(backend.training.submit(model, dataset=dataset, features={"car": "vehicle"}))
        backend.attachments.attach(model, project=dataset.id, features={"vehicle": "car"})
        clip = [item for item in backend.datasets.read_items(dataset) if item.key == "clip"]
        found = list(backend.inference.predict(training.version, clip, confidence=0))
        assert [(one.frame, one.feature) for one in found] == [(1, "vehicle"), (2, "vehicle")]
        assert len({one.track_id for one in found}) == 1
        assert found[0].geometry.parts[0][0] == pytest.approx((10, 10, 20, 10, 20, 20, 10, 20), abs=0.3)

    def test_frames_and_simplification_are_translated(self, backend: Any, dataset: Any) -> None:
        ring = [(10, 10), (15, 10.01), (20, 10), (20, 20), (10, 20)]
        rows = [Label("clip", "car", Polygon.of(ring), frame=frame, track_id="t") for frame in (1, 2, 3)]
        backend.labels.write(rows, dataset=dataset)
        model = backend.models.create("s", task="instance_segmentation", features=["car"])
        training = backend.training.wait(backend.training.submit(model, dataset=dataset))
        backend.attachments.attach(model, project=dataset.id, features={"car": "car"})
        clip = [item for item in backend.datasets.read_items(dataset) if item.key == "clip"]
        found = list(
            backend.inference.predict(training.version, clip, confidence=0.0, simplify=1.0, track=False, frames=(2, 3))
        )
        assert [(one.frame, one.track_id, len(one.geometry.parts[0][0])) for one in found] == [
            (2, None, 8),
            (3, None, 8),
        ]

    def test_classes_are_options_or_features(self, backend: Any, dataset: Any) -> None:
        rows = [Label("a", "weather", Whole(), answer=Radio.of("fog")), Label("b", "rain", Whole())]
        backend.labels.write(rows, dataset=dataset)
        model = backend.models.create("c", task="classification", features=["foggy", "wet"])
        features = {"fog": "foggy", "rain": "wet"}
        training = backend.training.wait(backend.training.submit(model, dataset=dataset, features=features))
        backend.attachments.attach(model, project=dataset.id, features={"foggy": "fog", "wet": "rain"})
        items = [item for item in backend.datasets.read_items(dataset) if item.media == "image"]
        found = list(backend.inference.predict(training.version, items, confidence=0))
        assert [(one.item, one.feature, one.geometry) for one in found] == [
            ("a", "foggy", Whole()),
            ("b", "wet", Whole()),
        ]

    def test_what_a_model_cannot_tell_is_named_with_what_it_can(self, backend: Any, dataset: Any, model: Any) -> None:
        with pytest.raises(InvalidData, match="has 'rain' as whole, not as box"):
            backend.attachments.attach(model, project=dataset.id, features={"car": "rain"})
        tells = backend.models.create("c", task="classification", features=["foggy"])
        with pytest.raises(InvalidData, match=r"no option 'weather' .* It has: anything, damaged, fog, rain, sun"):
            backend.attachments.attach(tells, project=dataset.id, features={"foggy": "weather"})

    def test_many_items_are_asked_for_in_order(self, backend: Any, dataset: Any, model: Any, version: Any) -> None:
        backend.attachments.attach(model, project=dataset.id, features={"car": "car"})
        (item,) = (item for item in backend.datasets.read_items(dataset) if item.key == "a")
        many = [msgspec.structs.replace(item, key=f"{n}") for n in range(30)]
        found = list(backend.inference.predict(version, many, confidence=0))
        assert [one.item for one in found] == [item.key for item in many]

    def test_a_version_that_is_attached_nowhere_says_what_to_do(self, backend: Any, version: Any) -> None:
        with pytest.raises(NotFound, match=r"attachments\.attach"):
            list(backend.inference.predict(version, []))

    def test_an_item_without_media_names_its_row(self, backend: Any, dataset: Any, model: Any, version: Any) -> None:
        backend.attachments.attach(model, project=dataset.id, features={"car": "car"})
        with pytest.raises(InvalidData) as refusal:
            list(backend.inference.predict(version, [Item("x", uri="/no/such.png")]))
        assert refusal.value.row == 0
