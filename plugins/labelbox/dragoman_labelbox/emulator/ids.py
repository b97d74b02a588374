"""Ids as the platform assigns them: 25 characters that begin with `c`.

Feature and metadata schema ids must have exactly that length, because the SDK's types check it. They differ between two
emulations, so that an id taken from one does not work by accident in another.
"""

from __future__ import annotations

import itertools
import secrets


class Ids:
    """The source of ids of one emulation."""

    def __init__(self) -> None:
        self._stem = secrets.token_hex(6)
        self._next = itertools.count(1)

    def new(self) -> str:
        """Return a new id."""
        return f"c{self._stem}{next(self._next):012x}"
