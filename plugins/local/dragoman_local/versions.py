"""Versions of the local backend: rows of its state, with weights in safetensors files beside it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData, Unsupported
from dragoman.interface import Versions
from dragoman.schema import Item, Model, Status, Version
from dragoman_local.home import home_of
from dragoman_local.parameters import engine_task


class LocalVersions(Versions):
    """Keeps versions in the state and their weights in files."""

    def _create(self, version: Version) -> Version:
        return home_of(self).catalog.add_version(version)

    def _get(self, id: str) -> Version:
        return home_of(self).catalog.version(id)

    def _list(self, model: str, cursor: str | None, size: int) -> Page[Version]:
        return home_of(self).catalog.versions(model, cursor, size)

    def _update(self, id: str, changes: Mapping[str, Any]) -> Version:
        if "status" in changes:
            raise Unsupported("The status of a version here is that of its training.", hint="Cancel the training.")
        return home_of(self).catalog.change_version(id, changes)

    def _delete(self, id: str) -> None:
        home = home_of(self)
        home.catalog.drop_version(id)
        home.remove_weights(id)

    def _download_weights(self, id: str, path: Path) -> Path:
        """Write safetensors, which have their card inside, with a copy of it beside them; or ONNX to `NAME.onnx`."""
        weights = home_of(self).weights(id)
        if path.suffix.lower() == ".onnx":
            return _export(weights, path)
        from dragoman_local.engine.weights import read_card

        card = read_card(weights).model_dump_json(indent=2)
        _copy(weights, path).with_name(f"{path.name}.json").write_text(card + "\n", encoding="utf-8")
        return path

    def _upload_weights(self, id: str, path: Path) -> Version:
        home = home_of(self)
        _check_weights(path, home.catalog.model(home.catalog.version(id).model))
        _copy(path, home.weights_path(id))
        return home.catalog.change_version(id, {"status": Status.SUCCEEDED})

    def _data(self, id: str, cursor: str | None, size: int) -> Page[Item]:
        home = home_of(self)
        training = home.catalog.version(id).training
        return home.jobs.items(training, cursor, size) if training else Page([])


def _check_weights(path: Path, model: Model) -> None:
    """Load the file as far as it takes to know that this model can use it.

    Raises:
        InvalidData: It is no weight file of this engine, or one for another task or other features.
    """
    from dragoman_local.engine import weights

    card = weights.load(path, task=engine_task(model)).card
    if card.features != model.features:
        raise InvalidData(
            f"The weights are for the features {', '.join(card.features)}; the model has {', '.join(model.features)}.",
            hint="Create a model with the features of the weights, in their order.",
            field="path",
        )


def _export(weights: Path, path: Path) -> Path:
    from dragoman_local.engine.export import export_onnx
    from dragoman_local.engine.weights import load

    loaded = load(weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    export_onnx(loaded.network, loaded.card, path)
    return path


def _copy(source: Path, target: Path) -> Path:
    """Copy a file so that at no time the target is half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=".copy-") as folder:
        shutil.copyfile(source, Path(folder) / target.name).replace(target)
    return target
