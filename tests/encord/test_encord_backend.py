"""The Encord backend over its emulator: what a user does with models, versions, datasets and ontologies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman import (
    Box,
    Conflict,
    InvalidData,
    Item,
    Label,
    NotFound,
    Prediction,
    Unsupported,
    Whole,
)
from dragoman.emulate import Live
from dragoman.schema import Feature, Ontology

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def bare(rows: Any) -> dict[str, Any]:
    """Rows by id, without where they come from."""
    return {row.id: msgspec.structs.replace(row, provenance=None) for row in rows}


class TestModels:
    def test_everything_that_was_given_comes_back(self, backend: Any) -> None:
        made = backend.models.create(
            "detector",
            task="instance_segmentation",
            features=["car", "person"],
            key="det-1",
            description="Night\n\nonly",
            metadata={"lr": 0.1},
        )
        assert (made.name, made.key, made.description) == ("detector", "det-1", "Night\n\nonly")
        assert (made.task, made.features, made.metadata) == ("instance_segmentation", ("car", "person"), {"lr": 0.1})
        assert backend.models.get(made.id) == made
        assert backend.models.find("det-1") == made

    def test_the_architecture_can_be_chosen_among_those_for_the_task(self, backend: Any) -> None:
        made = backend.models.create("r", task="classification", features=["x"], metadata={"architecture": "vgg16"})
        assert made.metadata == {"architecture": "vgg16"}
        with pytest.raises(InvalidData, match="fasterRcnn"):
            backend.models.create("s", task="object_detection", features=["x"], metadata={"architecture": "vgg16"})

    def test_the_listing_is_filtered_ordered_and_paged(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.settings.page_limit = 1
        for name in ("zebra", "Ant", "anteater"):
            backend.models.create(name, task="classification", features=["x"], description="likes ants")
        assert [model.name for model in backend.models.list(query="ANT", order="name")] == ["Ant", "anteater"]
        assert [model.name for model in backend.models.list(order="created_at")] == ["zebra", "Ant", "anteater"]

    def test_what_changes_changes_and_the_rest_stays(self, backend: Any) -> None:
        made = backend.models.create("detector", task="object_detection", features=["x"], metadata={"lr": 0.1})
        renamed = backend.models.update(made, name="finder")
        assert (renamed.name, renamed.key, renamed.metadata) == ("finder", "detector", {"lr": 0.1})
        described = backend.models.update(made, description="new", metadata={"lr": 0.2})
        assert (described.name, described.description, described.metadata) == ("finder", "new", {"lr": 0.2})
        assert backend.models.get(made) == described

    def test_a_second_model_of_a_key_is_a_conflict(self, backend: Any, model: Any, emulated: Live[Any]) -> None:
        emulated.settings.page_limit = 1
        backend.models.create("other", task="classification", features=["x"])
        with pytest.raises(Conflict):
            backend.models.create("third", task="classification", features=["x"], key=model.key)
        assert len(emulated.state.models) == 2

    def test_a_deleted_model_is_gone(self, backend: Any, model: Any) -> None:
        backend.models.delete(model)
        with pytest.raises(NotFound):
            backend.models.get(model)

    def test_an_id_that_cannot_be_one_is_not_asked_for(self, backend: Any, emulated: Live[Any]) -> None:
        before = emulated.journal.count
        with pytest.raises(NotFound, match=r"\.\./projects"):
            backend.models.get("../projects")
        assert emulated.journal.count == before


class TestDatasets:
    def test_items_come_back_with_what_was_said_of_them(
        self, backend: Any, dataset: Any, pictures: list[Item], clip: Item
    ) -> None:
        read = {item.key: item for item in backend.datasets.read_items(dataset)}
        for sent in (*pictures, clip):
            found = read[sent.key]
            for field in ("width", "height", "media", "split", "metadata", "frames", "frame_rate"):
                assert getattr(found, field) == getattr(sent, field), field

    def test_media_can_be_fetched_from_where_the_item_says(
        self, backend: Any, dataset: Any, pictures: Any, clip: Item
    ) -> None:
        import requests

        read = {item.key: item for item in backend.datasets.read_items(dataset)}
        assert requests.get(read["a"].uri, timeout=10).content == Path(pictures[0].uri).read_bytes()
        assert read["clip"].uri == clip.uri

    @pytest.mark.parametrize("page_size", [1, 2, 3, 100])
    def test_pages_of_any_size_give_the_same(self, backend: Any, dataset: Any, page_size: int) -> None:
        read = backend.datasets.read_items(dataset, page_size=page_size)
        assert [item.key for item in read] == ["a", "b", "clip"]

    def test_items_that_are_there_are_ignored_or_updated(self, backend: Any, dataset: Any, pictures: Any) -> None:
        again = [msgspec.structs.replace(pictures[0], metadata={"city": "Bonn"})]
        assert backend.datasets.write_items(again, dataset=dataset).counts == {"ignored": 1}
        assert backend.datasets.write_items(again, dataset=dataset, update=True).counts == {"updated": 1}
        read = {item.key: item for item in backend.datasets.read_items(dataset)}
        assert (len(read), read["a"].metadata) == (3, {"city": "Bonn"})

    def test_a_bad_file_is_an_outcome_of_its_row(self, backend: Any, dataset: Any, tmp_path: Path) -> None:
        torn = tmp_path / "torn.png"
        torn.write_bytes(b"no image")
        rows = [Item("torn", uri=str(torn)), Item("gone", uri="/no/such.png"), Item("nowhere")]
        report = backend.datasets.write_items(rows, dataset=dataset)
        assert [(problem.key, problem.status) for problem in report.problems()] == [
            ("torn", "rejected"),
            ("gone", "rejected"),
            ("nowhere", "rejected"),
        ]
        assert len(list(backend.datasets.read_items(dataset))) == 3

    def test_running_jobs_are_waited_for(self, backend: Any, pictures: list[Item], emulated: Live[Any]) -> None:
        emulated.settings.job_polls = 4
        dataset = backend.datasets.create("slow")
        assert backend.datasets.write_items(pictures, dataset=dataset).ok
        assert len(backend.waited) == 4
        assert backend.waited == sorted(backend.waited)

    def test_two_files_of_one_title_have_keys_of_their_own(self, backend: Any, sdk: Any, pictures: list[Item]) -> None:
        dataset = backend.datasets.create("twins")
        folder = sdk.get_storage_folder(sdk.get_dataset(dataset.id).backing_folder_uuid)
        for _ in range(2):
            folder.upload_image(pictures[0].uri, title="twin")
        keys = [item.key for item in backend.datasets.read_items(dataset)]
        assert len(set(keys)) == 2
        assert all(key.startswith("twin (") for key in keys)

    def test_media_behind_a_link_that_may_expire_are_copied(
        self, backend: Any, dataset: Any, pictures: list[Item], emulated: Live[Any]
    ) -> None:
        import dragoman

        with dragoman.connect("encord", domain=emulated.url, **emulated.credentials) as plain:
            linked = [item for item in backend.datasets.read_items(dataset) if item.media == "image"]
            gone = Item("gone", uri=f"{emulated.url}/objects/none?signature=x")
            deaf = Item("deaf", uri="http://127.0.0.1:9/x.png?signature=x")
            carried = Item("carried", data=Path(pictures[0].uri).read_bytes())
            copy = plain.datasets.create("copy")
            report = plain.datasets.write_items([*linked, gone, deaf, carried], dataset=copy)
            statuses = [outcome.status for outcome in report]
            assert statuses == ["created", "created", "rejected", "rejected", "created"]
            assert not [problem for problem in report.problems() if "signature" in problem.reason]
            for item in plain.datasets.read_items(copy):
                assert item.uri not in [known.uri for known in linked]
                assert (item.width, item.height) == (64, 48)

    def test_a_bucket_needs_an_integration(self, backend: Any, emulated: Live[Any]) -> None:
        import dragoman

        item = Item("a", uri="s3://bucket/a.png", width=64, height=48)
        with dragoman.connect("encord", domain=emulated.url, **emulated.credentials) as plain:
            dataset = plain.datasets.create("bucket")
            assert plain.datasets.write_items([item], dataset=dataset).ok
        emulated.state.integrations[UNKNOWN] = "second"
        plain = dragoman.connect("encord", domain=emulated.url, **emulated.credentials)
        with pytest.raises(Conflict, match="second"):
            plain.datasets.write_items([msgspec.structs.replace(item, key="b")], dataset=dataset)

    def test_a_key_that_comes_twice_makes_one_item(self, backend: Any, pictures: list[Item]) -> None:
        dataset = backend.datasets.create("street")
        twice = [pictures[0], msgspec.structs.replace(pictures[1], key="a")]
        outcomes = list(backend.datasets.write_items(twice, dataset=dataset))
        assert [outcome.status for outcome in outcomes] == ["created", "rejected"]
        assert [item.key for item in backend.datasets.read_items(dataset)] == ["a"]

    def test_metadata_of_a_dataset_is_kept(self, backend: Any) -> None:
        made = backend.datasets.create("street", metadata={"city": "Bern"})
        assert backend.datasets.get(made) == made
        assert backend.datasets.find("street") == made


class TestOntologies:
    def test_features_and_attributes_come_back(self, backend: Any, dataset: Any, street: Ontology) -> None:
        held = backend.ontologies.get(dataset)
        assert [feature.name for feature in held.features] == [feature.name for feature in street.features]
        car = held.feature("car")
        assert (car.geometries, car.color) == (("box", "polygon"), "#112233")
        assert [(a.name, a.kind) for a in car.attributes] == [
            ("colour", "radio"),
            ("seen", "checklist"),
            ("age", "number"),
            ("plate", "text"),
        ]
        assert car.attributes[0].options[1].attributes[0].name == "shade"
        assert held.feature("rain").attributes == ()
        assert [option.name for option in held.feature("weather").attributes[0].options] == ["sun", "fog"]

    def test_the_sdk_reads_what_was_made(self, backend: Any, dataset: Any, sdk: Any) -> None:
        project = sdk.get_project(backend.projects.of(dataset.id))
        assert {thing.name for thing in project.ontology_structure.objects} == {"car", "anything"}
        assert {matter.title for matter in project.ontology_structure.classifications} == {
            "anything",
            "rain",
            "weather",
            "damaged",
        }

    def test_a_new_one_keeps_the_hashes_and_what_it_lacks_can_still_be_read(self, backend: Any, dataset: Any) -> None:
        label = Label("a", "car", Box(1, 2, 3, 4))
        rain = Label("a", "rain", Whole())
        backend.labels.write([label, rain], dataset=dataset)
        before = backend.ontologies.get(dataset)
        fewer = Ontology(name="street", features=(Feature(name="anything"), Feature(name="bus", geometries=("box",))))
        after = backend.ontologies.create(fewer, dataset=dataset)
        assert after.id == before.id
        assert after.feature("anything").id == before.feature("anything").id
        assert after.feature("car") is None
        assert set(bare(backend.labels.read(dataset))) == {label.id, rain.id}
        report = backend.labels.write([Label("b", "car", Box(1, 2, 3, 4))], dataset=dataset)
        assert report.counts == {"rejected": 1}

    def test_a_dataset_without_a_project_says_what_to_do(self, backend: Any) -> None:
        dataset = backend.datasets.create("alone")
        with pytest.raises(NotFound, match=r"ontologies\.create"):
            backend.ontologies.get(dataset)

    def test_a_dataset_in_two_projects_asks_which(self, backend: Any, dataset: Any, sdk: Any) -> None:
        ontology = sdk.create_ontology("other")
        sdk.create_project("other", [dataset.id], ontology_hash=ontology.ontology_hash)
        backend.projects._of.clear()
        with pytest.raises(Conflict, match="`project`"):
            backend.ontologies.get(dataset)


def test_every_operation_is_translated_or_explained() -> None:
    from dragoman.capability import Level
    from dragoman_encord.adapter import EncordAdapter

    capabilities = EncordAdapter.capabilities()
    assert [name for name, found in capabilities.items() if found.level is Level.UNDECLARED] == []
    assert [name for name, found in capabilities.items() if not found.supported and not found.reason] == []
    assert [name for name, found in capabilities.items() if found.level is Level.UNWRITTEN] == []


class TestVersionsFromOutside:
    def test_they_are_kept_beside_the_iterations(self, backend: Any, model: Any, version: Any) -> None:
        made = backend.versions.create(
            model, name="resnet, night", config={"lr": 0.1}, tags=["night"], metadata={"by": "Ann"}
        )
        assert backend.versions.get(made) == made
        assert list(backend.versions.list(model)) == [version, made]
        with pytest.raises(Conflict):
            backend.versions.create(model, name="resnet, night")

    def test_they_change_and_a_renamed_model_keeps_them(self, backend: Any, model: Any) -> None:
        made = backend.versions.create(model, name="one")
        changed = backend.versions.update(made, metrics={"mAP": 0.5}, tags=["best"])
        assert (changed.metrics, changed.tags) == ({"mAP": 0.5}, ("best",))
        backend.models.update(model, name="finder", description="text")
        assert backend.versions.get(made) == changed
        assert backend.models.get(model).description == "text"
        backend.versions.delete(made)
        assert list(backend.versions.list(model)) == []

    def test_they_hold_predictions(self, backend: Any, dataset: Any, model: Any) -> None:
        made = backend.versions.create(model, name="one")
        rows = [Prediction("a", "car", Box(1, 2, 3, 4), confidence=0.5)]
        backend.predictions.write(rows, version=made, dataset=dataset)
        assert bare(backend.predictions.read(made, dataset=dataset)) == bare(rows)

    def test_an_iteration_is_not_changed(self, backend: Any, version: Any) -> None:
        with pytest.raises(Unsupported, match="no name"):
            backend.versions.update(version, name="best")
