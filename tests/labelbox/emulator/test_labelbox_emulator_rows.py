"""Data rows through the SDK: changing and finding them, their global keys, attachments and metadata."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from labelbox import DataRow, Dataset, GlobalKey, GlobalKeys, Task, UniqueId
from labelbox.schema.data_row_metadata import (
    DataRowMetadata,
    DataRowMetadataField,
    DataRowMetadataKind,
    DeleteDataRowMetadata,
)
from labelbox.schema.taskstatus import TaskStatus
from lbox import exceptions
from PIL import Image

from dragoman.emulate import Live

SOON = datetime.now(UTC) + timedelta(days=1)


def test_a_row_is_changed_and_what_is_not_said_stays(client: Any, dataset: Any) -> None:
    row = client.get_data_row_by_global_key("v")
    row.update(global_key="w")
    assert (row.global_key, row.external_id) == ("w", "outside")
    row.update(row_data={"type": "tile"}, external_id="inside")
    assert client.get_data_row(row.uid).row_data == '{"type": "tile"}'
    with pytest.raises(exceptions.ResourceNotFoundError):
        client.get_data_row_by_global_key("v")
    with pytest.raises(exceptions.UnprocessableEntityError, match="Duplicate"):
        row.update(global_key="a")


def test_a_row_that_shows_something_else_is_measured_anew(
    client: Any, dataset: Any, live: Live[Any], tmp_path: Path
) -> None:
    path = tmp_path / "image.png"
    Image.new("RGB", (30, 20)).save(path)
    row = client.get_data_row_by_global_key("v")
    row.update(row_data=client.upload_file(str(path)))
    assert (row.media_attributes["width"], row.media_attributes["height"]) == (30, 20)
    row.update(row_data="https://example.com/without-ending")
    assert (row.media_attributes, live.state.rows[row.uid].media) == ({}, "IMAGE")
    row.update(row_data="https://example.com/w.mp4")
    assert live.state.rows[row.uid].media == "VIDEO"


def test_a_row_is_changed_together_with_its_metadata(client: Any, dataset: Any) -> None:
    tag = client.get_data_row_metadata_ontology().get_by_name("tag").uid
    row = client.get_data_row_by_global_key("v")
    row.update(external_id="inside", metadata_fields=[{"schemaId": tag, "value": "night"}])
    assert [(field.name, field.value) for field in row.metadata] == [("tag", "night")]
    with pytest.raises(exceptions.UnprocessableEntityError, match="no metadata schema"):
        row.update(external_id="nowhere", metadata_fields=[{"schemaId": "nowhere", "value": "night"}])
    assert client.get_data_row(row.uid).external_id == "inside"


def test_a_row_that_is_named_twice_is_deleted_once(dataset: Any) -> None:
    first, second, third = dataset.data_rows()
    DataRow.bulk_delete([first, second, first])
    assert list(dataset.data_rows()) == [third]


def test_rows_are_found_by_external_id(dataset: Any) -> None:
    assert dataset.data_row_for_external_id("outside").global_key == "v"
    with pytest.raises(exceptions.ResourceNotFoundError):
        dataset.data_rows_for_external_id("nowhere")


@pytest.mark.parametrize("page", [None, 1])
def test_rows_are_listed_from_one_on(dataset: Any, live: Live[Any], page: int | None) -> None:
    live.settings.page_limit = page
    rows = list(dataset.data_rows())
    assert list(dataset.data_rows(from_cursor=rows[1].uid)) == rows[1:]
    with pytest.raises(exceptions.InvalidQueryError, match="to start from"):
        list(dataset.data_rows(from_cursor="nowhere"))


@pytest.mark.parametrize(
    ("where", "count"),
    [
        (Dataset.name != "street", 0),
        (Dataset.created_at < SOON, 1),
        (Dataset.created_at > SOON, 0),
        (Dataset.created_at > "2020-01-01", 1),
        (Dataset.created_at <= "2020-01-01T10:00:00", 0),
        ((Dataset.name == "street") & (Dataset.description == ""), 1),
    ],
)
def test_datasets_are_compared(client: Any, dataset: Any, where: Any, count: int) -> None:
    assert len(list(client.get_datasets(where=where))) == count


def test_what_a_row_belongs_to(client: Any, dataset: Any, project: Any) -> None:
    row = client.get_data_row_by_global_key("a")
    assert row.dataset() == dataset
    assert row.organization() == client.get_organization() == dataset.organization()
    assert row.created_by() == client.get_user() == dataset.created_by()
    assert list(row.labels()) == []


def test_global_keys_are_assigned_and_cleared(client: Any, dataset: Any) -> None:
    row = dataset.create_data_row(row_data="https://example.com/new.jpg")
    links = [{"data_row_id": row.uid, "global_key": "n"}, {"data_row_id": row.uid, "global_key": "a"}]
    assigned = client.assign_global_keys_to_data_rows(links)
    assert (assigned["status"], [bad["global_key"] for bad in assigned["errors"]]) == ("PARTIAL SUCCESS", ["a"])
    assert client.get_data_row_ids_for_global_keys(["n"])["results"] == [row.uid]
    cleared = client.clear_global_keys(["n", "nowhere"])
    assert (cleared["results"], len(cleared["errors"])) == (["n"], 1)
    assert client.get_data_row(row.uid).global_key is None


def test_upserts_give_rows_other_keys(client: Any, dataset: Any) -> None:
    row = client.get_data_row_by_global_key("v")
    task = dataset.upsert_data_rows(
        [
            {"key": GlobalKey("v"), "global_key": "w"},
            {"key": UniqueId(client.get_data_row_by_global_key("a").uid), "external_id": "e"},
            {"key": UniqueId("nowhere"), "external_id": "e"},
        ]
    )
    task.wait_till_done()
    assert [failed["message"] for failed in task.errors] == ["There is no data row nowhere."]
    assert client.get_data_row_by_global_key("w") == row
    assert client.get_data_row_by_global_key("a").external_id == "e"


def test_tasks_are_listed_and_cancelled(client: Any, dataset: Any, live: Live[Any]) -> None:
    live.settings.job_polls = 5
    task = dataset.create_data_rows([{"row_data": "https://example.com/n.jpg", "global_key": "n"}])
    assert task in list(client.get_user().created_tasks())
    assert client.cancel_task(task.uid) is True
    assert client.get_task_by_id(task.uid).status_as_enum == TaskStatus.Canceled
    with pytest.raises(exceptions.LabelboxError, match="not in progress"):
        client.cancel_task(task.uid)
    assert live.state.by_global_key.keys() == {"a", "b", "v"}


def test_tasks_are_compared(client: Any, dataset: Any, live: Live[Any]) -> None:
    user = client.get_user()
    (first,) = user.created_tasks()
    live.state.jobs.fail_next("adv-upsert-data-rows")
    second = dataset.create_data_rows([{"row_data": "https://example.com/n.jpg"}])
    assert list(user.created_tasks(where=Task.status == "COMPLETE")) == [first]
    assert list(user.created_tasks(where=(Task.status == "FAILED") & (Task.name == first.name))) == [second]
    assert list(user.created_tasks(where=Task.uid == "nowhere")) == []
    assert list(user.created_tasks(order_by=Task.status.desc)) == [second, first]


def test_an_export_of_what_was_deleted_meanwhile_fails(
    client: Any, dataset: Any, project: Any, live: Live[Any]
) -> None:
    live.settings.job_polls = 3
    task = project.export()
    project.delete()
    states = [client.get_task_by_id(task.uid).status for _ in range(4)]
    assert states[-1] == "FAILED"
    assert live.state.jobs.by_id[task.uid].error == f"'{project.uid}' is not there any more."


def test_tiles_are_rows(client: Any, dataset: Any) -> None:
    tiles = {"tileLayerUrl": "https://example.com/{z}/{x}/{y}.png", "minZoom": 1, "maxZoom": 2, "globalKey": "t"}
    dataset.upsert_data_rows([tiles]).wait_till_done()
    assert "tileLayerUrl" in client.get_data_row_by_global_key("t").row_data


def test_rows_are_deleted_together(client: Any, dataset: Any) -> None:
    rows = list(dataset.data_rows())
    DataRow.bulk_delete(rows[:2])
    assert list(dataset.data_rows()) == rows[2:]
    assert client.get_dataset(dataset.uid).row_count == 1


def test_attachments_are_made_changed_and_deleted(client: Any, dataset: Any) -> None:
    given = {"row_data": "https://example.com/x.jpg", "attachments": [{"type": "RAW_TEXT", "value": "first"}]}
    row = dataset.create_data_row(given)
    made = row.create_attachment("IMAGE", "https://example.com/i.png", "picture")
    assert [each.attachment_value for each in row.attachments()] == ["first", "https://example.com/i.png"]
    made.update(name="text", type="RAW_TEXT", value="second")
    assert [each.attachment_value for each in row.attachments()] == ["first", "second"]
    made.delete()
    assert [each.attachment_type for each in row.attachments()] == ["RAW_TEXT"]


class TestMetadata:
    @pytest.fixture
    def ontology(self, client: Any) -> Any:
        """Schemas of metadata: a text and an enum of `day` and `night`."""
        made = client.get_data_row_metadata_ontology()
        made.create_schema("camera", DataRowMetadataKind.string)
        made.create_schema("light", DataRowMetadataKind.enum, ["day", "night"])
        return made

    def _written(self, ontology: Any, key: str, **values: str) -> list[Any]:
        fields = [DataRowMetadataField(name=name, value=value) for name, value in values.items()]
        return list(ontology.bulk_upsert([DataRowMetadata(global_key=key, fields=fields)]))

    def _read(self, ontology: Any, key: str) -> dict[str, Any]:
        (found,) = ontology.bulk_export(GlobalKeys([key]))
        return {field.name: field.value for field in found.fields}

    def test_some_schemas_are_there_from_the_start(self, client: Any) -> None:
        reserved = client.get_data_row_metadata_ontology().reserved_by_name
        assert {"tag", "split", "captureDateTime"} <= reserved.keys()
        assert set(reserved["split"]) == {"train", "valid", "test"}

    def test_an_option_takes_the_place_of_another(self, ontology: Any, dataset: Any) -> None:
        assert self._written(ontology, "a", light="day", camera="c1") == []
        assert self._written(ontology, "a", light="night") == []
        assert self._read(ontology, "a") == {"camera": "c1", "night": ontology.get_by_name("light")["night"].uid}

    def test_rows_show_names_and_kinds(self, ontology: Any, dataset: Any, client: Any) -> None:
        self._written(ontology, "a", light="day", tag="t")
        shown = {field["name"]: field["kind"] for field in client.get_data_row_by_global_key("a").metadata_fields}
        kinds = {"light": "CustomMetadataEnum", "day": "CustomMetadataEnumOption", "tag": "CustomMetadataString"}
        assert shown == kinds

    def test_values_are_deleted(self, ontology: Any, dataset: Any) -> None:
        self._written(ontology, "a", light="day", camera="c1")
        light = ontology._get_by_name_normalized("light").uid
        assert ontology.bulk_delete([DeleteDataRowMetadata(data_row_id=GlobalKey("a"), fields=[light])]) == []
        assert self._read(ontology, "a") == {"camera": "c1"}

    def test_rows_that_are_not_there_are_failures(self, ontology: Any, dataset: Any) -> None:
        (refused,) = self._written(ontology, "nowhere", camera="c1")
        assert refused.error == "There is no such data row."
        camera = ontology.get_by_name("camera").uid
        (refused,) = ontology.bulk_delete([DeleteDataRowMetadata(data_row_id="nowhere", fields=[camera])])
        assert (refused.data_row_id, refused.fields) == ("nowhere", [camera])

    def test_a_schema_goes_with_its_values(self, ontology: Any, dataset: Any) -> None:
        self._written(ontology, "a", light="day", camera="c1")
        assert ontology.delete_schema("light") is True
        assert self._read(ontology, "a") == {"camera": "c1"}

    def test_exports_show_the_options_of_an_enum(self, ontology: Any, dataset: Any, client: Any) -> None:
        self._written(ontology, "a", light="day", camera="c1")
        task = DataRow.export(client=client, global_keys=["a"], params={"metadata_fields": True})
        (line,) = [found.json for found in task.get_buffered_stream()]
        shown = {field["schema_name"]: field["value"] for field in line["metadata_fields"]}
        assert shown["camera"] == "c1"
        assert [option["schema_name"] for option in shown["light"]] == ["day"]
