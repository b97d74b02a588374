"""The command-line form that all emulators share, whatever protocol they speak.

A ready emulator prints one line of JSON that says where it listens and which credentials it takes, then
serves until it gets SIGINT or SIGTERM. How it is served is left to the context manager handed in.
"""

from __future__ import annotations

import queue
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Protocol, TypeVar

import msgspec

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Announced(Protocol):
    """What a client must know of a served emulator."""

    @property
    def platform(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def credentials(self) -> dict[str, str]: ...


def hold(served: AbstractContextManager[Announced]) -> None:
    """Keep an emulator up until SIGINT or SIGTERM; for the main thread of a process of its own.

    Prints one line on standard output when the emulator is ready:
    `{"platform": "...", "url": "http://127.0.0.1:PORT", "credentials": {...}}`.

    Args:
        served: Starts the emulator on entering and stops it on leaving.
    """
    hold_announced(served, lambda live: {"platform": live.platform, "url": live.url, "credentials": live.credentials})


def hold_announced(served: AbstractContextManager[T], announcement: Callable[[T], Mapping[str, object]]) -> None:
    """Keep anything served up until SIGINT or SIGTERM, and print one line of JSON when it is ready.

    Args:
        served: Starts it on entering and stops it on leaving.
        announcement: Makes what is printed of what entering gives.
    """
    with _signals() as received, served as live:
        sys.stdout.write(msgspec.json.encode(announcement(live)).decode() + "\n")
        sys.stdout.flush()
        received.get()


@contextmanager
def _signals() -> Iterator[queue.SimpleQueue[int]]:
    """Collect the stop signals in a queue whose `put` is safe to call in a signal handler."""
    received: queue.SimpleQueue[int] = queue.SimpleQueue()

    def note(number: int, frame: FrameType | None) -> None:
        received.put(number)

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
