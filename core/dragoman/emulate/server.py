"""Serving an emulation over HTTP on the loopback interface, in a background thread of this process.

There is no way to listen on another address: emulators take any client at its word and must not be
reachable from outside. uvicorn does the HTTP; it is imported on use, because emulators of other protocols
come here too.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from dragoman.emulate.emulation import Emulation, Settings, State
from dragoman.emulate.faults import Faults
from dragoman.emulate.journal import Journal
from dragoman.emulate.process import hold
from dragoman.errors import Conflict

if TYPE_CHECKING:
    from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"
BACKLOG = 1024
"""Pending connections: some SDKs open a new one for every call."""


@dataclass(frozen=True)
class Live(Generic[State]):
    """An emulation that is being served. `url` is the root of the server, without a trailing slash."""

    url: str
    emulation: Emulation[State]

    @property
    def platform(self) -> str:
        return self.emulation.platform

    @property
    def credentials(self) -> dict[str, str]:
        return self.emulation.credentials

    @property
    def app(self) -> ASGIApp:
        return self.emulation.app

    @property
    def state(self) -> State:
        return self.emulation.state

    @property
    def settings(self) -> Settings:
        return self.emulation.settings

    @property
    def faults(self) -> Faults:
        return self.emulation.faults

    @property
    def journal(self) -> Journal:
        return self.emulation.journal


def serve(emulation: Emulation[State], *, port: int = 0) -> None:
    """Serve an emulation from the command line: announce it on standard output, run until SIGINT or SIGTERM.

    Args:
        emulation: What to serve.
        port: Port on 127.0.0.1; 0 picks a free one.

    Raises:
        Conflict: The port is taken.
    """
    hold(running(emulation, port=port))


@contextmanager
def running(emulation: Emulation[State], *, port: int = 0) -> Iterator[Live[State]]:
    """Serve an emulation in a background thread for as long as the context lasts.

    Args:
        emulation: What to serve.
        port: Port on 127.0.0.1; 0 picks a free one.

    Yields:
        The served emulation, ready for requests.

    Raises:
        Conflict: The port is taken.
    """
    if (own := emulation.serving(port)) is not None:
        with own as url:
            yield Live(url, emulation)
        return
    from dragoman.emulate.control import application
    from dragoman.emulate.http_server import in_background

    listener = listen(port)
    with in_background(application(emulation), listener, f"{emulation.platform} emulator"):
        yield Live(f"http://{LOOPBACK}:{listener.getsockname()[1]}", emulation)


def listen(port: int, host: str = LOOPBACK) -> socket.socket:
    """Return a listening socket.

    Raises:
        Conflict: The port is taken, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Conflict(
            f"Port {port} of {host} cannot be used: {error.strerror}.",
            hint="Choose another port, or 0 for any.",
        ) from error
    # asyncio does this only for sockets made with their protocol named; without it, every second answer on a connection
    # that is kept waits 40 ms for the client's acknowledgement. Accepted connections inherit it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
