"""What can be asked of a server, whatever the way to it: implemented over REST in `rest` and over gRPC in `rpc`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dragoman.errors import Unsupported
from dragoman_openinference.facts import Entry, ModelFacts, Place, ServerFacts
from dragoman_openinference.settings import OpenInferenceSettings
from dragoman_openinference.tensors import Tensor


class InferenceServer(Protocol):
    """A server of the protocol. Calls raise what the way to it raises; `errors` knows it."""

    def facts(self) -> ServerFacts:
        """Return what the server is."""

    def ready(self, place: Place | None = None) -> bool:
        """Return whether the server, or a version on it, takes requests."""

    def model(self, place: Place) -> ModelFacts:
        """Return what a version takes and gives."""

    def index(self) -> list[Entry]:
        """Return what is in the repository, loaded or not.

        Raises:
            Unsupported: The server does not have this extension.
        """

    def load(self, model: str) -> None:
        """Load a model of the repository, or load it anew."""

    def unload(self, model: str) -> None:
        """Unload a model; it stays in the repository."""

    def infer(self, place: Place, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Return what a version makes of its inputs."""

    def close(self) -> None:
        """Close the connections."""


def opened(settings: OpenInferenceSettings) -> InferenceServer:
    """Return the server of an endpoint; nothing is sent yet.

    Raises:
        Unsupported: The endpoint is one of gRPC, which is not installed.
    """
    if not settings.endpoint.startswith("grpc"):
        from dragoman_openinference.rest import RestServer

        return RestServer(settings)
    try:
        from dragoman_openinference.rpc import GrpcServer
    except ImportError as error:
        raise Unsupported("gRPC is not installed.", hint="Install dragoman-openinference[grpc].") from error
    return GrpcServer(settings)
