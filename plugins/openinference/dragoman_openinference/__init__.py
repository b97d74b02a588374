"""The Open Inference Protocol for Dragoman, in both directions. Registering it imports no HTTP client and no gRPC."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.hookspecs import hookimpl
from dragoman.plugins import Platform
from dragoman.serving import ServedProtocol


@hookimpl
def dragoman_platforms(register: Callable[[Platform], None]) -> None:
    """Register servers of the protocol as a backend. There is no emulator: `dragoman serve openinference` is real."""
    register(
        Platform(
            name="openinference",
            title="Open Inference Protocol",
            description="Open Inference Protocol v2: models served by Triton, MLServer, KServe and others.",
            adapter="dragoman_openinference.adapter:OpenInferenceAdapter",
            settings="dragoman_openinference.settings:OpenInferenceSettings",
        )
    )


@hookimpl
def dragoman_server(register: Callable[[ServedProtocol], None]) -> None:
    """Register the protocol as one in which models are served."""
    register(
        ServedProtocol(
            name="openinference",
            title="Open Inference Protocol v2",
            app="dragoman_openinference.serving:application",
            grpc="dragoman_openinference.rpc_serving:serving",
        )
    )
