"""What a backend can do, and how faithfully: levels of operations, gaps, fidelity of data.

Support is derived from what an adapter's classes contain; a `Gap` stands where something is missing and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn

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


class Survival(StrEnum):
    """What becomes of a geometry or field that is written to a platform."""

    EXACT = "exact"
    APPROXIMATE = "approximate"
    STORED = "stored"
    """Kept as metadata, not honoured."""
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What survives of one geometry or field, and how it changes where it is not exact."""

    survival: Survival
    how: str = ""


EXACT = Fidelity(Survival.EXACT)


@dataclass(frozen=True, slots=True)
class FidelityTable:
    """What a platform keeps of rows written to it.

    Args:
        geometries: Geometry kind to fidelity; a kind that is not named is dropped.
        fields: Field of a row to fidelity; a field that is not named is exact.
    """

    geometries: Mapping[str, Fidelity]
    fields: Mapping[str, Fidelity] = field(default_factory=dict)

    def losses(self, row: Any) -> list[tuple[str, Fidelity]]:
        """Return what a write would not keep exactly of `row`: (geometry kind or field name, fidelity) pairs."""
        kind = row.geometry.kind
        fidelity = self.geometries.get(kind, Fidelity(Survival.DROPPED, "the platform has no such geometry"))
        lost = [] if fidelity.survival is Survival.EXACT else [(f"geometry {kind}", fidelity)]
        lost += [
            (f"field {name}", kept)
            for name, kept in self.fields.items()
            if kept.survival is not Survival.EXACT and getattr(row, name, None)
        ]
        return lost
