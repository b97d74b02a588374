"""Ground truth: datasets, versions, events, items, labels, splits, exports and comparison, over the emulator."""

from __future__ import annotations

import base64
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synapse_ground import add_truth, seeded

import dragoman
from dragoman import Box, Conflict, InvalidData, Label, NotFound, PlatformError, RotatedBox, WouldLose
from dragoman.conformance.difficult import GEOMETRIES
from dragoman.emulate import Answer, DropBefore, Live
from dragoman.fidelity import Keeper, Survival
from dragoman_synapse.fidelity import ROWS
from dragoman_synapse.splits import stratified

NAMES = [f"{n:02}.png" for n in range(10)]


class TestVersions:
    def test_a_dataset_is_frozen_as_it_is(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = seeded(emulated, NAMES[:3])
        version = backend.truths.freeze(dataset, "1.0", description="first")
        add_truth(emulated, int(dataset), "later.png", [])
        assert (version.name, version.events, version.dataset_name) == ("1.0", 3, "street")
        assert [item.key for item in backend.datasets.read_items(version.key)] == NAMES[:3]
        assert len(list(backend.datasets.read_items(dataset))) == 4
        assert backend.datasets.get(dataset).items == 4
        assert backend.datasets.get(version.key).items == 3
        assert backend.truths.count(version.key) == 3

    def test_versions_are_found_by_dataset_and_state(self, backend: Any, emulated: Live[Any]) -> None:
        one, two = seeded(emulated, NAMES[:1], title="one"), seeded(emulated, NAMES[:1], title="two")
        made = [backend.truths.freeze(dataset, name) for dataset, name in ((one, "a"), (one, "b"), (two, "a"))]
        emulated.state.home.version(made[0].id).is_archived = True
        assert [version.key for version in backend.truths.versions(one)] == [made[0].key, made[1].key]
        assert [version.id for version in backend.truths.versions(archived=True)] == [made[0].id]
        assert [version.id for version in backend.truths.versions(one, archived=False)] == [made[1].id]
        assert backend.labels.versions(one) == [made[0].key, made[1].key]
        assert backend.truths.version(made[2].key).statistics == {"categories": {"train": 1}}

    def test_a_name_that_is_taken_is_a_conflict(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = seeded(emulated, [])
        backend.truths.freeze(dataset, "1")
        with pytest.raises(Conflict):
            backend.truths.freeze(dataset, "1")

    def test_a_version_of_another_dataset_is_not_found(self, backend: Any, emulated: Live[Any]) -> None:
        one, two = seeded(emulated, []), seeded(emulated, [], title="two")
        version = backend.truths.freeze(two, "1")
        with pytest.raises(NotFound):
            list(backend.datasets.read_items(f"{one}@{version.id}"))


class TestEvents:
    """`list_ground_truth_events` and its two other views."""

    @pytest.fixture
    def version(self, backend: Any, emulated: Live[Any]) -> Any:
        """A version of five pictures: three to train on, two to validate; the first is a month old."""
        dataset = seeded(emulated, NAMES[:3])
        for name in NAMES[3:5]:
            add_truth(emulated, int(dataset), name, [Label(name, "bus", Box(1, 1, 2, 2))], split="validation")
        (first, *_) = emulated.state.home.truths_of(int(dataset))
        first.latest.created -= timedelta(days=30)
        return backend.truths.freeze(dataset, "1")

    @pytest.mark.parametrize("page_size", [1, 2, 100])
    def test_all_are_listed_page_by_page(self, backend: Any, version: Any, page_size: int) -> None:
        found = list(backend.truths.events([version.key], page_size=page_size))
        assert len({event.id for event in found}) == 5
        assert {event.version for event in found} == {version.id}

    def test_one_version_needs_no_list(self, backend: Any, version: Any) -> None:
        found = list(backend.truths.events(version.key))
        assert found == list(backend.truths.events(version.id)) == list(backend.truths.events([version.id]))

    def test_an_event_has_its_labels_and_files(self, backend: Any, version: Any) -> None:
        event = next(backend.truths.events([version.id]))
        assert [label.feature for label in event.labels("00.png")] == ["car"]
        assert [(file.spec, file.name, file.primary) for file in event.files] == [("image_1", "00.png", True)]
        assert event.metadata == {"camera": 0}

    @pytest.mark.parametrize(
        ("filters", "count"),
        [
            ({}, 5),
            ({"category": "validation"}, 2),
            ({"created_after": datetime.now(UTC) - timedelta(days=1)}, 4),
            ({"data_type": "image"}, 5),
            ({"data_type": "video"}, 0),
            ({"search": "BUS"}, 2),
            ({"project": 10**6}, 0),
        ],
    )
    def test_every_filter(self, backend: Any, version: Any, filters: dict[str, Any], count: int) -> None:
        assert len(list(backend.truths.events([version.id], **filters))) == count

    def test_events_of_a_project(self, backend: Any, emulated: Live[Any], version: Any) -> None:
        project = emulated.state.home.dataset(version.dataset).project
        seeded(emulated, NAMES[:2], title="another")
        assert len(list(backend.truths.events(project=project))) == 5
        assert len(list(backend.truths.events())) == 7

    def test_the_views_have_only_what_they_are_for(self, backend: Any, version: Any) -> None:
        data = next(backend.truths.events([version.id], view="data"))
        assert (data.files, bool(data.data)) == ((), True)
        files = next(backend.truths.events([version.id], view="files"))
        assert (files.data, [file.spec for file in files.files]) == (None, ["image_1"])

    def test_a_version_that_is_not_there_is_said_so(self, backend: Any) -> None:
        with pytest.raises(InvalidData, match="not one of the available choices"):
            list(backend.truths.events(["999"]))


class TestItems:
    def test_an_item_is_named_by_its_file(self, backend: Any, emulated: Live[Any]) -> None:
        (item,) = backend.datasets.read_items(seeded(emulated, ["a b.png"], split="test"))
        assert (item.key, item.split, item.media, item.width, item.height) == ("a b.png", "test", "image", 64, 48)
        assert item.metadata == {"camera": 0}

    def test_a_name_that_repeats_is_a_conflict_and_ids_are_the_way_out(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = seeded(emulated, ["a.png", "b.png", "a.png"])
        with pytest.raises(Conflict, match=r"a\.png") as refusal:
            list(backend.datasets.read_items(dataset))
        assert "item_key" in str(refusal.value.hint)
        with dragoman.connect("synapse", endpoint=emulated.url, item_key="id", **emulated.credentials) as by_id:
            items = list(by_id.datasets.read_items(dataset))
            assert len({item.key for item in items}) == 3
            assert {label.item for label in by_id.labels.read(dataset)} == {item.key for item in items}

    def test_the_manifest_has_every_file_and_fetches_none(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = seeded(emulated, ["a.png"])
        ((key, files),) = backend.truths.manifest(dataset)
        assert (key, [file.spec for file in files]) == ("a.png", ["image_1", "data_meta_1"])
        assert not any(seen.path.startswith("/media/") for seen in emulated.journal.entries())

    def test_metadata_of_a_dataset_stand_in_its_description(self, backend: Any, emulated: Live[Any]) -> None:
        made = backend.datasets.create("d", metadata={"place": "Ulm"})
        assert backend.datasets.get(made).metadata == {"place": "Ulm"}
        assert "[dragoman]" in emulated.state.home.dataset(made.id).description


class TestLabels:
    @pytest.mark.parametrize("page_size", [1, 3, 100])
    def test_all_documents_of_all_pages_are_read(self, backend: Any, emulated: Live[Any], page_size: int) -> None:
        dataset = seeded(emulated, NAMES)
        read = list(backend.labels.read(dataset, page_size=page_size))
        assert Counter(label.feature for label in read) == {"car": 10, "person": 5}
        assert {label.item for label in read if label.feature == "person"} == set(NAMES[1::2])

    @pytest.mark.parametrize("form", GEOMETRIES)
    def test_every_form_of_geometry_is_read_as_the_table_says(
        self, backend: Any, emulated: Live[Any], form: str
    ) -> None:
        dataset = seeded(emulated, [])
        keeper = Keeper(ROWS, "convert")
        rows = [keeper.keep(Label("a.png", "thing", shape, attributes={"n": 1})) for shape in GEOMETRIES[form]]
        add_truth(emulated, int(dataset), "a.png", [row for row in rows if row is not None])
        read = list(backend.labels.read(dataset))
        assert [(label.id, label.attributes) for label in read] == [(row.id, {"n": 1}) for row in rows if row]
        if ROWS.geometry(form).survival is Survival.EXACT:
            assert [label.geometry for label in read] == list(GEOMETRIES[form])
        else:
            assert [label.geometry.kind for label in read] == [ROWS.geometry(form).to or form] * len(rows)

    def test_labels_of_a_version_are_those_that_it_froze(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = seeded(emulated, ["a.png"])
        version = backend.truths.freeze(dataset, "1")
        (truth,) = emulated.state.home.truths_of(int(dataset))
        emulated.state.home.add_truth(int(dataset), truth.latest.unit, {"annotations": {}, "annotationsData": {}})
        assert list(backend.labels.read(dataset)) == []
        emulated.journal.clear()
        assert [label.feature for label in backend.labels.read(version.key)] == ["car"]
        assert [label.feature for label in backend.labels.read(version.key, items=["a.png"])] == ["car"]
        assert not any(seen.path.startswith("/media/") for seen in emulated.journal.entries()), "events carry theirs"

    def test_labels_of_chosen_items(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = seeded(emulated, NAMES)
        assert {label.item for label in backend.labels.read(dataset, items=["03.png"])} == {"03.png"}
        with pytest.raises(NotFound, match="nowhere"):
            list(backend.labels.read(dataset, items=["nowhere", "03.png"]))

    def test_a_truth_without_a_document_file_carries_it_itself(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = seeded(emulated, ["a.png"])
        (truth,) = emulated.state.home.truths_of(int(dataset))
        page = {"id": 1, "files": {"image_1": "http://x/a.png"}, "data": truth.latest.data}
        body = json.dumps({"count": 1, "next": None, "results": [page]})
        emulated.faults.add(Answer(200, body=body), path="/ground_truths/")
        (label,) = backend.labels.read(dataset)
        assert (label.item, label.feature) == ("1", "car")

    def test_a_document_in_its_own_address_is_read(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = seeded(emulated, ["a.png"])
        (truth,) = emulated.state.home.truths_of(int(dataset))
        inside = "data:application/json;base64," + base64.b64encode(truth.latest.annotations.read()).decode()
        files = {"image_1": {"url": "http://x/a.png", "file_name_original": "a.png"}, "data_meta_1": inside}
        body = json.dumps({"count": 1, "next": None, "results": [{"id": 1, "files": files}]})
        emulated.faults.add(Answer(200, body=body), path="/ground_truths/")
        assert [(label.item, label.feature) for label in backend.labels.read(dataset)] == [("a.png", "car")]

    def test_annotations_of_an_unknown_form_are_not_taken_for_none(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = seeded(emulated, [])
        home = emulated.state.home
        flat = {"annotations": [{"bbox": [1, 2, 3, 4], "category_id": 1}]}
        home.add_truth(int(dataset), home.add_unit({"image_1": home.media.add("a.png", b"")}), flat)
        version = backend.truths.freeze(dataset, "1")
        for place in (dataset, version.key):
            with pytest.raises(PlatformError, match="neither form"):
                list(backend.labels.read(place))

    def test_a_document_whose_store_fails_for_a_while_is_fetched_again(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = seeded(emulated, NAMES[:4])
        for fault in (Answer(503), DropBefore(), Answer(429, headers={"Retry-After": "2"})):
            emulated.faults.add(fault, path="/media/*")
        assert len(list(backend.labels.read(dataset))) == 6
        assert 2.0 in backend.waited
        assert len(backend.waited) == 3

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"{", "is not JSON"),
            (b"\xff", "is not JSON"),
            (b"[]", "neither form"),
            (b'{"annotations": {"image_1": 5}}', "no list of objects"),
            (None, "cannot be fetched: The file store answered 404"),
        ],
    )
    def test_a_document_that_is_missing_or_malformed_is_named(
        self, backend: Any, emulated: Live[Any], content: bytes | None, message: str
    ) -> None:
        dataset = seeded(emulated, NAMES[:2])
        held = emulated.state.home.truths_of(int(dataset))[1].latest.annotations
        emulated.state.media.forget(held)
        if content is not None:
            object.__setattr__(held, "content", content)
            emulated.state.media.files[held.key] = held
        with pytest.raises(PlatformError, match=message) as refusal:
            list(backend.labels.read(dataset))
        assert "signature" not in str(refusal.value)
        if content not in (b"[]", b'{"annotations": {"image_1": 5}}'):
            assert "data_meta_1 of '01.png'" in refusal.value.message


class TestEndlessListings:
    def page(self, following: str | None, *, count: int | None, rows: int = 1) -> Answer:
        """A page of the model list."""
        results = [{"id": 1, "name": "m"}] * rows
        return Answer(200, body=json.dumps({"count": count, "next": following, "results": results}))

    def test_a_page_that_names_itself(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(self.page("?page=1", count=None), path="/models/", times=None)
        with pytest.raises(PlatformError, match="no end"):
            list(backend.models.list())

    def test_a_circle_of_pages(self, backend: Any, emulated: Live[Any]) -> None:
        for step in range(60):
            emulated.faults.add(self.page(f"?page={step % 7}", count=None), path="/models/")
        with pytest.raises(PlatformError, match="no end"):
            list(backend.models.list())

    def test_more_rows_than_are_counted(self, backend: Any, emulated: Live[Any]) -> None:
        for step in range(60):
            emulated.faults.add(self.page(f"?page={step}", count=3), path="/models/")
        with pytest.raises(PlatformError, match="after 4 pages and 4 rows"):
            list(backend.models.list())

    def test_empty_pages(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(self.page("?page=2", count=None, rows=0), path="/models/")
        with pytest.raises(PlatformError, match="no end"):
            list(backend.models.list())

    def test_a_relative_address_is_read_against_the_page(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(self.page("?page=2", count=2), path="/models/")
        emulated.faults.add(self.page(None, count=2), path="/models/")
        assert len(list(backend.models.list())) == 2
        assert {seen.path for seen in emulated.journal.entries()} == {"/models/"}

    def test_an_opaque_cursor_is_a_parameter(self, backend: Any, emulated: Live[Any]) -> None:
        for number, cursor in enumerate(["cD0yMDI2", None]):
            row = {"id": number, "name": f"d{number}"}
            page = {"data": [row], "meta": {"pagination": {"next_cursor": cursor}}}
            emulated.faults.add(Answer(200, body=json.dumps(page)), path="/v2/ground-truth-datasets/")
        assert [dataset.name for dataset in backend.datasets.list()] == ["d0", "d1"]


class TestSplit:
    def test_every_class_is_spread_as_the_items_are(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = seeded(emulated, [f"{n}.png" for n in range(40)])
        parts = backend.truths.split(dataset, {"train": 0.8, "validation": 0.2}, seed=3)
        assert {part: len(keys) for part, keys in parts.items()} == {"train": 32, "validation": 8}
        people = {f"{n}.png" for n in range(1, 40, 2)}
        assert len(people & set(parts["validation"])) == 4
        assert backend.truths.split(dataset, {"train": 0.8, "validation": 0.2}, seed=3) == parts
        assert backend.truths.split(dataset, {"train": 0.8, "validation": 0.2}, seed=4) != parts

    def test_items_without_labels_are_dealt_too(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = seeded(emulated, [])
        for name in NAMES:
            add_truth(emulated, int(dataset), name, [])
        parts = backend.truths.split(dataset, {"train": 0.5, "test": 0.5})
        assert {part: len(keys) for part, keys in parts.items()} == {"train": 5, "test": 5}

    @given(
        st.dictionaries(st.text(max_size=3), st.sets(st.sampled_from("abcd")), max_size=60),
        st.integers(0, 5),
        st.sampled_from([{"one": 1.0}, {"a": 0.5, "b": 0.5}, {"a": 0.7, "b": 0.2, "c": 0.1}, {"a": 1.0, "b": 0.0}]),
    )
    def test_every_item_is_dealt_once_and_the_order_does_not_matter(
        self, classes: dict[str, set[str]], seed: int, parts: dict[str, float]
    ) -> None:
        dealt = stratified(classes, parts, seed=seed)
        assert sorted(item for items in dealt.values() for item in items) == sorted(classes)
        assert stratified(dict(reversed(classes.items())), parts, seed=seed) == dealt
        for part, share in parts.items():
            # Each class is off by less than one item, and there are four.
            assert abs(len(dealt[part]) - share * len(classes)) <= 5

    @pytest.mark.parametrize("parts", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}])
    def test_shares_that_are_none_are_refused(self, parts: dict[str, float]) -> None:
        with pytest.raises(InvalidData, match="add up to 1"):
            stratified({"x": {"a"}}, parts)


class TestExport:
    def test_a_dataset_is_written_as_coco(self, backend: Any, emulated: Live[Any], tmp_path: Path) -> None:
        dataset = seeded(emulated, NAMES[:4])
        assert backend.truths.export(dataset, tmp_path / "out.json") == ()
        coco = json.loads((tmp_path / "out.json").read_text())
        assert {category["name"] for category in coco["categories"]} == {"car", "person"}
        assert [image["file_name"] for image in coco["images"]] == NAMES[:4]
        assert len(coco["annotations"]) == 6
        assert coco["annotations"][0]["bbox"] == [0.0, 2.0, 10.0, 8.0]
        assert "signature" not in (tmp_path / "out.json").read_text()

    def test_what_the_format_does_not_keep_is_asked_about(
        self, backend: Any, emulated: Live[Any], tmp_path: Path
    ) -> None:
        dataset = seeded(emulated, [])
        add_truth(emulated, int(dataset), "a.png", [Label("a.png", "car", RotatedBox(20, 20, 8, 4, 30))])
        with pytest.raises(WouldLose):
            backend.truths.export(dataset, tmp_path / "out.json")
        assert not (tmp_path / "out.json").exists()
        (loss,) = backend.truths.export(dataset, tmp_path / "out.json", on_loss="convert")
        assert loss.what == "geometry rotated_box"

    def test_other_formats_are_written_too(self, backend: Any, emulated: Live[Any], tmp_path: Path) -> None:
        backend.truths.export(seeded(emulated, NAMES[:2]), tmp_path / "out", format="voc")
        assert len(list((tmp_path / "out").rglob("*.xml"))) == 2

    def test_classes_in_use_are_the_ontology(self, backend: Any, emulated: Live[Any]) -> None:
        found = backend.ontologies.get(seeded(emulated, NAMES[:2]))
        assert found.name == "street"
        assert [(feature.name, feature.geometries) for feature in found.features] == [
            ("car", ("box",)),
            ("person", ("box",)),
        ]
        with pytest.raises(NotFound, match="no annotations"):
            backend.ontologies.get(seeded(emulated, [], title="empty"))


class TestPerformance:
    def test_a_version_is_held_against_ground_truth(self, backend: Any, emulated: Live[Any]) -> None:
        model = backend.models.create("m", task="object_detection", features=["car"])
        version = backend.versions.create(model, name="v")
        backend.versions.update(version, metrics={"accuracy": 0.75})
        found = backend.performance.analyse(version.id, dataset=seeded(emulated, NAMES))
        assert found.version.metrics == {"accuracy": 0.75}
        assert (found.items, found.labels, found.features) == (10, 15, {"car": 10, "person": 5})
        assert (found.splits, found.geometries) == ({"train": 10}, {"box": 15})

    def test_versions_are_ranked_by_a_metric(self, backend: Any) -> None:
        model = backend.models.create("m", task="object_detection", features=["car"])
        made = {name: backend.versions.create(model, name=name).id for name in ("none", "worse", "better")}
        backend.versions.update(made["worse"], metrics={"accuracy": 0.0, "loss": 2.0})
        backend.versions.update(made["better"], metrics={"accuracy": 0.9, "loss": 0.5})
        ranked = backend.performance.compare(made.values(), metric="accuracy")
        assert [(one.version.name, one.value) for one in ranked] == [("better", 0.9), ("worse", 0.0), ("none", None)]
        by_loss = backend.performance.compare(made.values(), metric="loss", less_is_better=True)
        assert [one.value for one in by_loss] == [0.5, 2.0, None]
