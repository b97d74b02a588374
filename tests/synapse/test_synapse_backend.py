"""Models, versions and the catalog, over the emulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dragoman import Conflict, NotFound
from dragoman.emulate import DropAfter, DropBefore, Live
from dragoman.errors import OutcomeUnknown
from dragoman.schema import Status, Task
from dragoman_synapse.notes import KEY


def shelf(live: Live[Any]) -> dict[str, Any]:
    """The platform's own models, by name."""
    return {model.name: model for model in live.state.home.models.values()}


class TestModels:
    def test_what_synapse_has_no_field_for_stands_in_the_configuration(self, backend: Any, emulated: Live[Any]) -> None:
        backend.models.create("m", task="classification", features=["b", "a"], key="k", metadata={"x": 1})
        assert shelf(emulated)["m"].configuration == {
            KEY: {"kind": "model", "key": "k", "task": "classification", "features": ["b", "a"], "metadata": {"x": 1}}
        }

    def test_changes_stand_in_the_description_that_users_see_as_theirs(self, backend: Any, emulated: Live[Any]) -> None:
        made = backend.models.create("m", task="classification", features=["a"], description="first")
        changed = backend.models.update(made, metadata={"x": 2}, description="second")
        assert (changed.description, changed.metadata, changed.key) == ("second", {"x": 2}, "m")
        assert shelf(emulated)["m"].description.startswith("second\n\n[dragoman] {")

    def test_a_new_name_does_not_change_the_key(self, backend: Any) -> None:
        made = backend.models.create("old", task="classification", features=["a"])
        assert backend.models.update(made, name="new").key == "old"

    def test_a_name_that_is_taken_is_a_conflict(self, backend: Any) -> None:
        backend.models.create("m", task="classification", features=["a"], key="1")
        with pytest.raises(Conflict):
            backend.models.create("m", task="classification", features=["a"], key="2")

    def test_a_model_of_the_platform_s_own_is_a_model_and_its_first_version(
        self, backend: Any, emulated: Live[Any]
    ) -> None:
        home, media = emulated.state.home, emulated.state.media
        made = home.add_model(
            name="theirs",
            file=media.add("m.zip", b"w"),
            configuration={"hyperparameter": {"lr": 0.1}},
            extra={"model_type": "detection", "metrics": {"mAP": 0.5, "note": "good"}, "project": 7},
        )
        model = backend.models.get(str(made.id))
        assert (model.name, model.key, model.task) == ("theirs", "theirs", Task.OBJECT_DETECTION)
        (version,) = backend.versions.list(model)
        assert (version.id, version.model, version.metrics) == (model.id, model.id, {"mAP": 0.5})
        assert version.config == {"hyperparameter": {"lr": 0.1}}
        assert version.metadata == {"project": 7}
        assert version.status is Status.SUCCEEDED

    def test_models_and_versions_are_not_taken_for_each_other(self, backend: Any) -> None:
        model = backend.models.create("m", task="classification", features=["a"])
        version = backend.versions.create(model, name="v")
        with pytest.raises(NotFound, match="no model"):
            backend.models.get(version.id)
        with pytest.raises(NotFound, match="no version"):
            backend.versions.get(model.id)
        assert [found.id for found in backend.models.list()] == [model.id]

    def test_a_model_goes_with_its_versions_and_their_files(
        self, backend: Any, emulated: Live[Any], tmp_path: Path
    ) -> None:
        model = backend.models.create("m", task="classification", features=["a"])
        kept = backend.models.create("kept", task="classification", features=["a"])
        (tmp_path / "w").write_bytes(b"w")
        for name in ("v1", "v2"):
            backend.versions.upload_weights(backend.versions.create(model, name=name), tmp_path / "w")
        backend.models.delete(model)
        assert [str(one.id) for one in emulated.state.home.models.values()] == [kept.id]
        assert not emulated.state.media.files

    def test_a_description_that_only_looks_like_ours_is_the_user_s(self, backend: Any) -> None:
        for text in ("[dragoman] no JSON", "a [dragoman] {}", "x\n\n[dragoman] [1]"):
            made = backend.models.create(text, task="classification", features=["a"], description=text)
            assert backend.models.get(made).description == text


