"""Lanes: threads that carry work, each in order, with backpressure. What belongs together goes down one lane."""

from __future__ import annotations

import queue
import threading
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

Work = TypeVar("Work")
Carried = TypeVar("Carried", contravariant=True)

WAITING = 1
"""Pieces of work that wait in a lane while one is under way: the next is at hand, and memory stays bounded."""
PATIENCE = 0.2
"""Seconds between two looks at whether a lane has failed."""


class Carry(Protocol[Carried]):
    """Does one piece of work."""

    def __call__(self, work: Carried, /) -> None: ...


class Lanes(Generic[Work]):
    """A context: leaving it waits for all work, or after an error or an interruption only for what is under way.

    Args:
        count: How many lanes.
        carry: Does one piece of work; an error of it stops all lanes and is raised by `put` or at the end.
    """

    def __init__(self, count: int, carry: Carry[Work]) -> None:
        self._carry = carry
        self._error: BaseException | None = None
        self._stopped = threading.Event()
        self._queues: list[queue.Queue[Work | None]] = [queue.Queue(WAITING) for _ in range(count)]
        self._threads = [
            threading.Thread(target=self._run, args=[waiting], name=f"lane-{number}", daemon=True)
            for number, waiting in enumerate(self._queues)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def put(self, lane: int, work: Work) -> None:
        """Hand work to a lane; blocks while the lane is full."""
        self._put(self._queues[lane], work)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._stopped.set()
        for waiting in self._queues:
            self._put(waiting, None)
        for thread in self._threads:
            thread.join()
        if error is None and self._error is not None:
            raise self._error

    def _put(self, waiting: queue.Queue[Work | None], work: Work | None) -> None:
        while True:
            if self._error is not None and work is not None:
                raise self._error
            try:
                waiting.put(work, timeout=PATIENCE)
            except queue.Full:
                continue
            return

    def _run(self, waiting: queue.Queue[Work | None]) -> None:
        while (work := waiting.get()) is not None:
            if self._stopped.is_set():
                continue
            try:
                self._carry(work)
            except BaseException as error:
                self._error = self._error or error
                self._stopped.set()
