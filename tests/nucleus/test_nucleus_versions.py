"""Weights, training data and tags: they belong to a model on Nucleus, and are told apart by version here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nucleus.model_weights
import pytest

from dragoman import Box, Conflict, InvalidData, Item, NotFound, PlatformError, Polyline, Prediction
from dragoman.emulate import Answer, Live


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file of 10 000 bytes."""
    path = tmp_path / "best model.safetensors"
    path.write_bytes(bytes(range(250)) * 40)
    return path


class TestWeights:
    def test_they_come_back_byte_by_byte(self, backend: Any, version: Any, weights: Path, tmp_path: Path) -> None:
        assert backend.versions.upload_weights(version, weights) == version
        target = tmp_path / "new folder" / "back"
        assert backend.versions.download_weights(version, target) == target
        assert target.read_bytes() == weights.read_bytes()

    def test_large_files_go_in_parts(
        self, backend: Any, version: Any, weights: Path, tmp_path: Path, emulated: Live[Any]
    ) -> None:
        emulated.state.weights.part_bytes = 3000
        backend.versions.upload_weights(version, weights)
        parts = [seen for seen in emulated.journal.entries() if seen.path.startswith("/uploads/weights/")]
        assert len(parts) == 4
        back = backend.versions.download_weights(version, tmp_path / "back")
        assert back.read_bytes() == weights.read_bytes()

    def test_what_is_known_of_them_names_their_version(
        self, backend: Any, model: Any, version: Any, weights: Path
    ) -> None:
        assert backend.registry.weights(model) is None
        backend.versions.upload_weights(version, weights)
        found = backend.registry.weights(model)
        assert (found.filename, found.bytes, found.version) == (weights.name, 10_000, version.id)

    def test_another_version_s_weights_are_neither_overwritten_nor_taken_for_its_own(
        self, backend: Any, model: Any, version: Any, dataset: Any, weights: Path, tmp_path: Path
    ) -> None:
        second = backend.versions.create(model, name="second", dataset=dataset)
        backend.versions.upload_weights(version, weights)
        with pytest.raises(Conflict, match=version.id):
            backend.versions.upload_weights(second, weights)
        with pytest.raises(NotFound):
            backend.versions.download_weights(second, tmp_path / "back")
        assert not (tmp_path / "back").exists()
        assert backend.registry.delete_weights(model) is True
        assert backend.registry.delete_weights(model) is False
        backend.versions.upload_weights(second, weights)
        assert backend.registry.weights(model).version == second.id

    def test_a_version_may_replace_its_own(self, backend: Any, version: Any, weights: Path, tmp_path: Path) -> None:
        backend.versions.upload_weights(version, weights)
        weights.write_bytes(b"better")
        backend.versions.upload_weights(version, weights)
        assert backend.versions.download_weights(version, tmp_path / "back").read_bytes() == b"better"

    def test_weights_that_others_uploaded_are_those_of_every_version(
        self, backend: Any, model: Any, version: Any, weights: Path, tmp_path: Path
    ) -> None:
        backend.client.upload_model_weights(model.id, str(weights), progress=False)
        assert backend.registry.weights(model).version is None
        assert backend.versions.download_weights(version, tmp_path / "back").read_bytes() == weights.read_bytes()
        with pytest.raises(Conflict, match="best model"):
            backend.versions.upload_weights(version, weights)

    def test_a_storage_that_stumbles_is_asked_again_and_one_that_stays_down_is_an_error(
        self,
        backend: Any,
        version: Any,
        weights: Path,
        tmp_path: Path,
        emulated: Live[Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(nucleus.model_weights, "TRANSFER_BACKOFF_BASE_SEC", 0)
        emulated.faults.add(Answer(503), method="PUT", times=2)
        backend.versions.upload_weights(version, weights)
        emulated.faults.add(Answer(503), method="GET", path="/media/*", times=None)
        with pytest.raises(PlatformError, match="503"):
            backend.versions.download_weights(version, tmp_path / "back")
        assert list(tmp_path.iterdir()) == [weights], "no half of a file is left"


class TestData:
    def test_a_model_that_names_no_slices_has_no_data(self, backend: Any, version: Any) -> None:
        assert list(backend.versions.data(version)) == []

    @pytest.mark.parametrize("page_size", [1, 2, 100])
    def test_items_of_all_trained_slices_have_their_split(
        self, backend: Any, model: Any, version: Any, dataset: Any, page_size: int
    ) -> None:
        more = [Item(f"{n}", uri=f"https://example.com/{n}.jpg", split="val" if n > 2 else None) for n in range(5)]
        backend.datasets.write_items(more, dataset=dataset).raise_for_problems()
        first = backend.slices.create("day", dataset=dataset, items=["a", "b", "0"])
        second = backend.slices.create("night", dataset=dataset, items=["2", "3", "4"])
        backend.registry.add_trained_on(model, [first, second])
        assert backend.registry.trained_on(model) == [first.id, second.id]
        data = backend.versions.data(version, page_size=page_size)
        assert [(item.key, item.split) for item in data] == [
            ("a", "day"),
            ("b", "day"),
            ("0", "day"),
            ("2", "night"),
            ("3", "val"),
            ("4", "val"),
        ]
        backend.registry.remove_trained_on(model, [first])
        assert [item.key for item in backend.versions.data(version)] == ["2", "3", "4"]

    def test_an_unknown_version_has_no_data(self, backend: Any) -> None:
        with pytest.raises(NotFound):
            list(backend.versions.data("run_none"))


class TestTags:
    def test_tags_of_a_model_are_added_and_taken_away(self, backend: Any, model: Any) -> None:
        backend.registry.add_tags(model, ["night", "rain"])
        backend.registry.add_tags(model, ["rain"])
        assert backend.registry.tags(model) == ["night", "rain"]
        backend.registry.remove_tags(model, ["night"])
        assert backend.registry.tags(model) == ["rain"]
        with pytest.raises(InvalidData, match="not found"):
            backend.registry.remove_tags(model, ["snow"])


class TestRuns:
    def test_runs_are_merged_into_one_with_all_predictions(self, backend: Any, model: Any, dataset: Any) -> None:
        versions = [backend.versions.create(model, name=f"v{n}", dataset=dataset) for n in range(2)]
        for number, version in enumerate(versions):
            row = Prediction("a", "car", Box(number, 1, 2, 3), confidence=0.5)
            backend.predictions.write([row], version=version, dataset=dataset).raise_for_problems()
        merged = backend.runs.merge(versions, name="both", metadata={"n": 2})
        assert (merged.model, merged.name, merged.metadata["n"]) == (model.id, "both", 2)
        assert len(list(backend.predictions.read(merged, dataset=dataset))) == 2

    def test_predictions_are_copied_to_the_model(self, backend: Any, model: Any, version: Any, dataset: Any) -> None:
        rows = [Prediction("a", "car", Box(1, 1, 2, 3)), Prediction("a", "car", Polyline((0, 0, 1, 1)))]
        backend.predictions.write(rows, version=version, dataset=dataset).raise_for_problems()
        assert backend.runs.copy_to_model(version, model=model) == {"copied": 1, "skipped": 1}
