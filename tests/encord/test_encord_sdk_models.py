"""Models, trainings, attachments and predictions after the labels and the ontology under them have changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from encord.exceptions import InvalidArgumentsError, ResourceNotFoundError
from encord.objects import Classification, OntologyStructure, Shape
from encord.objects.attributes import NumericAttribute, RadioAttribute, TextAttribute
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.objects.ml_models import ModelArchitecture, ModelIterationPolicy
from encord.orm.dataset import StorageLocation

from dragoman import Item


@dataclass(frozen=True)
class World:
    """A project of one picture, and what its labels may be."""

    sdk: Any
    project: Any
    ontology: Any
    row: Any
    dataset: Any

    @property
    def car(self) -> Any:
        return self.ontology.structure.objects[0]

    @property
    def weather(self) -> Any:
        return self.ontology.structure.get_child_by_title("weather", Classification)

    def label(self, title: str, *answers: Any) -> None:
        """Put a classification on the picture."""
        instance = self.project.ontology_structure.get_child_by_title(title, Classification).create_instance()
        instance.set_for_frames(0)
        for answer in answers:
            instance.set_answer(*answer)
        self.row.add_classification_instance(instance)
        self.row.save()

    def train(self, architecture: ModelArchitecture, feature: str, **changes: Any) -> tuple[UUID, UUID]:
        """Train a model with the one feature `it` and return its id and the training's."""
        made = self.sdk.ml_models.create_model(features=["it"], model=architecture, title="m", description=None)
        model = made.model_group.model_uuid
        run = self.sdk.ml_models.create_training_job(
            **{
                "model_uuid": model,
                "batch_size": 1,
                "epochs": 1,
                "features_mapping": {UUID(self.project.project_hash): {feature: ["it"]}},
                "labels_uuids": [self.row.label_hash],
                "pretrained_training_uuid": None,
                "pretrained_weights_type": None,
                **changes,
            }
        )
        self.sdk.ml_models.get_training_status(model_uuid=model, training_uuid=run, timeout_seconds=0)
        return model, run

    def asked(self, architecture: ModelArchitecture, feature: str) -> dict[str, Any]:
        """The arguments of a prediction on the picture by a model that is trained on a feature."""
        model, run = self.train(architecture, feature)
        attached = self.sdk.ml_models.create_model_attachment(
            project_uuid=UUID(self.project.project_hash),
            features_mapping={"it": feature},
            iteration_policy=ModelIterationPolicy.USE_ALL,
            model_uuid=model,
            training_uuids=None,
        )
        return {
            "project_uuid": UUID(self.project.project_hash),
            "project_model_uuid": attached.project_model.project_model_uuid,
            "training_uuid": run,
            "data_uuid": UUID(self.row.data_hash),
            "data_path": None,
            "frame_range_from": None,
            "frame_range_to": None,
            "conf_thresh": 0.0,
        }


BOXES = {"allocation_enabled": True, "iou_thresh": 1.0}


@pytest.fixture
def world(sdk: Any, pictures: list[Item]) -> World:
    structure = OntologyStructure()
    structure.add_object("car", Shape.BOUNDING_BOX)
    sun = structure.add_classification().add_attribute(RadioAttribute, "weather").add_option("sun")
    sun.add_nested_attribute(TextAttribute, "how")
    structure.add_classification().add_attribute(NumericAttribute, "count")
    ontology = sdk.create_ontology("o", structure=structure)
    dataset = sdk.get_dataset(sdk.create_dataset("d", StorageLocation.CORD_STORAGE).dataset_hash)
    dataset.upload_image(pictures[0].uri)
    project = sdk.get_project(sdk.create_project("p", [dataset.dataset_hash], ontology_hash=ontology.ontology_hash))
    (row,) = project.list_label_rows_v2()
    row.initialise_labels()
    box = project.ontology_structure.objects[0].create_instance()
    box.set_for_frames(BoundingBoxCoordinates(height=0.5, width=0.5, top_left_x=0.1, top_left_y=0.1), frames=0)
    row.add_object_instance(box)
    row.save()
    return World(sdk, project, ontology, row, dataset)


