"""The server's repository: which models are loaded, and loading and unloading them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dragoman.calls.pipeline import Operation
from dragoman.interface.base import ref
from dragoman.schema import Model, Version
from dragoman_openinference.facts import Place, ServerFacts


class Repository:
    """The repository of a server, an extension of the protocol that Triton and MLServer have.

    Args:
        adapter: The backend that it belongs to.
    """

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def server(self) -> ServerFacts:
        """Return what the server is."""
        found: ServerFacts = self._call("server", self._adapter.server.facts)
        return found

    def ready(self, version: str | Version | None = None) -> bool:
        """Return whether the server, or a version on it, takes requests; False for one that is not there."""
        place = Place.of(ref(version)) if version is not None else None
        found: bool = self._call("ready", self._adapter.server.ready, place)
        return found

    def load(self, model: str | Model) -> None:
        """Load a model whose files are in the repository, or load it anew after they have changed.

        Raises:
            NotFound: There are none.
        """
        self._call("load", self._adapter.server.load, ref(model))

    def unload(self, model: str | Model) -> None:
        """Unload a model; its files stay."""
        self._call("unload", self._adapter.server.unload, ref(model))

    def _call(self, name: str, translate: Callable[..., Any], *arguments: Any) -> Any:
        return self._adapter.pipeline.call(Operation("repository", name), translate, *arguments)

    def __repr__(self) -> str:
        return "<openinference repository>"
