"""Datasets, folders and files as users of the vendor's own SDK handle them, over the emulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from encord.constants.enums import DataType
from encord.exceptions import AuthorisationError, EncordException, InvalidArgumentsError, ResourceNotFoundError
from encord.http.bundle import Bundle
from encord.orm.dataset import ImagesDataFetchOptions, LongPollingStatus, StorageLocation
from encord.orm.storage import (
    DataUploadImage,
    DataUploadImageGroupFromItems,
    DataUploadItems,
    FoldersSortBy,
    StorageItemType,
)

from dragoman import Item
from dragoman.emulate import Live

WEB = "https://example.com"


@pytest.fixture
def held(sdk: Any) -> Any:
    """An empty dataset with a folder of its own."""
    return sdk.get_dataset(sdk.create_dataset("held", StorageLocation.CORD_STORAGE, "text").dataset_hash)


@pytest.fixture
def folder(sdk: Any) -> Any:
    """An empty folder."""
    return sdk.create_storage_folder("top", "text", client_metadata={"n": 1})


@pytest.fixture
def integration(sdk: Any) -> str:
    """The account's only cloud integration."""
    (found,) = sdk.get_cloud_integrations()
    return str(found.id)


def titles(rows: Any) -> list[str]:
    """The titles of rows."""
    return [row.title for row in rows]


def names(things: Any) -> list[str]:
    """The names of folders or files."""
    return [thing.name for thing in things]


class TestUploadsIntoDatasets:
    def test_files_become_rows(self, held: Any, pictures: list[Item]) -> None:
        image = held.upload_image(pictures[0].uri, title="one")
        group = held.create_image_group([item.uri for item in pictures], title="pair", create_video=False)
        held.create_image_group([item.uri for item in pictures], title="sequence")
        held.refetch_data()
        assert titles(held.data_rows) == ["one", "pair", "sequence"]
        assert [row.uid for row in held.data_rows[:2]] == [image["data_hash"], group[0]["data_hash"]]
        assert [row.is_image_sequence for row in held.data_rows] == [None, False, True]

    def test_a_slow_job_is_polled(self, held: Any, pictures: list[Item], emulated: Live[Any]) -> None:
        emulated.settings.job_polls = 2
        assert held.upload_image(pictures[0].uri)["title"] == "a.png"

    def test_what_is_no_image_fails_the_upload(self, held: Any, tmp_path: Path) -> None:
        path = tmp_path / "broken.png"
        path.write_bytes(b"text")
        with pytest.raises(EncordException, match="no image"):
            held.upload_image(path)
        with pytest.raises(EncordException, match="does not point to a file"):
            held.upload_image(tmp_path / "missing.png")

    def test_a_dataset_without_a_folder_takes_them_too(self, sdk: Any, pictures: list[Item]) -> None:
        made = sdk.create_dataset("bare", StorageLocation.CORD_STORAGE, create_backing_folder=False)
        bare = sdk.get_dataset(made.dataset_hash)
        bare.upload_image(pictures[0].uri)
        assert titles(bare.list_data_rows()) == ["a.png"]

    def test_a_file_of_urls_is_registered(self, held: Any, integration: str, tmp_path: Path) -> None:
        listed = {
            "images": [{"objectUrl": f"{WEB}/1.png", "title": "one"}],
            "image_groups": [{"title": "pair", "objectUrl_0": f"{WEB}/1.png", "objectUrl_1": f"{WEB}/2.png"}],
        }
        path = tmp_path / "files.json"
        path.write_text(json.dumps(listed))
        made = held.add_private_data_to_dataset(integration, path)
        assert titles(made.dataset_data_list) == ["one", "pair"]


class TestRows:
    @pytest.fixture
    def rows(self, held: Any, pictures: list[Item]) -> Any:
        """The rows of two images and their group."""
        for item in pictures:
            held.upload_image(item.uri, title=item.key)
        held.create_image_group([item.uri for item in pictures], title="pair", create_video=False)
        held.refetch_data()
        return held.data_rows

    def test_they_are_listed_as_asked(self, held: Any, rows: Any) -> None:
        assert titles(held.list_data_rows(title_eq="a")) == ["a"]
        assert titles(held.list_data_rows(title_like="P%")) == ["pair"]
        assert titles(held.list_data_rows(data_types=[DataType.IMG_GROUP])) == ["pair"]
        assert titles(held.list_data_rows(data_hashes=[rows[1].uid])) == ["b"]
        assert held.list_data_rows(created_before="2000-01-01") == []
        assert len(held.list_data_rows(created_after="2000-01-01")) == 3

    def test_links_metadata_and_images_are_fetched(self, rows: Any) -> None:
        rows[0].refetch_data(signed_url=True, client_metadata=True)
        assert requests.get(rows[0].signed_url, timeout=10).ok
        rows[2].refetch_data(images_data_fetch_options=ImagesDataFetchOptions(fetch_signed_urls=True))
        assert [image.title for image in rows[2].images_data] == ["a.png", "b.png"]

    def test_they_are_renamed(self, held: Any, rows: Any) -> None:
        rows[0].title, rows[0].client_metadata = "new", {"n": 1}
        rows[0].save()
        assert held.update_data_item(rows[1].uid, "other")
        assert titles(held.list_data_rows()) == ["new", "other", "pair"]


