"""Trainings, predictions and sharded migrations on a cluster through the real Ray, and what is said without it.

The cluster is this machine's: it has four CPUs by name, so that several processes find a place. The same code is held
to what the embedded engine does.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dragoman
from dragoman import (
    Dataset,
    InvalidData,
    Item,
    Migration,
    Model,
    PlatformError,
    Status,
    Training,
    Unsupported,
    Version,
)
from dragoman.adapter import Adapter
from dragoman.migrate import Scope
from dragoman.migrate.shards import Endpoint, apply_sharded
from dragoman_local.engine.architectures import build
from dragoman_local.engine.weights import save

from .conftest import SHAPES, Trained
from .test_training_faults import ENDLESS, SHORT, jobs, process_of, until
from .video_clips import write_clip

PATIENCE = 240
"""Seconds for a job: its process joins the cluster, and the cluster starts others, which load torch."""


def require_ray() -> None:
    """Skip where Ray is not installed, but not in CI."""
    if find_spec("ray") is None:
        reason = "Ray is not installed: `make test-ray` installs it"
        pytest.fail(reason) if "CI" in os.environ else pytest.skip(reason)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster, which this process has joined too."""
    require_ray()
    import ray

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


@pytest.fixture
def on_ray(cluster: str, tmp_path: Path) -> Iterator[Callable[..., Adapter]]:
    """Connect with the cluster as the engine, to the folder of the `local` fixture if no other is given."""
    opened: list[Adapter] = []

    def connect(**settings: object) -> Adapter:
        cpu = {"root": tmp_path / "home", "device": "cpu"}
        opened.append(dragoman.connect("local", **{**cpu, "engine": "ray", "ray_address": cluster, **settings}))
        return opened[-1]

    yield connect
    for backend in opened:
        backend.close()


def log(backend: Adapter, job: Training) -> str:
    return "\n".join(backend.training.logs(job))


