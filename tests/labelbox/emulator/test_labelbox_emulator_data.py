"""Datasets, data rows, metadata, ontologies and projects, through the SDK alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import labelbox
import pytest
import requests
from labelbox.schema.data_row_metadata import DataRowMetadataField, DataRowMetadataKind
from labelbox.schema.identifiable import GlobalKey
from lbox import exceptions
from PIL import Image

from dragoman.emulate import Live
from dragoman_labelbox.emulator.objects import Dataset


def test_datasets_are_filtered_renamed_and_deleted(client: Any) -> None:
    one, _ = client.create_dataset(name="one"), client.create_dataset(name="two", iam_integration=None)
    assert [found.uid for found in client.get_datasets(where=labelbox.Dataset.name == "one")] == [one.uid]
    one.update(name="three")
    assert sorted(found.name for found in client.get_datasets()) == ["three", "two"]
    one.delete()
    assert [found.name for found in client.get_datasets()] == ["two"]


@pytest.mark.parametrize("count", [99, 100, 101])
def test_offset_pages_end_where_they_should(client: Any, live: Live[Any], count: int) -> None:
    for number in range(count):
        made = Dataset(**live.state.stamp(), name=str(number))
        live.state.datasets[made.id] = made
    assert len(list(client.get_datasets())) == count


def test_rows_are_listed_newest_first_in_pages(dataset: Any, live: Live[Any]) -> None:
    live.settings.page_limit = 1
    shown = [row.uid for row in dataset.data_rows()]
    assert shown == list(reversed(live.state.rows))
    assert len(shown) == 3


def test_rows_that_fail_are_named(dataset: Any) -> None:
    task = dataset.create_data_rows(
        [
            {"row_data": "https://example.com/a.jpg", "global_key": "a"},
            {"row_data": "https://example.com/c.jpg", "global_key": "c"},
        ]
    )
    task.wait_till_done()
    assert [error["message"] for error in task.errors] == ["Duplicate global key: a"]
    assert [made["global_key"] for made in task.result] == ["c"]


def test_files_are_uploaded_measured_and_served(client: Any, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    Image.new("RGB", (30, 20)).save(path)
    row = client.create_dataset(name="files").create_data_row(row_data=str(path))
    assert (row.media_attributes["width"], row.media_attributes["height"]) == (30, 20)
    assert requests.get(row.row_data, timeout=10).content == path.read_bytes()


def test_rows_are_changed_by_global_key(client: Any, dataset: Any) -> None:
    schema = client.get_data_row_metadata_ontology().create_schema("city", DataRowMetadataKind.string)
    field = DataRowMetadataField(schema_id=schema.uid, value="Bern")
    task = dataset.upsert_data_rows([{"key": GlobalKey("a"), "metadata_fields": [field]}])
    task.wait_till_done()
    found = {row.global_key: row.metadata_fields for row in dataset.data_rows()}
    assert [value["value"] for value in found["a"]] == ["Bern"]
    assert found["b"] == []


def test_rows_are_looked_up(client: Any, dataset: Any) -> None:
    found = client.get_data_row_ids_for_global_keys(["a", "none"])
    assert [bool(row_id) for row_id in found["results"]] == [True, False]
    assert list(client.get_data_row_ids_for_external_ids(["outside"])) == ["outside"]
    labelbox.DataRow.bulk_delete([client.get_data_row(found["results"][0])])
    assert len(list(dataset.data_rows())) == 2


def test_metadata_values_are_written_and_read(client: Any, dataset: Any) -> None:
    ontology = client.get_data_row_metadata_ontology()
    schema = ontology.create_schema("city", DataRowMetadataKind.string)
    row = next(iter(dataset.data_rows()))
    fields = [DataRowMetadataField(schema_id=schema.uid, value="Bern")]
    from labelbox.schema.data_row_metadata import DataRowMetadata

    assert ontology.bulk_upsert([DataRowMetadata(data_row_id=row.uid, fields=fields)]) == []
    (read,) = ontology.bulk_export([row.uid])
    assert [field.value for field in read.fields] == ["Bern"]
    with pytest.raises(exceptions.UnprocessableEntityError, match="named 'city'"):
        ontology.create_schema("city", DataRowMetadataKind.number)


def test_ontologies_get_ids_at_every_level(client: Any, ontology: Any) -> None:
    normalized = client.get_ontology(ontology.uid).normalized
    radio = normalized["classifications"][0]
    for node in (*normalized["tools"], *normalized["tools"][0]["classifications"], radio, *radio["options"]):
        assert len(node["featureSchemaId"]) == 25
    assert [found.uid for found in client.get_ontologies("o")] == [ontology.uid]


def test_feature_schemas_are_made_inserted_renamed_and_removed(client: Any, ontology: Any) -> None:
    schema = client.create_feature_schema({"tool": "point", "name": "nose"})
    assert len(schema.uid) == 25
    client.insert_feature_schema_into_ontology(schema.uid, ontology.uid, 0)
    assert client.get_ontology(ontology.uid).normalized["tools"][0]["name"] == "nose"
    client.update_feature_schema_title(schema.uid, "ear")
    assert client.get_feature_schema(schema.uid).name == "ear"
    with pytest.raises(exceptions.LabelboxError, match="used by an ontology"):
        client.delete_unused_feature_schema(schema.uid)
    client.delete_feature_schema_from_ontology(ontology.uid, schema.uid)
    assert schema.uid in client.get_unused_feature_schemas()
    client.delete_unused_feature_schema(schema.uid)
    assert ontology.uid in client.get_unused_ontologies()
    client.delete_unused_ontology(ontology.uid)
    assert list(client.get_ontologies("o")) == []


@pytest.mark.parametrize("node", [{"tool": "hologram", "name": "x"}, {"tool": "point"}, {"type": "radio", "name": "x"}])
def test_an_ontology_that_makes_no_sense_is_refused(client: Any, node: dict[str, str]) -> None:
    key = "tools" if "tool" in node else "classifications"
    with pytest.raises(exceptions.UnprocessableEntityError):
        client.create_ontology("o", {"tools": [], "classifications": [], key: [node]})


def test_projects_have_ontology_batches_and_queues(client: Any, project: Any, ontology: Any, dataset: Any) -> None:
    assert project.ontology().uid == ontology.uid
    assert [found.uid for found in client.get_projects(where=labelbox.Project.name == "p")] == [project.uid]
    assert [(batch.name, batch.size) for batch in project.batches()] == [("first", 2)]
    kinds = ["INITIAL_LABELING_QUEUE", "MANUAL_REVIEW_QUEUE", "MANUAL_REWORK_QUEUE"]
    assert [queue.queue_type for queue in project.task_queues()] == kinds
    with pytest.raises(exceptions.ResourceConflict):
        project.create_batch("first", global_keys=["v"])
    assert len(list(project.create_batch("again", global_keys=["a"]).failed_data_row_ids)) == 1


def test_large_batches_are_filled_by_a_task(client: Any, project: Any, dataset: Any) -> None:
    rows = [{"row_data": f"https://example.com/{n}.jpg", "global_key": f"n{n}"} for n in range(1000)]
    dataset.create_data_rows(rows).wait_till_done()
    batch = project.create_batch("large", global_keys=[row["global_key"] for row in rows])
    assert batch.size == 1000
