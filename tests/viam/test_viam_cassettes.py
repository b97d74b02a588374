"""What the plugin sends is exactly what was recorded. Replaying needs no server.

`make record PLATFORM=viam` records anew: against the emulator, or against Viam itself where `VIAM_API_KEY` and
`VIAM_API_KEY_ID` are set. Values that the platform gives are in the cassettes; everything that is sent is the same each
time, so versions have names here and not the time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import Box, Item, Label, NotFound, Prediction, Whole
from dragoman.conformance.difficult import png
from dragoman.conformance.grpc_cassettes import grpc_cassette
from dragoman.emulate import running
from dragoman_viam.emulator import create

CASSETTES = Path(__file__).parents[2] / "cassettes" / "viam"
RECORDING = bool(os.environ.get("DRAGOMAN_RECORD"))
MASKED = ("proto.rpc.v1.AuthenticateResponse.access_token",)
NOBODY = {"api_key": "replayed", "api_key_id": "01234567-89ab-cdef-0123-456789abcdef"}
"""Credentials of a replay. They are masked as the real ones were, so what is sent is the same."""


@pytest.fixture
def taped(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A backend whose calls are replayed from the test's cassette, or recorded into it."""
    path = CASSETTES / f"{request.node.name.removeprefix('test_cassette_')}.json"
    with ExitStack() as stack:
        if not RECORDING:
            monkeypatch.delenv("VIAM_ENDPOINT", raising=False)
            settings, against = {"endpoint": "https://recorded", **NOBODY}, None
        elif key := os.environ.get("VIAM_API_KEY"):
            settings, against = {"api_key": key, "api_key_id": os.environ["VIAM_API_KEY_ID"]}, "the live platform"
        else:
            live = stack.enter_context(running(create()))
            settings, against = {"endpoint": live.url, **live.credentials}, "the emulator of viam"
        secrets = [settings["api_key"], settings["api_key_id"]]
        stack.enter_context(grpc_cassette(path, against=against, secrets=secrets, masked=MASKED))
        backend = stack.enter_context(dragoman.connect("viam", **settings))
        backend.sleep = lambda seconds: None
        yield backend


def stored(taped: Any, count: int) -> Any:
    """A dataset of small images."""
    dataset = taped.datasets.create("taped")
    rows = [Item(f"{number}.png", data=png(number), width=64, height=48) for number in range(count)]
    assert dict(taped.datasets.write_items(rows, dataset=dataset).counts) == {"created": count}
    return dataset


def test_cassette_datasets(taped: Any) -> None:
    dataset = stored(taped, 3)
    assert taped.datasets.get(dataset).items == 3
    assert dataset.id in [found.id for found in taped.datasets.list()]
    assert sorted(item.key for item in taped.datasets.read_items(dataset, page_size=2)) == ["0.png", "1.png", "2.png"]
    again = taped.datasets.write_items([Item("0.png", data=png(0))], dataset=dataset)
    assert dict(again.counts) == {"ignored": 1}
    taped.datasets.delete(dataset)
    with pytest.raises(NotFound):
        taped.datasets.get(dataset)


def test_cassette_labels(taped: Any) -> None:
    dataset = stored(taped, 2)
    sent = [
        Label("0.png", "car", Box(1, 2, 30, 40)),
        Prediction("0.png", "bus", Box(1.5, 2.5, 3, 4), confidence=0.0),
        Label("1.png", "rain", Whole()),
        Label("1.png", "car", Box(60, 2, 30, 40)),
        Label("nowhere", "car", Box(1, 2, 30, 40)),
    ]
    assert dict(taped.labels.write(sent, dataset=dataset).counts) == {"created": 3, "rejected": 2}
    assert sorted(label.id for label in taped.labels.read(dataset)) == sorted(row.id for row in sent[:3])
    moved = Label("0.png", "car", Box(2, 2, 30, 40), id=sent[0].id)
    assert dict(taped.labels.write([moved], dataset=dataset, update=True).counts) == {"updated": 1}
    assert {label.geometry for label in taped.labels.read(dataset, items=["0.png"])} == {
        Box(2, 2, 30, 40),
        Box(1.5, 2.5, 3, 4),
    }
    assert {feature.name for feature in taped.ontologies.get(dataset).features} == {"car", "bus", "rain"}


def test_cassette_images(taped: Any) -> None:
    dataset = stored(taped, 2)
    ids = [item.id for item in taped.datasets.read_items(dataset)]
    taped.images.tag(["seen"], ids=ids)
    assert taped.images.count({"dataset_id": dataset.id, "tags_filter": {"tags": ["seen"]}}) == 2
    assert taped.images.untag(["seen"], wanted={"dataset_id": dataset.id}) == 2
    other = taped.sets.merge([dataset.id], name="merged")
    taped.images.leave(ids[:1], other.id)
    assert [item.id for item in taped.datasets.read_items(other)] == ids[1:]
    assert taped.images.delete(ids=ids) == 2


def test_cassette_models(taped: Any) -> None:
    model = taped.models.create("Größe 🦊", task="object_detection", features=["car"], metadata={"lr": 0.1})
    assert taped.models.get(model).metadata == {"lr": 0.1}
    assert model.id in [found.id for found in taped.models.list(query="grö")]
    version = taped.versions.create(model, name="first", tags=["a"])
    assert [found.id for found in taped.versions.list(model)] == [version.id]
    assert taped.models.update(model, description="new").description == "new"
    taped.models.delete(model)
    with pytest.raises(NotFound):
        taped.models.get(model)


def test_cassette_weights(taped: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"weights")
    model = taped.models.create("weighed", task="classification", features=["a", "b"])
    version = taped.versions.create(model, name="first")
    assert taped.versions.upload_weights(version, path).status == "succeeded"
    taped.versions.delete(version)
    assert list(taped.versions.list(model)) == []


def test_cassette_training_and_inference(taped: Any) -> None:
    dataset = stored(taped, 16)
    rows = [Label(f"{number}.png", "car", Box(1, 2, 30, 20)) for number in range(16)]
    taped.labels.write(rows, dataset=dataset).raise_for_problems()
    model = taped.models.create("detector", task="object_detection", features=["car"])
    job = taped.training.submit(model, dataset=dataset, parameters={"version": "v1"})
    ended = taped.training.wait(job)
    assert ended.version == f"{model.id}@v1"
    assert [line.partition(" ")[2] for line in taped.training.logs(job)][-1] == "INFO training completed"
    items = sorted(taped.datasets.read_items(dataset), key=lambda item: item.key)[:3]
    assert [row.feature for row in taped.inference.predict(ended.version, items)] == ["car"] * 3
    taped.training.delete(job)
    assert job.id not in [found.id for found in taped.training.list()]


def test_cassette_scripts_and_containers(taped: Any, tmp_path: Path) -> None:
    (tmp_path / "training.py").write_text("print('trained')\n")
    dataset = stored(taped, 1)
    script = taped.registry.upload_script("trainer", tmp_path, version="1")
    mine = taped.containers.register("registry.example/trainer:1")
    assert mine in taped.containers.list()
    model = taped.models.create("scripted", task="object_detection", features=["car"])
    parameters = {"version": "1", "script": script, "script_version": "1", "arguments": {"epochs": 2}}
    job = taped.training.submit(model, dataset=dataset, parameters={**parameters, "container_id": mine.id})
    assert taped.training.cancel(job).config["arguments"] == {"epochs": "2"}
    assert [container.key for container in taped.containers.supported()]
