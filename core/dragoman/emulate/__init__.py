"""What all emulators share: an emulation, scripted faults, a clock, and the ways to serve it on loopback.

An emulator is a server that speaks a vendor's wire protocol and keeps state in memory. This package knows
no vendor: a plugin builds an `Emulation` around its own ASGI application. `running` serves it to the tests
of this process, `serve` to other processes. Emulators that are not ASGI applications share the command-line
form through `hold`. Helpers for writing HTTP applications are in `dragoman.emulate.app`, which is imported
only by those that need it.
"""

from dragoman.emulate.clock import Clock, ManualClock, SystemClock
from dragoman.emulate.emulation import Emulation, Settings
from dragoman.emulate.faults import Answer, Delay, DropAfter, DropBefore, Fault, Faults
from dragoman.emulate.journal import Journal, Seen
from dragoman.emulate.process import hold
from dragoman.emulate.server import Live, running, serve

__all__ = [
    "Answer",
    "Clock",
    "Delay",
    "DropAfter",
    "DropBefore",
    "Emulation",
    "Fault",
    "Faults",
    "Journal",
    "Live",
    "ManualClock",
    "Seen",
    "Settings",
    "SystemClock",
    "hold",
    "running",
    "serve",
]
