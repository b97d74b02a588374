"""Worker threads that can be told to stop: how synchronous calls run under an event loop.

A thread cannot be interrupted, so it looks by itself whether its caller was cancelled, wherever it can stop without
leaving something half done: before a call is sent, and while it rests between two. anyio runs the threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from functools import partial
from typing import Generic, TypeVar

import anyio
from anyio import CancelScope, CapacityLimiter, to_thread

from dragoman.calls.pipeline import Call
from dragoman.hookspecs import hookimpl

T = TypeVar("T")

MOST_AT_ONCE = 256
"""Most rows that a worker thread hands over at a time."""
PATIENCE = 0.005
"""Seconds after which the rows that are there are handed over, however few they are."""

_stop: ContextVar[threading.Event | None] = ContextVar("dragoman_stop", default=None)


class Stopped(BaseException):
    """The caller of this thread was cancelled. Nobody but the caller sees it."""


class SafePoints:
    """A plugin that ends the threads of cancelled callers before their next call."""

    @hookimpl(tryfirst=True)
    def dragoman_before_call(self, call: Call) -> None:
        """Stop before other observers learn of a call that will not be made."""
        if (stop := _stop.get()) is not None and stop.is_set():
            raise Stopped


def rest(seconds: float) -> None:
    """Sleep, in any thread; in a worker thread, until its caller is cancelled at most."""
    stop = _stop.get()
    if stop is None:
        # Not a worker's thread: nobody can cancel it.
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise Stopped


class Workers:
    """Runs calls of one backend on threads.

    Args:
        threads: Most calls under way at once.
    """

    def __init__(self, threads: int) -> None:
        self._limiter = CapacityLimiter(threads)

    async def run(self, work: Callable[[], T], *, on_stop: Callable[[], object] | None = None) -> T:
        """Return what `work` returns; when cancelled, end as soon as the thread is where it can stop.

        Args:
            work: What to do.
            on_stop: Wakes the thread, if it waits for something that the event loop has.
        """
        task = _Task(work)
        try:
            return await to_thread.run_sync(task.run, abandon_on_cancel=True, limiter=self._limiter)
        except anyio.get_cancelled_exc_class():
            if task.stop():
                if on_stop is not None:
                    on_stop()
                with CancelScope(shield=True):
                    await to_thread.run_sync(task.ended.wait, abandon_on_cancel=True, limiter=CapacityLimiter(1))
            raise

    async def iterate(self, start: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
        """Yield the rows of an iterator. It is never ahead by more rows than were taken, nor by more than a few."""
        rows = _Rows(await self.run(start))
        size = 1
        try:
            while taken := await self.run(partial(rows.take, size)):
                for row in taken:
                    yield row
                size = min(2 * size, MOST_AT_ONCE)
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(rows.close, limiter=self._limiter)


class _Task(Generic[T]):
    """One piece of work. Its caller either keeps it from beginning, or waits until it has ended."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.ended = threading.Event()
        self._work = work
        self._stop = threading.Event()
        self._begun = False
        self._lock = threading.Lock()

    def run(self) -> T:
        with self._lock:
            if self._stop.is_set():
                raise Stopped
            self._begun = True
        _stop.set(self._stop)
        try:
            return self._work()
        finally:
            self.ended.set()

    def stop(self) -> bool:
        """Ask it to stop; return whether it has begun."""
        with self._lock:
            self._stop.set()
            return self._begun


class _Rows(Generic[T]):
    """An iterator that is read in pieces. An error comes after the rows before it, as it does when read row by row."""

    def __init__(self, rows: Iterator[T]) -> None:
        self._rows = rows
        self._error: Exception | None = None

    def take(self, size: int) -> list[T]:
        """Return the next rows, at least one and at most `size`; none at the end."""
        taken: list[T] = []
        if self._error is not None:
            raise self._error
        patience = time.monotonic() + PATIENCE
        try:
            for row in self._rows:
                taken.append(row)
                if len(taken) == size or time.monotonic() >= patience:
                    break
        except Exception as error:  # whatever it is, it waits until the rows before it were handed out
            if not taken:
                raise
            self._error = error
        return taken

    def close(self) -> None:
        if (close := getattr(self._rows, "close", None)) is not None:
            close()
