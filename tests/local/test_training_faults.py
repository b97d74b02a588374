"""Trainings that do not reach their end: cancelled, killed, or out of memory or disk space."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dragoman
from dragoman import Conflict, Dataset, Model, PlatformError, Status, Timeout, Training
from dragoman.adapter import Adapter
from dragoman_local import workers
from dragoman_local.locks import Lock, is_held
from dragoman_local.state import Jobs

from .conftest import Trained

ENDLESS = {"steps": 1_000_000, "batch_size": 2, "image_size": 32, "options": {"width": 8, "neck": 16}}
SHORT = {**ENDLESS, "steps": 2}


class Reached(Exception):
    """A job is where the test wants it."""


def until(local: Adapter, job: Training, there: Callable[[Training], bool]) -> None:
    def look(job: Training) -> None:
        if there(job):
            raise Reached

    with pytest.raises(Reached):
        local.training.wait(job, timeout=120, on_progress=look)


def jobs(local: Adapter) -> Jobs:
    return local.home.jobs  # type: ignore[attr-defined]


def process_of(local: Adapter, job: Training) -> int:
    """The id of the process that trains."""
    pid = jobs(local).get(job.id).pid
    assert pid is not None
    return pid


def rest(local: Adapter) -> None:
    """Wait until the worker of earlier jobs has ended: one that is started later inherits what this process has set."""
    deadline = time.monotonic() + 60
    while is_held(local.home.slot(0)):  # type: ignore[attr-defined]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Start no worker, until it is undone."""
    with monkeypatch.context() as patch:
        patch.setattr(workers, "ensure_workers", lambda home, settings: None)
        yield patch


@pytest.fixture
def endless(local: Adapter, detector: Model, boxes: Dataset) -> Training:
    """A job that is in the midst of its steps."""
    job = local.training.submit(detector, dataset=boxes, parameters=ENDLESS)
    until(local, job, lambda job: job.progress.step > 0)
    return job


