"""Clocks an emulation can be given: the real one, and one that a test moves by hand.

Emulators take time stamps and wait for scripted delays through a clock only, so that a test of slow answers
does not itself have to be slow.
"""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Protocol

from dragoman.errors import Timeout

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What an emulation needs of a clock."""

    def now(self) -> datetime:
        """Return the current time, with time zone UTC."""

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` have passed on this clock."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until `advance` is called, from whichever thread.

    Args:
        start: The time it shows at first.
    """

    def __init__(self, start: datetime = EPOCH) -> None:
        self._now = start
        self._changed = threading.Condition()
        self._sleepers: list[tuple[datetime, asyncio.AbstractEventLoop, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        with self._changed:
            due = self._now + timedelta(seconds=seconds)
            if due <= self._now:
                return
            self._sleepers.append((due, asyncio.get_running_loop(), woken))
            self._changed.notify_all()
        await woken.wait()

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds` and wake everybody whose time has come."""
        with self._changed:
            self._now += timedelta(seconds=seconds)
            due = [sleeper for sleeper in self._sleepers if sleeper[0] <= self._now]
            self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self._now]
        for _, loop, woken in due:
            loop.call_soon_threadsafe(woken.set)

    def wait_for_sleepers(self, count: int = 1, *, patience: float = 10.0) -> None:
        """Block until `count` requests wait on this clock.

        Args:
            count: How many sleepers to wait for.
            patience: Real seconds after which to give up.

        Raises:
            Timeout: Fewer requests than that came to wait.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._sleepers) >= count, patience):
                raise Timeout(f"{len(self._sleepers)} of {count} expected requests wait on the clock.")
