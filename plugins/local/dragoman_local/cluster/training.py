"""A training on the cluster: an actor for each of its processes, joined as torchrun would join them.

The job's process on the submitting machine starts them together (in one placement group), carries their progress to the
state and the wish to stop to them, and ends with them. If it dies Ray ends them; if one of them dies the job goes back
into the queue. Why not Ray Train is in docs/decisions/0013-ray.md.
"""

from __future__ import annotations

import copy
import logging
import os
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

from dragoman.errors import DragomanError
from dragoman_local.cluster.connection import connected, errors_of_the_cluster, gpus_of_the_cluster, ray_module
from dragoman_local.engine.config import Progress
from dragoman_local.reporter import REPORT_SECONDS, Reporter
from dragoman_local.state import JobRequest
from dragoman_local.work import Done, Work, carry_out

GRACE_SECONDS = 60.0
"""How long the others may take to say what went wrong after the first: it may only have lost its connection to them.

They say it at once, except for one whose machine is dead: Ray notices that after half a minute."""

logger = logging.getLogger("dragoman_local.job")


def carry_out_on_cluster(work: Work, request: JobRequest, reporter: Reporter) -> Done:
    """Train by actors on the cluster and return what came of it.

    Args:
        work: What to do; its paths are those of all machines.
        request: How many processes share it, and where the cluster is.
        reporter: Told how far it is, and asked whether to stop.

    Raises:
        Lost: An actor or its machine is gone.
        DragomanError: As `carry_out`, and as `connected`.
    """
    ray = ray_module()
    with connected(request.ray_address, logs=True):
        needs: dict[str, float] = {"CPU": work.config.threads}
        if work.config.device != "cpu" and gpus_of_the_cluster():
            needs["GPU"] = 1
        logger.info("waiting for %d times %s of the cluster", request.processes, needs)
        board = _board()
        members = _members(request.processes, needs)
        where = members[0].address.remote()
        shared = ray.put(work)
        answers = [member.train.remote(shared, rank, len(members), where, board) for rank, member in enumerate(members)]
        return _watched(answers, board, reporter)


class Board:
    """Where the leading process leaves its progress, and reads whether to stop. An actor."""

    def __init__(self) -> None:
        self._news: list[Progress] = []
        self._stop = False

    def put(self, progress: Progress) -> None:
        """Leave progress."""
        self._news.append(progress)

    def take(self) -> list[Progress]:
        """Return what was left since the last time."""
        news, self._news = self._news, []
        return news

    def stop(self) -> None:
        """Ask to stop."""
        self._stop = True

    def stopped(self) -> bool:
        """Return whether to stop."""
        return self._stop


class Member:
    """One of the processes that share a training. An actor."""

    def address(self) -> tuple[str, int]:
        """Return where the others find this process: its machine, and a port of it that is free."""
        with socket.socket() as free:
            free.bind(("", 0))
            return ray_module().util.get_node_ip_address(), free.getsockname()[1]

    def train(self, work: Work, rank: int, count: int, where: tuple[str, int], board: Any) -> Done | None:
        """Train as number `rank` of `count` processes, which find each other at `where`."""
        logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s")
        node = ray_module().get_runtime_context().get_node_id()
        logger.info(
            "process %d is number %d of %d on %s, node %s", os.getpid(), rank + 1, count, socket.gethostname(), node
        )
        host, port = where
        # Ray shows each process only its own GPU, so it is the first of its machine in any case.
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_RANK": "0"}
        os.environ |= {"MASTER_ADDR": host, "MASTER_PORT": str(port)}
        post = _Post(board)
        # Ray lends what it keeps for several processes: its arrays cannot be written, which torch's must.
        return carry_out(copy.deepcopy(work), post.on_progress, post.should_stop)


class _Post:
    """Carries the progress of the leading process to the board, and the wish to stop back, a few times a second."""

    def __init__(self, board: Any) -> None:
        self._board = board
        self._stop = False
        self._asked = 0.0

    def on_progress(self, progress: Progress) -> None:
        self._board.put.remote(progress)

    def should_stop(self) -> bool:
        if not self._stop and time.monotonic() - self._asked >= REPORT_SECONDS:
            self._stop = ray_module().get(self._board.stopped.remote())
            self._asked = time.monotonic()
        return self._stop


def _board() -> Any:
    """Return the board, on this machine: on another it could be lost with that one, and with it what all others do."""
    ray = ray_module()
    here = ray.get_runtime_context().get_node_id()
    place = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(here, soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=place)(Board).remote()


def _members(count: int, needs: dict[str, float]) -> list[Any]:
    """Return so many actors, which are started all together: a job that has half of its machines would block others."""
    ray = ray_module()
    group = ray.util.placement_group([needs] * count, strategy="PACK")
    places = ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(group)
    kind = ray.remote(num_cpus=needs["CPU"], num_gpus=needs.get("GPU", 0), scheduling_strategy=places)(Member)
    return [kind.remote() for _ in range(count)]


def _watched(answers: Sequence[Any], board: Any, reporter: Reporter) -> Done:
    """Wait for the answers of all processes and return the leading one's; report meanwhile."""
    ray = ray_module()
    waiting = list(answers)
    with errors_of_the_cluster():
        while waiting:
            ended, waiting = ray.wait(waiting, timeout=REPORT_SECONDS)
            for progress in ray.get(board.take.remote()):
                reporter.on_progress(progress)
            if reporter.should_stop():
                board.stop.remote()
            for answer in ended:
                _check(answer, waiting)
        done: Done = ray.get(answers[0])
        return done


def _check(answer: Any, others: Sequence[Any]) -> None:
    """Raise what one process raised; or what another did, if that says more than that a connection broke."""
    ray = ray_module()
    try:
        ray.get(answer)
    except ray.exceptions.RayError as error:
        if isinstance(error, DragomanError):
            raise
        for other in ray.wait(list(others), num_returns=len(others), timeout=GRACE_SECONDS)[0] if others else ():
            try:
                ray.get(other)
            except ray.exceptions.RayError as said:
                if isinstance(said, DragomanError | ray.exceptions.RayActorError):
                    raise said from None
        raise
