"""What one emulated platform consists of, before and while it is served.

An `Emulation` is made by a plugin; how it is served, logged and disturbed is decided elsewhere in this
package.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from dragoman.emulate.clock import Clock, SystemClock
from dragoman.emulate.faults import Faults
from dragoman.emulate.journal import Journal

if TYPE_CHECKING:
    from starlette.types import ASGIApp

State = TypeVar("State")


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """Switches that every emulator honours; they may be changed at any time."""

    job_polls: int = 1
    """How often the status of an asynchronous job is asked in vain before the job does its work and ends."""
    page_limit: int | None = None
    """Largest page that is ever sent, whatever page size the client asks for."""


@dataclass(kw_only=True)
class Emulation(Generic[State]):
    """One emulated platform: its application, the credentials it accepts, and its state."""

    platform: str
    app: ASGIApp
    credentials: dict[str, str]
    state: State
    settings: Settings = field(default_factory=Settings)
    faults: Faults = field(default_factory=Faults)
    journal: Journal = field(default_factory=Journal)
    clock: Clock = field(default_factory=SystemClock)

    def serving(self, port: int) -> AbstractContextManager[str] | None:
        """Return what serves this emulation on a port of 127.0.0.1 and gives its URL; None where `app` is served.

        An emulation of a platform that does not speak HTTP says how it is served.
        """
        return None
