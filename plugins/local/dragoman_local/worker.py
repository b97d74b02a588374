"""A worker: one process per slot. Run as `python -m dragoman_local.worker ROOT SLOT DESCRIPTOR`.

It takes one waiting job after the other and carries each out in a process of its own (`job`), so that memory and
threads go with the job, and the worker outlives whatever happens to it. It ends when no job waits. It loads no torch.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from dragoman.errors import NotFound
from dragoman.schema import Status
from dragoman_local.home import Home
from dragoman_local.locks import Lock
from dragoman_local.state import Job
from dragoman_local.workers import LOOK_SECONDS, LOST, gpus, last_line, settle, settle_dead


def work(home: Home, slot: int, lock: Lock) -> None:
    """Carry out the jobs that wait, until there are none. `lock` is the slot's, and held."""
    while True:
        _drain(home, slot)
        lock.release()
        # A job that was queued after the last look, but before the lock was free, has started no worker.
        if not home.jobs.in_status(Status.QUEUED) or not lock.retake():
            return


def _drain(home: Home, slot: int) -> None:
    while True:
        for training in home.jobs.in_status(Status.RUNNING):
            settle(home, training)
        waiting = home.jobs.in_status(Status.QUEUED)
        if not waiting:
            home.starts.heard()
            return
        for training in waiting:
            if lock := _claim(home, training):
                try:
                    _carry_out(home, training, slot, lock)
                finally:
                    lock.close()
                break
        else:
            # Another worker was faster, or somebody looks at a job at this moment.
            time.sleep(LOOK_SECONDS)


def _claim(home: Home, training: str) -> Lock | None:
    """Take a job's lock and then the job itself, so that nobody sees it run without a process."""
    lock = Lock.take(home.lock(training))
    if lock is None:
        return None
    if not home.jobs.claim(training):
        lock.close()
        return None
    home.starts.heard()
    # Compared with the checkpoint's time, if the process dies.
    os.utime(home.lock(training))
    return lock


def _carry_out(home: Home, training: str, slot: int, lock: Lock) -> None:
    try:
        process = _started(home, home.jobs.get(training), slot, lock)
    except OSError as error:
        home.jobs.end(training, Status.FAILED, f"The process could not be started: {error}.")
        return
    home.jobs.note_process(training, process.pid)
    status = process.wait()
    # Whoever cancelled the job may have deleted it since.
    with suppress(NotFound):
        _settle(home, training, status)


def _settle(home: Home, training: str, status: int) -> None:
    """Put down how a job ended whose process did with a status, if it has not said so itself."""
    if status < 0:
        settle_dead(home, training, f"its process was killed ({signal.Signals(-status).name})")
    elif status == LOST:
        settle_dead(home, training, "a process of it on the cluster was lost")
    else:
        # Whoever ends by itself has said how. If not, it will not do better a second time.
        home.jobs.end(
            training,
            Status.CANCELLED if home.jobs.get(training).cancelled else Status.FAILED,
            f"The process ended with status {status} and no result." + last_line(home.log(training)),
        )


def _started(home: Home, job: Job, slot: int, lock: Lock) -> subprocess.Popen[bytes]:
    with home.log(job.training.id).open("ab") as log:
        return subprocess.Popen(
            _command(home, job),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home.training_folder(job.training.id),
            env=_environment(job, slot),
            # It holds the job's lock too: if this worker is killed, the training goes on.
            pass_fds=[lock.descriptor],
            start_new_session=True,
        )


def _command(home: Home, job: Job) -> list[str]:
    # -P: a file in the working folder must not be taken for a library.
    python = [sys.executable, "-P", "-m"]
    if job.request.processes > 1 and job.request.engine == "processes":
        # One node, a port that is free; a rank that fails ends all of them.
        python += ["torch.distributed.run", "--standalone", f"--nproc-per-node={job.request.processes}", "-m"]
    return [*python, "dragoman_local.job", str(home.root), job.training.id, str(job.attempt)]


def _environment(job: Job, slot: int) -> dict[str, str]:
    # Threads that OpenMP and BLAS make before torch is asked would fight for the cores.
    threads = str(job.request.parameters.get("threads", 1))
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "PYTHONUNBUFFERED": "1"}
    if job.request.engine == "ray":
        # The log is a file, and every line of it counts.
        environment |= {"RAY_COLOR_PREFIX": "0", "RAY_DEDUP_LOGS": "0"}
    elif job.request.processes == 1 and (count := gpus()) > 1:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(count)))).split(",")
        environment["CUDA_VISIBLE_DEVICES"] = visible[slot % len(visible)]
    return environment


def main(arguments: list[str]) -> int:
    """Work in the slot that the command line names; its lock is inherited."""
    root, slot, descriptor = arguments
    home = Home(Path(root))
    # The processes of jobs shall not inherit the slot.
    os.set_inheritable(int(descriptor), False)
    try:
        work(home, int(slot), Lock(int(descriptor)))
    finally:
        home.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
