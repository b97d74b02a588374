"""Collections of files and presets of filters as users of the vendor's own SDK handle them, over the emulator."""

from __future__ import annotations

from typing import Any

import pytest
from encord.exceptions import AuthorisationError

from dragoman import Item


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
