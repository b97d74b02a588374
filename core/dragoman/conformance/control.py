"""Kit tests of the named things: models and versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dragoman.adapter import Adapter
from dragoman.conformance.difficult import METADATA, STRINGS
from dragoman.conformance.rules import Kit, needs
from dragoman.conformance.subject import supports
from dragoman.emulate import Live
from dragoman.errors import Conflict, InvalidData, NotFound
from dragoman.schema import Dataset, Item, Model, Task, Version

PAGE_SIZES = (1, 2, 3, 100)


class BaseModels(Kit):
    """Models: created once, found again, listed page by page, changed, deleted."""

    @needs("models.create", "models.get")
    def test_a_model_comes_back_as_it_was_created(self, backend: Adapter) -> None:
        made = backend.models.create(
            "Größe 🦊", task="classification", features=["b", "a"], key="kit-1", description="a\u2028b"
        )
        assert made.id
        found = backend.models.get(made.id)
        assert (found.id, found.name, found.key) == (made.id, "Größe 🦊", "kit-1")
        assert found.task is Task.CLASSIFICATION
        assert found.features == ("b", "a"), "the order of the features is the order of the outputs"
        assert found.description == "a\u2028b"

    @needs("models.create", "models.get")
    def test_metadata_of_a_model_survive(self, backend: Adapter) -> None:
        made = backend.models.create("m", task="classification", features=["a"], metadata=METADATA)
        assert backend.models.get(made).metadata == METADATA

    @needs("models.create", "models.list")
    def test_a_second_model_of_a_key_is_a_conflict(self, backend: Adapter) -> None:
        backend.models.create("one", task="classification", features=["a"], key="same")
        with pytest.raises(Conflict):
            backend.models.create("two", task="classification", features=["a"], key="same")
        assert [model.name for model in backend.models.list()] == ["one"]

    @needs("models.create", "models.list")
    def test_a_model_is_found_by_key_and_by_name(self, backend: Adapter) -> None:
        made = backend.models.create("named", task="classification", features=["a"], key="keyed")
        assert backend.models.find("keyed") == backend.models.find("named")
        found = backend.models.find("keyed")
        assert found is not None
        assert found.id == made.id
        assert backend.models.find("nobody") is None

    @needs("models.create", "models.list")
    @pytest.mark.parametrize("page_size", PAGE_SIZES)
    def test_every_page_size_lists_every_model_once(self, backend: Adapter, page_size: int) -> None:
        names = [f"model {number}" for number in range(4)]
        for name in names:
            backend.models.create(name, task="classification", features=["a"])
        assert sorted(model.name for model in backend.models.list(page_size=page_size)) == names

    @needs("models.create", "models.list")
    def test_the_listing_is_filtered_and_ordered(self, backend: Adapter) -> None:
        for name in ("zebra", "Ant", "anteater"):
            backend.models.create(name, task="classification", features=["a"])
        assert [model.name for model in backend.models.list(query="ANT", order="name")] == ["Ant", "anteater"]

    @needs("models.get")
    def test_an_unknown_model_is_not_found(self, backend: Adapter) -> None:
        with pytest.raises(NotFound):
            backend.models.get("00000000-0000-0000-0000-000000000000")

    @needs("models.create", "models.get", "models.update")
    def test_an_update_changes_what_is_given_and_nothing_else(self, backend: Adapter) -> None:
        made = backend.models.create("before", task="classification", features=["a"], description="kept")
        backend.models.update(made, name="after")
        found = backend.models.get(made)
        assert (found.name, found.description, found.features) == ("after", "kept", ("a",))

    @needs("models.create", "models.delete", "models.get")
    def test_a_deleted_model_is_gone(self, backend: Adapter) -> None:
        made = backend.models.create("short-lived", task="classification", features=["a"])
        backend.models.delete(made)
        with pytest.raises(NotFound):
            backend.models.get(made)

    @needs("models.create", "models.list")
    def test_a_lost_answer_does_not_make_a_second_model(
        self, backend: Adapter, live: Live[Any] | None, request: pytest.FixtureRequest
    ) -> None:
        if live is None:
            pytest.skip("there is no network in between")
        live.faults.add(request.instance.lost_answer, method="POST")
        backend.models.create("once", task="classification", features=["a"], key="once")
        assert [model.name for model in backend.models.list()] == ["once"]


class BaseVersions(Kit):
    """Versions of a model."""

    @needs("versions.create", "versions.get")
    def test_a_version_comes_back_as_it_was_created(self, backend: Adapter, model: Model, dataset: Dataset) -> None:
        made = backend.versions.create(model, name=STRINGS[3], dataset=dataset)
        found = backend.versions.get(made.id)
        assert (found.id, found.model, found.name) == (made.id, model.id, STRINGS[3])

    @needs("versions.create", "versions.list")
    @pytest.mark.parametrize("page_size", PAGE_SIZES)
    def test_every_page_size_lists_every_version_once(
        self, backend: Adapter, model: Model, dataset: Dataset, page_size: int
    ) -> None:
        made = [backend.versions.create(model, name=f"v{number}", dataset=dataset).id for number in range(3)]
        found = [version.id for version in backend.versions.list(model, page_size=page_size)]
        assert sorted(found) == sorted(made)

    @needs("versions.get")
    def test_an_unknown_version_is_not_found(self, backend: Adapter) -> None:
        with pytest.raises(NotFound):
            backend.versions.get("00000000-0000-0000-0000-000000000000")

    @needs("versions.update", "versions.get", "versions.create")
    def test_an_update_changes_what_is_given(self, backend: Adapter, version: Version) -> None:
        backend.versions.update(version, config={"epochs": 3})
        assert backend.versions.get(version).config["epochs"] == 3

    @needs("versions.delete", "versions.list", "versions.create")
    def test_a_deleted_version_is_gone(self, backend: Adapter, model: Model, version: Version) -> None:
        backend.versions.delete(version)
        assert version.id not in [found.id for found in backend.versions.list(model)]

    @needs("versions.data", "versions.create")
    def test_a_version_knows_its_items_or_none(
        self, backend: Adapter, version: Version, dataset: Dataset, items: list[Item]
    ) -> None:
        known = [item.key for item in backend.versions.data(version)]
        assert sorted(known) in ([], sorted(item.key for item in items))
        for page_size in PAGE_SIZES:
            assert [item.key for item in backend.versions.data(version, page_size=page_size)] == known

    @needs("versions.upload_weights", "versions.download_weights", "versions.create")
    def test_weights_come_back_byte_by_byte(
        self, backend: Adapter, model: Model, version: Version, tmp_path: Path, request: Any
    ) -> None:
        sent = request.instance.weights(model, tmp_path)
        assert backend.versions.upload_weights(version, sent).id == version.id
        assert backend.versions.download_weights(version, tmp_path / "back").read_bytes() == sent.read_bytes()

    @needs("versions.upload_weights", "versions.create")
    def test_weights_that_do_not_exist_are_refused(self, backend: Adapter, version: Version, tmp_path: Path) -> None:
        with pytest.raises(InvalidData, match="no file"):
            backend.versions.upload_weights(version, tmp_path / "none.safetensors")

    @needs("versions.download_weights", "versions.create")
    def test_a_version_without_weights_has_none_to_download(
        self, backend: Adapter, version: Version, tmp_path: Path
    ) -> None:
        with pytest.raises(NotFound):
            backend.versions.download_weights(version, tmp_path / "weights")
        assert not supports(backend, "versions.download_weights") or not (tmp_path / "weights").exists()
