"""The uvicorn server behind `dragoman.emulate.running` and `dragoman.serving`, with what it lacks for an emulator.

It tells another thread when it is ready, stops when that thread says so, and lets the application cut a
connection without an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from dragoman.emulate.faults import DROP
from dragoman.errors import PluginError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send
    from uvicorn._types import ASGI3Application

TICK = 0.1
"""Seconds between two rounds of uvicorn's housekeeping."""
NAP = 0.002
"""Seconds between two looks at whether the last connection has closed."""
GRACE = 1
"""Seconds that requests in progress get when the server stops."""


class Server(uvicorn.Server):
    """A server for one emulator, to be run in a thread."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                cast("ASGI3Application", app),
                http=DroppableProtocol,
                ws="none",
                lifespan="off",
                # Standard output belongs to the announcement; uvicorn's own set-up would write there.
                log_config=None,
                log_level="error",
                access_log=False,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()

    def wait_until_ready(self) -> bool:
        """Block until requests are served or the server has ended; say whether it serves."""
        self._ready.wait()
        return self.started

    def stop(self) -> None:
        """Ask the server to end; may be called from any thread, also when it has ended already."""
        self.should_exit = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopped.set)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            super().run(sockets)
        finally:
            self._ready.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._ready.set()

    async def main_loop(self) -> None:
        """Do what uvicorn does, but end at once instead of at the next tick."""
        for tick in itertools.count():
            if await self.on_tick(tick):
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), TICK)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Do what uvicorn does, without its pause: a tenth of a second for each of some thousand tests."""
        for closing in (*self.servers, *(sockets or ())):
            closing.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle(), GRACE)
        for task in self.server_state.tasks:
            task.cancel()

    async def _idle(self) -> None:
        """Return when no connection is open and no request in progress."""
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(NAP)


@contextlib.contextmanager
def in_background(app: ASGIApp, listener: socket.socket, name: str) -> Iterator[None]:
    """Serve an application on a listening socket, in a thread, for as long as the context lasts.

    Raises:
        PluginError: The server ended before it was ready.
    """
    server = Server(app)
    thread = threading.Thread(target=server.run, args=([listener],), name=name, daemon=True)
    thread.start()
    try:
        if not server.wait_until_ready():
            raise PluginError(f"The server of the {name} ended before it was ready.")
        yield
    finally:
        server.stop()
        thread.join()


class DroppableProtocol(H11Protocol):
    """HTTP/1.1 whose applications find a function in the scope that cuts the connection at once."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = self.app

        async def with_drop(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[DROP] = transport.abort
            await cast("ASGIApp", app)(scope, receive, send)

        self.app = cast("ASGI3Application", with_drop)
