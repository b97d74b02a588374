"""What a backend can do: levels of operations, and gaps.

Support is derived from what an adapter's classes contain; a `Gap` stands where something is missing and says why. How
faithfully data survives is in `dragoman.fidelity`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from dragoman.errors import Unsupported


class Level(StrEnum):
    """How far an operation is supported."""

    FULL = "full"
    COMPOSED = "composed"
    """The platform has no such call; the core makes it of others."""
    UNWRITTEN = "unwritten"
    """The platform can, the adapter does not yet."""
    IMPOSSIBLE = "impossible"
    UNDECLARED = "undeclared"
    """Neither translated nor explained: a fault of the adapter."""


@dataclass(frozen=True, slots=True)
class Capability:
    """Level of one operation, with the reason and the way out where it is not full."""

    level: Level
    reason: str = ""
    instead: str = ""

    @property
    def supported(self) -> bool:
        """Whether the operation can be called."""
        return self.level in (Level.FULL, Level.COMPOSED)


class Gap:
    """A declared absence, in place of a translation method or of a whole facet.

    Reading it from a facet gives a callable that raises `Unsupported`.
    """

    def __init__(self, level: Level, reason: str, instead: str = "") -> None:
        self.capability = Capability(level, reason, instead)

    @classmethod
    def impossible(cls, reason: str, *, instead: str = "") -> Gap:
        """Declare that the platform cannot do this; `instead` names the way out."""
        return cls(Level.IMPOSSIBLE, reason, instead)

    @classmethod
    def unwritten(cls, reason: str, *, instead: str = "") -> Gap:
        """Declare that the platform can do this and the adapter does not yet."""
        return cls(Level.UNWRITTEN, reason, instead)

    @classmethod
    def undeclared(cls) -> Gap:
        """Stand in for what an adapter says nothing about."""
        return cls(Level.UNDECLARED, "The plugin does not say whether the platform can do this.")

    def refuse(self, platform: str, operation: str) -> NoReturn:
        """Raise `Unsupported` with the reason and the way out."""
        hint = f"Use {self.capability.instead} instead." if self.capability.instead else None
        raise Unsupported(self.capability.reason, hint=hint, platform=platform, operation=operation)