class TestCancelling:
    def test_running_job_is_stopped_between_two_steps(
        self, local: Adapter, endless: Training, detector: Model, boxes: Dataset
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

    @pytest.mark.slow
    def test_waiting_jobs_are_cancelled_at_once_and_the_next_one_moves_up(
        self, local: Adapter, endless: Training, detector: Model, boxes: Dataset
    ) -> None:
        waiting = [local.training.submit(detector, dataset=boxes, parameters=SHORT) for _ in range(2)]
        assert [local.training.get(job).status for job in waiting] == [Status.QUEUED] * 2
        assert local.training.cancel(waiting[0]).status is Status.CANCELLED
        assert local.training.get(endless).status is Status.RUNNING
        local.training.cancel(endless)
        assert local.training.wait(waiting[1], timeout=120).status is Status.SUCCEEDED
        assert list(local.training.logs(waiting[0])) == []

    def test_process_that_does_not_react_is_killed(
        self, local: Adapter, endless: Training, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(workers, "STOP_SECONDS", 0.2)
        process = process_of(local, endless)
        os.kill(process, signal.SIGSTOP)
        assert local.training.cancel(endless).status is Status.CANCELLED
        with pytest.raises(ProcessLookupError):
            os.killpg(process, 0)


def test_job_that_another_caller_deleted_meanwhile_is_passed_over(
    local: Adapter, detector: Model, boxes: Dataset, nobody: pytest.MonkeyPatch
) -> None:
    job = local.training.submit(detector, dataset=boxes, parameters=SHORT)
    local.training.cancel(job)
    local.training.delete(job)
    nobody.setattr(jobs(local), "in_status", lambda status: (job.id,))
    assert list(local.training.list()) == []
    assert not local.home.training_folder(job.id).exists()  # type: ignore[attr-defined]


def test_job_whose_process_cannot_be_started_fails_and_says_why(
    local: Adapter, detector: Model, boxes: Dataset, nobody: pytest.MonkeyPatch
) -> None:
    job = local.training.submit(detector, dataset=boxes, parameters=SHORT)
    home = local.home  # type: ignore[attr-defined]
    home.log(job.id).unlink()
    home.log(job.id).mkdir()
    nobody.undo()
    with pytest.raises(PlatformError, match=r"could not be started: .*log\.txt"):
        local.training.wait(job, timeout=60)


class TestKilled:
    @pytest.mark.slow
    def test_job_goes_on_from_its_checkpoint(
        self, local: Adapter, detector: Model, boxes: Dataset, tmp_path: Path
    ) -> None:
        parameters = {**ENDLESS, "steps": 400, "checkpoint_every": 20}
        job = local.training.submit(detector, dataset=boxes, parameters=parameters)
        until(local, job, lambda job: job.progress.step > 20)
        first = process_of(local, job)
        os.kill(first, signal.SIGKILL)
        with dragoman.connect("local", root=tmp_path / "home") as other:
            ended = other.training.wait(job, timeout=120)
        assert (ended.status, ended.progress.step) == (Status.SUCCEEDED, 400)
        assert process_of(local, job) != first
        assert sum("going on from the checkpoint" in line for line in local.training.logs(job)) == 1
        assert len(list(local.versions.list(detector))) == 1

    def test_job_whose_worker_and_process_died_is_taken_up_by_whoever_looks(
        self, local: Adapter, endless: Training
    ) -> None:
        # As after a power cut: nobody is left who could have noticed.
        process = process_of(local, endless)
        worker = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        for pid in (worker, process):
            os.kill(pid, signal.SIGKILL)
        until(local, endless, lambda job: jobs(local).get(job.id).attempt == 2 and job.status is Status.RUNNING)
        assert local.training.cancel(endless).status is Status.CANCELLED

    @pytest.mark.parametrize("removed", ["folder", "lock"])
    def test_job_that_died_and_whose_files_were_removed_begins_anew(
        self, local: Adapter, endless: Training, removed: str
    ) -> None:
        process = process_of(local, endless)
        worker = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        for pid in (worker, process):
            os.kill(pid, signal.SIGKILL)
        home = local.home  # type: ignore[attr-defined]
        if removed == "folder":
            shutil.rmtree(home.training_folder(endless.id))
        else:
            home.lock(endless.id).unlink()
        until(local, endless, lambda job: jobs(local).get(job.id).attempt == 2 and job.status is Status.RUNNING)
        assert local.training.cancel(endless).status is Status.CANCELLED

    def test_training_goes_on_when_its_worker_is_killed(self, local: Adapter, endless: Training) -> None:
        process = process_of(local, endless)
        worker = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(worker, signal.SIGKILL)
        step = local.training.get(endless).progress.step
        until(local, endless, lambda job: job.progress.step > step)
        assert process_of(local, endless) == process
        assert local.training.cancel(endless).status is Status.CANCELLED

    def test_job_whose_processes_die_without_getting_further_fails_with_advice(
        self, local: Adapter, detector: Model, boxes: Dataset
    ) -> None:
        # Without a checkpoint each process begins anew, as one does that the kernel kills for its memory.
        parameters = {**ENDLESS, "checkpoint_every": 1_000_000}
        job = local.training.submit(detector, dataset=boxes, parameters=parameters)
        for attempt in range(1, workers.MOST_DEATHS + 1):
            until(
                local, job, lambda job, n=attempt: jobs(local).get(job.id).attempt == n and jobs(local).get(job.id).pid
            )
            os.kill(process_of(local, job), signal.SIGKILL)
            if attempt < workers.MOST_DEATHS:
                until(local, job, lambda job, n=attempt: jobs(local).get(job.id).attempt > n)
        with pytest.raises(PlatformError, match=r"3 processes died.*SIGKILL.*lower batch_size"):
            local.training.wait(job, timeout=60)
        assert local.training.get(job).status is Status.FAILED


class TestTwoProcessesOfOneJob:
    def test_of_several_workers_one_gets_the_job(
        self, local: Adapter, detector: Model, boxes: Dataset, nobody: pytest.MonkeyPatch
    ) -> None:
        home = local.home  # type: ignore[attr-defined]
        job = local.training.submit(detector, dataset=boxes, parameters=ENDLESS)
        nobody.undo()
        slots = [home.slot(number) for number in range(4)]
        for number, slot in enumerate(slots):
            lock = Lock.take(slot)
            assert lock is not None
            workers._spawn(home, number, lock)
            lock.close()
        # The others end, as there is nothing else for them.
        until(local, job, lambda job: job.progress.step > 0 and sum(map(is_held, slots)) == 1)
        assert jobs(local).get(job.id).attempt == 1
        assert sum("for training" in line for line in local.training.logs(job)) == 1
        assert local.training.cancel(job).status is Status.CANCELLED

    @pytest.mark.slow
    def test_what_an_earlier_attempt_still_says_counts_for_nothing(
        self, local: Adapter, endless: Training, detector: Model
    ) -> None:
        from dragoman import Version
        from dragoman.schema import Progress

        state = jobs(local)
        assert state.report(endless.id, 0, Progress(step=5)) is True
        assert state.succeed(endless.id, 0, Version(id="v", model=detector.id)) is False
        assert local.training.get(endless).status is Status.RUNNING
        assert not state.claim(endless.id)
        local.training.cancel(endless)
        assert list(local.versions.list(detector)) == []

    @pytest.mark.slow
    def test_worker_passes_over_a_job_that_another_has_locked(
        self, local: Adapter, detector: Model, boxes: Dataset, nobody: pytest.MonkeyPatch
    ) -> None:
        from dragoman_local.worker import _claim

        job = local.training.submit(detector, dataset=boxes, parameters=SHORT)
        home = local.home  # type: ignore[attr-defined]
        held = Lock.take(home.lock(job.id))
        assert held is not None
        assert _claim(home, job.id) is None
        assert jobs(local).get(job.id).training.status is Status.QUEUED
        held.close()
        mine = _claim(home, job.id)
        assert mine is not None
        assert jobs(local).get(job.id).training.status is Status.RUNNING
        assert _claim(home, job.id) is None


@pytest.mark.slow
def test_job_that_needs_too_much_memory_fails_with_advice_and_the_next_one_runs(
    local: Adapter, detector: Model, boxes: Dataset
) -> None:
    # 500 GB in one batch; the images themselves are one and the same, so that nothing is taken before it is refused.
    huge = {"steps": 1, "batch_size": 10_000, "image_size": 4096, "augmentation": {"colour": False}}
    first = local.training.submit(detector, dataset=boxes, parameters=huge)
    second = local.training.submit(detector, dataset=boxes, parameters=SHORT)
    with pytest.raises(PlatformError, match=r"memory does not suffice.*Lower batch_size"):
        local.training.wait(first, timeout=120)
    assert local.training.wait(second, timeout=120).status is Status.SUCCEEDED


@pytest.mark.slow
def test_disk_that_takes_no_weights_fails_the_job_and_loses_nothing(
    shapes: Trained, tmp_path: Path, small_disk: Callable[[int], None]
) -> None:
    backend = shapes.backend
    rest(backend)
    before = backend.versions.download_weights(shapes.version, tmp_path / "before").read_bytes()
    # The processes inherit the limit: the state fits below it, half a million weights do not.
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