class TestFolders:
    def test_they_lie_in_each_other(self, sdk: Any, folder: Any) -> None:
        middle = folder.create_subfolder("middle")
        low = sdk.create_storage_folder("low", parent_folder=middle)
        assert names(low.path_to_root) == ["middle", "top"]
        assert names(folder.list_subfolders()) == ["middle"]
        assert sorted(names(folder.find_subfolders())) == ["low", "middle"]
        assert names(sdk.list_storage_folders()) == ["top"]
        assert names(sdk.find_storage_folders(desc=True, page_size=1)) == ["top", "middle", "low"]
        low.move_to_folder(None)
        assert low.parent_uuid is None
        with pytest.raises(InvalidArgumentsError):
            folder.move_to_folder(middle)

    def test_they_change_alone_and_together(self, sdk: Any, folder: Any) -> None:
        folder.update(name="new", client_metadata={"n": 2})
        other = sdk.create_storage_folder("other")
        with Bundle() as bundle:
            folder.update(description="more", bundle=bundle)
            other.update(name="last", bundle=bundle)
        again = sdk.get_storage_folder(folder.uuid)
        assert (again.name, again.description, again.client_metadata) == ("new", "more", {"n": 2})
        assert other.name == "last"

    def test_one_goes_with_all_in_it(self, sdk: Any, folder: Any, pictures: list[Item]) -> None:
        below = folder.create_subfolder("below")
        item = below.upload_image(pictures[0].uri)
        assert folder.get_summary().folders == 1
        folder.delete()
        for gone in (lambda: sdk.get_storage_folder(below.uuid), lambda: sdk.get_storage_item(item)):
            with pytest.raises(AuthorisationError):
                gone()

    def test_one_that_follows_no_bucket_says_so(self, folder: Any) -> None:
        assert folder.get_folder_config().metadata_ingestion is None
        with pytest.raises(InvalidArgumentsError, match="bucket"):
            folder.enable_metadata_ingestion()
        with pytest.raises(InvalidArgumentsError, match="bucket"):
            folder.sync_private_data_with_cloud_synced_folder_start()

    def test_a_dataset_outlives_the_folder_above_its_own(
        self, sdk: Any, held: Any, folder: Any, pictures: list[Item]
    ) -> None:
        sdk.get_storage_folder(held.backing_folder_uuid).move_to_folder(folder)
        folder.delete()
        again = sdk.get_dataset(held.dataset_hash)
        assert again.backing_folder_uuid is None
        assert again.upload_image(pictures[0].uri)["title"] == "a.png"


