"""Slices and custom embeddings through the SDK."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelbox import DataRow
from lbox import exceptions

from dragoman.emulate import Live
from dragoman_labelbox.emulator import objects


class TestSlices:
    @pytest.fixture
    def saved(self, live: Live[Any], dataset: Any) -> str:
        """The id of a slice of the images."""
        filters = [{"type": "global_key", "operator": "is", "ids": ["a", "b"]}]
        made = objects.Slice(**live.state.stamp(), name="images", filters=filters)
        live.state.slices[made.id] = made
        return made.id

    @pytest.mark.parametrize("page", [None, 1])
    def test_a_slice_says_which_rows_match(
        self, client: Any, run: Any, saved: str, live: Live[Any], page: int | None
    ) -> None:
        live.settings.page_limit = page
        found = client.get_catalog_slice(slice_name="images")
        assert found == client.get_catalog_slice(saved) == client.get_catalog_slices()[0]
        assert {each.global_key.key for each in found.get_data_row_identifiers()} == {"a", "b"}
        in_run = client.get_model_slice(saved).get_data_row_identifiers(run.uid)
        assert {each.global_key.key for each in in_run} == {"a", "b"}

    def test_a_slice_is_exported(self, client: Any, saved: str) -> None:
        task = client.get_catalog_slice(saved).export()
        assert {line.json["data_row"]["global_key"] for line in task.get_buffered_stream()} == {"a", "b"}

    def test_unknown_slices_are_not_found(self, client: Any) -> None:
        with pytest.raises(exceptions.ResourceNotFoundError):
            client.get_catalog_slice("nowhere")
        with pytest.raises(exceptions.ResourceNotFoundError):
            client.get_model_slice("nowhere")


class TestEmbeddings:
    def test_vectors_come_with_rows_and_by_file(self, client: Any, dataset: Any, tmp_path: Path) -> None:
        made = client.create_embedding("colours", 2)
        given = {"embedding_id": made.id, "vector": [1.0, 2.0]}
        dataset.create_data_row(row_data="https://example.com/e.jpg", global_key="e", embeddings=[given])
        rows = [row.uid for row in dataset.data_rows() if row.global_key != "e"]
        path = tmp_path / "vectors.ndjson"
        path.write_text("\n".join(json.dumps({"id": row, "vector": [3, 4]}) for row in [*rows, "nowhere"]))
        made.import_vectors_from_file(str(path))
        assert made.get_imported_vector_count() == 4
        task = DataRow.export(client, global_keys=["e"], params={"embeddings": True})
        (line,) = task.get_buffered_stream()
        assert line.json["embeddings"][0]["values"] == [{"value": [1.0, 2.0]}]

    def test_a_vector_of_another_length_is_refused(self, client: Any, dataset: Any) -> None:
        made = client.create_embedding("colours", 2)
        wrong = {"row_data": "https://example.com/e.jpg", "embeddings": [{"embedding_id": made.id, "vector": [1.0]}]}
        with pytest.raises(exceptions.ResourceCreationError, match="dimensions"):
            dataset.create_data_row(wrong)

    def test_embeddings_have_names_and_are_deleted(self, client: Any) -> None:
        made = client.create_embedding("colours", 2)
        with pytest.raises(exceptions.UnprocessableEntityError, match="There is an embedding"):
            client.create_embedding("colours", 3)
        assert client.get_embedding_by_name("colours").dims == 2
        made.delete()
        assert client.get_embeddings() == []
