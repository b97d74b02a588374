"""Versions on Viam: packages of a registry item. A package never changes; weights replace an empty one.

The id of a version is its model's, an `@`, and its name, which is the version of the package.
"""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC
from pathlib import Path
from typing import Any

from dragoman.calls.over_grpc import Code
from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import Conflict, InvalidData, NotFound
from dragoman.interface import Versions
from dragoman.schema import Status, Version
from dragoman_viam.archives import FRAMEWORKS, is_archive, unpack_one
from dragoman_viam.errors import CallFailed
from dragoman_viam.messages import name_of
from dragoman_viam.notes import Note, package_in, package_out, text_of
from dragoman_viam.packages import temporary

KIND = "ml_model"
AT = "@"
DEFAULT_FRAMEWORK = "tflite"
_UNKNOWN = "Viam does not keep which images a version was trained on."


class ViamVersions(Versions):
    """Versions through `PackageService`."""

    _adapter: Any

    _update = Gap.impossible("Viam changes no package once it is made.", instead="versions.create")
    _data = Gap.impossible(_UNKNOWN, instead='datasets.read_items of training.get(...).config["dataset"]')

    def _create(self, version: Version) -> Version:
        model = self._adapter.models._item(version.model)
        note: Note = {
            "dataset": version.dataset,
            "config": version.config,
            "tags": list(version.tags),
            "metadata": version.metadata,
            "weights": "none",
        }
        framework = _framework(version.config.get("framework"), model)
        self._send(model.name, None, version.name, framework, {name: value for name, value in note.items() if value})
        return version.model_copy(update={"id": f"{version.model}{AT}{version.name}"})

    def _send(self, name: str, path: Path | None, version: str, framework: str, note: Note) -> None:
        self._adapter.packages.send(name, path, version, KIND, package_out(framework, note))

    def _get(self, version: str) -> Version:
        model, name = parts(version)
        return version_in(self._adapter.packages.described(self.package(model), name, KIND), model)

    def _list(self, model: str, cursor: str | None, size: int) -> Page[Version]:
        return Page([version_in(found, model) for found in self.packages(model)])

    def packages(self, model: str) -> list[Any]:
        """Return the packages of a model, the oldest first."""
        found = self._adapter.packages.listed(KIND, self._adapter.models._item(model).name)
        return sorted(found, key=lambda package: package.created_on.ToNanoseconds())

    def package(self, model: str) -> str:
        """Return the id of a model's packages: a slash where the model's own id has a colon, after the organisation."""
        namespace, _, name = model.partition(":")
        if namespace == self._adapter.workspace.namespace:
            return f"{self._adapter.workspace.organization}/{name}"
        return f"{self._adapter.models._item(model).organization_id}/{name}"

    def _delete(self, version: str) -> None:
        model, name = parts(version)
        self._adapter.packages.deleted(self.package(model), name, KIND)

    def _download_weights(self, version: str, path: Path) -> Path:
        model, name = parts(version)
        package = self.package(model)
        kept = package_in(self._adapter.packages.described(package, name, KIND).info).get("weights", "archive")
        if kept == "none":
            raise NotFound(f"The version {version} has no weights.", hint="versions.upload_weights gives it some.")
        with temporary() as folder:
            archive = self._adapter.packages.fetched(package, name, KIND, Path(folder) / "package.tar.gz")
            if kept == "file":
                unpack_one(archive, path)
            else:
                shutil.move(archive, path)
        return path

    def _upload_weights(self, version: str, path: Path) -> Version:
        model, name = parts(version)
        package = self.package(model)
        info, note = self._replaced(version, package, name)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if note.get("sha256") == digest:
            # An earlier attempt, or an earlier call, has put the same file there.
            return self._get(version)
        if note.get("weights", "archive") != "none":
            raise Conflict(f"The version {version} has weights, and Viam changes none.", hint="Create another version.")
        note = {**note, "weights": "archive" if is_archive(path) else "file", "sha256": digest}
        framework = FRAMEWORKS.get(path.suffix.lower()) or text_of(info.metadata, "model_framework")
        self._remove(package, name)
        self._send(info.name, path, name, framework, note)
        del self._adapter.replacing[version]
        return self._get(version)

    def _replaced(self, version: str, package: str, name: str) -> tuple[Any, Note]:
        """Return what is known of the package to be replaced, also when an earlier attempt has taken it away."""
        try:
            info = self._adapter.packages.described(package, name, KIND).info
        except CallFailed as failed:
            info = self._adapter.replacing.get(version)
            if failed.code is not Code.NOT_FOUND or info is None:
                raise
        self._adapter.replacing[version] = info
        return info, package_in(info)

    def _remove(self, package: str, name: str) -> None:
        try:
            self._adapter.packages.deleted(package, name, KIND)
        except CallFailed as failed:
            if failed.code is not Code.NOT_FOUND:
                raise


def parts(version: str) -> tuple[str, str]:
    """Part the id of a version into the model's id and the version's name.

    Raises:
        NotFound: It is no such id.
    """
    model, mark, name = version.partition(AT)
    if not mark or ":" not in model:
        raise NotFound(f"{version!r} is no id of a version; those of Viam are organisation:model@version.")
    return model, name


def version_in(package: Any, model: str) -> Version:
    """Return a package as a version of a model."""
    note = package_in(package.info)
    framework = text_of(package.info.metadata, "model_framework")
    return Version(
        id=f"{model}{AT}{package.info.version}",
        model=model,
        name=package.info.version,
        status=None if note.get("weights") == "none" else Status.SUCCEEDED,
        dataset=note.get("dataset"),
        config={"framework": framework, **note.get("config", {})} if framework else note.get("config", {}),
        tags=tuple(note.get("tags", ())),
        metadata=note.get("metadata", {}),
        created_at=package.created_on.ToDatetime(tzinfo=UTC),
    )


def _framework(wanted: Any, model: Any) -> str:
    if wanted is None:
        held = name_of("training", "ModelFramework", model.ml_model_metadata.model_framework)
        name = held.removeprefix("MODEL_FRAMEWORK_").lower()
        return name if name in FRAMEWORKS.values() else DEFAULT_FRAMEWORK
    if wanted not in FRAMEWORKS.values():
        known = ", ".join(sorted(set(FRAMEWORKS.values())))
        raise InvalidData(f"{wanted!r} is no framework.", hint=f"There are: {known}.", field="config.framework")
    return str(wanted)
