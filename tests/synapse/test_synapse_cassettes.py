"""What the plugin sends is exactly what was recorded. Replaying needs no server.

`make record PLATFORM=synapse` records anew: against the emulator, or against Synapse where `SYNAPSE_ACCESS_TOKEN`
is set. There, ground truth must be in a dataset `street` beforehand: no call of a client makes any.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from synapse_ground import seeded

import dragoman
from dragoman import NotFound
from dragoman.conformance.cassettes import HOST, cassette
from dragoman.conformance.difficult import png
from dragoman.emulate import running
from dragoman.schema import Status
from dragoman_synapse.emulator import create

CASSETTES = Path(__file__).parents[2] / "cassettes" / "synapse"
RECORDING = bool(os.environ.get("DRAGOMAN_RECORD"))
NAMES = ["0.png", "1.png", "2.png"]
CHOICES = {"plugin": "detector", "chunk_bytes": 20_000, "concurrency": 1}


def without_host(path: Path, host: str) -> None:
    """Take the emulator's address out of the answers, which name further addresses."""
    path.write_text(path.read_text(encoding="utf-8").replace(host, HOST), encoding="utf-8")


@pytest.fixture
def taped(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A backend whose calls are replayed from the test's cassette, or recorded into it."""
    path = CASSETTES / f"{request.node.name.removeprefix('test_cassette_')}.json"
    with ExitStack() as stack:
        if not RECORDING:
            monkeypatch.delenv("SYNAPSE_HOST", raising=False)
            stack.enter_context(cassette(path))
            settings = {"endpoint": HOST, "access_token": "replayed"}
        elif token := os.environ.get("SYNAPSE_ACCESS_TOKEN"):
            stack.enter_context(cassette(path, against="the live platform", secrets=[token]))
            settings = {}
        else:
            live = stack.enter_context(running(create()))
            live.settings.job_polls = 0
            seeded(live, NAMES)
            token = live.credentials["access_token"]
            stack.callback(without_host, path, live.url)
            stack.enter_context(cassette(path, against="the emulator of synapse", secrets=[token]))
            settings = {"endpoint": live.url, "access_token": token}
        backend = stack.enter_context(dragoman.connect("synapse", **settings, **CHOICES))
        backend.sleep = lambda seconds: None
        yield backend


@pytest.fixture
def dataset(taped: Any) -> str:
    """The id of the dataset with ground truth."""
    return taped.datasets.find("street").id


def trained(taped: Any, dataset: str) -> Any:
    """Train a version and deploy its plugin."""
    model = taped.models.create("detector", task="object_detection", features=["car", "person"])
    version = taped.truths.freeze(dataset, "1.0")
    job = taped.training.wait(taped.training.submit(model, dataset=version.key, parameters={"epochs": 2}))
    taped.deployments.serve(num_gpus=1)
    return taped.versions.get(job.version)


def test_cassette_models(taped: Any) -> None:
    model = taped.models.create("detector", task="object_detection", features=["car", "person"], metadata={"lr": 0.1})
    assert taped.models.get(model) == model
    assert model in list(taped.models.list(query="DETECT", page_size=1))
    assert taped.models.update(model, description="of cars").description == "of cars"
    taped.models.delete(model)
    with pytest.raises(NotFound):
        taped.models.get(model)


def test_cassette_versions(taped: Any, tmp_path: Path) -> None:
    model = taped.models.create("detector", task="object_detection", features=["car"])
    version = taped.versions.create(model, name="first", config={"epochs": 3})
    weights = tmp_path / "weights.txt"
    weights.write_text("0123456789" * 5000)
    taped.versions.upload_weights(version, weights)
    assert taped.versions.download_weights(version, tmp_path / "back").read_bytes() == weights.read_bytes()
    found = taped.versions.update(version, metrics={"mAP": 0.5}, status="succeeded")
    assert (found.metrics, found.status) == ({"mAP": 0.5}, Status.SUCCEEDED)
    assert [listed.id for listed in taped.versions.list(model)] == [version.id]
    taped.versions.delete(version)


def test_cassette_datasets(taped: Any, dataset: str) -> None:
    assert taped.datasets.get(dataset).items == 3
    assert [item.key for item in taped.datasets.read_items(dataset, page_size=2)] == NAMES
    made = taped.datasets.create("another", metadata={"place": "Ulm"})
    assert {found.id for found in taped.datasets.list(page_size=1)} == {dataset, made.id}
    taped.datasets.delete(made)


def test_cassette_labels(taped: Any, dataset: str) -> None:
    assert Counter(label.feature for label in taped.labels.read(dataset, page_size=2)) == {"car": 3, "person": 1}
    assert {label.item for label in taped.labels.read(dataset, items=["1.png"])} == {"1.png"}
    assert taped.labels.versions(dataset) == []


def test_cassette_ontologies(taped: Any, dataset: str) -> None:
    assert {feature.name for feature in taped.ontologies.get(dataset).features} == {"car", "person"}


def test_cassette_truths(taped: Any, dataset: str, tmp_path: Path) -> None:
    version = taped.truths.freeze(dataset, "1.0")
    assert [found.key for found in taped.truths.versions(dataset, archived=False)] == [version.key]
    assert len(list(taped.truths.events([version.id], category="train", data_type="image", page_size=2))) == 3
    assert len(list(taped.truths.events([version.id], view="data"))) == 3
    assert len(list(taped.truths.events([version.id], view="files"))) == 3
    assert [key for key, _ in taped.truths.manifest(version.key)] == NAMES
    assert sum(map(len, taped.truths.split(dataset, {"train": 0.5, "test": 0.5}).values())) == 3
    taped.truths.export(version.key, tmp_path / "coco.json")


def test_cassette_catalog(taped: Any) -> None:
    taped.models.create("detector", task="object_detection", features=["car"])
    (entry,) = taped.catalog.list(model_type="detection", is_active=False, search="detector", page_size=5)
    assert taped.catalog.get(entry.id, expand=["metrics"]).id == entry.id
    assert taped.catalog.count() == 1


def test_cassette_training(taped: Any, dataset: str) -> None:
    version = trained(taped, dataset)
    (job,) = taped.training.list(status="succeeded")
    assert job.version == version.id
    assert any("epoch 2/2" in line for line in taped.training.logs(job))
    assert {item.key for item in taped.training.data(job)} == set(NAMES)
    assert taped.training.cancel(job).status is Status.SUCCEEDED


def test_cassette_inference(taped: Any, dataset: str, tmp_path: Path) -> None:
    version = trained(taped, dataset)
    (tmp_path / "new.png").write_bytes(png(7))
    item = dragoman.Item("new", uri=str(tmp_path / "new.png"))
    found = list(taped.inference.predict(version, [item], confidence=0.5))
    assert [row.feature for row in found] == ["car"]


def test_cassette_evaluations(taped: Any, dataset: str) -> None:
    assert taped.evaluations.evaluate(trained(taped, dataset), dataset=dataset).labels == 4


def test_cassette_handoff(taped: Any, dataset: str) -> None:
    version = trained(taped, dataset)
    project = str(taped.client.get(f"v2/ground-truth-datasets/{dataset}/")["data"]["project_id"])
    taped.handoff.send_items(dataset, project=project, items=["2.png"])
    taped.handoff.send_predictions(version, dataset=dataset, project=project)


def test_cassette_collections(taped: Any, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_bytes(png(int(name[0])))
    items = [dragoman.Item(name, uri=str(tmp_path / name), metadata={"night": True}) for name in NAMES]
    made = taped.collections.create("new pictures")
    assert taped.collections.add(items, collection=made.id).counts == {"created": 3}
    assert taped.collections.add(items, collection=made.id).counts == {"ignored": 3}
    assert made in list(taped.collections.list())


def test_cassette_deployments(taped: Any, dataset: str, tmp_path: Path) -> None:
    (tmp_path / "w").write_text("weights")
    model = taped.models.create("detector", task="object_detection", features=["car"])
    first = taped.deployments.create(model, name="v1", weights=tmp_path / "w", project=7, metrics={"mAP": 0.5})
    second = taped.deployments.create(model, name="v2", weights=tmp_path / "w", project=7, metrics={"mAP": 0.7})
    assert second.replaced == (first.version.id,)
    assert [version.id for version in taped.deployments.active(project=7)] == [second.version.id]
    ranked = taped.performance.compare([first.version.id, second.version.id], metric="mAP")
    assert [one.value for one in ranked] == [0.7, 0.5]
    assert taped.performance.analyse(second.version.id, dataset=dataset).labels == 4