@pytest.mark.ray
@pytest.mark.timeout(2 * PATIENCE)
class TestTrainings:
    def test_two_processes_of_the_cluster_make_one_version_that_predicts_here(
        self, local: Adapter, on_ray: Callable[..., Adapter], detector: Model, boxes: Dataset, tmp_path: Path
    ) -> None:
        backend = on_ray(processes=2)
        job = backend.training.submit(detector, dataset=boxes, parameters={**SHORT, "batch_size": 4})
        ended = backend.training.wait(job, timeout=PATIENCE)
        assert (ended.status, ended.progress.step) == (Status.SUCCEEDED, 2)
        assert (ended.config["engine"], ended.config["processes"]) == ("ray", 2)
        said = log(local, job)
        for line in ("by 2 processes", "number 1 of 2", "number 2 of 2", "step 2 of 2", "has succeeded"):
            assert line in said
        assert [version.id for version in local.versions.list(detector)] == [ended.version]
        assert list(local.inference.predict(ended.version or "", [tmp_path / "a.png"], confidence=0.0))

    def test_the_cluster_learns_what_this_machine_learns(
        self, local: Adapter, on_ray: Callable[..., Adapter], detector: Model, boxes: Dataset, tmp_path: Path
    ) -> None:
        weights = []
        for backend in (local, on_ray()):
            job = backend.training.submit(detector, dataset=boxes, parameters={**SHORT, "device": "cpu"})
            version = backend.training.wait(job, timeout=PATIENCE).version or ""
            weights.append(backend.versions.download_weights(version, tmp_path / f"{version}.st").read_bytes())
        assert weights[0] == weights[1]

    def test_running_job_is_stopped_between_two_steps(
        self, local: Adapter, on_ray: Callable[..., Adapter], detector: Model, boxes: Dataset
    ) -> None:
        backend = on_ray()
        job = backend.training.submit(detector, dataset=boxes, parameters=ENDLESS)
        until(backend, job, lambda job: job.progress.step > 0)
        assert backend.training.cancel(job).status is Status.CANCELLED
        assert "The training has been cancelled" in log(local, job)
        assert jobs(local).get(job.id).attempt == 1

    def test_job_that_the_cluster_has_no_room_for_waits_and_can_be_cancelled(
        self, on_ray: Callable[..., Adapter], detector: Model, boxes: Dataset
    ) -> None:
        backend = on_ray(processes=16)
        job = backend.training.submit(detector, dataset=boxes, parameters={**SHORT, "batch_size": 32})
        until(backend, job, lambda job: "waiting for 16 times" in log(backend, job))
        cancelled = backend.training.cancel(job)
        assert (cancelled.status, cancelled.progress.step) == (Status.CANCELLED, 0)

    def test_job_whose_own_process_dies_is_begun_again(
        self, local: Adapter, on_ray: Callable[..., Adapter], detector: Model, boxes: Dataset
    ) -> None:
        backend = on_ray()
        job = backend.training.submit(detector, dataset=boxes, parameters=ENDLESS)
        until(backend, job, lambda job: job.progress.step > 0)
        os.kill(process_of(local, job), signal.SIGKILL)
        until(backend, job, lambda job: jobs(local).get(job.id).attempt == 2 and job.status is Status.RUNNING)
        assert backend.training.cancel(job).status is Status.CANCELLED

    def test_job_whose_process_on_the_cluster_dies_goes_on_from_its_checkpoint(
        self, local: Adapter, on_ray: Callable[..., Adapter], detector: Model, boxes: Dataset
    ) -> None:
        backend = on_ray()
        parameters = {**ENDLESS, "steps": 2000, "checkpoint_every": 20}
        job = backend.training.submit(detector, dataset=boxes, parameters=parameters)
        until(backend, job, lambda job: job.progress.step > 40 and "Member pid=" in log(local, job))
        found = re.search(r"Member pid=(\d+)", log(local, job))
        assert found is not None
        os.kill(int(found[1]), signal.SIGKILL)
        ended = backend.training.wait(job, timeout=PATIENCE)
        assert (ended.status, ended.progress.step) == (Status.SUCCEEDED, 2000)
        said = log(local, job)
        assert "is lost" in said
        assert said.count("going on from the checkpoint") == 1
        assert jobs(local).get(job.id).attempt == 2

    def test_what_goes_wrong_in_one_process_is_the_error_of_the_job(
        self, on_ray: Callable[..., Adapter], detector: Model, boxes: Dataset, tmp_path: Path
    ) -> None:
        whole = (tmp_path / "c.png").read_bytes()
        (tmp_path / "c.png").write_bytes(whole[: len(whole) // 2])
        backend = on_ray(processes=2)
        job = backend.training.submit(detector, dataset=boxes, parameters={**SHORT, "batch_size": 4})
        with pytest.raises(PlatformError, match=r"c\.png cannot be decoded"):
            backend.training.wait(job, timeout=PATIENCE)
        assert backend.training.get(job).status is Status.FAILED


@pytest.fixture
def version(local: Adapter, detector: Model, tmp_path: Path) -> Version:
    """A version whose network has learned nothing, so that it finds much everywhere."""
    save(build("detection", "compact", len(SHAPES), (64, 64), {"width": 8}), SHAPES, tmp_path / "w.safetensors")
    made = local.versions.create(detector, name="v")
    return local.versions.upload_weights(made, tmp_path / "w.safetensors")


@pytest.fixture
def pictures(tmp_path: Path) -> list[Item]:
    random = np.random.default_rng(0)
    items = [Item(f"{number}", uri=str(tmp_path / f"{number}.png")) for number in range(40)]
    for item in items:
        Image.fromarray(random.integers(0, 255, (24, 32, 3), dtype=np.uint8)).save(item.uri or "")
    return items


@pytest.mark.ray
@pytest.mark.timeout(2 * PATIENCE)
class TestPredictions:
    def test_they_are_the_same_in_the_same_order(
        self, on_ray: Callable[..., Adapter], version: Version, pictures: list[Item], tmp_path: Path
    ) -> None:
        with dragoman.connect("local", root=tmp_path / "home", batch_size=2, device="cpu") as here:
            wanted = list(here.inference.predict(version, pictures, confidence=0.0))
        # Three blocks, so that several actors share them.
        found = list(on_ray(batch_size=2).inference.predict(version, pictures, confidence=0.0))
        assert found == wanted != []

    def test_frames_of_videos_are_tracked_as_they_are_here(
        self, shapes: Trained, on_ray: Callable[..., Adapter], tmp_path: Path
    ) -> None:
        clips = [write_clip(tmp_path / f"{name}.mp4", frames=6) for name in "ab"]
        there = on_ray(root=shapes.backend.settings.root)  # type: ignore[attr-defined]
        rows = [
            [
                (row.item, row.frame, row.feature, row.track_id)
                for row in backend.inference.predict(shapes.version, clips, confidence=0.3, track=True, frames=(1, 4))
            ]
            for backend in (shapes.backend, there)
        ]
        assert rows[0] == rows[1]
        assert {frame for _, frame, _, _ in rows[0]} == {1, 2, 3, 4}
        assert len({track for _, _, _, track in rows[0] if track}) == len(clips)

    def test_item_that_cannot_be_read_is_named_after_those_before_it(
        self, on_ray: Callable[..., Adapter], version: Version, pictures: list[Item], tmp_path: Path
    ) -> None:
        items = [*pictures[:5], Item("bad", uri=str(tmp_path / "missing.png")), *pictures[5:]]
        seen = []
        with pytest.raises(InvalidData, match="'bad'") as caught:
            seen.extend(row.item for row in on_ray(batch_size=2).inference.predict(version, items, confidence=0.0))
        assert (caught.value.row, caught.value.field) == (5, "uri")
        assert list(dict.fromkeys(seen)) == ["0", "1", "2", "3", "4"]

    def test_no_items_have_no_predictions(self, on_ray: Callable[..., Adapter], version: Version) -> None:
        assert list(on_ray().inference.predict(version, [])) == []


@pytest.mark.ray
@pytest.mark.timeout(2 * PATIENCE)
def test_the_shards_of_a_migration_move_everything_once(
    cluster: str, local: Adapter, boxes: Dataset, tmp_path: Path
) -> None:
    source = Endpoint("local", settings={"root": str(tmp_path / "home")})
    target = Endpoint("local", settings={"root": str(tmp_path / "there")})
    with source.open() as here, target.open() as there:
        migration = Migration(here, there, Scope(dataset=boxes.name))
        plan = migration.plan()
        applied = apply_sharded(source, target, plan, ledger=tmp_path / "ledger", shards=2, engine="ray")
        assert {kind: dict(report.counts) for kind, report in applied.reports.items() if report.counts} == {
            "items": {"created": 3},
            "labels": {"created": 3},
        }
        assert migration.verify(plan).ok


class TestWithoutACluster:
    @pytest.mark.ray
    def test_a_cluster_that_does_not_answer_is_named_in_the_error_of_the_job(
        self, on_ray: Callable[..., Adapter], detector: Model, boxes: Dataset
    ) -> None:
        backend = on_ray(ray_address="127.0.0.1:1")
        job = backend.training.submit(detector, dataset=boxes, parameters=SHORT)
        with pytest.raises(PlatformError, match="Ray's cluster does not answer"):
            backend.training.wait(job, timeout=PATIENCE)

    def test_without_ray_training_and_prediction_say_what_to_install(
        self, boxes: Dataset, version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dragoman_local.cluster.connection.find_spec", lambda name: None)
        with dragoman.connect("local", root=tmp_path / "home", engine="ray") as backend:
            for call in (
                lambda: backend.training.submit(version.model, dataset=boxes, parameters=SHORT),
                lambda: list(backend.inference.predict(version, [tmp_path / "a.png"])),
            ):
                with pytest.raises(Unsupported, match=r"dragoman-local\[ray\]"):
                    call()
            assert list(backend.training.list()) == []


_IMPORTS = """
import sys
import dragoman_local.adapter, dragoman_local.cluster.prediction, dragoman_local.cluster.training
print(sorted({"ray", "pyarrow"} & set(sys.modules)))
"""


def test_ray_is_imported_when_it_is_used() -> None:
    done = subprocess.run([sys.executable, "-c", _IMPORTS], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
