"""What the plugin sends is exactly what a real MLflow was sent. Replaying needs no server.

`make record PLATFORM=mlflow` records anew, against the server of the live tests.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import Conflict, NotFound, Unsupported
from dragoman.conformance.cassettes import HOST, cassette
from dragoman.schema import Status

TESTS = Path(__file__).parents[1]
CASSETTES = TESTS.parent / "cassettes" / "mlflow"
RECORDING = bool(os.environ.get("DRAGOMAN_RECORD"))
NOON = 1_700_000_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings of a started MLflow, or of none where cassettes are replayed."""
    if not RECORDING:
        yield {"endpoint": HOST}
        return
    sys.path.append(str(TESTS / "live"))
    from mlflow_server import PASSWORD, USER, mlflow

    with mlflow(tmp_path_factory.mktemp("mlflow")) as server:
        yield {"endpoint": server.url, "username": USER, "password": PASSWORD}


@pytest.fixture
def taped(request: pytest.FixtureRequest, server: dict[str, str]) -> Iterator[Any]:
    """A backend whose calls are replayed from the test's cassette, or recorded into it; its clock is the test's."""
    name = request.node.name.removeprefix("test_cassette_")
    ticks = count(NOON, 1000)
    with ExitStack() as stack:
        if RECORDING:
            empty(server)
        against = "MLflow 3.17.2" if RECORDING else None
        secrets = [server["password"]] if RECORDING else []
        stack.enter_context(cassette(CASSETTES / f"{name}.json", against=against, secrets=secrets))
        backend: Any = stack.enter_context(dragoman.connect("mlflow", **server, experiment=name))
        backend.now = lambda: next(ticks)
        yield backend


def empty(server: dict[str, str]) -> None:
    """Delete the models of the server that is recorded."""
    with dragoman.connect("mlflow", **server) as backend:
        for model in list(backend.models.list()):
            backend.models.delete(model)


def somebody_s_run(taped: Any, *, status: str | None = None) -> str:
    """Record a run as another client would, and return its id."""
    experiment = taped.client.post("experiments/create", name=f"of somebody {status}")["experiment_id"]
    run: str = taped.client.post("runs/create", experiment_id=experiment, start_time=NOON)["run"]["info"]["run_id"]
    losses = [
        {"key": "loss", "value": 1 / (step + 1), "timestamp": NOON + step * 1000, "step": step} for step in range(3)
    ]
    taped.client.post("runs/log-batch", run_id=run, metrics=losses, params=[{"key": "lr", "value": "0.1"}])
    if status is not None:
        taped.client.post("runs/update", run_id=run, status=status, end_time=NOON + 5000)
    return run


def test_cassette_models(taped: Any) -> None:
    model = taped.models.create("detector", task="object_detection", features=["car", "person"], metadata={"lr": 0.1})
    assert taped.models.get(model) == model
    with pytest.raises(Conflict):
        taped.models.create("another", key="detector", task="classification", features=["a"])
    taped.models.create("a/b: c", task="classification", features=["a"])
    assert [found.name for found in taped.models.list(page_size=1)] == ["a/b: c", "detector"]
    assert [found.name for found in taped.models.list(query="DETECT", order="name")] == ["detector"]
    changed = taped.models.update(model, name="cars", description="of cars", metadata={"lr": 0.2})
    assert (changed.name, changed.key, changed.description, changed.metadata) == (
        "cars",
        "detector",
        "of cars",
        {"lr": 0.2},
    )
    assert taped.models.update(model, metadata={}).metadata == {}
    taped.models.delete(model)
    with pytest.raises(NotFound):
        taped.models.get(model)


def test_cassette_versions(taped: Any) -> None:
    model = taped.models.create("detector", task="object_detection", features=["car"])
    first = taped.versions.create(model, name="first", config={"epochs": 3}, tags=["night"], metadata={"by": "Ann"})
    second = taped.versions.create(model, name="second", dataset="street")
    assert taped.versions.get(first) == first
    assert [(found.id, found.name) for found in taped.versions.list(model, page_size=1)] == [
        (first.id, "first"),
        (second.id, "second"),
    ]
    found = taped.versions.update(first, status="succeeded", config={"epochs": 4}, tags=[], name="1st")
    assert (found.status, found.config, found.tags, found.name) == (Status.SUCCEEDED, {"epochs": 4}, (), "1st")
    taped.versions.delete(second)
    with pytest.raises(NotFound):
        taped.versions.get(second)


