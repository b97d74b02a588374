"""Trainings that do not reach their end: cancelled, killed, or out of disk space."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import dragoman
from dragoman import Conflict, Dataset, Model, PlatformError, Status, Timeout, Training
from dragoman.adapter import Adapter
from dragoman_local import workers

from .conftest import Trained

ENDLESS = {"steps": 1_000_000, "batch_size": 2, "image_size": 32, "options": {"width": 8, "neck": 16}}


class Reached(Exception):
    """A job is where the test wants it."""


def until(local: Adapter, job: Training, there: Callable[[Training], bool]) -> None:
    def look(job: Training) -> None:
        if there(job):
            raise Reached

    with pytest.raises(Reached):
        local.training.wait(job, timeout=120, on_progress=look)


def worker_of(local: Adapter, job: Training) -> int:
    """The process id, which the worker writes in the first line of its log."""
    first = next(local.training.logs(job))
    return int(first.split("worker ")[1].split()[0])


@pytest.fixture
def endless(local: Adapter, detector: Model, boxes: Dataset) -> Training:
    """A job that is in the midst of its steps."""
    job = local.training.submit(detector, dataset=boxes, parameters=ENDLESS)
    until(local, job, lambda job: job.progress.step > 0)
    return job


def test_running_job_is_stopped_between_two_steps(
    local: Adapter, endless: Training, detector: Model, boxes: Dataset
) -> None:
    assert [job.id for job in local.training.list(status=Status.RUNNING)] == [endless.id]
    for refused in (lambda: local.training.delete(endless), lambda: local.models.delete(detector)):
        with pytest.raises(Conflict, match="Cancel it first"):
            refused()
    with pytest.raises(Timeout):
        local.training.wait(endless, timeout=0)
    cancelled = local.training.cancel(endless)
    assert (cancelled.status, cancelled.version, cancelled.error) == (Status.CANCELLED, None, None)
    assert cancelled.ended_at is not None
    assert local.training.wait(endless).status is Status.CANCELLED
    # It stopped by itself: whoever is terminated writes no last line.
    assert "cancelled" in list(local.training.logs(endless))[-1]
    assert list(local.versions.list(detector)) == []
    local.models.delete(detector)
    assert list(local.training.list()) == []


def test_queued_job_is_cancelled_at_once(local: Adapter, detector: Model, boxes: Dataset) -> None:
    job = local.training.submit(detector, dataset=boxes, parameters=ENDLESS)
    assert local.training.cancel(job).status is Status.CANCELLED
    local.training.delete(job)


def test_worker_that_does_not_react_is_killed(
    local: Adapter, endless: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "STOP_SECONDS", 0.2)
    worker = worker_of(local, endless)
    os.kill(worker, signal.SIGSTOP)
    assert local.training.cancel(endless).status is Status.CANCELLED
    with pytest.raises(ProcessLookupError):
        os.killpg(worker, 0)


def test_killed_worker_leaves_a_failed_job_for_every_caller(
    local: Adapter, endless: Training, boxes: Dataset, tmp_path: Path
) -> None:
    os.kill(worker_of(local, endless), signal.SIGKILL)
    with pytest.raises(PlatformError, match="worker process ended without a result"):
        local.training.wait(endless, timeout=60)
    with dragoman.connect("local", root=tmp_path / "home") as other:
        (job,) = other.training.list(status="failed")
        assert job.id == endless.id
        assert "killed" in (job.error or "")
        assert job.progress.step > 0
        assert len(list(other.labels.read(boxes))) == 3


def test_disk_that_takes_no_weights_fails_the_job_and_loses_nothing(
    shapes: Trained, tmp_path: Path, small_disk: Callable[[int], None]
) -> None:
    backend = shapes.backend
    before = backend.versions.download_weights(shapes.version, tmp_path / "before").read_bytes()
    # The worker inherits the limit: the state fits below it, half a million weights do not.
    small_disk(1_000_000)
    job = backend.training.submit(
        shapes.model, dataset=shapes.dataset, parameters={"steps": 1, "batch_size": 2, "image_size": 32}
    )
    small_disk(-1)
    with pytest.raises(PlatformError, match=r"\.safetensors could not be written"):
        backend.training.wait(job, timeout=120)
    failed = backend.training.get(job)
    assert (failed.status, failed.version) == (Status.FAILED, None)
    assert "Free" in (failed.error or "")
    assert list(backend.versions.list(shapes.model)) == [shapes.version]
    assert backend.versions.download_weights(shapes.version, tmp_path / "after").read_bytes() == before
    backend.training.delete(job)
