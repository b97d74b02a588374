"""Collections and presets of filters as users of the vendor's own SDK handle them, over the emulator."""

from __future__ import annotations

from typing import Any

import pytest
from encord.exceptions import AuthorisationError, InvalidArgumentsError
from encord.objects import OntologyStructure, Shape
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.orm.collection import (
    ProjectCollectionType,
    ProjectDataCollectionItemRequest,
    ProjectLabelCollectionItemRequest,
)
from encord.orm.dataset import StorageLocation
from encord.orm.filter_preset import ActiveFilterPresetDefinition, FilterDefinition

from dragoman import Item
from dragoman.emulate import Live


@pytest.fixture
def folder(sdk: Any) -> Any:
    """An empty folder."""
    return sdk.create_storage_folder("top")


def names(things: Any) -> list[str]:
    """The names of collections, presets or files."""
    return [thing.name for thing in things]


class TestCollections:
    @pytest.fixture
    def collection(self, sdk: Any, folder: Any) -> Any:
        """An empty collection of the folder's files."""
        return sdk.create_collection(folder.uuid, "chosen", "text")

    def test_they_are_found_changed_and_deleted(self, sdk: Any, folder: Any, collection: Any) -> None:
        collection.update_collection(name="new")
        other = sdk.create_collection(sdk.create_storage_folder("other").uuid, "other")
        assert names(sdk.list_collections(page_size=1)) == ["new", "other"]
        assert names(sdk.list_collections(top_level_folder_uuid=folder.uuid)) == ["new"]
        for _ in range(2):
            sdk.delete_collection(other.uuid)
        with pytest.raises(AuthorisationError):
            sdk.get_collection(other.uuid)

    def test_files_below_the_folder_are_added_and_removed(
        self, sdk: Any, folder: Any, collection: Any, pictures: list[Item]
    ) -> None:
        first = folder.upload_image(pictures[0].uri)
        second = folder.create_subfolder("below").upload_image(pictures[1].uri)
        outside = sdk.create_storage_folder("other").upload_image(pictures[1].uri)
        assert collection.add_items([first, second, outside]).failed_items == [outside]
        assert names(collection.list_items(page_size=1)) == ["a.png", "b.png"]
        collection.remove_items([first])
        assert names(collection.list_items_include_inaccessible()) == ["b.png"]

    def test_titles_that_mean_one_file_are_added(self, folder: Any, collection: Any, pictures: list[Item]) -> None:
        for path in (pictures[0].uri, pictures[0].uri, pictures[1].uri):
            folder.upload_image(path)
        told = collection.add_items_by_title(["a.png", "b.png", "b.png", "c.png"])
        assert (told.requested, told.matched_titles, told.items_added) == (3, 1, 1)
        assert (told.ambiguous_titles, told.unmatched_titles) == (["a.png"], ["c.png"])


class TestPresets:
    def test_filters_are_kept_as_they_are(self, sdk: Any) -> None:
        wanted = {"local_filters": {}, "global_filters": {"filters": [{"key": "width", "values": [1, 2]}]}}
        made = sdk.create_preset("wide", wanted, "text")
        assert made.get_filter_preset_json().to_dict() == wanted
        made.update_preset(name="wider", description="more")
        assert [(one.name, one.description) for one in sdk.list_presets()] == [("wider", "more")]
        assert names(sdk.get_filter_presets([made.uuid])) == ["wider"]
        for _ in range(2):
            sdk.delete_preset(made.uuid)
        with pytest.raises(AuthorisationError):
            sdk.get_filter_preset(made.uuid)


@pytest.fixture
def project(sdk: Any, pictures: list[Item]) -> Any:
    """A project of two pictures, of which the first shows a car."""
    structure = OntologyStructure()
    car = structure.add_object("car", Shape.BOUNDING_BOX)
    ontology = sdk.create_ontology("o", structure=structure)
    dataset = sdk.get_dataset(sdk.create_dataset("d", StorageLocation.CORD_STORAGE).dataset_hash)
    for picture in pictures:
        dataset.upload_image(picture.uri)
    project = sdk.get_project(sdk.create_project("p", [dataset.dataset_hash], ontology_hash=ontology.ontology_hash))
    row = project.list_label_rows_v2()[0]
    row.initialise_labels()
    instance = car.create_instance()
    box = BoundingBoxCoordinates(height=0.5, width=0.5, top_left_x=0, top_left_y=0)
    instance.set_for_frames(box, frames=0)
    row.add_object_instance(instance)
    row.save()
    return project


