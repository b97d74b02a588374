"""What a ledger says of rows and things: their states, and what led to them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from dragoman.migrate.scope import Kind


class State(StrEnum):
    """What became of a row or thing."""

    PLANNED = "planned"
    SENT = "sent"
    CONFIRMED = "confirmed"
    IGNORED = "ignored"
    REJECTED = "rejected"
    UNKNOWN = "unknown"

    @property
    def settled(self) -> bool:
        """Whether applying again leaves it alone."""
        return self in (State.CONFIRMED, State.IGNORED, State.REJECTED)


STATES = tuple(State)
NUMBERS = {state: number for number, state in enumerate(STATES)}
"""How states are written in the ledger."""


class Entry(NamedTuple):
    """One row in the ledger."""

    number: int
    kind: Kind
    key: str
    state: State
    id: str | None = None
    reason: str | None = None


class Settled(NamedTuple):
    """What a row has come to. `row` is its JSON, kept for rows that were rejected."""

    state: State
    id: str | None = None
    reason: str | None = None
    row: bytes | None = None


class Thing(NamedTuple):
    """A dataset, ontology, model or version on the target; `ours` if this migration made it."""

    kind: Kind
    state: State
    id: str
    ours: bool
