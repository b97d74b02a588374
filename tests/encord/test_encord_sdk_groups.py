"""Data groups and their spaces as users of the vendor's own SDK make and label them, over the emulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from encord.exceptions import AuthorisationError, CorruptedLabelError, InvalidArgumentsError
from encord.objects import OntologyStructure, Shape
from encord.objects.attributes import TextAttribute
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.objects.frames import Range
from encord.orm.group_layout import DataUnitTile, LayoutSettings
from encord.orm.project import CopyLabelsOptions
from encord.orm.storage import DataGroupCustom, StorageItemType

from dragoman import Item
from dragoman_encord.emulator.people import OWNER

BOX = BoundingBoxCoordinates(height=0.5, width=0.5, top_left_x=0.1, top_left_y=0.1)


@pytest.fixture
def folder(sdk: Any, pictures: list[Item], clip: Item, backend: Any, tmp_path: Path) -> Any:
    """A folder of two images, a sequence of both, a video and a text."""
    source = backend.datasets.create("source")
    backend.datasets.write_items([*pictures, clip], dataset=source).raise_for_problems()
    folder = sdk.get_storage_folder(sdk.get_dataset(source.id).backing_folder_uuid)
    folder.create_image_sequence([item.uri for item in pictures], title="sequence")
    path = tmp_path / "text.txt"
    path.write_text("some words")
    folder.upload_text(path, title="text")
    return folder


@pytest.fixture
def files(folder: Any) -> dict[str, Any]:
    """The ids of the files by name."""
    return {item.name: item.uuid for item in folder.list_items()}


@pytest.fixture
def group(sdk: Any, folder: Any, files: dict[str, Any]) -> Any:
    """A group with a layout of one's own."""
    contents = {"main": files["clip"], "still": files["a"], "row": files["sequence"], "words": files["text"]}
    layout = {"layout": DataUnitTile(key="main"), "settings": LayoutSettings(fixed_layout=True), "timeline": ["main"]}
    made = DataGroupCustom(name="group", layout_contents=contents, client_metadata={"city": "Bern"}, **layout)
    return sdk.get_storage_item(folder.create_data_group(made))


@pytest.fixture
def project(sdk: Any, group: Any) -> Any:
    """A project of the group alone."""
    dataset = sdk.get_dataset(sdk.create_dataset("d", None, create_backing_folder=False).dataset_hash)
    dataset.link_items([group.uuid])
    structure = OntologyStructure()
    structure.add_object("car", Shape.BOUNDING_BOX)
    structure.add_object("word", Shape.TEXT)
    structure.add_classification().add_attribute(TextAttribute, "note")
    ontology = sdk.create_ontology("o", structure=structure)
    return sdk.get_project(sdk.create_project("p", [dataset.dataset_hash], ontology_hash=ontology.ontology_hash))


def row_of(project: Any, **wanted: Any) -> Any:
    """The project's only label row as it is now."""
    (row,) = project.list_label_rows_v2()
    row.initialise_labels(**wanted)
    return row


def labelled(project: Any) -> Any:
    """Label every space, the first two with the same car, and return the row as it is read again."""
    row = row_of(project)
    car, word = project.ontology_structure.objects
    one = car.create_instance()
    video = row.get_space(layout_key="main", type_="video")
    video.put_object_instance(object_instance=one, coordinates=BOX, frames=Range(2, 4))
    row.get_space(layout_key="still", type_="image").put_object_instance(object_instance=one, coordinates=BOX)
    images = row.get_space(layout_key="row", type_="image_sequence")
    images.put_object_instance(object_instance=car.create_instance(), coordinates=BOX, frames=1)
    text = row.get_space(layout_key="words", type_="text")
    text.put_object_instance(object_instance=word.create_instance(), ranges=Range(0, 3))
    note = project.ontology_structure.classifications[0].create_instance()
    note.set_answer("fast")
    video.put_classification_instance(classification_instance=note, frames=[0, 1])
    row.save()
    return row_of(project)


def names(row: Any) -> list[list[str]]:
    """The features of the objects of each space."""
    return [[one.ontology_item.name for one in space.get_object_instances()] for space in row.get_spaces()]


