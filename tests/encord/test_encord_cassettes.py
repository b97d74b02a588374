"""What the plugin sends is exactly what was recorded. Replaying needs no server.

`make record PLATFORM=encord` records anew: against the emulator, or against Encord itself where `ENCORD_SSH_KEY` is
set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import dragoman
from dragoman import Box, Item, Label, NotFound, Polygon, Prediction, Whole
from dragoman.conformance.cassettes import HOST, cassette
from dragoman.emulate import running
from dragoman.schema import Attribute, AttributeOption, Feature, Ontology, Radio
from dragoman_encord.emulator import create

CASSETTES = Path(__file__).parents[2] / "cassettes" / "encord"
RECORDING = bool(os.environ.get("DRAGOMAN_RECORD"))
THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def taped(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A backend whose calls are replayed from the test's cassette, or recorded into it."""
    path = CASSETTES / f"{request.node.name.removeprefix('test_cassette_')}.json"
    with ExitStack() as stack:
        if not RECORDING:
            for name in ("ENCORD_SSH_KEY", "ENCORD_SSH_KEY_FILE", "ENCORD_DOMAIN"):
                monkeypatch.delenv(name, raising=False)
            stack.enter_context(cassette(path))
            settings = {"domain": HOST, "ssh_private_key": _any_key()}
        elif key := os.environ.get("ENCORD_SSH_KEY"):
            stack.enter_context(cassette(path, against="the live platform", secrets=[key]))
            settings = {}
        else:
            live = stack.enter_context(running(create()))
            live.settings.job_polls = 1
            key = live.credentials["ssh_private_key"]
            stack.enter_context(cassette(path, against="the emulator of encord", secrets=[key]))
            settings = {"domain": live.url, "ssh_private_key": key}
        backend = stack.enter_context(dragoman.connect("encord", concurrency=1, **settings))
        backend.sleep = lambda seconds: None
        # Written labels are stamped, and the stamp is in the body.
        backend.now = lambda: THEN
        yield backend


