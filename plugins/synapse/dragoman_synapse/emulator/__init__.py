"""An emulator of Synapse's API, both interfaces, for the unmodified `synapse-sdk`. It imports no SDK.

What the public sources leave open is decided in `README.md` beside this file.
"""

from __future__ import annotations

import secrets

from dragoman.emulate import Clock, Emulation, Settings, SystemClock
from dragoman_synapse.emulator.app import application
from dragoman_synapse.emulator.platform import Platform

__all__ = ["Platform", "create"]


def create(
    access_token: str | None = None, *, settings: Settings | None = None, clock: Clock | None = None
) -> Emulation[Platform]:
    """Make an emulated Synapse with one empty tenant, `"home"`, which has one plugin, `"detector"`, on one agent.

    Args:
        access_token: The token that it accepts; by default a random one.
        settings: Switches for jobs and pages.
        clock: Where time stamps, delays and the length of jobs come from; by default the system's clock.
    """
    token = access_token or f"syn_{secrets.token_hex(20)}"
    settings, clock = settings or Settings(), clock or SystemClock()
    platform = Platform(settings, clock)
    platform.tokens[token] = platform.add_tenant("home").code
    return Emulation(
        platform="synapse",
        app=application(platform),
        credentials={"access_token": token},
        state=platform,
        settings=settings,
        clock=clock,
    )