class TestCollectionsOfProjects:
    def test_they_are_found_changed_and_deleted(self, project: Any, emulated: Live[Any]) -> None:
        emulated.settings.page_limit = 1
        made = project.create_collection("frames", "text")
        other = project.create_collection("labels", collection_type=ProjectCollectionType.LABEL)
        assert (made.description, made.collection_type) == ("text", ProjectCollectionType.FRAME)
        assert names(project.list_collections()) == ["frames", "labels"]
        assert names(project.list_collections(collection_uuids=[other.uuid])) == ["labels"]
        made.update_collection(name="new")
        again = project.get_collection(made.uuid)
        assert (again.name, again.description, str(again.project_hash)) == ("new", "text", project.project_hash)
        for _ in range(2):
            project.delete_collection(made.uuid)
        with pytest.raises(AuthorisationError):
            project.get_collection(made.uuid)

    def test_frames_are_added_and_removed(self, project: Any) -> None:
        collection = project.create_collection("frames")
        frames = [ProjectDataCollectionItemRequest(data_uuid=row.data_hash, frame=0) for row in rows_of(project)]
        beyond = ProjectDataCollectionItemRequest(data_uuid=frames[0].data_uuid, frame=1)
        (failed,) = collection.add_items([*frames, beyond]).failed_items
        assert (str(failed.data_uuid), failed.frame) == (frames[0].data_uuid, 1)
        told = [(row.data_title, [one.frame for one in held]) for row, held in collection.list_frames(page_size=1)]
        assert told == [("a.png", [0]), ("b.png", [0])]
        assert collection.remove_items(frames[:1]).failed_items == []
        assert len(collection.remove_items(frames[:1]).failed_items) == 1
        ((row, _),) = collection.list_frames()
        row.initialise_labels()
        assert (row.data_title, row.workflow_graph_node.title) == ("b.png", "Annotate")

    def test_labels_are_collected_by_their_hash(self, project: Any) -> None:
        collection = project.create_collection("labels", collection_type=ProjectCollectionType.LABEL)
        row = rows_of(project)[0]
        row.initialise_labels()
        (car,) = row.get_object_instances()
        wanted = [
            ProjectLabelCollectionItemRequest(data_uuid=row.data_hash, frame=0, annotation_id=key)
            for key in (car.object_hash, "nobody")
        ]
        (failed,) = collection.add_items(wanted).failed_items
        assert failed.annotation_id == "nobody"
        ((found, held),) = collection.list_annotations()
        assert (found.data_hash, [one.annotation_id for one in held]) == (row.data_hash, [car.object_hash])
        with pytest.raises(InvalidArgumentsError):
            list(collection.list_frames())


def rows_of(project: Any) -> list[Any]:
    """The label rows of a project, as they are now."""
    return list(project.list_label_rows_v2())


class TestPresetsOfProjects:
    def test_filters_are_kept_as_they_are(self, project: Any) -> None:
        wide, tall = ({"filters": [{"key": key, "values": [1, 2]}]} for key in ("width", "height"))
        wanted = ActiveFilterPresetDefinition(local_filters={}, global_filters=FilterDefinition(**wide))
        made = project.create_filter_preset("wide", wanted)
        assert made.get_filter_preset_json().to_dict() == {"localFilters": {}, "globalFilters": wide}
        other = ActiveFilterPresetDefinition(local_filters={}, global_filters=FilterDefinition(**tall))
        made.update_preset(name="tall", filter_preset=other)
        assert names(project.list_filter_presets(page_size=1)) == ["tall"]
        again = project.get_filter_preset(made.uuid)
        assert again.get_filter_preset_json().to_dict() == {"localFilters": {}, "globalFilters": tall}
        assert again.updated_at > again.created_at
        for _ in range(2):
            project.delete_filter_preset(made.uuid)
        with pytest.raises(AuthorisationError):
            project.get_filter_preset(made.uuid)


class TestSchemasOfMetadata:
    def test_the_older_one_is_another_view_of_the_same(self, sdk: Any) -> None:
        assert sdk.get_client_metadata_schema() is None
        sdk.set_client_metadata_schema_from_dict({"size": "number", "place": "geospatial", "note": "long_string"})
        schema = sdk.metadata_schema()
        kinds = [(key, schema.get_key_type(key)) for key in sorted(schema.keys())]
        assert kinds == [("note", "text"), ("place", "geospatial"), ("size", "number")]
        schema.add_enum("light", values=["day", "night"])
        schema.add_scalar("name", data_type="varchar")
        schema.delete_key("size")
        schema.save()
        words = {key: word.value for key, word in sdk.get_client_metadata_schema().items()}
        assert words == {"place": "geospatial", "note": "long_string", "light": "enum", "name": "string"}

    def test_it_says_too_little_of_some_kinds(self, sdk: Any) -> None:
        with pytest.raises(InvalidArgumentsError, match="embedding"):
            sdk.set_client_metadata_schema_from_dict({"seen": "embedding"})
        assert sdk.get_client_metadata_schema() is None
