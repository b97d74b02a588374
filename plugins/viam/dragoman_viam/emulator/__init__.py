"""An emulator of Viam's cloud, for the unmodified `viam-sdk` and any other gRPC client. It imports no SDK.

gRPC is served at the announced URL; what the platform serves over HTTPS (packages, signed URLs) has a server of its own
beside it. What the public sources leave open is decided in `README.md` beside this file.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from dragoman.emulate import Clock, Emulation, Settings, SystemClock, running
from dragoman_viam.emulator.state import State

__all__ = ["State", "ViamEmulation", "create"]

MESSAGE_BYTES = 64 << 20
GRACE = 0.5
"""Seconds that calls in progress get when the server stops."""


@dataclass(kw_only=True)
class ViamEmulation(Emulation[State]):
    """An emulated organisation. `app` serves downloads; `serving` serves gRPC with it."""

    certificate: tuple[bytes, bytes] | None = None
    message_bytes: int = MESSAGE_BYTES

    def serving(self, port: int) -> AbstractContextManager[str]:
        """Serve on loopback as long as the context lasts; it gives the URL.

        Raises:
            Conflict: The port is taken.
        """
        return _served(self, port)


def create(
    api_key: str | None = None,
    *,
    settings: Settings | None = None,
    clock: Clock | None = None,
    certificate: tuple[bytes, bytes] | None = None,
    message_bytes: int = MESSAGE_BYTES,
) -> ViamEmulation:
    """Make an emulated organisation with one location, one machine and no data.

    Args:
        api_key: The key that it accepts; by default a random one.
        settings: Switches for jobs and pages.
        clock: Where time stamps and delays come from; by default the system's clock.
        certificate: Key and certificate chain in PEM; served with TLS if given.
        message_bytes: Largest message that it takes.
    """
    from dragoman_viam.emulator.files import application

    key, key_id = api_key or f"emulated-{secrets.token_hex(16)}", str(uuid4())
    settings, clock = settings or Settings(), clock or SystemClock()
    state = State(settings, clock)
    state.add_key("emulated", [owner(state.organization.id)], key_id=key_id, payload=key)
    return ViamEmulation(
        platform="viam",
        app=application(state),
        credentials={"api_key": key, "api_key_id": key_id},
        state=state,
        settings=settings,
        clock=clock,
        certificate=certificate,
        message_bytes=message_bytes,
    )


def owner(organization: str) -> dict[str, str]:
    """Return the authorization to do everything in an organisation."""
    return {
        "authorization_type": "role",
        "authorization_id": "organization_owner",
        "resource_type": "organization",
        "resource_id": organization,
        "org_id": organization,
    }


@contextmanager
def _served(emulation: ViamEmulation, port: int) -> Iterator[str]:
    from dragoman_viam.emulator.routes.all import routes
    from dragoman_viam.emulator.server import Services, start

    services = Services(emulation, routes(emulation.state))
    server, bound = start(services, port, certificate=emulation.certificate)
    with running(_downloads(emulation)) as files:
        emulation.state.files_url = files.url
        try:
            yield f"{'https' if emulation.certificate else 'http'}://127.0.0.1:{bound}"
        finally:
            server.stop(GRACE).wait()


def _downloads(emulation: ViamEmulation) -> Emulation[Any]:
    """Return the HTTP side as an emulation of its own; faults, journal and switches are shared."""
    shared = {name: getattr(emulation, name) for name in Emulation.__dataclass_fields__}
    return Emulation(**shared)
