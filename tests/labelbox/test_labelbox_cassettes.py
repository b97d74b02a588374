"""What the plugin sends is exactly what was recorded. Replaying needs no server.

`make record PLATFORM=labelbox` records anew: against the emulator, or against Labelbox itself where `LABELBOX_API_KEY`
is set. Each upload has one item, because the SDK sends several in the order in which its threads end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from labelbox.schema.foundry.app import App
from labelbox.schema.foundry.foundry_client import FoundryClient

import dragoman
from dragoman import (
    Attribute,
    AttributeOption,
    Box,
    Feature,
    Item,
    Label,
    NotFound,
    Ontology,
    Polygon,
    Prediction,
    Radio,
    Whole,
)
from dragoman.conformance.cassettes import HOST, cassette
from dragoman.emulate import running
from dragoman_labelbox.emulator import create

CASSETTES = Path(__file__).parents[2] / "cassettes" / "labelbox"
RECORDING = bool(os.environ.get("DRAGOMAN_RECORD"))
FEATURES = (
    Feature(
        name="car",
        geometries=("box", "polygon"),
        attributes=(Attribute(name="colour", kind="radio", options=(AttributeOption(name="red"),)),),
    ),
    Feature(name="road", geometries=("mask",)),
    Feature(name="rain", geometries=("whole",)),
)


def _settings(root: str, key: str) -> dict[str, str]:
    return {"endpoint": f"{root}/graphql", "rest_endpoint": f"{root}/api/v1", "api_key": key}


@pytest.fixture
def taped(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A backend whose calls are replayed from the test's cassette, or recorded into it."""
    path = CASSETTES / f"{request.node.name.removeprefix('test_cassette_')}.json"
    with ExitStack() as stack:
        if not RECORDING:
            stack.enter_context(cassette(path))
            settings = _settings(HOST, "replayed")
        elif key := os.environ.get("LABELBOX_API_KEY"):
            stack.enter_context(cassette(path, against="the live platform", secrets=[key]))
            settings = {"api_key": key}
        else:
            live = stack.enter_context(running(create()))
            key = live.credentials["api_key"]
            stack.enter_context(cassette(path, against="the emulator of labelbox", secrets=[key]))
            settings = _settings(live.url, key)
        backend = stack.enter_context(dragoman.connect("labelbox", **settings))
        backend.sleep = lambda seconds: None
        yield backend


@pytest.fixture
def dataset(taped: Any) -> Any:
    """A dataset of one image with an ontology."""
    dataset = taped.datasets.create("street")
    taped.ontologies.create(Ontology(name="o", features=FEATURES), dataset=dataset)
    sent = Item("a", uri="https://example.com/a.jpg", width=64, height=48, split="train")
    taped.datasets.write_items([sent], dataset=dataset).raise_for_problems()
    return dataset


def test_cassette_models(taped: Any) -> None:
    model = taped.models.create("detector", task="object_detection", features=["car", "person"], metadata={"lr": 0.1})
    assert taped.models.get(model) == model
    assert model in list(taped.models.list(query="DETECT"))
    taped.models.delete(model)
    with pytest.raises(NotFound):
        taped.models.get(model)


def test_cassette_datasets(taped: Any, dataset: Any) -> None:
    assert taped.datasets.get(dataset).items == 1
    sent = Item("a", uri="https://example.com/a.jpg", metadata={"city": "Bern"})
    assert taped.datasets.write_items([sent], dataset=dataset).counts == {"ignored": 1}
    assert taped.datasets.write_items([sent], dataset=dataset, update=True).counts == {"updated": 1}
    (read,) = taped.datasets.read_items(dataset)
    assert (read.key, read.metadata) == ("a", {"city": "Bern"})
    assert taped.datasets.find("street").id == dataset.id
    taped.datasets.delete(dataset)
    with pytest.raises(NotFound):
        taped.datasets.get(dataset)


def test_cassette_files(taped: Any, items: list[Item]) -> None:
    dataset = taped.datasets.create("files")
    assert taped.datasets.write_items(items[:1], dataset=dataset).counts == {"created": 1}
    assert [item.key for item in taped.datasets.read_items(dataset)] == [items[0].key]


def test_cassette_ontologies(taped: Any, dataset: Any) -> None:
    found = taped.ontologies.get(dataset)
    assert [(feature.name, feature.geometries) for feature in found.features] == [
        (feature.name, feature.geometries) for feature in FEATURES
    ]


def test_cassette_labels(taped: Any, dataset: Any) -> None:
    sent = [
        Label("a", "car", Box(1, 2, 30, 40), metadata={"night": True}, attributes={"colour": Radio.of("red")}),
        Label("a", "car", Polygon.of([(0, 0), (10, 0), (10, 10)])),
        Label("a", "rain", Whole()),
    ]
    rows = [*sent, Label("a", "tree", Box(1, 2, 3, 4)), Label("nowhere", "car", Box(1, 2, 3, 4))]
    report = taped.labels.write(rows, dataset=dataset)
    assert report.counts == {"created": 3, "rejected": 2}
    assert {label.id for label in taped.labels.read(dataset)} == {label.id for label in sent}
    assert {label.feature for label in taped.labels.read(dataset, items=["a"])} == {"car", "rain"}
    assert taped.labels.export(dataset).startswith("http")