class TestVersions:
    def test_everything_about_a_version_comes_back(self, backend: Any) -> None:
        model = backend.models.create("m", task="classification", features=["a"])
        made = backend.versions.create(
            model, name="v", config={"epochs": 3}, tags=["best", "new"], metadata={"by": "me", "n": [1]}
        )
        found = backend.versions.get(made)
        assert found == made
        assert (found.config, found.tags, found.metadata) == ({"epochs": 3}, ("best", "new"), {"by": "me", "n": [1]})

    def test_one_without_a_name_stays_without(self, backend: Any) -> None:
        model = backend.models.create("m", task="classification", features=["a"])
        made = backend.versions.create(model, name="")
        assert (made.name, backend.versions.get(made).name) == ("", "")
        assert backend.versions.update(made, name="v").name == "v"
        assert backend.versions.update(made, name="").name == backend.versions.get(made).name == ""

    def test_an_update_replaces_what_is_given_and_keeps_the_rest(self, backend: Any) -> None:
        model = backend.models.create("m", task="classification", features=["a"])
        made = backend.versions.create(model, name="v", config={"epochs": 3}, tags=["old"])
        backend.versions.update(made, metrics={"accuracy": 0.5}, status="running")
        found = backend.versions.update(made, tags=[], metrics={"accuracy": 0.75}, name="w")
        assert (found.name, found.config, found.tags, found.metrics) == ("w", {"epochs": 3}, (), {"accuracy": 0.75})
        assert found.status is Status.RUNNING
        assert backend.versions.get(made) == found

    def test_names_are_unique_within_a_model_only(self, backend: Any) -> None:
        one, two = (backend.models.create(name, task="classification", features=["a"]) for name in "ab")
        for model in (one, two):
            backend.versions.create(model, name="v1")
        with pytest.raises(Conflict):
            backend.versions.create(one, name="v1")

    def test_versions_are_listed_oldest_first(self, backend: Any) -> None:
        model = backend.models.create("m", task="classification", features=["a"])
        made = [backend.versions.create(model, name=f"v{n}").id for n in range(12)]
        assert [version.id for version in backend.versions.list(model)] == made

    def test_a_lost_answer_is_said_to_be_lost(self, backend: Any, emulated: Live[Any]) -> None:
        model = backend.models.create("m", task="classification", features=["a"])
        emulated.faults.add(DropAfter(), method="POST")
        with pytest.raises(OutcomeUnknown):
            backend.versions.create(model, name="v")
        assert [version.name for version in backend.versions.list(model)] == ["v"]

    def test_a_file_that_cannot_be_fetched_leaves_none_behind(
        self, backend: Any, emulated: Live[Any], tmp_path: Path
    ) -> None:
        model = backend.models.create("m", task="classification", features=["a"])
        version = backend.versions.create(model, name="v")
        (tmp_path / "w").write_bytes(b"weights")
        backend.versions.upload_weights(version, tmp_path / "w")
        emulated.state.media.files.clear()
        with pytest.raises(NotFound, match="file store"):
            backend.versions.download_weights(version, tmp_path / "back")
        assert [path.name for path in tmp_path.iterdir()] == ["w"]

    def test_a_connection_that_drops_under_a_file_is_made_again(
        self, backend: Any, emulated: Live[Any], tmp_path: Path
    ) -> None:
        model = backend.models.create("m", task="classification", features=["a"])
        version = backend.versions.create(model, name="v")
        (tmp_path / "w").write_bytes(b"weights")
        backend.versions.upload_weights(version, tmp_path / "w")
        emulated.faults.add(DropBefore(), path="/media/*")
        assert backend.versions.download_weights(version, tmp_path / "back").read_bytes() == b"weights"
        assert len(backend.waited) == 1


