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
from dragoman import (
    Box,
    Feature,
    Item,
    Label,
    Mask,
    MatchPolicy,
    NotFound,
    Ontology,
    Polygon,
    Prediction,
    Whole,
)
from dragoman.conformance.cassettes import HOST, cassette
from dragoman.emulate import running
from dragoman_nucleus import store
from dragoman_nucleus.emulator import create
from dragoman_nucleus.scenes import Scene

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


@pytest.fixture
def street(taped: Any) -> Any:
    """A dataset of the items `a` and `b`."""
    dataset = taped.datasets.create("street")
    items = [Item(key, uri=f"https://example.com/{key}.jpg") for key in ("a", "b")]
    taped.datasets.write_items(items, dataset=dataset).raise_for_problems()
    return dataset


@pytest.fixture
def run(taped: Any, street: Any) -> Any:
    """A run of a model that knows cars and people."""
    model = taped.models.create("detector", task="object_detection", features=["car", "person"])
    return taped.versions.create(model, name="first", dataset=street)


def boxes(count: int) -> list[Prediction]:
    return [Prediction("a", "car", Box(n, 2, 30, 40), confidence=n / 8) for n in range(count)]


def labelled(backend: Any, dataset: Any) -> None:
    rows = [Label(key, "car", Box(0, 2, 30, 40), track_id="car 1") for key in ("a", "b")]
    backend.labels.write(rows, dataset=dataset).raise_for_problems()


def test_cassette_versions(taped: Any, street: Any, run: Any, tmp_path: Path) -> None:
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"weights")
    assert [version.id for version in taped.versions.list(run.model)] == [run.id]
    taped.versions.upload_weights(run, weights)
    assert taped.versions.download_weights(run, tmp_path / "back").read_bytes() == b"weights"
    part = taped.slices.create("trained", dataset=street, items=["b"])
    taped.registry.add_trained_on(run.model, [part])
    assert [(item.key, item.split) for item in taped.versions.data(run)] == [("b", "trained")]
    taped.versions.delete(run)
    assert list(taped.versions.list(run.model)) == []


def test_cassette_uploads(taped: Any, street: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SYNCHRONOUS", 3)
    rows = [*boxes(4), Prediction("nowhere", "car", Box(1, 2, 3, 4))]
    report = taped.predictions.write(rows, version=run, dataset=street)
    assert report.counts == {"created": 4, "rejected": 1}
    assert taped.predictions.write(rows[:4], version=run, dataset=street).counts == {"ignored": 4}
    assert len(list(taped.predictions.read(run, dataset=street))) == 4


def test_cassette_masks(taped: Any, street: Any, run: Any) -> None:
    rows = [
        Prediction("a", name, Mask(4, 6, counts), confidence=0.5)
        for name, counts in (("car", (0, 8, 16)), ("person", (12, 4, 8)))
    ]
    for row in rows:
        taped.predictions.write([row], version=run, dataset=street, on_loss="convert").raise_for_problems()
    read = taped.predictions.read(run, dataset=street, items=["a"])
    assert {(row.feature, row.geometry, row.confidence) for row in read} == {
        (row.feature, row.geometry, 0.5) for row in rows
    }


def test_cassette_ontologies(taped: Any, street: Any) -> None:
    features = (Feature(name="rainy", geometries=("whole",)), Feature(name="car", geometries=("box",)))
    taped.ontologies.create(Ontology(name="street", features=features), dataset=street)
    taped.curation.delete_taxonomy(street, "street")
    with pytest.raises(NotFound, match="no annotations"):
        taped.ontologies.get(street)


def test_cassette_evaluations(taped: Any, street: Any, run: Any) -> None:
    labelled(taped, street)
    taped.predictions.write(boxes(1), version=run, dataset=street).raise_for_problems()
    policy = MatchPolicy(iou=0.7, pairs=(("car", "person"),))
    made = taped.evaluations.evaluate(run, dataset=street, policy=policy)
    assert (made.metrics["precision"], made.metrics["recall"]) == (1, 0.5)
    assert taped.evaluations.get(made) == made


def test_cassette_slices(taped: Any, street: Any) -> None:
    labelled(taped, street)
    part = taped.slices.create("part", dataset=street, items=["a"])
    taped.slices.append(part, ["b"])
    taped.slices.tag(part, ["night"])
    assert taped.slices.get(part).tags == ("night",)
    assert [item.key for item in taped.slices.items(part)] == ["a", "b"]
    assert len(list(taped.slices.labels(part, page_size=1))) == 2
    taped.slices.delete(part)
    assert taped.slices.list(dataset=street) == []


def test_cassette_benchmarks(taped: Any, street: Any, run: Any) -> None:
    labelled(taped, street)
    taped.predictions.write(boxes(1), version=run, dataset=street).raise_for_problems()
    preset = taped.presets.create("cars", groups={"vehicle": ["car", "person"]})
    benchmark = taped.benchmarks.create("all", datasets=[street])
    evaluation = taped.benchmarks.evaluate(benchmark, version=run, preset=preset)
    assert [entry["classLabel"] for entry in taped.benchmarks.charts(evaluation)["perClassAp"]] == ["vehicle"]
    assert [match["match_type"] for match in taped.benchmarks.matches(evaluation, kind="FN")] == ["FN"]
    taped.presets.delete(preset)
    taped.benchmarks.delete(benchmark)
    assert taped.benchmarks.list() == []


def test_cassette_scenes(taped: Any) -> None:
    dataset = taped.scenes.create_dataset("drives")
    frames = [Item(f"f{n}", uri=f"https://example.com/{n}.jpg") for n in range(2)]
    scene = Scene.video("drive", frames, frame_rate=10, metadata={"city": "Bern"})
    assert taped.scenes.write([scene], dataset=dataset).counts == {"created": 1}
    taped.labels.write([Label("f1", "car", Box(1, 2, 3, 4), track_id="car 1")], dataset=dataset).raise_for_problems()
    assert [one["camera"].key for one in taped.scenes.get(dataset, "drive").frames] == ["f0", "f1"]
    assert [track.id for track in taped.scenes.tracks(dataset)] == ["car 1"]
    taped.scenes.delete(dataset, "drive")
    assert taped.scenes.list(dataset) == []


def test_cassette_registry(taped: Any, street: Any, run: Any) -> None:
    taped.registry.add_tags(run.model, ["night"])
    assert taped.registry.tags(run.model) == ["night"]
    other = taped.versions.create(run.model, name="second", dataset=street)
    for version, row in zip((run, other), boxes(2), strict=True):
        taped.predictions.write([row], version=version, dataset=street).raise_for_problems()
    merged = taped.runs.merge([run, other], name="both")
    assert len(list(taped.predictions.read(merged, dataset=street))) == 2
    assert taped.runs.copy_to_model(merged, model=run.model)["copied"] == 2


def test_cassette_curation(taped: Any, street: Any) -> None:
    labelled(taped, street)
    taped.curation.add_tags(street, ["night"])
    assert taped.curation.tags(street) == ["night"]
    taped.curation.delete_labels(street, ["a"])
    taped.curation.delete_item(street, "a")
    assert [item.key for item in taped.search.items(street, 'reference_id = "b"')] == ["b"]


def test_cassette_handoff(taped: Any, street: Any) -> None:
    taped.handoff.send_items(street, project="signs", items=["a"])
    assert [part.name for part in taped.slices.list(dataset=street)] == ["sent to signs"]