def test_cassette_videos(taped: Any) -> None:
    dataset = taped.datasets.create("film")
    sent = Item("v", uri="https://example.com/v.mp4", media="video", width=64, height=48, frames=10)
    taped.datasets.write_items([sent], dataset=dataset).raise_for_problems()
    track = [
        Label("v", "car", Box(n, 2, 3, 4), frame=n, span=(0, 5), interpolation="linear", track_id="t") for n in (0, 5)
    ]
    assert taped.labels.write(track, dataset=dataset).counts == {"created": 2}
    read = taped.labels.read(dataset)
    assert sorted(label.id for label in read) == sorted(label.id for label in track)


def test_cassette_versions(taped: Any, dataset: Any) -> None:
    taped.labels.write([Label("a", "car", Box(1, 2, 3, 4))], dataset=dataset).raise_for_problems()
    model = taped.models.create("detector", task="object_detection", features=["car"])
    version = taped.versions.create(model, name="first", dataset=dataset, config={"batch_size": 8})
    assert taped.versions.get(version).config == {"batch_size": 8}
    assert taped.versions.update(version, metrics={"mAP": 0.5}).metrics == {"mAP": 0.5}
    assert [(item.key, item.split) for item in taped.versions.data(version)] == [("a", "train")]
    assert [found.id for found in taped.versions.list(model)] == [version.id]
    taped.versions.delete(version)
    assert list(taped.versions.list(model)) == []


def test_cassette_predictions(taped: Any, dataset: Any) -> None:
    model = taped.models.create("detector", task="object_detection", features=["car"])
    version = taped.versions.create(model, name="first", dataset=dataset)
    sent = [
        Prediction("a", "car", Box(1, 2, 30, 40), confidence=0.0, metadata={"metrics": {"matches": [1, 0, 0, 2]}}),
        Prediction("nowhere", "car", Box(1, 2, 30, 40), confidence=0.5),
    ]
    report = taped.predictions.write(sent, version=version, dataset=dataset)
    assert report.counts == {"created": 1, "rejected": 1}
    (read,) = taped.predictions.read(version, dataset=dataset)
    assert (read.id, read.confidence) == (sent[0].id, 0.0)
    assert list(taped.predictions.read(version, dataset=dataset, items=["a"])) == [read]
    taped.predictions.delete(version, dataset=dataset)
    assert list(taped.predictions.read(version, dataset=dataset)) == []


def test_cassette_inference(taped: Any, dataset: Any) -> None:
    ontology = taped.projects.of(dataset.id).ontology()
    classes = {tool["name"]: tool["featureSchemaId"] for tool in ontology.normalized["tools"][:1]}
    hosted = os.environ.get("LABELBOX_FOUNDRY_MODEL", "hosted")
    app = App(model_id=hosted, name="app", inference_params={}, class_to_schema_id=classes, ontology_id=ontology.uid)
    made = FoundryClient(taped.client)._create_app(app)
    (item,) = taped.datasets.read_items(dataset)
    assert {row.item for row in taped.inference.predict(made.id, [item], confidence=0)} <= {"a"}
    with pytest.raises(NotFound):
        list(taped.inference.predict("nobody", [item]))


def test_cassette_evaluations(taped: Any, dataset: Any) -> None:
    taped.labels.write([Label("a", "car", Box(1, 2, 30, 20))], dataset=dataset).raise_for_problems()
    model = taped.models.create("detector", task="object_detection", features=["car"])
    version = taped.versions.create(model, name="first", dataset=dataset)
    sent = [Prediction("a", "car", Box(1, 2, 30, 20), confidence=0.9)]
    taped.predictions.write(sent, version=version, dataset=dataset).raise_for_problems()
    assert taped.evaluations.evaluate(version, dataset=dataset).metrics["mAP50"] == pytest.approx(1.0)


def test_cassette_handoff(taped: Any, dataset: Any) -> None:
    model = taped.models.create("detector", task="object_detection", features=["car"])
    version = taped.versions.create(model, name="first", dataset=dataset)
    taped.predictions.write([Prediction("a", "car", Box(1, 2, 3, 4))], version=version, dataset=dataset)
    target = taped.datasets.create("target")
    taped.ontologies.create(Ontology(name="o", features=FEATURES), dataset=target)
    project = taped.projects.of(target.id).uid
    taped.handoff.send_predictions(version, dataset=dataset, project=project)
    taped.handoff.send_items(dataset, project=project, items=["a"])
    rows = [Prediction("a", "car", Box(5, 6, 7, 8), confidence=0.5)]
    assert taped.handoff.write_and_send(rows, version=version.id, dataset=dataset.id, project=project).ok
    drafts = [Label("a", "rain", Whole())]
    assert taped.handoff.write_drafts(drafts, dataset=dataset.id, project=project).ok