def _any_key() -> str:
    """A key of the right kind: signatures are not recorded, and so not compared."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


STREET = Ontology(
    name="street",
    features=(
        Feature(name="car", geometries=("box", "polygon"), attributes=(Attribute(name="plate", kind="text"),)),
        Feature(name="rain", geometries=("whole",)),
        Feature(
            name="weather",
            geometries=("whole",),
            attributes=(
                Attribute(
                    name="weather", kind="radio", options=(AttributeOption(name="sun"), AttributeOption(name="fog"))
                ),
            ),
        ),
    ),
)


@pytest.fixture
def drawn(tmp_path: Path) -> list[Item]:
    """Two files whose bytes are text, as they are kept in the cassette."""
    made = []
    for name, shade in (("a", 7), ("b", 9)):
        path = tmp_path / f"{name}.ppm"
        path.write_text("P3\n4 3\n255\n" + f"{shade} 0 0\n" * 12)
        made.append(Item(name, uri=str(path), split="train"))
    return made


@pytest.fixture
def pictured(taped: Any) -> Any:
    """A dataset of one image and one video in a bucket, with an ontology."""
    dataset = taped.datasets.create("street")
    items = [
        Item("a", uri="s3://bucket/a.png", width=64, height=48),
        Item("v", uri="s3://bucket/v.mp4", width=64, height=48, media="video", frames=4, frame_rate=2.0),
    ]
    taped.datasets.write_items(items, dataset=dataset).raise_for_problems()
    taped.ontologies.create(STREET, dataset=dataset)
    return dataset


def test_cassette_models(taped: Any) -> None:
    model = taped.models.create("detector", task="object_detection", features=["car"], key="d-1", metadata={"lr": 0.1})
    assert taped.models.get(model) == model
    assert model in list(taped.models.list(query="DETECT", order="name"))
    assert taped.models.update(model, name="finder").key == "d-1"
    taped.models.delete(model)
    with pytest.raises(NotFound):
        taped.models.get(model)


def test_cassette_datasets(taped: Any, drawn: list[Item]) -> None:
    dataset = taped.datasets.create("street")
    assert taped.datasets.write_items(drawn, dataset=dataset).counts == {"created": 2}
    assert taped.datasets.write_items(drawn, dataset=dataset, update=True).counts == {"updated": 2}
    read = list(taped.datasets.read_items(dataset, page_size=1))
    assert [(item.key, item.width, item.height, item.split) for item in read] == [
        ("a", 4, 3, "train"),
        ("b", 4, 3, "train"),
    ]
    assert taped.datasets.get(dataset) == dataset
    assert dataset in list(taped.datasets.list())


def test_cassette_ontologies(taped: Any, pictured: Any) -> None:
    held = taped.ontologies.get(pictured)
    assert [feature.name for feature in held.features] == [feature.name for feature in STREET.features]
    assert taped.ontologies.create(held, dataset=pictured) == held


def test_cassette_labels(taped: Any, pictured: Any) -> None:
    sent = [
        Label("a", "car", Box(1, 2, 30, 40), metadata={"night": True}, attributes={"plate": "BE 1"}),
        Label("a", "car", Polygon.of([(0, 0), (10, 0), (10, 10)])),
        Label("a", "weather", Whole(), answer=Radio.of("fog")),
        Label("v", "car", Box(1, 2, 3, 4), frame=2, track_id="t"),
        Label("v", "rain", Whole(), span=(1, 2)),
    ]
    assert taped.labels.write(sent, dataset=pictured).counts == {"created": 5}
    assert taped.labels.write(sent[:1], dataset=pictured, update=True).counts == {"updated": 1}
    assert {label.id for label in taped.labels.read(pictured)} == {label.id for label in sent}
    assert {label.id for label in taped.labels.read(pictured, items=["v"])} == {label.id for label in sent[3:]}


def test_cassette_training(taped: Any, pictured: Any, tmp_path: Path) -> None:
    taped.labels.write([Label("a", "car", Box(4, 8, 16, 12))], dataset=pictured)
    model = taped.models.create("detector", task="object_detection", features=["car"])
    training = taped.training.submit(model, dataset=pictured, parameters={"epochs": 2, "weights": "fasterRcnnR50C41X"})
    done = taped.training.wait(training)
    version = taped.versions.get(done.version)
    assert list(taped.versions.list(model)) == [version]
    assert [item.key for item in taped.versions.data(version)] == ["a"]
    assert taped.versions.download_weights(version, tmp_path / "weights").stat().st_size > 0
    taped.versions.delete(version)


def test_cassette_inference(taped: Any, pictured: Any) -> None:
    taped.labels.write([Label("a", "car", Box(4, 8, 16, 12))], dataset=pictured)
    model = taped.models.create("detector", task="object_detection", features=["car"])
    version = taped.training.wait(taped.training.submit(model, dataset=pictured)).version
    attachment = taped.attachments.attach(model, project=pictured.id, features={"car": "car"})
    assert list(taped.attachments.list(pictured.id)) == [attachment]
    assert taped.attachments.update(attachment, features={"car": "car"}) == attachment
    items = list(taped.datasets.read_items(pictured))
    (found,) = taped.inference.predict(version, items, confidence=0.0)
    assert (found.item, found.feature) == ("a", "car")
    taped.attachments.detach(attachment)


def test_cassette_segmentation_and_classification(taped: Any, pictured: Any, drawn: list[Item]) -> None:
    rows = [
        Label("a", "car", Polygon.of([(0, 0), (10, 0), (10, 10)])),
        Label("a", "weather", Whole(), answer=Radio.of("fog")),
    ]
    taped.labels.write(rows, dataset=pictured)
    items = [item for item in taped.datasets.read_items(pictured) if item.media == "image"]
    for task, feature in (("instance_segmentation", "car"), ("classification", "fog")):
        model = taped.models.create(task, task=task, features=[feature])
        version = taped.training.wait(taped.training.submit(model, dataset=pictured)).version
        taped.attachments.attach(model, project=pictured.id, features={feature: feature}, versions=[version])
        (found,) = taped.inference.predict(version, items, confidence=0.0)
        assert found.feature == feature
        assert list(taped.inference.predict(version, [drawn[0].uri], confidence=0.0)) == []


def test_cassette_predictions(taped: Any, pictured: Any) -> None:
    taped.labels.write([Label("a", "car", Box(4, 8, 16, 12))], dataset=pictured)
    model = taped.models.create("detector", task="object_detection", features=["car"])
    version = taped.training.wait(taped.training.submit(model, dataset=pictured)).version
    sent = [
        Prediction("a", "car", Box(1, 2, 30, 40), confidence=0.0),
        Prediction("v", "car", Box(1, 2, 30, 40), frame=1, confidence=0.5),
        Prediction("nowhere", "car", Box(1, 2, 30, 40), confidence=0.5),
    ]
    report = taped.predictions.write(sent, version=version, dataset=pictured)
    assert report.counts == {"created": 2, "rejected": 1}
    read = {row.id: row.confidence for row in taped.predictions.read(version, dataset=pictured)}
    assert read == {sent[0].id: 0.0, sent[1].id: 0.5}
    taped.predictions.delete(version, dataset=pictured, ids=[sent[0].id])
    assert [row.id for row in taped.predictions.read(version, dataset=pictured)] == [sent[1].id]


def test_cassette_handoff(taped: Any, pictured: Any) -> None:
    taped.labels.write([Label("v", "car", Box(4, 8, 16, 12), frame=0)], dataset=pictured)
    model = taped.models.create("detector", task="object_detection", features=["car"])
    version = taped.training.wait(taped.training.submit(model, dataset=pictured)).version
    sent = [Prediction("a", "car", Box(1, 2, 30, 40), confidence=0.5)]
    taped.predictions.write(sent, version=version, dataset=pictured)
    taped.handoff.send_predictions(version, dataset=pictured, project=pictured.id)
    assert {label.item for label in taped.labels.read(pictured)} == {"a", "v"}
    more = taped.datasets.create("more")
    taped.handoff.send_items(more, project=pictured.id)