class TestClassification:
    def test_an_option_is_found_beside_the_nested_answers_of_it(self, world: World) -> None:
        (sun,) = world.weather.attributes[0].options
        world.label("weather", (sun,), ("very", sun.attributes[0]))
        asked = world.asked(ModelArchitecture.RESNET_18, sun.feature_node_hash)
        (found,) = world.sdk.ml_models.predict_classification(**asked).values()
        assert found.feature_id_child == sun.feature_node_hash
        assert found.feature_id_parent == world.weather.attributes[0].feature_node_hash

    def test_numbers_on_the_same_picture_are_no_options(self, world: World) -> None:
        (sun,) = world.weather.attributes[0].options
        world.label("count", (0,))
        asked = world.asked(ModelArchitecture.RESNET_18, sun.feature_node_hash)
        assert world.sdk.ml_models.predict_classification(**asked) == {0: None}


class TestDetection:
    def test_a_feature_that_the_ontology_lost_is_neither_mapped_nor_found(self, world: World) -> None:
        asked = world.asked(ModelArchitecture.FASTER_RCNN, world.car.feature_node_hash)
        assert len(world.sdk.ml_models.predict_object_detection(**asked, **BOXES)[0]) == 1
        world.ontology.structure.objects.clear()
        world.ontology.save()
        (attached,) = world.sdk.ml_models.list_model_attachments(project_uuid=asked["project_uuid"])
        assert attached.project_model.features_mapping == {}
        assert world.sdk.ml_models.predict_object_detection(**asked, **BOXES) == {0: []}

    def test_a_text_is_not_looked_at(self, world: World, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_text("text")
        text = world.sdk.get_storage_folder(world.dataset.backing_folder_uuid).upload_text(path)
        (row,) = [row for row in world.dataset.list_data_rows() if row.backing_item_uuid == text]
        (labels,) = world.project.list_label_rows_v2(data_hashes=[row.uid])
        labels.initialise_labels()
        asked = world.asked(ModelArchitecture.FASTER_RCNN, world.car.feature_node_hash)
        with pytest.raises(InvalidArgumentsError, match="images and videos"):
            world.sdk.ml_models.predict_object_detection(**{**asked, "data_uuid": UUID(row.uid)}, **BOXES)

    @pytest.mark.parametrize("frames", [(-1, None), (1, 0)])
    def test_a_range_of_frames_that_is_none_is_refused(self, world: World, frames: tuple[int, int | None]) -> None:
        asked = world.asked(ModelArchitecture.FASTER_RCNN, world.car.feature_node_hash)
        change = dict(zip(("frame_range_from", "frame_range_to"), frames, strict=True))
        with pytest.raises(InvalidArgumentsError, match="range"):
            world.sdk.ml_models.predict_object_detection(**{**asked, **change}, **BOXES)


class TestTrainings:
    def test_what_was_trained_on_is_told_after_it_is_gone(self, world: World) -> None:
        model, run = world.train(ModelArchitecture.FASTER_RCNN, world.car.feature_node_hash)
        world.dataset.delete_data(world.row.data_hash)
        (used,) = world.sdk.ml_models.get_training_data(model_uuid=model, training_uuid=run)
        assert (str(used.label_uuid), used.file_title) == (world.row.label_hash, "a.png")
        with pytest.raises(ResourceNotFoundError):
            world.train(ModelArchitecture.FASTER_RCNN, world.car.feature_node_hash)

    def test_it_goes_on_only_from_one_that_is_there(self, world: World) -> None:
        _, first = world.train(ModelArchitecture.FASTER_RCNN, world.car.feature_node_hash)
        world.train(ModelArchitecture.FASTER_RCNN, world.car.feature_node_hash, pretrained_training_uuid=first)
        with pytest.raises(ResourceNotFoundError):
            world.train(ModelArchitecture.FASTER_RCNN, world.car.feature_node_hash, pretrained_training_uuid=uuid4())
