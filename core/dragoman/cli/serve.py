"""`dragoman serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from dragoman.cli.backend import Profile, Settings
from dragoman.cli.show import err, settings
from dragoman.connecting import connect


def serve(
    protocol: Annotated[str, typer.Argument(metavar="NAME", help="The protocol to speak.")],
    backend: Annotated[str, typer.Option(help="Name of the backend whose model is served.")],
    model: Annotated[str, typer.Option(help="Id, key or name of the model.")],
    version: Annotated[
        str | None, typer.Option(help="Id or name of the version; the newest at any time if not given.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; there is no password, so others only on a network you trust.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 0,
    grpc_port: Annotated[
        int | None,
        typer.Option(help="Port of gRPC, where the protocol has it; 0 takes a free one.", min=0, max=65535),
    ] = None,
    set_: Settings = [],
    profile: Profile = None,
) -> None:
    """Serve a model of a backend to other programs until it is interrupted.

    One line of JSON on standard output says when it is ready and where it is.
    """
    from dragoman import serving
    from dragoman.emulate.process import hold_announced

    chosen = serving.protocol(protocol)
    with connect(backend, profile=profile, **settings(set_)) as opened:
        found = serving.model_of(opened, model)
        pinned = serving.version_of(opened, found, version) if version is not None else None
        err.print(f"Serving {found.name} of {backend} as {chosen.title}. Ctrl-C stops it.")
        served = serving.announced(chosen, opened, found, pinned, host=host, port=port, grpc_port=grpc_port)
        hold_announced(served, lambda facts: facts)
