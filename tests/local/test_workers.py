"""Workers that cannot begin: a few starts, then one clear error; the jobs wait, and run when the cause is mended."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

import dragoman
from dragoman import Dataset, Model, PlatformError, Status, Training
from dragoman.adapter import Adapter
from dragoman_local.starts import MOST_STARTS, PAUSE_SECONDS
from dragoman_local.state.tables import VERSION

from .test_training_faults import ENDLESS, SHORT, until

KEY = "sk-4711-never-to-be-seen"


@contextmanager
def interpreter_is_gone(folder: Path) -> Iterator[None]:
    """As when the virtual environment was removed or made anew elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(folder / "removed" / "python"))
        yield


@contextmanager
def library_is_broken(folder: Path) -> Iterator[None]:
    """As when an upgrade of a library failed half-way; its error shows a secret that the worker inherits."""
    (folder / "broken").mkdir(exist_ok=True)
    (folder / "broken" / "msgspec.py").write_text(
        "import os\nraise ImportError('no msgspec: ' + os.environ['API_KEY'])"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "broken"))
        patch.setenv("API_KEY", KEY)
        yield


@contextmanager
def state_is_of_another_release(folder: Path) -> Iterator[None]:
    """As when the folder is used by a newer release, which the caller, who has it open, has not noticed."""
    set_release(folder, VERSION + 1)
    yield
    set_release(folder, VERSION)


def set_release(folder: Path, version: int) -> None:
    connection = sqlite3.connect(folder / "home" / "state.sqlite3")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def starts(folder: Path) -> int:
    """How many starts of workers gave no sign of life."""
    count = folder / "home" / "workers" / "starts"
    return count.stat().st_size if count.exists() else 0


def let_the_pause_pass(folder: Path) -> None:
    earlier = time.time() - PAUSE_SECONDS
    os.utime(folder / "home" / "workers" / "starts", (earlier, earlier))


def refused(local: Adapter, job: Training) -> str:
    """Wait for a job until it is said that nobody takes it, and return the error as the user reads it."""
    with pytest.raises(PlatformError, match="No worker takes the waiting jobs") as caught:
        local.training.wait(job, timeout=60)
    return str(caught.value)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (interpreter_is_gone, "removed/python' cannot be run"),
        (library_is_broken, "ImportError: no msgspec"),
        (state_is_of_another_release, "was written by a newer release: it has version"),
    ],
)
def test_it_is_said_after_a_few_starts_and_the_job_runs_when_the_cause_is_mended(
    local: Adapter,
    detector: Model,
    boxes: Dataset,
    tmp_path: Path,
    broken: Callable[[Path], AbstractContextManager[None]],
    said: str,
) -> None:
    with broken(tmp_path):
        job = local.training.submit(detector, dataset=boxes, parameters=SHORT)
        assert job.status is Status.QUEUED
        assert said in refused(local, job)
        # Whoever asks again is told again, and starts nothing.
        for _ in range(5):
            refused(local, job)
        assert starts(tmp_path) == MOST_STARTS
        let_the_pause_pass(tmp_path)
        refused(local, job)
        assert starts(tmp_path) == MOST_STARTS + 1
    let_the_pause_pass(tmp_path)
    until(local, job, lambda job: job.status is Status.RUNNING and starts(tmp_path) == 0)
    local.training.cancel(job)


def test_error_shows_no_secret_and_names_the_whole_log(
    local: Adapter, detector: Model, boxes: Dataset, tmp_path: Path
) -> None:
    with library_is_broken(tmp_path):
        error = refused(local, local.training.submit(detector, dataset=boxes, parameters=SHORT))
    assert "no msgspec: ***" in error
    assert KEY not in error
    assert str(tmp_path / "home" / "workers" / "0.log") in error


def test_only_waiting_for_a_job_is_refused(local: Adapter, detector: Model, boxes: Dataset, tmp_path: Path) -> None:
    with interpreter_is_gone(tmp_path):
        first = local.training.submit(detector, dataset=boxes, parameters=SHORT)
        refused(local, first)
        second = local.training.submit(detector, dataset=boxes, parameters=SHORT)
        assert [job.status for job in local.training.list()] == [Status.QUEUED] * 2
        assert list(local.training.logs(second)) == []
        assert local.training.cancel(first).status is Status.CANCELLED
        assert local.training.get(first).status is Status.CANCELLED
        local.training.delete(first)
        assert [job.id for job in local.training.list()] == [second.id]


def test_all_callers_of_a_folder_count_together(
    local: Adapter, detector: Model, boxes: Dataset, tmp_path: Path
) -> None:
    with interpreter_is_gone(tmp_path):
        job = local.training.submit(detector, dataset=boxes, parameters=SHORT)
        refused(local, job)
        with dragoman.connect("local", root=tmp_path / "home") as other:
            refused(other, job)
    assert starts(tmp_path) == MOST_STARTS


def test_job_waits_quietly_while_another_worker_lives(
    local: Adapter, detector: Model, boxes: Dataset, tmp_path: Path
) -> None:
    # With one slot, so that no second worker is on its way when the interpreter goes.
    running = local.training.submit(detector, dataset=boxes, parameters=ENDLESS)
    until(local, running, lambda job: job.status is Status.RUNNING and starts(tmp_path) == 0)
    with interpreter_is_gone(tmp_path), dragoman.connect("local", root=tmp_path / "home", workers=2) as other:
        waiting = other.training.submit(detector, dataset=boxes, parameters=SHORT)
        for _ in range(2 * MOST_STARTS):
            assert other.training.get(waiting).status is Status.QUEUED
        assert starts(tmp_path) == MOST_STARTS
        other.training.cancel(waiting)
    local.training.cancel(running)


def test_a_job_that_is_deleted_as_soon_as_it_is_cancelled_costs_no_worker(
    local: Adapter, detector: Model, boxes: Dataset, tmp_path: Path
) -> None:
    running = local.training.submit(detector, dataset=boxes, parameters=ENDLESS)
    until(local, running, lambda job: job.progress.step > 0)
    local.training.cancel(running)
    local.training.delete(running)

    after = local.training.wait(local.training.submit(detector, dataset=boxes, parameters=SHORT))
    assert after.status is Status.SUCCEEDED
    assert "Traceback" not in (tmp_path / "home" / "workers" / "0.log").read_text()
