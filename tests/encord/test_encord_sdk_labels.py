"""Labels as users of the vendor's own SDK save them and read them back, over the emulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from encord.exceptions import InvalidArgumentsError
from encord.objects import Classification, OntologyStructure, Shape
from encord.objects.attributes import TextAttribute
from encord.objects.coordinates import BoundingBoxCoordinates, TextCoordinates
from encord.objects.frames import Range
from encord.orm.dataset import StorageLocation

from dragoman import Item
from dragoman_encord.emulator.people import OWNER


@pytest.fixture
def dataset(sdk: Any, pictures: list[Item], tmp_path: Path) -> Any:
    """A dataset of an image, a group of two images and a text."""
    made = sdk.get_dataset(sdk.create_dataset("d", StorageLocation.CORD_STORAGE).dataset_hash)
    made.upload_image(pictures[0].uri, title="image")
    made.create_image_group([item.uri for item in pictures], title="group", create_video=False)
    path = tmp_path / "text.txt"
    path.write_text("some words")
    sdk.get_storage_folder(made.backing_folder_uuid).upload_text(path, title="text")
    return made


@pytest.fixture
def project(sdk: Any, dataset: Any) -> Any:
    """A project of them."""
    structure = OntologyStructure()
    structure.add_object("car", Shape.BOUNDING_BOX)
    structure.add_object("word", Shape.TEXT)
    structure.add_classification().add_attribute(TextAttribute, "note")
    ontology = sdk.create_ontology("o", structure=structure)
    return sdk.get_project(sdk.create_project("p", [dataset.dataset_hash], ontology_hash=ontology.ontology_hash))


def row_of(project: Any, title: str) -> Any:
    """A label row as it is now."""
    (row,) = project.list_label_rows_v2(data_title_eq=title)
    row.initialise_labels()
    return row


class TestAuthors:
    def test_who_saves_is_the_author_of_what_names_none(self, project: Any) -> None:
        row = row_of(project, "image")
        for author in (None, "ann@example.com"):
            box = project.ontology_structure.objects[0].create_instance()
            where = BoundingBoxCoordinates(height=0.5, width=0.5, top_left_x=0.1, top_left_y=0.1)
            box.set_for_frames(where, frames=0, created_by=author)
            row.add_object_instance(box)
        note = project.ontology_structure.get_child_by_title("note", Classification).create_instance()
        note.set_for_frames(0)
        note.set_answer("text")
        row.add_classification_instance(note)
        row.save()
        again = row_of(project, "image")
        authors = [box.get_annotations()[0].created_by for box in again.get_object_instances()]
        assert authors == [OWNER, "ann@example.com"]
        assert again.get_classification_instances()[0].created_by == OWNER

    def test_so_it_is_in_texts(self, project: Any) -> None:
        row = row_of(project, "text")
        word = project.ontology_structure.objects[1].create_instance()
        word.set_for_frames(TextCoordinates(range=[Range(0, 3)]))
        row.add_object_instance(word)
        row.save()
        (read,) = row_of(project, "text").get_object_instances()
        assert read.get_annotations()[0].created_by == OWNER


class TestReading:
    def test_words_of_one_feature_are_read_alone(self, project: Any) -> None:
        row = row_of(project, "text")
        car, word = project.ontology_structure.objects
        instance = word.create_instance()
        instance.set_for_frames(TextCoordinates(range=[Range(0, 3)]))
        row.add_object_instance(instance)
        row.save()
        for feature, found in ((word, [instance.object_hash]), (car, [])):
            row.initialise_labels(include_object_feature_hashes={feature.feature_node_hash}, overwrite=True)
            assert [one.object_hash for one in row.get_object_instances()] == found


class TestSaving:
    def test_a_row_without_all_its_images_saves_none_of_a_request(self, project: Any) -> None:
        image, group = (row_of(project, title) for title in ("image", "group"))
        box = project.ontology_structure.objects[0].create_instance()
        box.set_for_frames(BoundingBoxCoordinates(height=0.5, width=0.5, top_left_x=0.1, top_left_y=0.1), frames=0)
        image.add_object_instance(box)
        contents = [row.to_encord_dict() for row in (image, group)]
        contents[1]["data_units"].popitem()
        with pytest.raises(InvalidArgumentsError):
            project._client.save_label_rows([image.label_hash, group.label_hash], contents)
        assert row_of(project, "image").get_object_instances() == []
