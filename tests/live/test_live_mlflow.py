"""A real MLflow: what its own client writes and reads, and weights that go there and come back."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow_server import PASSWORD, USER, emptied
from servers import LOOPBACK, Server, environment

import dragoman
from dragoman import Migration, NotFound
from dragoman.emulate import DropAfter, running
from dragoman.emulate.relay import relay
from dragoman.migrate import Scope
from dragoman.schema import Model, Status, Version
from dragoman_local.engine.architectures import build
from dragoman_local.engine.weights import save

pytestmark = pytest.mark.live_mlflow


@pytest.fixture
def backend(mlflow_server: Server) -> Iterator[Any]:
    emptied(mlflow_server)
    with dragoman.connect("mlflow", endpoint=mlflow_server.url, username=USER, password=PASSWORD) as backend:
        yield backend


def official(server: Server, *words: str) -> dict[str, Any]:
    """Return what MLflow's own client says; see `mlflow_client`."""
    python = environment("mlflow") / "bin" / "python"
    env = {
        "PATH": os.defpath,
        "HOME": str(server.folder),
        "NO_PROXY": LOOPBACK,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRACKING_URI": server.url,
        "MLFLOW_TRACKING_USERNAME": USER,
        "MLFLOW_TRACKING_PASSWORD": PASSWORD,
    }
    script = Path(__file__).with_name("mlflow_client.py")
    done = subprocess.run(
        [python, script, *words], env=env, cwd=server.folder, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def trained(local: Any, folder: Path) -> tuple[Model, Version]:
    """A model of the local backend with a version that has weights and metrics."""
    model = local.models.create("street detector", task="object_detection", features=["car", "person"], key="street")
    version = local.versions.create(model, name="first", config={"epochs": 3, "lr": 0.1}, tags=["night"])
    path = folder / "weights.safetensors"
    save(build("detection", "compact", len(model.features), (64, 64), {"width": 8}), model.features, path)
    local.versions.upload_weights(version, path)
    return model, local.versions.update(version, metrics={"mAP@50": 0.75})


def carried(source: Any, target: Any) -> tuple[Model, Version]:
    """Migrate the model with its only version, prove that it arrived, and return both as they are there."""
    migration = Migration(source, target, Scope(model="street"))
    plan = migration.plan()
    assert [step.kind for step in plan.steps] == ["model", "version", "weights"]
    assert migration.apply(plan).ok
    assert migration.verify(plan).ok
    made = target.models.find("street")
    (version,) = target.versions.list(made)
    return made, version


def test_weights_go_to_mlflow_and_come_back_byte_by_byte(backend: Any, tmp_path: Path) -> None:
    with (
        dragoman.connect("local", root=tmp_path / "here") as here,
        dragoman.connect("local", root=tmp_path / "there") as there,
    ):
        model, version = trained(here, tmp_path)
        for source, target in ((here, backend), (backend, there)):
            made, carried_over = carried(source, target)
            kept = {"name", "config", "tags", "metrics"}
            assert carried_over.model_dump(include=kept) == version.model_dump(include=kept)
            kept = {"name", "key", "task", "features", "description"}
            assert made.model_dump(include=kept) == model.model_dump(include=kept)
        first = here.versions.download_weights(version, tmp_path / "first").read_bytes()
        assert there.versions.download_weights(carried_over, tmp_path / "last").read_bytes() == first


def test_mlflow_s_own_client_reads_what_is_written_here(backend: Any, mlflow_server: Server, tmp_path: Path) -> None:
    model = backend.models.create("detector", task="object_detection", features=["car", "person"])
    version = backend.versions.create(model, name="first", config={"lr": 0.1})
    weights = tmp_path / "weights.bin"
    weights.write_bytes(os.urandom(9_000_000))
    backend.versions.upload_weights(version, weights)
    backend.versions.update(version, metrics={"mAP": 0.75})
    number = version.id.rpartition("/")[2]
    found = official(mlflow_server, "read", "detector", number, str(tmp_path / "theirs"))
    assert found["files"] == ["weights.bin"]
    assert Path(found["folder"], "weights.bin").read_bytes() == weights.read_bytes()
    assert (found["metrics"], found["params"]) == ({"mAP": 0.75}, {"lr": "0.1"})
    assert found["features"] == ["car", "person"]


def test_what_mlflow_s_own_client_registers_is_read_here(backend: Any, mlflow_server: Server, tmp_path: Path) -> None:
    run = official(mlflow_server, "log", "theirs")["run"]
    (version,) = backend.versions.list("theirs")
    assert (version.status, version.training, version.config) == (Status.SUCCEEDED, run, {"lr": "0.1"})
    assert version.metrics["loss"] == pytest.approx(1 / 3)
    job = backend.training.get(run)
    assert (job.version, job.progress.step) == (version.id, 2)
    assert next(iter(backend.training.logs(job))).endswith(" step 0: loss=1.0")
    archive = backend.versions.download_weights(version, tmp_path / "model.zip")
    with zipfile.ZipFile(archive) as packed:
        assert packed.testzip() is None
        assert "MLmodel" in packed.namelist()


def test_jobs_are_listed_the_newest_first(backend: Any) -> None:
    model = backend.models.create("detector", task="object_detection", features=["car"])
    made = [backend.versions.create(model, name=str(number)).training for number in range(3)]
    found = [job for job in backend.training.list(page_size=1) if job.id in made]
    assert [job.id for job in found] == made[::-1]
    assert {job.model for job in found} == {"detector"}


def test_more_than_one_request_takes_is_logged_and_a_number_of_any_length_finds_nothing(backend: Any) -> None:
    model = backend.models.create("detector", task="object_detection", features=["car"])
    version = backend.versions.create(model, name="v", config={f"p{number}": number for number in range(150)})
    metrics = {f"AP of class {number}": number / 2000 for number in range(1500)}
    assert backend.versions.update(version, metrics=metrics).metrics == metrics
    assert len(backend.training.get(version.training).config) == 150
    for number in ("99999999999999999999999", "9" * 5000):
        with pytest.raises(NotFound):
            backend.versions.get(f"detector/{number}")


@pytest.mark.parametrize("lost", ["registered-models/create", "model-versions/create", "*/artifacts/dragoman/*"])
def test_a_migration_whose_answer_is_lost_goes_on_to_the_same_end(
    mlflow_server: Server, backend: Any, tmp_path: Path, lost: str
) -> None:
    with (
        dragoman.connect("local", root=tmp_path / "here") as here,
        running(relay("mlflow", mlflow_server.url)) as live,
        dragoman.connect("mlflow", endpoint=live.url, username=USER, password=PASSWORD) as relayed,
    ):
        relayed.sleep = lambda seconds: None
        _, version = trained(here, tmp_path)
        live.faults.add(DropAfter(), path=f"*/{lost}", method="POST" if "create" in lost else "PUT")
        _, carried_over = carried(here, relayed)
        assert live.faults.pending() == []
    assert [model.key for model in backend.models.list()] == ["street"]
    sent = backend.versions.download_weights(carried_over, tmp_path / "sent").read_bytes()
    with dragoman.connect("local", root=tmp_path / "here") as here:
        assert here.versions.download_weights(version, tmp_path / "kept").read_bytes() == sent
