"""Training workers as processes: start them, tell whether they live, stop them, and settle what a dead one left open.

A worker holds a lock on a file of its training from before the job is in the state until it ends, however it ends: the
kernel gives the lock back when the process is killed. So "is it alive?" needs neither process ids, which are
used again, nor a heartbeat, which stops when a machine sleeps.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dragoman.schema import Status
from dragoman_local.home import Home
from dragoman_local.state import Job, JobRequest

LOG = "log.txt"
_LOCK = "lock"
STOP_SECONDS = 10.0
"""How long a worker has to stop between two steps before it is terminated, and then before it is killed."""
_LOOK_SECONDS = 0.05


def submit(home: Home, training: str, request: JobRequest, splits: dict[str, str], threads: int) -> None:
    """Queue a training and start its worker, which goes on when this process ends."""
    folder = home.training_folder(training)
    folder.mkdir(parents=True)
    with _held_lock(folder) as lock:
        try:
            home.jobs.add(training, request, splits)
        except BaseException:
            home.remove_training(training)
            raise
        try:
            pid = _spawn(home, training, lock, threads)
        except OSError as error:
            home.jobs.end(training, Status.FAILED, f"The worker could not be started: {error}.")
            raise
        home.jobs.note_worker(training, pid)


def settled(home: Home, training: str) -> Job:
    """Return a job, ended as failed (or as cancelled, if that was asked) when its worker died without a word."""
    job = home.jobs.get(training)
    if job.training.status.ended or is_alive(home, training):
        return job
    if job.cancelled:
        home.jobs.end(training, Status.CANCELLED)
    else:
        last = _last_line(home.training_folder(training) / LOG)
        home.jobs.end(
            training,
            Status.FAILED,
            "The worker process ended without a result: it was killed, or the machine was out of memory or disk space."
            + (f" The last line of its log: {last}" if last else ""),
        )
    return home.jobs.get(training)


def settle_open(home: Home) -> None:
    """Settle all jobs that have not ended."""
    for training in home.jobs.open_ids():
        settled(home, training)


def is_alive(home: Home, training: str) -> bool:
    """Return whether the worker of a training lives."""
    try:
        descriptor = os.open(home.training_folder(training) / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def stop(home: Home, training: str, sleep: Callable[[float], None]) -> None:
    """End a job as cancelled: ask its worker, then terminate it, then kill it."""
    home.jobs.ask_to_stop(training)
    job = home.jobs.get(training)
    # Before it runs a worker only loads libraries, which it cannot interrupt and which nobody misses.
    patience = STOP_SECONDS if job.training.status is Status.RUNNING or job.pid is None else 0
    for number in (signal.SIGTERM, signal.SIGKILL):
        if _has_ended(home, training, patience, sleep) or job.pid is None:
            break
        # The worker leads a session of its own, so the group is it and what it started. It lives, so the id is its own.
        with suppress(ProcessLookupError):
            os.killpg(job.pid, number)
        patience = STOP_SECONDS
    _has_ended(home, training, patience, sleep)
    settled(home, training)


def _has_ended(home: Home, training: str, seconds: float, sleep: Callable[[float], None]) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(home, training):
        if time.monotonic() >= deadline:
            return False
        sleep(_LOOK_SECONDS)
    return True


@contextmanager
def _held_lock(folder: Path) -> Iterator[int]:
    """Hold the lock of a new training. A process that inherits the descriptor holds it on when this one lets go."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def _spawn(home: Home, training: str, lock: int, threads: int) -> int:
    with (home.training_folder(training) / LOG).open("ab") as log:
        process = subprocess.Popen(
            # -P: a file in the working folder must not be taken for a library.
            [sys.executable, "-P", "-m", "dragoman_local.worker", str(home.root), training],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home.training_folder(training),
            # Threads that OpenMP and BLAS make before torch is asked would fight for the cores.
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1"},
            pass_fds=[lock],
            start_new_session=True,
        )
    # Somebody has to ask for the exit status, or the dead worker stays in the process table as long as this process.
    threading.Thread(target=process.wait, name=f"reap-{training}", daemon=True).start()
    return process.pid


def _last_line(path: Path) -> str:
    if not path.exists():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