class TestGroups:
    def test_a_group_has_files_and_a_layout(self, sdk: Any, group: Any, files: dict[str, Any]) -> None:
        assert (group.item_type, group.name, group.client_metadata) == (
            StorageItemType.GROUP,
            "group",
            {"city": "Bern"},
        )
        assert [child.name for child in group.get_child_items()] == ["clip", "a", "sequence", "text"]
        told = group.get_summary().data_group
        assert {key: child.uuid for key, child in told.layout_contents.items()}["still"] == files["a"]
        assert (told.layout, told.layout_settings.fixed_layout, told.timeline) == (
            DataUnitTile(key="main"),
            True,
            ["main"],
        )
        assert sdk.get_storage_item(files["a"]).get_summary().data_group is None

    def test_one_of_a_list_is_in_the_dataset_of_its_folder(self, sdk: Any, folder: Any, files: dict[str, Any]) -> None:
        made = folder.create_data_group([files["a"], files["b"]])
        (source,) = sdk.get_datasets(title_eq="source")
        rows = sdk.get_dataset(source["dataset"].dataset_hash).list_data_rows()
        assert [row.backing_item_uuid for row in rows if row.data_type.name == "GROUP"] == [made]

    def test_what_is_no_group_is_refused(self, folder: Any, files: dict[str, Any], pictures: list[Item]) -> None:
        images = folder.create_image_group([item.uri for item in pictures])
        for contents in ([files["a"], files["a"]], [images]):
            with pytest.raises(InvalidArgumentsError):
                folder.create_data_group(contents)
        with pytest.raises(AuthorisationError):
            folder.create_data_groups([[files["a"]], [uuid4()]])
        assert [item for item in folder.list_items() if item.item_type == StorageItemType.GROUP] == []

    def test_files_outlive_their_group_and_leave_it(self, sdk: Any, group: Any, files: dict[str, Any]) -> None:
        sdk.get_storage_item(files["a"]).delete()
        assert [child.name for child in group.get_child_items()] == ["clip", "sequence", "text"]
        group.delete()
        assert sdk.get_storage_item(files["clip"]).name == "clip"


class TestSpaces:
    def test_each_file_is_a_space(self, project: Any, files: dict[str, Any]) -> None:
        (row,) = project.list_label_rows_v2()
        shown = [(space.metadata.layout_key, space.metadata.file_name, space.space_id) for space in row.get_spaces()]
        assert shown[:2] == [("main", "clip", str(files["clip"])), ("still", "a", str(files["a"]))]

    def test_labels_of_all_spaces_come_back(self, project: Any) -> None:
        row = labelled(project)
        assert names(row) == [["car"], ["car"], ["car"], ["word"]]
        video, image, images, text = row.get_spaces()
        assert [(one.frame, one.created_by) for one in video.get_annotations("object")] == [
            (frame, OWNER) for frame in (2, 3, 4)
        ]
        assert [one.frame for one in images.get_annotations("object")] == [1]
        assert [(one.start, one.end) for one in next(iter(text.get_annotations("object"))).ranges] == [(0, 3)]
        assert video.get_object_instances()[0].object_hash == image.get_object_instances()[0].object_hash
        assert [one.get_answer() for one in video.get_classification_instances()] == ["fast"]

    def test_labels_of_one_feature_are_read_alone(self, project: Any) -> None:
        labelled(project)
        car, word = project.ontology_structure.objects
        assert names(row_of(project, include_object_feature_hashes={car.feature_node_hash}))[0] == ["car"]
        only = row_of(project, include_object_feature_hashes={word.feature_node_hash})
        assert names(only) == [[], [], [], ["word"]]

    def test_a_label_is_taken_away_from_one_space(self, project: Any) -> None:
        row = labelled(project)
        video = row.get_spaces()[0]
        video.remove_object_instance(video.get_object_instances()[0].object_hash)
        row.save()
        assert names(row_of(project)) == [[], ["car"], ["car"], ["word"]]

    def test_labels_go_along_into_a_copy(self, project: Any, sdk: Any) -> None:
        labelled(project)
        copy = sdk.get_project(project.copy_project(True, copy_labels=CopyLabelsOptions()))
        assert names(row_of(copy)) == [["car"], ["car"], ["car"], ["word"]]

    def test_labels_of_no_space_are_refused(self, project: Any) -> None:
        content = labelled(project).to_encord_dict()
        content["spaces"]["other"] = next(iter(content["spaces"].values()))
        with pytest.raises(CorruptedLabelError, match="no space other"):
            project._client.save_label_rows([content["label_hash"]], [content])
