"""Ids as the platform assigns them: a prefix that tells the kind, then something opaque.

The opaque part differs between two emulations, so that an id taken from one does not work by accident in
another.
"""

from __future__ import annotations

import itertools
import secrets


class Ids:
    """The source of ids of one emulation."""

    def __init__(self) -> None:
        self._stem = secrets.token_hex(5)
        self._next = itertools.count(1)

    def new(self, prefix: str) -> str:
        """Return a new id of the kind that the prefix stands for, such as `ds` or `run`."""
        return f"{prefix}_{self._stem}{next(self._next):010x}"
