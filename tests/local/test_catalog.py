"""Models, versions, datasets and ontologies of the local backend."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

import dragoman
from dragoman import (
    Attribute,
    Box,
    Conflict,
    Dataset,
    Feature,
    InvalidData,
    Model,
    NotFound,
    Ontology,
    PlatformError,
    Prediction,
    Task,
)
from dragoman.adapter import Adapter


class TestModels:
    def test_created_model_is_found_by_id_and_key(self, local: Adapter) -> None:
        model = local.models.create(
            "cats", task="classification", features=["cat", "dog"], key="c1", metadata={"team": {"name": "x"}}
        )
        assert model.id
        assert model.created_at is not None
        assert local.models.get(model) == model
        assert local.models.find("c1") == model
        assert (model.task, model.features) == (Task.CLASSIFICATION, ("cat", "dog"))

    def test_second_model_of_a_key_is_a_conflict(self, local: Adapter) -> None:
        local.models.create("cats", task="classification", features=["cat"])
        with pytest.raises(Conflict, match="key 'cats'"):
            local.models.create("cats", task="classification", features=["cat"])

    def test_listing_by_pages_gives_each_model_once(self, local: Adapter) -> None:
        names = ["delta", "alpha", "charlie", "bravo", "echo"]
        for name in names:
            local.models.create(name, task="classification", features=["x"])
        assert [model.name for model in local.models.list(page_size=2)] == names
        assert [model.name for model in local.models.list(order="name", page_size=2)] == sorted(names)
        assert [model.name for model in local.models.list(order="created_at", page_size=1)] == names

    def test_models_of_one_name_are_all_listed_in_order_of_names(self, local: Adapter) -> None:
        for key in "abc":
            local.models.create("same", task="classification", features=["x"], key=key)
        assert [model.key for model in local.models.list(order="name", page_size=1)] == ["a", "b", "c"]

    @pytest.mark.parametrize(("query", "found"), [("STRASSE", ["Straße"]), ("%", ["100 %"]), ("zzz", [])])
    def test_query_matches_text_and_no_pattern(self, local: Adapter, query: str, found: list[str]) -> None:
        for name in ("Straße", "100 %", "other"):
            local.models.create(name, task="classification", features=["x"])
        assert [model.name for model in local.models.list(query=query)] == found

    def test_update_changes_what_is_given_and_keeps_the_rest(self, local: Adapter) -> None:
        model = local.models.create("old", task="classification", features=["x"], description="kept")
        changed = local.models.update(model, name="New", metadata={"a": 1})
        assert changed == model.model_copy(update={"name": "New", "metadata": {"a": 1}})
        assert local.models.get(model) == changed
        assert [found.id for found in local.models.list(query="new")] == [model.id]

    def test_bad_update_changes_nothing(self, local: Adapter) -> None:
        model = local.models.create("name", task="classification", features=["x"])
        with pytest.raises(InvalidData) as caught:
            local.models.update(model, name="")
        assert caught.value.field == "name"
        with pytest.raises(InvalidData, match="JSON"):
            local.models.update(model, metadata={"a": float("nan")})
        assert local.models.get(model) == model

    def test_deleting_takes_versions_and_predictions_with_it(
        self, local: Adapter, detector: Model, dataset: Dataset
    ) -> None:
        version = local.versions.create(detector, name="v")
        local.predictions.write(
            [Prediction("a", "square", Box(0, 0, 1, 1), confidence=0.5)], version=version, dataset=dataset
        )
        local.models.delete(detector)
        for look in (lambda: local.models.get(detector), lambda: local.versions.get(version)):
            with pytest.raises(NotFound):
                look()

    @pytest.mark.parametrize("operation", ["get", "delete", "update"])
    def test_unknown_id_is_not_found(self, local: Adapter, operation: str) -> None:
        with pytest.raises(NotFound, match="no model with the id 'nobody'") as caught:
            getattr(local.models, operation)("nobody")
        assert (caught.value.platform, caught.value.operation) == ("local", f"models.{operation}")


class TestVersions:
    def test_empty_version_is_created_listed_and_changed(self, local: Adapter, detector: Model) -> None:
        made = [local.versions.create(detector, name=name, tags=["t"], config={"lr": 0.1}) for name in "abc"]
        assert list(local.versions.list(detector, page_size=2)) == made
        changed = local.versions.update(made[0], name="z", metrics={"mAP": 0.5}, tags=["u", "v"], config={})
        assert (changed.name, changed.metrics, changed.tags, changed.config) == ("z", {"mAP": 0.5}, ("u", "v"), {})
        assert local.versions.get(made[0]) == changed
        assert list(local.versions.data(made[0])) == []

    def test_metrics_must_be_numbers(self, local: Adapter, detector: Model) -> None:
        version = local.versions.create(detector, name="v")
        with pytest.raises(InvalidData):
            local.versions.update(version, metrics={"mAP": float("nan")})
        with pytest.raises(InvalidData) as caught:
            local.versions.update(version, metrics={"mAP": "high"})  # type: ignore[dict-item]
        assert caught.value.field == "metrics.mAP"

    def test_version_of_an_unknown_model_is_not_found(self, local: Adapter) -> None:
        with pytest.raises(NotFound, match="no model"):
            local.versions.create("nobody", name="v")

    def test_version_without_weights_has_none_to_give(self, local: Adapter, detector: Model, tmp_path: Path) -> None:
        version = local.versions.create(detector, name="v")
        with pytest.raises(NotFound, match="has no weights"):
            local.versions.download_weights(version, tmp_path / "w.safetensors")
        with pytest.raises(NotFound, match="has no weights"):
            next(local.inference.predict(version, []))

    def test_deleted_version_is_gone(self, local: Adapter, detector: Model) -> None:
        version = local.versions.create(detector, name="v")
        local.versions.delete(version)
        assert list(local.versions.list(detector)) == []
        with pytest.raises(NotFound):
            local.versions.delete(version)


class TestDatasets:
    def test_created_dataset_is_found(self, local: Adapter) -> None:
        made = local.datasets.create("d", metadata={"a": [1, 2]})
        assert made.items == 0
        assert local.datasets.get(made) == made
        assert local.datasets.find("d") == made

    def test_second_dataset_of_a_name_is_a_conflict(self, local: Adapter) -> None:
        local.datasets.create("d")
        with pytest.raises(Conflict, match="named 'd'"):
            local.datasets.create("d")

    def test_listing_counts_the_items(self, local: Adapter, dataset: Dataset) -> None:
        local.datasets.create("empty")
        assert [(found.name, found.items) for found in local.datasets.list(page_size=1)] == [
            ("pictures", 3),
            ("empty", 0),
        ]

    def test_deleting_takes_items_and_labels_with_it(self, local: Adapter, boxes: Dataset) -> None:
        local.datasets.delete(boxes)
        with pytest.raises(NotFound, match="no dataset"):
            list(local.datasets.read_items(boxes))
        again = local.datasets.create("pictures")
        assert list(local.datasets.read_items(again)) == []
        assert list(local.labels.read(again)) == []


class TestOntologies:
    def test_dataset_has_the_ontology_it_was_given_last(self, local: Adapter, dataset: Dataset) -> None:
        with pytest.raises(NotFound, match="has no ontology"):
            local.ontologies.get(dataset)
        first = Ontology(name="o", features=(Feature(name="cat", geometries=("box",), color="#ff0000"),))
        made = local.ontologies.create(first, dataset=dataset)
        assert made.id
        assert local.ontologies.get(dataset) == made
        second = Ontology(name="o", features=(Feature(name="dog", attributes=(Attribute(name="age", kind="number"),)),))
        replaced = local.ontologies.create(second, dataset=dataset)
        assert replaced.id == made.id
        assert local.ontologies.get(dataset).features == second.features

    def test_unknown_dataset_is_not_found(self, local: Adapter) -> None:
        with pytest.raises(NotFound):
            local.ontologies.get("nobody")
        with pytest.raises(NotFound):
            local.ontologies.create(Ontology(name="o", features=()), dataset="nobody")


class TestState:
    def test_everything_is_there_after_reopening(self, local: Adapter, boxes: Dataset, tmp_path: Path) -> None:
        before = list(local.labels.read(boxes))
        local.close()
        with dragoman.connect("local", root=tmp_path / "home") as again:
            assert list(again.labels.read(boxes)) == before

    def test_state_of_a_newer_release_is_refused(self, local: Adapter, dataset: Dataset, tmp_path: Path) -> None:
        local.close()
        connection = sqlite3.connect(tmp_path / "home" / "state.sqlite3")
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with dragoman.connect("local", root=tmp_path / "home") as again, pytest.raises(PlatformError, match="newer"):
            again.datasets.get(dataset)

    def test_file_that_is_no_state_is_named_damaged(self, tmp_path: Path) -> None:
        (tmp_path / "state.sqlite3").write_bytes(b"this is no database" * 100)
        with dragoman.connect("local", root=tmp_path) as backend, pytest.raises(PlatformError, match="damaged"):
            list(backend.models.list())

    def test_root_that_is_a_file_is_one_clear_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        backend = dragoman.connect("local", root=tmp_path / "file")
        with pytest.raises(PlatformError, match="file"):
            list(backend.models.list())

    @pytest.mark.parametrize(
        ("setting", "value"), [("threads", 0), ("device", "tpu"), ("rot", "x"), ("root", "~nobody-here/x")]
    )
    def test_bad_settings_are_refused(self, setting: str, value: object) -> None:
        with pytest.raises(InvalidData, match=setting):
            dragoman.connect("local", **{setting: value})

    def test_settings_come_from_the_environment(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("DRAGOMAN_LOCAL_ROOT", str(tmp_path / "elsewhere"))
        with dragoman.connect("local") as backend:
            backend.datasets.create("d")
        assert (tmp_path / "elsewhere" / "state.sqlite3").is_file()


def test_gaps_say_why_and_what_to_do_instead(local: Adapter, dataset: Dataset) -> None:
    calls = [
        lambda: local.handoff.send_items(dataset, project="p"),
        lambda: local.labels.export(dataset),
        lambda: local.labels.versions(dataset),
    ]
    for call in calls:
        with pytest.raises(dragoman.Unsupported) as caught:
            call()
        assert caught.value.message
        assert caught.value.hint is not None


def test_nothing_is_undeclared() -> None:
    from dragoman.capability import Level
    from dragoman_local.adapter import LocalAdapter

    levels = {name: capability.level for name, capability in LocalAdapter.capabilities().items()}
    assert Level.UNDECLARED not in levels.values()