def test_cassette_metrics(taped: Any) -> None:
    model = taped.models.create("detector", task="object_detection", features=["car"])
    version = taped.versions.create(model, name="first")
    assert taped.versions.update(version, metrics={"mAP@50": 0.75, "loss": float("inf")}).metrics["mAP@50"] == 0.75
    # A lower value, at once, and without the other.
    assert taped.versions.update(version, metrics={"mAP@50": 0.5}).metrics == {"mAP@50": 0.5}
    assert taped.versions.update(version, metrics={}).metrics == {}


def test_cassette_weights(taped: Any, tmp_path: Path) -> None:
    model = taped.models.create("detector", task="object_detection", features=["car"])
    version = taped.versions.create(model, name="first")
    with pytest.raises(NotFound, match="no weights"):
        taped.versions.download_weights(version, tmp_path / "none")
    for name, content in (("first ü.txt", b"0123456789" * 100), ("second.txt", b"9876543210" * 100)):
        (tmp_path / name).write_bytes(content)
        taped.versions.upload_weights(version, tmp_path / name)
        assert taped.versions.download_weights(version, tmp_path / "back").read_bytes() == content


def test_cassette_aliases(taped: Any) -> None:
    model = taped.models.create("detector", task="object_detection", features=["car"])
    first, second = (taped.versions.create(model, name=name) for name in ("first", "second"))
    taped.aliases.set(first, "champion")
    taped.aliases.set(second, "champion")
    assert taped.aliases.list(model) == {"champion": second.id}
    found = taped.versions.get("detector@champion")
    assert (found.id, found.metadata) == (second.id, {"aliases": ["champion"]})
    taped.aliases.delete(model, "champion")
    with pytest.raises(NotFound, match="alias"):
        taped.versions.get("detector@champion")


def test_cassette_training(taped: Any) -> None:
    run, failed = somebody_s_run(taped), somebody_s_run(taped, status="FAILED")
    job = taped.training.get(run)
    assert (job.status, job.config, job.progress.step) == (Status.RUNNING, {"lr": "0.1"}, 2)
    assert failed in [found.id for found in taped.training.list(status="failed", page_size=1)]
    assert next(iter(taped.training.logs(run))) == "2023-11-14T22:13:20+00:00 step 0: loss=1.0"
    with pytest.raises(Conflict, match="not ended"):
        taped.training.delete(run)
    taped.training.delete(failed)
    with pytest.raises(NotFound):
        taped.training.get(failed)


def test_cassette_registered_by_another(taped: Any, tmp_path: Path) -> None:
    run = somebody_s_run(taped, status="FINISHED")
    source = taped.client.get("runs/get", run_id=run)["run"]["info"]["artifact_uri"] + "/model"
    folder = source.removeprefix("mlflow-artifacts:/")
    for name in ("MLmodel", "data/weights.txt"):
        (tmp_path / "file").write_text(f"the {name}")
        taped.client.put_artifact(f"{folder}/{name}", tmp_path / "file")
    taped.models.create("theirs", task="classification", features=["a"])
    taped.client.post("model-versions/create", name="theirs", source=source, run_id=run)
    (version,) = taped.versions.list("theirs")
    assert (version.status, version.config, version.training) == (Status.SUCCEEDED, {"lr": "0.1"}, run)
    assert taped.training.get(run).version == version.id
    archive = taped.versions.download_weights(version, tmp_path / "archive")
    assert archive.read_bytes() == taped.versions.download_weights(version, tmp_path / "again").read_bytes()
    with pytest.raises(Unsupported, match="another client"):
        taped.versions.upload_weights(version, archive)
    with pytest.raises(Conflict, match="metrics and files"):
        taped.training.delete(run)