class TestCatalog:
    """`list_models` and `get_model` with everything that they take."""

    @pytest.fixture(autouse=True)
    def entries(self, backend: Any, emulated: Live[Any]) -> None:
        """Two models as the oldest documentation has them, and one of ours with a version in use."""
        home = emulated.state.home
        old = home.add_model(name="Old", extra={"project": 7, "model_type": "detection", "is_active": False})
        old.created -= timedelta(days=30)
        home.add_model(name="New", description="of cars", extra={"project": 8, "model_type": "classification"})
        model = backend.models.create("Ours", task="object_detection", features=["a"])
        version = backend.versions.create(model, name="v")
        backend.deployments.activate(version.id, project=7)

    @pytest.mark.parametrize(
        ("filters", "names"),
        [
            ({}, ["New", "Old", "Ours", "Ours / v"]),
            ({"project": 7}, ["Old", "Ours / v"]),
            ({"project": "8"}, ["New"]),
            ({"model_type": "detection"}, ["Old", "Ours"]),
            ({"model_type": "object_detection"}, ["Ours"]),
            ({"is_active": True}, ["Ours / v"]),
            ({"is_active": False}, ["New", "Old", "Ours"]),
            ({"search": "CARS"}, ["New"]),
            ({"search": "o"}, ["New", "Old", "Ours", "Ours / v"]),
            ({"created_after": datetime.now(UTC) - timedelta(days=1)}, ["New", "Ours", "Ours / v"]),
            ({"project": 7, "is_active": True}, ["Ours / v"]),
        ],
    )
    @pytest.mark.parametrize("page_size", [1, 100])
    def test_every_filter(self, backend: Any, filters: dict[str, Any], names: list[str], page_size: int) -> None:
        assert sorted(entry.name for entry in backend.catalog.list(**filters, page_size=page_size)) == names
        assert backend.catalog.count(**filters) == len(names)

    def test_the_platform_s_own_count_is_asked_for_once(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.journal.clear()
        assert backend.catalog.count() == 4
        assert emulated.journal.count == 1

    def test_an_entry_says_what_it_is(self, backend: Any) -> None:
        kinds = {entry.name: entry.kind for entry in backend.catalog.list()}
        assert kinds == {"Old": "model", "New": "model", "Ours": "model", "Ours / v": "version"}
        (entry,) = backend.catalog.list(project=7, is_active=True)
        assert (entry.project, entry.is_active, entry.has_file) == ("7", True, False)

    def test_further_data_is_asked_for(self, backend: Any) -> None:
        (old,) = backend.catalog.list(search="Old")
        found = backend.catalog.get(old.id, expand=["metrics", "evaluations", "versions"])
        assert found.expanded == {"metrics": {}, "evaluations": [], "versions": []}

    def test_the_address_of_the_file_is_left_out_on_request(self, backend: Any, emulated: Live[Any]) -> None:
        made = emulated.state.home.add_model(name="f", file=emulated.state.media.add("m.zip", b"w"))
        assert backend.catalog.get(str(made.id)).has_file
        assert not backend.catalog.get(str(made.id), include_file=False).has_file

    def test_a_file_is_fetched_from_where_the_caller_says(
        self, backend: Any, emulated: Live[Any], tmp_path: Path
    ) -> None:
        media = emulated.state.media
        made = emulated.state.home.add_model(name="f", file=media.add("m.zip", b"original"))
        media.files[f"{media.run}/mirror"] = media.add("copy.zip", b"mirrored")
        asked: list[str] = []

        def mirror(url: str) -> str:
            asked.append(url)
            return url.replace(made.file.key, f"{media.run}/mirror")

        path = backend.catalog.download(str(made.id), tmp_path / "m.zip", convert=mirror)
        assert path.read_bytes() == b"mirrored"
        assert asked[0].startswith(emulated.url)
        assert backend.catalog.download(str(made.id), tmp_path / "n.zip").read_bytes() == b"original"

    def test_a_model_without_a_file_has_none_to_fetch(self, backend: Any, tmp_path: Path) -> None:
        (old,) = backend.catalog.list(search="Old")
        with pytest.raises(NotFound, match="no file"):
            backend.catalog.download(old.id, tmp_path / "m.zip")