class TestItems:
    @pytest.fixture
    def items(self, sdk: Any, folder: Any, pictures: list[Item]) -> Any:
        """An image, a sequence, and a group of two images."""
        files = [item.uri for item in pictures]
        made = [
            folder.upload_image(files[0], title="image", client_metadata={"n": 1}),
            folder.create_image_sequence(files, title="sequence"),
            folder.create_image_group(files, title="group"),
        ]
        return sdk.get_storage_items(made, sign_url=True)

    def test_they_are_listed_as_asked(self, sdk: Any, folder: Any, items: Any) -> None:
        assert names(folder.list_items(page_size=1))[-2:] == ["image", "sequence"]
        assert names(folder.list_items(item_types=[StorageItemType.IMAGE_SEQUENCE])) == ["sequence"]
        assert names(folder.list_items(order=FoldersSortBy.CREATED_AT, desc=True))[0] == "group"
        assert names(sdk.find_storage_items(search="ima")) == ["image"]
        assert list(folder.list_items(is_in_dataset=True)) == []

    def test_metadata_comes_by_links_where_it_is_large(self, folder: Any, items: Any) -> None:
        (found,) = folder.list_items(search="ima", resolve_client_metadata_locally=True)
        assert found.client_metadata == {"n": 1}

    def test_groups_know_their_images_and_images_their_groups(self, items: Any) -> None:
        images = list(items[2].get_child_items(get_signed_urls=True))
        assert names(images) == ["a.png", "b.png"]
        assert requests.get(images[0].get_signed_url(), timeout=10).ok
        assert names(images[0].get_summary().accessible_group_items) == ["group"]

    def test_they_change_move_and_go(self, sdk: Any, folder: Any, items: Any) -> None:
        items[0].update(name="new", description="text", client_metadata={"n": 2})
        other = sdk.create_storage_folder("other")
        items[0].move_to_folder(other)
        (found,) = other.list_items()
        assert (found.name, found.description, found.client_metadata) == ("new", "text", {"n": 2})
        images = [image.uuid for image in items[2].get_child_items()]
        items[2].delete()
        with pytest.raises(AuthorisationError):
            sdk.get_storage_item(images[0])
        with pytest.raises(AuthorisationError):
            sdk.get_storage_items([items[0].uuid, images[0]])
        assert names(folder.list_items(item_types=[StorageItemType.IMAGE_GROUP])) == []

    def test_the_time_of_the_last_change_is_told(self, folder: Any, items: Any, emulated: Live[Any]) -> None:
        before = items[0].last_edited_at
        items[0].update(name="new")
        (found,) = folder.list_items(search="new")
        assert found.last_edited_at > before
        assert items[1].last_edited_at == items[1].created_at

    def test_a_group_loses_the_image_that_is_deleted(self, sdk: Any, held: Any, folder: Any, items: Any) -> None:
        (row,) = held.link_items([items[2].uuid])
        project = sdk.get_project(sdk.create_project("p", [held.dataset_hash]))
        (labels,) = project.list_label_rows_v2()
        labels.initialise_labels()
        first, second = items[2].get_child_items()
        first.delete()
        assert names(items[2].get_child_items()) == ["b.png"]
        (labels,) = project.list_label_rows_v2(data_hashes=[row.uid])
        labels.initialise_labels()
        labels.save()
        assert (labels.number_of_frames, labels.get_image_hash(0)) == (1, str(second.uuid))

    def test_images_that_are_kept_outlive_their_group(self, sdk: Any, items: Any) -> None:
        images = [image.uuid for image in items[2].get_child_items()]
        items[2].delete(remove_unused_frames=False)
        assert sdk.get_storage_item(images[0]).name == "a.png"

    def test_a_mirrored_folder_is_left_only_on_purpose(self, sdk: Any, held: Any, folder: Any, pictures: Any) -> None:
        held.upload_image(pictures[0].uri)
        mirror = sdk.get_storage_folder(held.backing_folder_uuid)
        (item,) = mirror.list_items()
        with pytest.raises(InvalidArgumentsError, match="mirrored"):
            mirror.move_items_to_folder(folder, [item])
        mirror.move_items_to_folder(folder, [item], allow_mirror_dataset_changes=True)
        assert held.list_data_rows() == []


class TestJobs:
    def test_the_same_url_is_not_registered_twice_where_that_is_asked(self, folder: Any, integration: str) -> None:
        for number in (1, 2):
            image = DataUploadImage(object_url=f"{WEB}/1.png", title="one", client_metadata={"n": number})
            wanted = DataUploadItems(images=[image], skip_duplicate_urls=True, upsert_metadata=True)
            folder.add_private_data_to_folder_get_result(folder.add_private_data_to_folder_start(integration, wanted))
        (item,) = folder.list_items()
        assert item.client_metadata == {"n": 2}

    def test_images_of_a_folder_become_a_group(self, folder: Any, integration: str, pictures: list[Item]) -> None:
        images = [folder.upload_image(item.uri) for item in pictures]
        group = DataUploadImageGroupFromItems(image_items=images, title="pair", create_video=False)
        wanted = DataUploadItems(image_groups_from_items=[group])
        job = folder.add_private_data_to_folder_start(integration, wanted)
        (made,) = folder.add_private_data_to_folder_get_result(job).items_with_names
        assert made.name == "pair"

    def test_a_job_is_cancelled_before_it_works(self, folder: Any, integration: str, emulated: Live[Any]) -> None:
        emulated.settings.job_polls = 5
        job = folder.add_private_data_to_folder_start(integration, {"images": [{"objectUrl": f"{WEB}/1.png"}]})
        assert folder.add_data_to_folder_job_cancel(job).units_cancelled_count == 1
        assert folder.add_private_data_to_folder_get_result(job).status is LongPollingStatus.CANCELLED
        assert list(folder.list_items()) == []

    @pytest.mark.parametrize(
        "unit", [{"title": "no url"}, {"objectUrl": f"{WEB}/2.png", "imageMetadata": {"mimeType": "image/png"}}]
    )
    def test_a_unit_that_lacks_something_is_told_and_leaves_the_others_alone(
        self, folder: Any, integration: str, unit: dict[str, Any]
    ) -> None:
        wanted = {"images": [unit, {"objectUrl": f"{WEB}/1.png"}]}
        job = folder.add_private_data_to_folder_start(integration, wanted, ignore_errors=True)
        done = folder.add_private_data_to_folder_get_result(job)
        assert (done.status, done.units_error_count) == (LongPollingStatus.DONE, 1)
        assert names(folder.list_items()) == ["1.png"]

    def test_a_job_is_known_in_its_own_folder_alone(self, sdk: Any, folder: Any, integration: str) -> None:
        job = folder.add_private_data_to_folder_start(integration, {"images": [{"objectUrl": f"{WEB}/1.png"}]})
        with pytest.raises(ResourceNotFoundError):
            sdk.create_storage_folder("other").add_private_data_to_folder_get_result(job)
