"""What Nucleus keeps of a model besides what all platforms keep: tags, the slices it was trained on, one weights file.

Weights belong to a model there, to a version here. So the file's name says to which version it belongs; a file that
others uploaded belongs to all versions of its model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from dragoman.errors import Conflict, NotFound
from dragoman.interface.base import ref
from dragoman.schema import Model
from dragoman.schema.base import Control
from dragoman_nucleus.extension import Extension, carried
from dragoman_nucleus.slices import Slice
from dragoman_nucleus.wire import Json


class Weights(Control):
    """The weights file of a model; `version` is the one it was uploaded for, if it was uploaded by Dragoman."""

    filename: str
    bytes: int
    version: str | None = None


class Registry(Extension):
    """Tags, trained slices and weights of models."""

    name = "registry"

    @carried()
    def tags(self, model: str | Model) -> list[str]:
        """Return the tags of a model."""
        return list(self._client.get_model(model_id=ref(model)).tags or ())

    @carried()
    def add_tags(self, model: str | Model, tags: Sequence[str]) -> None:
        """Add tags to a model; those that it has stay."""
        self._client.make_request({"tags": list(tags)}, f"model/{ref(model)}/tag")

    @carried()
    def remove_tags(self, model: str | Model, tags: Sequence[str]) -> None:
        """Take tags from a model.

        Raises:
            InvalidData: It has none of them.
        """
        self._client.make_request({"tags": list(tags)}, f"model/{ref(model)}/tag", requests.delete)

    @carried()
    def trained_on(self, model: str | Model) -> list[str]:
        """Return the ids of the slices that a model was trained on; `versions.data` reads their items."""
        return list(self._client.get_model(model_id=ref(model)).trained_slice_ids or ())

    @carried()
    def add_trained_on(self, model: str | Model, slices: Sequence[str | Slice]) -> None:
        """Say that a model was trained on slices."""
        self._client.make_request(_named(slices), f"model/{ref(model)}/trainedSliceId")

    @carried()
    def remove_trained_on(self, model: str | Model, slices: Sequence[str | Slice]) -> None:
        """Say that a model was not trained on slices."""
        self._client.make_request(_named(slices), f"model/{ref(model)}/trainedSliceId", requests.delete)

    @carried()
    def weights(self, model: str | Model) -> Weights | None:
        """Return what is known of a model's weights, None if it has none."""
        return weights_of(self._client, ref(model))

    @carried()
    def delete_weights(self, model: str | Model) -> bool:
        """Delete a model's weights and return whether there were any."""
        return bool(self._client.delete_model_weights(ref(model)))


def _named(slices: Sequence[str | Slice]) -> Json:
    return {"trained_slice_ids": [ref(one) for one in slices]}


# Of `<run id>.<name>`: run ids have no dot.
_RUN = "run_"


def weights_of(client: Any, model: str) -> Weights | None:
    """Return what is known of a model's weights, None if it has none."""
    found = client.get_model_weights(model)
    if not found.present:
        return None
    version, dot, filename = (found.original_filename or "").partition(".")
    ours = bool(dot) and version.startswith(_RUN)
    return Weights(
        filename=filename if ours else found.original_filename or "",
        bytes=found.size_bytes or 0,
        version=version if ours else None,
    )


def upload_weights(client: Any, model: str, version: str, path: Path) -> None:
    """Store a file as the weights of a version.

    Raises:
        Conflict: The model has weights of another version.
    """
    there = weights_of(client, model)
    if there is not None and there.version != version:
        owner = f"of version {there.version}" if there.version else f"named {there.filename!r}"
        raise Conflict(
            f"Nucleus keeps one weights file per model, and {model} has one {owner}.",
            hint="Delete it first with backend.registry.delete_weights.",
        )
    client.upload_model_weights(model, str(path), original_filename=f"{version}.{path.name}", progress=False)


def download_weights(client: Any, model: str, version: str, path: Path) -> Path:
    """Write the weights of a version to a file and return its path.

    Raises:
        NotFound: The model has no weights, or weights of another version.
    """
    there = weights_of(client, model)
    if there is None or there.version not in (None, version):
        raise NotFound(f"Version {version} has no weights.")
    return Path(client.download_model_weights(model, str(path), progress=False))
