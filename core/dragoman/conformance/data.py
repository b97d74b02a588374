"""Kit tests of the data plane: items, labels, predictions and the ontologies they follow."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pytest

from dragoman.adapter import Adapter
from dragoman.conformance.control import PAGE_SIZES
from dragoman.conformance.difficult import METADATA, feature_of
from dragoman.conformance.rules import Kit, needs
from dragoman.emulate import Live
from dragoman.errors import InvalidData, NotFound, WouldLose
from dragoman.fidelity import DatasetKeeper, Survival
from dragoman.media import path_at
from dragoman.schema import (
    Attribute,
    AttributeOption,
    Box,
    Dataset,
    Feature,
    Item,
    Label,
    Ontology,
    Prediction,
    Version,
)

BOX = feature_of("box")


EVERYTHING = Ontology(
    name="everything",
    metadata={"made": "here"},
    features=(
        Feature(
            name="sign",
            geometries=("box",),
            color="#12abef",
            metadata={"supercategory": "road"},
            attributes=(
                Attribute(
                    name="state",
                    kind="radio",
                    options=(
                        AttributeOption(name="whole"),
                        AttributeOption(name="broken", attributes=(Attribute(name="how", kind="text"),)),
                    ),
                ),
            ),
        ),
    ),
)
"""An ontology that says all that one can say."""


def told(ontology: Ontology) -> dict[str, Any]:
    """What is compared of ontologies: all but ids, which every platform gives anew, and its name."""
    return _without_ids(ontology.model_dump(include={"metadata", "features"}))


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_ids(one) for name, one in value.items() if name != "id"}
    return [_without_ids(one) for one in value] if isinstance(value, list | tuple) else value


def boxes(count: int, item: Item) -> list[Label]:
    """Labels that differ in their place."""
    return [Label(item.key, BOX, Box(number, 1, 5.5, 5.25)) for number in range(count)]


def predicted(count: int, item: Item) -> list[Prediction]:
    """Predictions that differ in their place, the first of confidence zero."""
    return [Prediction(item.key, BOX, Box(number, 2, 5.5, 5.25), confidence=number / 8) for number in range(count)]


class BaseDatasets(Kit):
    """Datasets and their items."""

    @needs("datasets.create", "datasets.get", "datasets.list")
    def test_a_dataset_is_found_again(self, backend: Adapter) -> None:
        made = backend.datasets.create("Größe 🦊")
        assert made.id
        assert backend.datasets.get(made.id).name == "Größe 🦊"
        found = backend.datasets.find("Größe 🦊")
        assert found is not None
        assert found.id == made.id

    @needs("datasets.create", "datasets.list")
    @pytest.mark.parametrize("page_size", PAGE_SIZES)
    def test_every_page_size_lists_every_dataset_once(self, backend: Adapter, page_size: int) -> None:
        made = [backend.datasets.create(f"set {number}").id for number in range(4)]
        assert sorted(found.id for found in backend.datasets.list(page_size=page_size)) == sorted(made)

    @needs("datasets.get")
    def test_an_unknown_dataset_is_not_found(self, backend: Adapter) -> None:
        with pytest.raises(NotFound):
            backend.datasets.get("00000000-0000-0000-0000-000000000000")

    @needs("datasets.create", "datasets.write_items", "datasets.read_items")
    def test_items_come_back_with_their_keys_and_media(
        self, backend: Adapter, dataset: Dataset, items: list[Item]
    ) -> None:
        read = {item.key: item for item in backend.datasets.read_items(dataset)}
        assert sorted(read) == sorted(item.key for item in items)
        for sent in items:
            assert media_of(read[sent.key]) == Path(sent.uri or "").read_bytes()

    @needs("datasets.write_items", "datasets.read_items")
    @pytest.mark.parametrize("page_size", PAGE_SIZES)
    def test_every_page_size_reads_every_item_once(
        self, backend: Adapter, dataset: Dataset, items: list[Item], page_size: int
    ) -> None:
        read = [item.key for item in backend.datasets.read_items(dataset, page_size=page_size)]
        assert sorted(read) == sorted(item.key for item in items)

    @needs("datasets.write_items", "datasets.read_items")
    def test_items_that_are_there_are_left_alone(self, backend: Adapter, dataset: Dataset, items: list[Item]) -> None:
        report = backend.datasets.write_items(items, dataset=dataset)
        assert dict(report.counts) == {"ignored": len(items)}
        assert len(list(backend.datasets.read_items(dataset))) == len(items)

    @needs("datasets.create", "datasets.write_items", "datasets.read_items")
    def test_a_missing_file_is_the_outcome_of_its_row(
        self, backend: Adapter, items: list[Item], tmp_path: Path
    ) -> None:
        dataset = backend.datasets.create("files")
        gone = Item("gone", uri=str(tmp_path / "no such.png"))
        report = backend.datasets.write_items([items[0], gone, items[1]], dataset=dataset)
        assert [(outcome.key, outcome.status) for outcome in report] == [
            (items[0].key, "created"),
            ("gone", "rejected"),
            (items[1].key, "created"),
        ]
        assert next(report.problems()).reason

    @needs("datasets.create", "datasets.write_items", "datasets.read_items")
    def test_metadata_and_split_of_an_item_survive(self, backend: Adapter, tmp_path: Path, request: Any) -> None:
        dataset = backend.datasets.create("described")
        plain = request.instance.item(0, tmp_path)
        sent = Item(plain.key, uri=plain.uri, width=plain.width, height=plain.height, split="test", metadata=METADATA)
        backend.datasets.write_items([sent], dataset=dataset).raise_for_problems()
        (read,) = backend.datasets.read_items(dataset)
        assert (read.width, read.height, read.split, read.metadata) == (sent.width, sent.height, "test", METADATA)

    @needs("datasets.create", "datasets.write_items", "datasets.read_items", "datasets.list")
    def test_slow_jobs_and_small_pages_change_nothing(
        self, backend: Adapter, items: list[Item], live: Live[Any] | None
    ) -> None:
        if live is None:
            pytest.skip("there is no emulator to slow down")
        live.settings.job_polls, live.settings.page_limit = 4, 1
        datasets = [backend.datasets.create(f"slow {number}") for number in range(3)]
        assert backend.datasets.write_items(items, dataset=datasets[0]).counts["created"] == len(items)
        read = [item.key for item in backend.datasets.read_items(datasets[0])]
        assert sorted(read) == sorted(item.key for item in items)
        assert {dataset.id for dataset in datasets} <= {found.id for found in backend.datasets.list()}

    @needs("datasets.create", "datasets.read_items")
    def test_an_empty_dataset_has_no_items(self, backend: Adapter) -> None:
        assert list(backend.datasets.read_items(backend.datasets.create("empty"))) == []

    @needs("datasets.create", "datasets.delete", "datasets.get")
    def test_a_deleted_dataset_is_gone(self, backend: Adapter) -> None:
        made = backend.datasets.create("short-lived")
        backend.datasets.delete(made)
        with pytest.raises(NotFound):
            backend.datasets.get(made)

    @needs("datasets.splits", "datasets.write_items")
    def test_splits_count_every_item(self, backend: Adapter, dataset: Dataset, items: list[Item]) -> None:
        assert sum(backend.datasets.splits(dataset).values()) == len(items)


class BaseOntologies(Kit):
    """Ontologies of datasets."""

    @needs("ontologies.create", "ontologies.get", "datasets.create")
    def test_an_ontology_comes_back(self, backend: Adapter) -> None:
        dataset = backend.datasets.create("with ontology")
        features = (Feature(name="Größe 🦊", geometries=("box",)), Feature(name="b", geometries=("polygon",)))
        backend.ontologies.create(Ontology(name="kit", features=features), dataset=dataset)
        found = backend.ontologies.get(dataset)
        assert {(feature.name, feature.geometries) for feature in found.features} == {
            (feature.name, feature.geometries) for feature in features
        }

    @needs("ontologies.create", "ontologies.get", "datasets.create")
    def test_what_an_ontology_cannot_keep_is_as_declared(self, backend: Adapter) -> None:
        dataset = backend.datasets.create("with everything")
        keeper = DatasetKeeper(backend.dataset_fidelity, "drop")
        kept = keeper.ontology(EVERYTHING)
        if keeper.losses():
            with pytest.raises(WouldLose):
                backend.ontologies.create(EVERYTHING, dataset=dataset)
        backend.ontologies.create(EVERYTHING, dataset=dataset, on_loss="drop")
        assert told(backend.ontologies.get(dataset)) == told(kept)

    @needs("ontologies.get")
    def test_an_unknown_dataset_has_no_ontology(self, backend: Adapter) -> None:
        with pytest.raises(NotFound):
            backend.ontologies.get("00000000-0000-0000-0000-000000000000")


class BaseLabels(Kit):
    """Labels: written once, read page by page, one outcome per row."""

    @needs("labels.write", "labels.read")
    @pytest.mark.parametrize("page_size", PAGE_SIZES)
    def test_every_page_size_reads_every_label_once(
        self, backend: Adapter, dataset: Dataset, items: list[Item], page_size: int
    ) -> None:
        sent = [*boxes(3, items[0]), *boxes(2, items[1])]
        assert dict(backend.labels.write(sent, dataset=dataset).counts) == {"created": 5}
        read = list(backend.labels.read(dataset, page_size=page_size))
        assert sorted(label.id for label in read) == sorted(label.id for label in sent)
        assert {label.id: (label.item, label.feature, label.geometry) for label in read} == {
            label.id: (label.item, label.feature, label.geometry) for label in sent
        }

    @needs("labels.write", "labels.read")
    def test_writing_twice_adds_nothing(self, backend: Adapter, dataset: Dataset, items: list[Item]) -> None:
        sent = boxes(3, items[0])
        backend.labels.write(sent, dataset=dataset)
        assert dict(backend.labels.write(sent, dataset=dataset).counts) == {"ignored": 3}
        assert len(list(backend.labels.read(dataset))) == 3

    @needs("labels.write", "labels.read")
    def test_an_update_overwrites_the_label_of_that_id(
        self, backend: Adapter, dataset: Dataset, items: list[Item]
    ) -> None:
        (sent,) = boxes(1, items[0])
        backend.labels.write([sent], dataset=dataset)
        moved = Label(sent.item, sent.feature, Box(9, 9, 3, 3), id=sent.id)
        assert dict(backend.labels.write([moved], dataset=dataset, update=True).counts) == {"updated": 1}
        (read,) = backend.labels.read(dataset)
        assert read.geometry == moved.geometry

    @needs("labels.write", "labels.read")
    def test_a_row_on_an_item_that_is_not_there_is_rejected(
        self, backend: Adapter, dataset: Dataset, items: list[Item]
    ) -> None:
        good = boxes(2, items[0])
        report = backend.labels.write([good[0], Label("nowhere", BOX, Box(1, 1, 1, 1)), good[1]], dataset=dataset)
        assert [outcome.status for outcome in report] == ["created", "rejected", "created"]
        assert next(report.problems()).reason
        assert len(list(backend.labels.read(dataset))) == 2

    @needs("labels.write", "labels.read")
    def test_labels_of_chosen_items_are_read(self, backend: Adapter, dataset: Dataset, items: list[Item]) -> None:
        backend.labels.write([*boxes(2, items[0]), *boxes(1, items[1])], dataset=dataset)
        assert {label.item for label in backend.labels.read(dataset, items=[items[1].key])} == {items[1].key}
        with pytest.raises(NotFound):
            list(backend.labels.read(dataset, items=["nowhere"]))

    @needs("labels.write", "labels.read")
    def test_a_lost_answer_leaves_no_double(
        self, backend: Adapter, dataset: Dataset, items: list[Item], live: Live[Any] | None, request: Any
    ) -> None:
        if live is None:
            pytest.skip("there is no network in between")
        sent = boxes(5, items[0])
        live.faults.add(request.instance.lost_answer, method="POST")
        report = backend.labels.write(sent, dataset=dataset)
        assert report.ok
        assert len(report) == 5
        assert len(list(backend.labels.read(dataset))) == 5

    @needs("labels.versions", "labels.write")
    def test_a_dataset_with_labels_has_a_version_of_them(
        self, backend: Adapter, dataset: Dataset, items: list[Item]
    ) -> None:
        backend.labels.write(boxes(1, items[0]), dataset=dataset).raise_for_problems()
        found = backend.labels.versions(dataset)
        assert found
        assert len(set(found)) == len(found)

    @needs("labels.versions")
    def test_an_unknown_dataset_has_no_versions_of_labels(self, backend: Adapter) -> None:
        with pytest.raises(NotFound):
            backend.labels.versions("00000000-0000-0000-0000-000000000000")

    @needs("labels.export", "labels.write")
    def test_an_export_is_a_file_with_the_labels(self, backend: Adapter, dataset: Dataset, items: list[Item]) -> None:
        backend.labels.write(boxes(2, items[0]), dataset=dataset).raise_for_problems()
        where = backend.labels.export(dataset)
        assert BOX in media_of(Item("export", uri=where)).decode()


class BasePredictions(Kit):
    """Predictions of a version."""

    @needs("predictions.write", "predictions.read")
    @pytest.mark.parametrize("page_size", PAGE_SIZES)
    def test_every_page_size_reads_every_prediction_once(
        self, backend: Adapter, dataset: Dataset, version: Version, items: list[Item], page_size: int
    ) -> None:
        sent = [*predicted(3, items[0]), *predicted(2, items[1])]
        report = backend.predictions.write(sent, version=version, dataset=dataset)
        assert dict(report.counts) == {"created": 5}
        read = list(backend.predictions.read(version, dataset=dataset, page_size=page_size))
        assert sorted(row.id for row in read) == sorted(row.id for row in sent)

    @needs("predictions.write", "predictions.read")
    def test_confidence_survives_and_zero_is_a_value(
        self, backend: Adapter, dataset: Dataset, version: Version, items: list[Item]
    ) -> None:
        if backend.prediction_fidelity.field("confidence").survival is not Survival.EXACT:
            pytest.skip(f"confidence: {backend.prediction_fidelity.field('confidence').how}")
        sent = predicted(3, items[0])
        backend.predictions.write(sent, version=version, dataset=dataset)
        read = backend.predictions.read(version, dataset=dataset)
        assert {row.id: row.confidence for row in read} == {row.id: row.confidence for row in sent}

    @needs("predictions.write", "predictions.read")
    def test_writing_twice_adds_nothing(
        self, backend: Adapter, dataset: Dataset, version: Version, items: list[Item]
    ) -> None:
        sent = predicted(3, items[0])
        backend.predictions.write(sent, version=version, dataset=dataset)
        again = backend.predictions.write(sent, version=version, dataset=dataset)
        assert dict(again.counts) == {"ignored": 3}
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 3

    @needs("predictions.write", "predictions.read")
    def test_a_row_on_an_item_that_is_not_there_is_rejected(
        self, backend: Adapter, dataset: Dataset, version: Version, items: list[Item]
    ) -> None:
        rows = [predicted(1, items[0])[0], Prediction("nowhere", BOX, Box(1, 1, 1, 1), confidence=0.5)]
        report = backend.predictions.write(rows, version=version, dataset=dataset)
        assert [outcome.status for outcome in report] == ["created", "rejected"]

    @needs("predictions.write", "models.get", "versions.get")
    def test_a_feature_that_the_model_does_not_know_names_its_row(
        self, backend: Adapter, dataset: Dataset, version: Version, items: list[Item]
    ) -> None:
        rows = [*predicted(2, items[0]), Prediction(items[0].key, "unheard of", Box(1, 1, 1, 1), confidence=0.5)]
        with pytest.raises(InvalidData, match="unheard of") as refusal:
            backend.predictions.write(rows, version=version, dataset=dataset)
        assert (refusal.value.row, refusal.value.field) == (2, "feature")

    @needs("predictions.write", "predictions.read", "predictions.delete")
    def test_deleted_predictions_are_gone(
        self, backend: Adapter, dataset: Dataset, version: Version, items: list[Item]
    ) -> None:
        sent = predicted(3, items[0])
        backend.predictions.write(sent, version=version, dataset=dataset)
        backend.predictions.delete(version, dataset=dataset, ids=[sent[0].id])
        assert {row.id for row in backend.predictions.read(version, dataset=dataset)} == {row.id for row in sent[1:]}

    @needs("predictions.write", "predictions.read")
    def test_a_lost_answer_leaves_no_double(
        self,
        backend: Adapter,
        dataset: Dataset,
        version: Version,
        items: list[Item],
        live: Live[Any] | None,
        request: Any,
    ) -> None:
        if live is None:
            pytest.skip("there is no network in between")
        sent = predicted(5, items[0])
        live.faults.add(request.instance.lost_answer, method="POST")
        assert backend.predictions.write(sent, version=version, dataset=dataset).ok
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 5


def media_of(item: Item) -> bytes:
    """Return the bytes of an item's media."""
    if item.data is not None:
        return item.data
    uri = item.uri or ""
    if uri.startswith(("http://", "https://")):
        with urllib.request.urlopen(uri, timeout=30) as answer:
            return bytes(answer.read())
    return path_at(uri).read_bytes()
