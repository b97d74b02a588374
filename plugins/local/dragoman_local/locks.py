"""File locks between processes. The kernel gives a lock back when the last process that holds it ends, however it ends.

So "is it alive?" needs neither process ids, which are used again, nor a heartbeat, which stops when a machine sleeps.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Lock:
    """A lock on a file, held from `take` to `release`. A process that inherits `descriptor` holds it as well."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Lock | None:
        """Return the lock on a file, which is made if there is none, or None when another process holds it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        lock = cls(descriptor)
        if lock.retake():
            return lock
        os.close(descriptor)
        return None

    def retake(self) -> bool:
        """Try to hold the lock again after `release`, and return whether it is held."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Give the lock back for all processes that hold it through this descriptor."""
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go; processes that inherited the descriptor hold the lock on."""
        os.close(self.descriptor)


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock on a file."""
    lock = Lock.take(path)
    if lock is not None:
        lock.close()
    return lock is None
