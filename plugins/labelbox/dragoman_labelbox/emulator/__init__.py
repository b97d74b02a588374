"""An emulator of the Labelbox API, for the unmodified `labelbox` SDK. It imports no SDK.

GraphQL is served at `/graphql` and `/_gql`, the REST calls below `/api/v1`. What the public sources leave open is
decided in `README.md` beside this file.
"""

from __future__ import annotations

import secrets

from dragoman.emulate import Clock, Emulation, Faults, Settings, SystemClock
from dragoman_labelbox.emulator.app import application
from dragoman_labelbox.emulator.state import State

__all__ = ["State", "create"]


def create(
    api_key: str | None = None, *, settings: Settings | None = None, clock: Clock | None = None
) -> Emulation[State]:
    """Make an emulated account with nothing in it.

    Args:
        api_key: The key that it accepts; by default a random one.
        settings: Switches for jobs and pages; by default jobs are done at once, because the SDK rests for seconds
            between two looks at one.
        clock: Where time stamps and delays come from; by default the system's clock.
    """
    key = api_key or f"emulated-{secrets.token_hex(16)}"
    settings, clock, faults = settings or Settings(job_polls=0), clock or SystemClock(), Faults()
    state = State(settings, clock)
    return Emulation(
        platform="labelbox",
        app=application(state, key, faults),
        credentials={"api_key": key},
        state=state,
        settings=settings,
        faults=faults,
        clock=clock,
    )
