"""The queue as its callers see it: workers are started, jobs of dead processes settled, and jobs stopped.

A worker (`worker`) fills one of a few slots, and holds the slot's lock as long as it lives; it ends when no job waits.
No daemon runs: whoever looks at a job sees to it that the queue moves. A job whose process died goes back to its place
in the queue, and on from its checkpoint; it fails when `MOST_DEATHS` processes died without getting it any further.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dragoman.errors import NotFound
from dragoman.schema import Status
from dragoman_local.errors import without_secrets
from dragoman_local.home import Home
from dragoman_local.locks import Lock
from dragoman_local.settings import LocalSettings
from dragoman_local.starts import BEGUN
from dragoman_local.state import Job, JobRequest, Splits

STOP_SECONDS = 10.0
"""How long a training has to stop between two steps before it is terminated, and then before it is killed."""
MOST_DEATHS = 3
LOOK_SECONDS = 0.05
"""Time between two looks at what another process is about to change."""
LOST = os.EX_TEMPFAIL
"""Status of a job's process that has lost those that it had on other machines: the job has died with them."""
_GPUS = Path("/proc/driver/nvidia/gpus")


def submit(home: Home, settings: LocalSettings, training: str, request: JobRequest, splits: Splits) -> None:
    """Queue a training, which goes on when this process ends."""
    home.training_folder(training).mkdir(parents=True)
    home.log(training).touch()
    try:
        home.jobs.add(training, request, splits)
    except BaseException:
        home.remove_training(training)
        raise
    ensure_workers(home, settings)


def slots(settings: LocalSettings) -> int:
    """Return how many trainings may run at a time: the setting, or one per device."""
    return settings.workers or (1 if settings.device == "cpu" else max(1, gpus()))


def gpus() -> int:
    """Return how many GPUs the driver knows. Asking torch would load it, which lasts seconds. Linux only."""
    return len(list(_GPUS.iterdir())) if _GPUS.is_dir() else 0


def ensure_workers(home: Home, settings: LocalSettings) -> None:
    """Start a worker in every free slot for which a job waits, unless those before it could not begin (`starts`)."""
    waiting = len(home.jobs.in_status(Status.QUEUED))
    for slot in range(slots(settings)):
        if not waiting or not home.starts.allowed():
            return
        if lock := Lock.take(home.slot(slot)):
            try:
                _spawn(home, slot, lock)
            finally:
                lock.close()
            waiting -= 1


def look(home: Home, settings: LocalSettings, training: str) -> Job:
    """Return a job as it is now; what its dead process left open is settled before, and the queue kept moving."""
    job = home.jobs.get(training)
    if job.training.status is Status.RUNNING:
        settle(home, training)
    if not job.training.status.ended:
        ensure_workers(home, settings)
    return home.jobs.get(training)


def look_at_all(home: Home, settings: LocalSettings) -> None:
    """Settle all jobs whose processes are dead, and keep the queue moving."""
    for training in home.jobs.in_status(Status.RUNNING):
        settle(home, training)
    ensure_workers(home, settings)


def settle(home: Home, training: str) -> None:
    """Settle what is left open of a job that runs, if no process has it any more."""
    if not home.lock(training).exists():
        # Since it was listed it has ended, and another caller has deleted it; or somebody has removed its files. Then
        # it begins anew, and a process that still has it is told to stop.
        with suppress(NotFound):
            settle_dead(home, training, "its folder was removed")
        return
    if lock := Lock.take(home.lock(training)):
        try:
            settle_dead(home, training, "its process and its worker were killed, or the machine stopped")
        finally:
            lock.close()


def settle_dead(home: Home, training: str, how: str) -> None:
    """Put a job whose process died back into the queue, or end it. The caller holds the job's lock.

    Args:
        home: The folder.
        training: Id of the job; nothing happens unless it is running.
        how: How its process ended, for the error.
    """
    job = home.jobs.get(training)
    if job.training.status is not Status.RUNNING:
        return
    deaths = 1 if _got_further(home, job) else job.deaths + 1
    if job.cancelled:
        home.jobs.end(training, Status.CANCELLED)
    elif deaths < MOST_DEATHS:
        home.jobs.requeue(training, deaths)
    else:
        home.jobs.end(
            training,
            Status.FAILED,
            f"{deaths} processes died one after the other without getting any further; the last time {how}. "
            "The machine may be out of memory: lower batch_size, image_size or cache_mb."
            + last_line(home.log(training)),
        )


def stop(home: Home, settings: LocalSettings, training: str, sleep: Callable[[float], None]) -> None:
    """End a job as cancelled: at once if it waits; else ask its process, then terminate it, then kill it."""
    home.jobs.cancel(training)
    job = home.jobs.get(training)
    # Before its first step a process only loads libraries, which it cannot interrupt and which nobody misses.
    patience = STOP_SECONDS if job.training.progress.step or job.pid is None else 0
    for number in (signal.SIGTERM, signal.SIGKILL):
        if _has_ended(home, settings, training, patience, sleep):
            return
        pid = home.jobs.get(training).pid
        if pid is not None:
            # It leads a session of its own, so the group is it and what it started. It lives, so the id is its own.
            with suppress(ProcessLookupError):
                os.killpg(pid, number)
        patience = STOP_SECONDS
    _has_ended(home, settings, training, patience, sleep)


def last_line(log: Path) -> str:
    """Return a sentence with the last line of a log, or nothing when there is none."""
    if not log.exists():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return without_secrets(f" The last line of the log: {lines[-1].strip()}") if lines else ""


def _got_further(home: Home, job: Job) -> bool:
    """Whether the attempt that died wrote a checkpoint. Its lock was made anew when it began."""
    checkpoint, begun = home.checkpoint(job.training.id), home.lock(job.training.id)
    return checkpoint.exists() and begun.exists() and checkpoint.stat().st_mtime > begun.stat().st_mtime


def _has_ended(
    home: Home, settings: LocalSettings, training: str, seconds: float, sleep: Callable[[float], None]
) -> bool:
    deadline = time.monotonic() + seconds
    while not look(home, settings, training).training.status.ended:
        if time.monotonic() >= deadline:
            return False
        sleep(LOOK_SECONDS)
    return True


def _spawn(home: Home, slot: int, lock: Lock) -> None:
    home.starts.add()
    with home.slot(slot).with_suffix(".log").open("ab", buffering=0) as log:
        log.write(f"{BEGUN}\n".encode())
        try:
            process = subprocess.Popen(
                # -P: a file in the working folder must not be taken for a library.
                [sys.executable, "-P", "-m", "dragoman_local.worker", str(home.root), str(slot), str(lock.descriptor)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=home.root,
                pass_fds=[lock.descriptor],
                start_new_session=True,
            )
        except OSError as error:
            log.write(f"The interpreter {sys.executable!r} cannot be run: {error}\n".encode())
            return
    # Somebody has to ask for the exit status, or the dead worker stays in the process table as long as this process.
    threading.Thread(target=process.wait, name=f"reap-worker-{slot}", daemon=True).start()
