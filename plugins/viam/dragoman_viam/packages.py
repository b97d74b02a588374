"""Packages of any kind: archives that are uploaded in frames and fetched over HTTPS."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dragoman.errors import InvalidData
from dragoman_viam.archives import contents, packed
from dragoman_viam.downloads import fetch
from dragoman_viam.extension import Extension
from dragoman_viam.uploads import chunks
from dragoman_viam.wire import Fields

KINDS = ("archive", "ml_model", "module", "slam_map", "ml_training")


class Packages(Extension):
    """Packages through `PackageService`; models and training scripts are packages, too."""

    name = "packages"

    def upload(
        self, name: str, path: str | Path | None, *, version: str, kind: str, metadata: Mapping[str, Any] | None = None
    ) -> str:
        """Upload a version of a package and return the package's id.

        Args:
            name: Its name in the organisation.
            path: A tar.gz, or a file or folder to be put into one; None for an empty one.
            version: The version; there is none of it yet.
            kind: `"ml_model"`, `"ml_training"`, `"archive"`, `"module"` or `"slam_map"`.
            metadata: JSON values kept with it; a model's say its `model_framework`.

        Raises:
            InvalidData: There is no such file.
            Conflict: The version is there already.
        """
        if path is not None and not Path(path).exists():
            raise InvalidData(f"There is no file {path}.", field="path")
        file = Path(path) if path is not None else None
        return self._call("upload", self.send, name, file, version, kind, metadata or {}, repeatable=False)

    def get(self, package: str, version: str, *, kind: str) -> Any:
        """Return Viam's `Package` message of a version, without a URL."""
        return self._call("get", self.described, package, version, kind)

    def list(self, *, kind: str | None = None, name: str | None = None) -> tuple[Any, ...]:
        """Return Viam's `Package` messages, of one kind or name if given."""
        return self._call("list", self.listed, kind, name)

    def download(self, package: str, version: str, path: str | Path, *, kind: str) -> Path:
        """Write the archive of a version to a file and return its path."""
        return self._call("download", self.fetched, package, version, kind, Path(path))

    def delete(self, package: str, version: str, *, kind: str) -> None:
        """Delete a version of a package."""
        self._call("delete", self.deleted, package, version, kind)

    # -- translations --------------------------------------------------------------------------------------------------

    def send(self, name: str, path: Path | None, version: str, kind: str, metadata: Mapping[str, Any]) -> str:
        """Send an archive; see `upload`."""
        info: Fields = {
            "organization_id": self._adapter.workspace.organization,
            "name": name,
            "version": version,
            "type": kind_out(kind),
            "metadata": dict(metadata),
        }
        info["files"] = [
            {"name": name, "size": 0 if inner.is_dir() else inner.stat().st_size, "is_directory": inner.is_dir()}
            for inner, name in contents(path)
        ]
        with packed(path) as archive:

            def frames() -> Iterator[Fields]:
                archive.seek(0)
                yield {"info": info}
                for chunk in chunks(archive):
                    yield {"contents": chunk}

            return str(self._adapter.wire.upload("packages.CreatePackage", frames).id)

    def described(self, package: str, version: str, kind: str, url: bool = False) -> Any:
        """Return the message of a version."""
        asked = {"id": package, "version": version, "type": kind_out(kind), "include_url": url}
        return self._adapter.wire.call("packages.GetPackage", **asked).package

    def listed(self, kind: str | None, name: str | None) -> tuple[Any, ...]:
        """Return the messages of all versions of a kind or name."""
        asked: Fields = {"organization_id": self._adapter.workspace.organization}
        if kind is not None:
            asked = {**asked, "type": kind_out(kind)}
        if name is not None:
            asked = {**asked, "name": name}
        return tuple(self._adapter.wire.call("packages.ListPackages", **asked).packages)

    def fetched(self, package: str, version: str, kind: str, path: Path) -> Path:
        """Write the archive of a version to a file."""
        fetch(self.described(package, version, kind, url=True).url, path, self._adapter.settings)
        return path

    def deleted(self, package: str, version: str, kind: str) -> None:
        """Delete a version."""
        self._adapter.wire.call("packages.DeletePackage", id=package, version=version, type=kind_out(kind))


def kind_out(kind: str) -> str:
    """Return Viam's name of a kind of package.

    Raises:
        InvalidData: There is no such kind.
    """
    if kind not in KINDS:
        raise InvalidData(
            f"There is no kind of package {kind!r}.", hint=f"There are: {', '.join(KINDS)}.", field="kind"
        )
    return f"PACKAGE_TYPE_{kind.upper()}"


def temporary() -> Any:
    """Return a folder for a download, to be used as a context."""
    return tempfile.TemporaryDirectory(prefix="dragoman-viam-")
