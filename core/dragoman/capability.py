"""What a backend can do, and how faithfully: levels of operations, gaps, fidelity of data.

Support is derived from what an adapter's classes contain; a `Gap` stands where something is missing and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NoReturn

from dragoman.errors import Unsupported, WouldLose

if TYPE_CHECKING:
    from dragoman.schema import Label


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
class Loss:
    """One thing of a row that a write would not keep exactly: `"geometry keypoints"`, `"field attributes"`."""

    what: str
    fidelity: Fidelity

    def __str__(self) -> str:
        return f"{self.what} is {self.fidelity.survival}" + (f": {self.fidelity.how}" if self.fidelity.how else "")


LossPolicy = Literal["raise", "convert"]
"""What to do with a row that would lose something: refuse it, or let what is approximate or stored pass."""


class FidelityTable:
    """What a platform keeps of rows written to it.

    Args:
        geometries: Form of geometry (`Geometry.form`) to fidelity; a form that is not named is dropped.
        fields: Field of a row to fidelity; a field that is not named is exact.
    """

    def __init__(self, geometries: Mapping[str, Fidelity], fields: Mapping[str, Fidelity] | None = None) -> None:
        self.geometries = geometries
        self.fields = fields or {}
        self._exact = frozenset(form for form, kept in geometries.items() if kept.survival is Survival.EXACT)
        self._lossy = tuple(name for name, kept in self.fields.items() if kept.survival is not Survival.EXACT)

    def losses(self, row: Label) -> list[Loss]:
        """Return what a write would not keep exactly of `row`."""
        lost = []
        form = row.geometry.form
        if form not in self._exact:
            unknown = Fidelity(Survival.DROPPED, "the platform has no such geometry")
            lost.append(Loss(f"geometry {form}", self.geometries.get(form, unknown)))
        for name in self._lossy:
            if getattr(row, name, None) not in (None, {}, "none"):
                lost.append(Loss(f"field {name}", self.fields[name]))
        return lost

    def check(self, row: Label, policy: LossPolicy) -> None:
        """Refuse a row that would lose something the policy does not allow.

        Raises:
            WouldLose: It would.
        """
        for loss in self.losses(row):
            if loss.fidelity.survival is Survival.DROPPED:
                raise WouldLose(f"The {loss}.", hint="Convert the row first, or leave it out.", field=loss.what)
            if policy == "raise":
                raise WouldLose(f"The {loss}.", hint='Pass on_loss="convert" to accept this.', field=loss.what)
