"""An emulator of the Encord API, for the unmodified `encord` SDK. It imports no SDK.

Both protocols are served at the announced URL: v2 below `/v2/public`, the older one at `/public`. What the SDK's source
leaves open is decided in `README.md` beside this file.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from dragoman.emulate import Clock, Emulation, Settings, SystemClock
from dragoman_encord.emulator.app import application
from dragoman_encord.emulator.state import State

__all__ = ["State", "create"]


def create(*, settings: Settings | None = None, clock: Clock | None = None) -> Emulation[State]:
    """Make an emulated account with nothing in it but one cloud integration, and a fresh key that it accepts.

    Args:
        settings: Switches for jobs and pages.
        clock: Where time stamps, trainings and long polls come from; by default the system's clock.
    """
    key = Ed25519PrivateKey.generate()
    settings, clock = settings or Settings(), clock or SystemClock()
    state = State(settings, clock)
    state.keys.add(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return Emulation(
        platform="encord",
        app=application(state),
        credentials={"ssh_private_key": pem},
        state=state,
        settings=settings,
        clock=clock,
    )
