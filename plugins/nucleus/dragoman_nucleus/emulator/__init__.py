"""An emulator of the Nucleus API, for the unmodified `scale-nucleus` SDK. It imports no SDK.

The API is served at the announced URL, and below `/v1/nucleus` of it as on the platform. What the public sources leave
open is decided in `README.md` beside this file.
"""

from __future__ import annotations

import secrets

from dragoman.emulate import Clock, Emulation, Settings, SystemClock
from dragoman_nucleus.emulator.app import application
from dragoman_nucleus.emulator.state import State

__all__ = ["State", "create"]


def create(
    api_key: str | None = None, *, settings: Settings | None = None, clock: Clock | None = None
) -> Emulation[State]:
    """Make an emulated account with nothing in it.

    Args:
        api_key: The key that it accepts, as API key and as limited access key; by default a random one.
        settings: Switches for jobs and pages.
        clock: Where time stamps and delays come from; by default the system's clock.
    """
    key = api_key or f"emulated-{secrets.token_hex(16)}"
    settings, clock = settings or Settings(), clock or SystemClock()
    state = State(settings, clock)
    return Emulation(
        platform="nucleus",
        app=application(state, key),
        credentials={"api_key": key},
        state=state,
        settings=settings,
        clock=clock,
    )
