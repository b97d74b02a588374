"""What the plugin sends is exactly what was recorded. Replaying needs no server.

`make record PLATFORM=nucleus` records anew: against the emulator, or against Nucleus itself where `NUCLEUS_API_KEY` is
set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import Box, Item, Label, NotFound, Polygon, Prediction, Whole
from dragoman.conformance.cassettes import HOST, cassette
from dragoman.emulate import running
from dragoman_nucleus.emulator import create

CASSETTES = Path(__file__).parents[2] / "cassettes" / "nucleus"
RECORDING = bool(os.environ.get("DRAGOMAN_RECORD"))


@pytest.fixture
def taped(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A backend whose calls are replayed from the test's cassette, or recorded into it."""
    path = CASSETTES / f"{request.node.name.removeprefix('test_cassette_')}.json"
    with ExitStack() as stack:
        if not RECORDING:
            monkeypatch.delenv("NUCLEUS_ENDPOINT", raising=False)
            stack.enter_context(cassette(path))
            settings = {"endpoint": f"{HOST}/v1/nucleus", "api_key": "replayed"}
        elif key := os.environ.get("NUCLEUS_API_KEY"):
            stack.enter_context(cassette(path, against="the live platform", secrets=[key]))
            settings = {}
        else:
            live = stack.enter_context(running(create()))
            key = live.credentials["api_key"]
            stack.enter_context(cassette(path, against="the emulator of nucleus", secrets=[key]))
            settings = {"endpoint": f"{live.url}/v1/nucleus", "api_key": key}
        backend = stack.enter_context(dragoman.connect("nucleus", **settings))
        backend.sleep = lambda seconds: None
        yield backend


def test_cassette_models(taped: Any) -> None:
    model = taped.models.create("detector", task="object_detection", features=["car", "person"], metadata={"lr": 0.1})
    assert taped.models.get(model) == model
    assert model in list(taped.models.list(query="DETECT"))
    taped.models.delete(model)
    with pytest.raises(NotFound):
        taped.models.get(model)


def test_cassette_datasets(taped: Any) -> None:
    dataset = taped.datasets.create("street")
    sent = [Item(f"{n}.jpg", uri=f"https://example.com/{n}.jpg", width=64, height=48) for n in range(3)]
    assert taped.datasets.write_items(sent, dataset=dataset).counts == {"created": 3}
    assert taped.datasets.write_items(sent, dataset=dataset).counts == {"ignored": 3}
    read = list(taped.datasets.read_items(dataset, page_size=2))
    assert [(item.key, item.width, item.height) for item in read] == [(f"{n}.jpg", 64, 48) for n in range(3)]


def test_cassette_files(taped: Any, items: list[Item]) -> None:
    dataset = taped.datasets.create("files")
    assert taped.datasets.write_items(items, dataset=dataset).counts == {"created": 3}
    assert taped.datasets.get(dataset).items == 3


def test_cassette_labels(taped: Any) -> None:
    dataset = taped.datasets.create("street")
    taped.datasets.write_items([Item("a", uri="https://example.com/a.jpg")], dataset=dataset)
    sent = [
        Label("a", "car", Box(1, 2, 30, 40), metadata={"night": True}),
        Label("a", "road", Polygon.of([(0, 0), (10, 0), (10, 10)])),
        Label("a", "rain", Whole()),
    ]
    assert taped.labels.write(sent, dataset=dataset).counts == {"created": 3}
    assert {label.id for label in taped.labels.read(dataset)} == {label.id for label in sent}
    assert {label.feature for label in taped.labels.read(dataset, items=["a"])} == {"car", "road", "rain"}
    assert {feature.name for feature in taped.ontologies.get(dataset).features} == {"car", "road", "rain"}


def test_cassette_predictions(taped: Any) -> None:
    dataset = taped.datasets.create("street")
    taped.datasets.write_items([Item("a", uri="https://example.com/a.jpg")], dataset=dataset)
    model = taped.models.create("detector", task="object_detection", features=["car"])
    version = taped.versions.create(model, name="first", dataset=dataset)
    assert taped.versions.get(version).model == model.id
    sent = [
        Prediction("a", "car", Box(1, 2, 30, 40), confidence=0.0, class_pdf={"car": 1.0}),
        Prediction("nowhere", "car", Box(1, 2, 30, 40), confidence=0.5),
    ]
    report = taped.predictions.write(sent, version=version, dataset=dataset)
    assert report.counts == {"created": 1, "rejected": 1}
    (read,) = taped.predictions.read(version, dataset=dataset)
    assert (read.confidence, read.class_pdf) == (0.0, {"car": 1.0})
    assert list(taped.predictions.read(version, dataset=dataset, items=["a"])) == [read]
