"""Progress as an injected object: long steps wrap their rows in it. The default shows nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Shows how far a step is."""

    def track(self, rows: Iterable[T], description: str, total: int | None = None) -> Iterable[T]:
        """Return the same rows, shown as they are consumed.

        Args:
            rows: What the step works through.
            description: What the step does, a few words.
            total: How many rows there are, when that is known.
        """
        ...


class Silent:
    """Shows nothing."""

    def track(self, rows: Iterable[T], description: str, total: int | None = None) -> Iterable[T]:
        """Return the rows."""
        return rows


SILENT = Silent()
