"""Serving a backend's model to other programs, in a protocol that a plugin knows.

A plugin registers a `ServedProtocol` and writes an ASGI application around a backend. Which model is served, where, and
until when is decided here; what is answered is the plugin's.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from dragoman.errors import InvalidData, NotFound, Unsupported
from dragoman.parts import load_part
from dragoman.plugins import installed

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from dragoman.adapter import Adapter
    from dragoman.schema import Model, Version

    Factory = Callable[[Adapter, Model, Version | None], ASGIApp]
    GrpcServing = Callable[[Adapter, Model, Version | None, str, int], AbstractContextManager[str]]


@dataclass(frozen=True, slots=True)
class ServedProtocol:
    """A protocol in which a plugin serves models.

    Args:
        name: Short lower-case name, as in `dragoman serve NAME`.
        title: The protocol's own name.
        app: `"module:function"`, imported when first used. The function takes the open backend, the model, and the
            version that is asked for or None for the newest at any time; it returns an ASGI application. Its requests
            come on one event loop, so calls of the backend belong into threads.
        grpc: `"module:function"` that serves the same over gRPC: it takes backend, model, version, host and port, and
            returns a context manager that gives the address; None where there is no such thing.
    """

    name: str
    title: str
    app: str
    grpc: str | None = None

    def load(self) -> Factory:
        """Import and return the function that makes the application.

        Raises:
            PluginError: It cannot be imported; the cause says why.
        """
        made: Factory = load_part(self, "app")
        return made

    def load_grpc(self) -> GrpcServing:
        """Import and return the function that serves over gRPC.

        Raises:
            Unsupported: The protocol has none.
            PluginError: It cannot be imported; the cause says why.
        """
        if self.grpc is None:
            raise Unsupported(f"{self.title} is not served over gRPC.")
        made: GrpcServing = load_part(self, "grpc")
        return made


@dataclass(frozen=True, slots=True)
class Served:
    """An application that is being served at `url`, the root of the server without a trailing slash."""

    url: str


def protocols() -> dict[str, ServedProtocol]:
    """Return the protocols of the installed plugins by name. Nothing of an application is imported."""
    found: list[ServedProtocol] = []
    installed().hooks.hook.dragoman_server(register=found.append)
    return {one.name: one for one in sorted(found, key=lambda one: one.name)}


def protocol(name: str) -> ServedProtocol:
    """Return the protocol of that name.

    Raises:
        NotFound: No installed plugin serves it; the hint names the nearest or lists all.
    """
    known = protocols()
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Installed: {', '.join(known) or 'none'}."
    raise NotFound(f"Nothing here is served as {name!r}.", hint=hint)


def model_of(backend: Adapter, name: str) -> Model:
    """Return the model of that id, or else of that key or name.

    Raises:
        NotFound: There is none.
    """
    try:
        return backend.models.get(name)
    except (NotFound, InvalidData):
        if (found := backend.models.find(name)) is None:
            raise
        return found


def version_of(backend: Adapter, model: Model, name: str) -> Version:
    """Return the version of a model of that id or name, the newest of that name.

    Raises:
        NotFound: There is none.
    """
    found = [version for version in backend.versions.list(model) if name in (version.id, version.name)]
    if not found:
        raise NotFound(f"{model.name} has no version {name!r}.", platform=backend.name)
    return found[-1]


def newest(backend: Adapter, model: Model) -> Version:
    """Return the newest version of a model.

    Raises:
        NotFound: It has none.
    """
    found = deque(backend.versions.list(model), maxlen=1)
    if not found:
        raise NotFound(f"{model.name} has no version yet.", platform=backend.name)
    return found.pop()


@contextmanager
def serving(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[Served]:
    """Serve an application in a background thread for as long as the context lasts.

    Args:
        app: What to serve.
        host: Address to listen on. Whoever reaches it can use the model: there is no password.
        port: Port of that address; 0 picks a free one.

    Raises:
        Conflict: The address cannot be listened on.
    """
    from dragoman.emulate.http_server import in_background
    from dragoman.emulate.server import listen

    listener = listen(port, host)
    name = f"[{host}]" if listener.family is socket.AF_INET6 else host
    with in_background(app, listener, "serve"):
        yield Served(f"http://{name}:{listener.getsockname()[1]}")


@contextmanager
def announced(
    chosen: ServedProtocol,
    backend: Adapter,
    model: Model,
    version: Version | None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    grpc_port: int | None = None,
) -> Iterator[dict[str, str]]:
    """Serve a model in a protocol for as long as the context lasts, and give what its clients must know.

    Args:
        chosen: The protocol.
        backend: The open backend.
        model: Its model.
        version: The only version that is served; the newest at any time, if not given.
        host: Address to listen on.
        port: Port of HTTP; 0 picks a free one.
        grpc_port: Port of gRPC; 0 picks a free one, and without it gRPC is not served.

    Raises:
        Unsupported: The protocol is not served over gRPC.
        Conflict: An address cannot be listened on.
    """
    with ExitStack() as stack:
        served = stack.enter_context(serving(chosen.load()(backend, model, version), host=host, port=port))
        facts = {"protocol": chosen.name, "model": model.id, "url": served.url}
        if grpc_port is not None:
            facts["grpc"] = stack.enter_context(chosen.load_grpc()(backend, model, version, host, grpc_port))
        yield facts
