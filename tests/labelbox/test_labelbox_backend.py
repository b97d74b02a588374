"""The Labelbox backend over its emulator: what is Labelbox's own besides the kit, and its bad input."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from typing import Any

import pytest
from PIL import Image

import dragoman
from dragoman import (
    Attribute,
    AttributeOption,
    Box,
    Feature,
    InvalidData,
    Item,
    Label,
    Mask,
    NotFound,
    Ontology,
    Polygon,
    Prediction,
    Radio,
    Text,
    Unsupported,
    Whole,
)
from dragoman.emulate import Live
from dragoman_labelbox.models import ONTOLOGY

URL = "https://example.com"


def boxes(count: int, item: str = "a", **fields: Any) -> list[Prediction]:
    """Predictions that differ in their place."""
    return [Prediction(item, "car", Box(n, 1, 5, 5), confidence=0.5, **fields) for n in range(count)]


class TestItems:
    def test_all_of_an_item_comes_back(self, backend: Any, dataset: Any) -> None:
        read = {item.key: item for item in backend.datasets.read_items(dataset)}
        assert (read["v"].media, read["v"].frames, read["v"].frame_rate) == ("video", 100, 25.0)
        assert (read["a"].uri, read["a"].width, read["a"].height) == (f"{URL}/a.jpg", 64, 48)

    def test_the_path_of_a_file_stays_on_this_machine(
        self, backend: Any, items: list[Item], emulated: Live[Any], tmp_path: Any
    ) -> None:
        dataset = backend.datasets.create("files")
        assert backend.datasets.write_items(items, dataset=dataset).counts == {"created": 3}
        rows = emulated.state.rows.values()
        assert {row.external_id for row in rows} == {item.key for item in items}
        assert not [row for row in rows if str(tmp_path) in str(vars(row))]

    def test_media_of_items_that_are_there_are_not_uploaded_again(
        self, backend: Any, items: list[Item], emulated: Live[Any]
    ) -> None:
        dataset = backend.datasets.create("files")
        backend.datasets.write_items(items[:2], dataset=dataset).raise_for_problems()
        files = len(emulated.state.files.by_token)
        assert backend.datasets.write_items(items[:2], dataset=dataset).counts == {"ignored": 2}
        # The one file that is new is the export that says in which dataset they are.
        assert len(emulated.state.files.by_token) == files + 1
        assert backend.datasets.write_items(items, dataset=dataset).counts == {"ignored": 2, "created": 1}

    def test_items_that_are_there_are_updated_when_asked(self, backend: Any, dataset: Any) -> None:
        again = [Item("a", uri=f"{URL}/a.jpg", metadata={"city": "Bern"}), Item("c", uri=f"{URL}/c.jpg")]
        report = backend.datasets.write_items(again, dataset=dataset, update=True)
        assert [outcome.status for outcome in report] == ["updated", "created"]
        read = {item.key: item for item in backend.datasets.read_items(dataset)}
        assert read["a"].metadata == {"city": "Bern"}

    def test_a_key_that_another_dataset_has_is_rejected_or_scoped(self, backend: Any, emulated: Live[Any]) -> None:
        item = Item("a", uri=f"{URL}/a.jpg")
        one, two = backend.datasets.create("one"), backend.datasets.create("two")
        backend.datasets.write_items([item], dataset=one).raise_for_problems()
        (problem,) = backend.datasets.write_items([item], dataset=two)
        assert (problem.status, problem.reason) == ("rejected", "Another dataset has the global key 'a'.")
        settings = {"endpoint": f"{emulated.url}/graphql", "rest_endpoint": f"{emulated.url}/api/v1"}
        with dragoman.connect("labelbox", scoped_keys=True, **settings, **emulated.credentials) as scoped:
            assert scoped.datasets.write_items([item], dataset=two).counts == {"created": 1}
            assert scoped.datasets.write_items([item], dataset=two).counts == {"ignored": 1}
            assert [found.key for found in scoped.datasets.read_items(two)] == ["a"]

    @pytest.mark.parametrize(
        ("item", "reason"),
        [
            (Item("x"), "no uri"),
            (Item("x", uri="s3://bucket/x.jpg"), "https address"),
            (Item("x" * 201, uri=f"{URL}/x.jpg"), "longer than 200"),
            (Item("x", uri=f"{URL}/x.jpg", metadata={"text": "x" * 5000}), "field holds 4096"),
            (Item("a", uri=f"{URL}/other.jpg"), "same key"),
        ],
    )
    def test_what_cannot_be_taken_is_the_outcome_of_its_row(self, backend: Any, item: Item, reason: str) -> None:
        dataset = backend.datasets.create("bad")
        report = backend.datasets.write_items([Item("a", uri=f"{URL}/a.jpg"), item], dataset=dataset)
        assert [outcome.status for outcome in report] == ["created", "rejected"]
        assert reason in (next(report.problems()).reason or "")


class TestOntologies:
    def test_rows_for_another_ontology_are_rejected(self, backend: Any, dataset: Any) -> None:
        backend.ontologies.create(Ontology(name="o", features=(Feature(name="car"),)), dataset=dataset)
        rows = [Label("a", "car", Box(1, 2, 3, 4)), Label("a", "tree", Box(1, 2, 3, 4))]
        report = backend.labels.write(rows, dataset=dataset)
        assert [outcome.status for outcome in report] == ["created", "rejected"]
        assert "no feature 'tree'" in (next(report.problems()).reason or "")

    def test_a_feature_that_is_there_gets_a_further_tool(self, backend: Any, dataset: Any) -> None:
        questions = (Attribute(name="colour", kind="radio", options=(AttributeOption(name="red"),)),)
        feature = Feature(name="car", geometries=("box",), attributes=questions)
        backend.ontologies.create(Ontology(name="o", features=(feature,)), dataset=dataset)
        row = Label("a", "car", Polygon.of([(0, 0), (9, 0), (9, 9)]), attributes={"colour": Radio.of("red")})
        backend.labels.write([row], dataset=dataset).raise_for_problems()
        (read,) = backend.labels.read(dataset)
        assert read.attributes == row.attributes
        (found,) = backend.ontologies.get(dataset).features
        assert (found.geometries, [question.name for question in found.attributes]) == (("box", "polygon"), ["colour"])

    def test_without_an_ontology_one_grows_with_the_rows(self, backend: Any, dataset: Any) -> None:
        rows = [Label("a", "car", Box(1, 2, 3, 4)), Label("b", "rain", Whole())]
        backend.labels.write(rows, dataset=dataset).raise_for_problems()
        found = backend.ontologies.get(dataset)
        assert [(feature.name, feature.geometries) for feature in found.features] == [
            ("car", ("box",)),
            ("rain", ("whole",)),
        ]

    def test_names_are_kept_as_they_are(self, backend: Any, dataset: Any) -> None:
        names = ("line\u2028separator", "Größe 🦊", 'quo"ted', " ")
        features = tuple(Feature(name=name, geometries=("box",)) for name in names)
        backend.ontologies.create(Ontology(name="\u2028", features=features), dataset=dataset)
        rows = [Label("a", name, Box(1, 2, 3, 4)) for name in names]
        backend.labels.write(rows, dataset=dataset).raise_for_problems()
        assert {label.feature for label in backend.labels.read(dataset)} == set(names)


class TestLabels:
    def test_videos_have_a_project_of_their_own(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        sent = [
            Label("a", "car", Box(1, 2, 3, 4)),
            Label("v", "car", Box(0, 0, 5, 5), frame=0, track_id="t"),
            Label("v", "car", Box(9, 0, 5, 5), frame=4, span=(4, 8), interpolation="linear", track_id="t"),
            Label("v", "weather", Whole(), span=(0, 50)),
        ]
        backend.labels.write(sent, dataset=dataset).raise_for_problems()
        assert sorted(project.media_type for project in emulated.state.projects.values()) == ["IMAGE", "VIDEO"]
        read = {label.id: label for label in backend.labels.read(dataset)}
        for label in sent:
            found = read[label.id]
            assert (found.geometry, found.frame, found.span) == (label.geometry, label.frame, label.span)
            assert (found.track_id, found.interpolation) == (label.track_id, label.interpolation)

    def test_masks_are_fetched_with_the_key(self, backend: Any, dataset: Any) -> None:
        mask = Mask(48, 64, (100, 20, 48 * 64 - 120))
        backend.labels.write([Label("a", "road", mask)], dataset=dataset, on_loss="convert").raise_for_problems()
        assert [label.geometry for label in backend.labels.read(dataset)] == [mask]

    def test_labels_of_somebody_else_s_project_are_read(self, backend: Any, dataset: Any) -> None:
        from labelbox import LabelImport, MediaType

        client = backend.client
        tools = {"tools": [{"tool": "rectangle", "name": "car"}], "classifications": []}
        project = client.create_project(name="by hand", media_type=MediaType.Image)
        project.connect_ontology(client.create_ontology("by hand", tools))
        project.create_batch("b", global_keys=["a"])
        row = {"dataRow": {"globalKey": "a"}, "name": "car", "bbox": {"top": 2, "left": 1, "width": 3, "height": 4}}
        LabelImport.create_from_objects(client, project.uid, "by hand", [row])
        (read,) = backend.labels.read(dataset)
        assert (read.item, read.feature, read.geometry) == ("a", "car", Box(1, 2, 3, 4))
        assert read.provenance.id == read.id

    def test_the_setting_names_another_project(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        backend.labels.write([Label("a", "car", Box(1, 2, 3, 4))], dataset=dataset)
        mine = backend.projects.of(dataset.id).uid
        settings = {"endpoint": f"{emulated.url}/graphql", "rest_endpoint": f"{emulated.url}/api/v1"}
        other = backend.datasets.create("other")
        with dragoman.connect("labelbox", project=mine, **settings, **emulated.credentials) as named:
            assert named.ontologies.get(other).features[0].name == "car"

    @pytest.mark.parametrize("size", [300, 1 << 20])
    def test_an_export_is_one_file_wherever_it_is_cut(
        self, backend: Any, dataset: Any, monkeypatch: pytest.MonkeyPatch, size: int
    ) -> None:
        from dragoman_labelbox.emulator import exports

        monkeypatch.setattr(exports.cut, "__defaults__", (size,))
        rows = [Label(item, "car", Box(1, 2, 3, 4)) for item in ("a", "b")]
        backend.labels.write(rows, dataset=dataset).raise_for_problems()
        content = urllib.request.urlopen(backend.labels.export(dataset)).read()
        assert len(content.splitlines()) == 3
        with pytest.raises(NotFound, match="no items"):
            backend.labels.export(backend.datasets.create("empty"))

    def test_deleting_a_dataset_deletes_its_own_projects(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        backend.labels.write([Label("a", "car", Box(1, 2, 3, 4))], dataset=dataset)
        backend.datasets.delete(dataset)
        assert (emulated.state.projects, emulated.state.rows) == ({}, {})


class TestModels:
    def test_a_model_over_an_ontology_that_is_there(self, backend: Any) -> None:
        tools = {"tools": [{"tool": "rectangle", "name": "car"}], "classifications": []}
        ontology = backend.client.create_ontology("by hand", tools).uid
        made = backend.models.create("m", task="object_detection", features=["car"], metadata={ONTOLOGY: ontology})
        found = backend.models.get(made)
        assert (found.features, found.metadata) == (("car",), {ONTOLOGY: ontology})
        with pytest.raises(Unsupported, match="name and an ontology"):
            backend.models.create("n", task="object_detection", features=[], key="k", metadata={ONTOLOGY: ontology})


class TestVersions:
    def test_a_run_has_its_items_with_splits_and_labels(self, backend: Any, model: Any, emulated: Live[Any]) -> None:
        dataset = backend.datasets.create("split")
        splits = {"a": "train", "b": "test", "c": None}
        sent = [Item(key, uri=f"{URL}/{key}.jpg", split=split) for key, split in splits.items()]
        backend.datasets.write_items(sent, dataset=dataset).raise_for_problems()
        backend.labels.write([Label("a", "car", Box(1, 2, 3, 4))], dataset=dataset).raise_for_problems()
        version = backend.versions.create(model, name="v", dataset=dataset)
        assert {item.key: item.split for item in backend.versions.data(version, page_size=1)} == splits
        assert [len(row.labels) for row in emulated.state.runs[version.id].rows.values()].count(1) == 1

    @pytest.mark.parametrize("scoped", [True, False])
    def test_items_of_a_run_have_the_keys_of_its_dataset(
        self, backend: Any, model: Any, emulated: Live[Any], scoped: bool
    ) -> None:
        settings = {"endpoint": f"{emulated.url}/graphql", "scoped_keys": scoped, **emulated.credentials}
        with dragoman.connect("labelbox", **settings) as other:
            dataset = other.datasets.create("keys")
            sent = [Item(key, uri=f"{URL}/a.jpg") for key in ("/data/a.jpg", "a/b", "c")]
            other.datasets.write_items(sent, dataset=dataset).raise_for_problems()
            version = other.versions.create(model, name="v", dataset=dataset)
            items = other.versions.data(version, page_size=1)
            assert {item.key for item in items} == {item.key for item in sent}

    def test_items_of_a_run_of_no_dataset_have_their_global_keys(self, backend: Any, model: Any) -> None:
        dataset = backend.datasets.create("keys")
        backend.datasets.write_items([Item("/a.jpg", uri=f"{URL}/a.jpg")], dataset=dataset).raise_for_problems()
        version = backend.versions.create(model, name="v")
        row = Prediction("/a.jpg", "car", Box(1, 2, 3, 4), confidence=0.5)
        backend.predictions.write([row], version=version, dataset=dataset).raise_for_problems()
        assert [item.key for item in backend.versions.data(version)] == ["/a.jpg"]

    def test_what_cannot_be_made_leaves_no_run_behind(self, backend: Any, model: Any, emulated: Live[Any]) -> None:
        with pytest.raises(NotFound, match="Dataset nowhere"):
            backend.versions.create(model, name="v", dataset="nowhere", tags=["night"])
        with pytest.raises(InvalidData, match="own use"):
            backend.versions.create(model, name="v", config={"dragoman": 1})
        assert emulated.state.runs == {}

    def test_a_run_keeps_its_labels_as_they_were(self, backend: Any, dataset: Any, model: Any) -> None:
        before, after = Label("a", "car", Box(1, 2, 3, 4)), Label("b", "car", Box(1, 2, 3, 4))
        backend.labels.write([before], dataset=dataset).raise_for_problems()
        version = backend.versions.create(model, name="v", dataset=dataset)
        backend.labels.write([after], dataset=dataset).raise_for_problems()
        assert [row.id for row in backend.labels.of_version(version.id, dataset=dataset.id)] == [before.id]
        with pytest.raises(NotFound):
            list(backend.labels.of_version("nobody", dataset=dataset.id))

    def test_a_config_is_reset(self, backend: Any, version: Any) -> None:
        found = backend.versions.update(version, config={})
        assert (found.config, found.tags) == ({}, ("night",))

    def test_config_keeps_the_spelling_of_its_keys(self, backend: Any, version: Any) -> None:
        assert backend.versions.get(version).config == {"batch_size": 8}
        assert backend.versions.get(version).tags == ("night",)

    def test_an_update_replaces_what_is_given_and_keeps_the_rest(self, backend: Any, version: Any) -> None:
        found = backend.versions.update(version, metrics={"mAP": 0.5})
        assert (found.metrics, found.tags, found.config) == ({"mAP": 0.5}, ("night",), {"batch_size": 8})
        with pytest.raises(Unsupported, match="renames"):
            backend.versions.update(version, name="other")

    def test_the_status_of_a_training_elsewhere_is_shown(self, backend: Any, version: Any) -> None:
        assert backend.versions.get(version).status is None
        backend.versions.update(version, status="running")
        assert backend.versions.get(version).status == "running"
        with pytest.raises(InvalidData, match="no status cancelled"):
            backend.versions.update(version, status="cancelled")

    def test_the_key_of_our_own_config_is_refused(self, backend: Any, model: Any) -> None:
        with pytest.raises(InvalidData, match="dragoman"):
            backend.versions.create(model, name="v", config={"dragoman": 1})


class TestPredictions:
    def test_an_empty_run_has_no_predictions(self, backend: Any, dataset: Any, model: Any) -> None:
        version = backend.versions.create(model, name="empty")
        assert list(backend.predictions.read(version, dataset=dataset)) == []

    def test_predictions_on_videos_share_the_confidence_of_their_track(
        self, backend: Any, dataset: Any, version: Any
    ) -> None:
        rows = [
            Prediction("v", "car", Box(n, 1, 5, 5), frame=n, span=(0, 8), interpolation="linear", track_id="t")
            for n in (0, 8)
        ]
        rows = [Prediction(**{**_fields(row), "confidence": 0.25, "id": ""}) for row in rows]
        backend.predictions.write(rows, version=version, dataset=dataset).raise_for_problems()
        read = list(backend.predictions.read(version, dataset=dataset))
        assert [(row.frame, row.span, row.confidence, row.track_id) for row in read] == [
            (0, (0, 8), 0.25, "t"),
            (8, (0, 8), 0.25, "t"),
        ]

    def test_each_row_of_a_mixed_batch_has_its_outcome(self, backend: Any, dataset: Any, version: Any) -> None:
        old, new, twice = boxes(3)
        backend.predictions.write([old], version=version, dataset=dataset)
        large = Prediction("a", "car", Box(5, 5, 5, 5), metadata={"text": "x" * 1_100_000})
        rows = [old, new, twice, twice, Prediction("nowhere", "car", Box(1, 1, 1, 1)), large]
        outcomes = list(backend.predictions.write(rows, version=version, dataset=dataset))
        assert [outcome.status for outcome in outcomes] == [
            "ignored",
            "created",
            "created",
            "rejected",
            "rejected",
            "rejected",
        ]
        reasons = [outcome.reason or "" for outcome in outcomes[3:]]
        assert [word in reason for word, reason in zip(("same id", "nowhere", "limit"), reasons, strict=True)] == [
            True,
            True,
            True,
        ]
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 3

    def test_rows_of_another_dataset_in_the_run_are_not_read(self, backend: Any, dataset: Any, version: Any) -> None:
        other = backend.datasets.create("other")
        backend.datasets.write_items([Item("z", uri=f"{URL}/z.jpg")], dataset=other)
        backend.predictions.write(boxes(1, "z"), version=version, dataset=other).raise_for_problems()
        backend.predictions.write(boxes(2), version=version, dataset=dataset).raise_for_problems()
        assert {row.item for row in backend.predictions.read(version, dataset=dataset)} == {"a"}
        assert {row.item for row in backend.predictions.read(version, dataset=other)} == {"z"}

    def test_an_unknown_dataset_or_version_is_not_found(self, backend: Any, dataset: Any, version: Any) -> None:
        with pytest.raises(NotFound):
            list(backend.predictions.read(version, dataset="nobody"))
        with pytest.raises(NotFound):
            list(backend.predictions.read("nobody", dataset=dataset))
        with pytest.raises(NotFound, match="nowhere"):
            list(backend.predictions.read(version, dataset=dataset, items=["a", "nowhere"]))

    def test_exports_in_many_files_are_read_whole(
        self, backend: Any, dataset: Any, version: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from dragoman_labelbox.emulator import exports

        more = [Item(f"i{n}", uri=f"{URL}/{n}.jpg") for n in range(20)]
        backend.datasets.write_items(more, dataset=dataset).raise_for_problems()
        sent = [row for item in more for row in boxes(3, item.key)]
        backend.predictions.write(sent, version=version, dataset=dataset).raise_for_problems()
        monkeypatch.setattr(exports.cut, "__defaults__", (1000,))
        read = list(backend.predictions.read(version, dataset=dataset))
        assert sorted(row.id for row in read) == sorted(row.id for row in sent)

    def test_files_that_cut_lines_are_joined(
        self, backend: Any, dataset: Any, version: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from dragoman_labelbox.emulator import exports
        from dragoman_labelbox.emulator.routes import exports as routes

        def anywhere(state: Any, lines: Any) -> exports.Export:
            content = b"".join(line + b"\n" for line in lines)
            made = exports.Export(len(content), content.count(b"\n"))
            for start in range(0, len(content), 97):
                part = content[start : start + 97]
                made.chunks.append(exports.Chunk(start, start + len(part) - 1, 0, 0, state.files.put(part)))
            return made

        backend.predictions.write(boxes(3), version=version, dataset=dataset).raise_for_problems()
        monkeypatch.setattr(routes, "cut", anywhere)
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 3


def _fields(row: Any) -> dict[str, Any]:
    import msgspec

    return msgspec.structs.asdict(row)


def test_an_image_is_read_as_labelbox_measured_it(backend: Any, tmp_path: Any) -> None:
    Image.new("RGB", (31, 17)).save(tmp_path / "x.png")
    dataset = backend.datasets.create("measured")
    backend.datasets.write_items([Item("x", uri=str(tmp_path / "x.png"))], dataset=dataset).raise_for_problems()
    (read,) = backend.datasets.read_items(dataset)
    assert (read.width, read.height) == (31, 17)


def test_a_file_may_be_named_by_its_uri(backend: Any, tmp_path: Any) -> None:
    path = tmp_path / "a b.png"
    Image.new("RGB", (31, 17)).save(path)
    dataset = backend.datasets.create("named by uri")
    report = backend.datasets.write_items([Item("x", uri=path.as_uri())], dataset=dataset)
    assert report.counts == {"created": 1}, "its space is quoted"


def test_a_text_answer_is_kept(backend: Any, dataset: Any) -> None:
    asked = Attribute(name="caption", kind="text")
    feature = Feature(name="caption", geometries=("whole",), attributes=(asked,))
    backend.ontologies.create(Ontology(name="o", features=(feature,)), dataset=dataset)
    rows = [Label("a", "caption", Whole(), answer=Text("Größe\u2028🦊")), Label("b", "caption", Whole())]
    report = backend.labels.write(rows, dataset=dataset, on_loss="convert")
    assert [outcome.status for outcome in report] == ["created", "rejected"]
    assert [label.answer for label in backend.labels.read(dataset)] == [Text("Größe\u2028🦊")]


def test_using_the_plugin_leaves_logging_as_it_was() -> None:
    code = (
        "import logging\n"
        "before = list(logging.root.handlers)\n"
        "import dragoman_labelbox.adapter\n"
        "assert list(logging.root.handlers) == before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
