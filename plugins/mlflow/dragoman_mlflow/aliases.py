"""Aliases: names such as `champion` that point to one version of a model, and can be moved to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dragoman.calls.pipeline import Operation
from dragoman.interface.base import ref
from dragoman.schema import Model, Version
from dragoman_mlflow.codec import Place


class Aliases:
    """The aliases of an MLflow backend. `versions.get("NAME@ALIAS")` returns the version that one points to.

    Args:
        adapter: The backend that they belong to.
    """

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def set(self, version: str | Version, alias: str) -> None:
        """Point an alias to a version; it no longer points to another.

        Raises:
            NotFound: There is no such version.
            InvalidData: MLflow does not take the alias: it has letters, digits, underscores and dashes.
        """

        def send() -> None:
            wire = self._adapter.registry.version(Place.of(ref(version)))
            body = {"name": wire["name"], "version": wire["version"], "alias": alias}
            self._adapter.client.post("registered-models/alias", **body)

        self._call("set", send)

    def list(self, model: str | Model) -> dict[str, str]:
        """Return the aliases of a model, each with the id of its version.

        Raises:
            NotFound: There is no such model.
        """

        def fetch() -> dict[str, str]:
            wire = self._adapter.registry.model(ref(model))
            return {one["alias"]: f"{wire['name']}/{one['version']}" for one in wire.get("aliases") or ()}

        found: dict[str, str] = self._call("list", fetch)
        return found

    def delete(self, model: str | Model, alias: str) -> None:
        """Delete an alias; its version stays. One that is not there is no matter.

        Raises:
            NotFound: There is no such model.
        """
        self._call(
            "delete", lambda: self._adapter.client.delete("registered-models/alias", name=ref(model), alias=alias)
        )

    def _call(self, name: str, translate: Callable[[], Any]) -> Any:
        return self._adapter.pipeline.call(Operation("aliases", name), translate)

    def __repr__(self) -> str:
        return "<mlflow aliases>"
