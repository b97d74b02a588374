"""What one of the two sides cannot do at all: kinds that it does not give out, or does not take."""

from __future__ import annotations

from dragoman.adapter import Adapter
from dragoman.migrate.scope import Kind

_READ: dict[Kind, str] = {
    "items": "datasets.read_items",
    "labels": "labels.read",
    "model": "models.get",
    "version": "versions.get",
    "predictions": "predictions.read",
}
_WRITTEN: dict[Kind, str] = {
    "items": "datasets.write_items",
    "labels": "labels.write",
    "model": "models.create",
    "version": "versions.create",
    "predictions": "predictions.write",
}
_BORNE_BY: dict[Kind, tuple[Kind, ...]] = {"version": ("model",), "predictions": ("model", "version")}
"""What a kind cannot be where the other is not."""


def unreadable(source: Adapter, kind: Kind) -> str | None:
    """Return why a source does not give a kind out, or None."""
    return _gap(source, _READ, kind)


def unwritable(target: Adapter, kind: Kind) -> str | None:
    """Return why a target does not take a kind, or None."""
    return _gap(target, _WRITTEN, kind)


def _gap(backend: Adapter, operations: dict[Kind, str], kind: Kind) -> str | None:
    capabilities = backend.capabilities()
    for needed in (kind, *_BORNE_BY.get(kind, ())):
        capability = capabilities[operations[needed]]
        if not capability.supported:
            return capability.reason
    return None
