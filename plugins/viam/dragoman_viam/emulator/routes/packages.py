"""`viam.app.packages.v1.PackageService`: archives of models and scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from dragoman_viam.emulator.blobs import Blob
from dragoman_viam.emulator.catalog import add_package, find_package, package_id, remove_package
from dragoman_viam.emulator.records import Package
from dragoman_viam.emulator.refusals import invalid
from dragoman_viam.emulator.routes import Answer, Routes, first_of


class Packages(Routes):
    """The methods about packages."""

    service = "packages"
    streams = frozenset({"CreatePackage"})

    def CreatePackage(self, frames: Iterator[Any]) -> Iterator[Answer]:
        """Keep a package: its description first, then its contents in any number of messages."""
        info = first_of(frames, "info", invalid("the first message must be the info", "info"))
        content = Blob(self._contents(frames))
        if not info.version:
            info.version = str(int(self.state.clock.now().timestamp() * 1000))
        yield {"id": package_id(info), "version": info.version}
        with self.state.lock:
            add_package(self.state, info, content)

    def _contents(self, frames: Iterator[Any]) -> Iterator[bytes]:
        for frame in frames:
            if not frame.HasField("contents"):
                raise invalid("only the first message is the info", "info")
            yield frame.contents

    def GetPackage(self, request: Any) -> Answer:
        """Return a package, with its URL if that is asked for."""
        return {
            "package": self._shown(
                find_package(self.state, request.id, request.version, request.type), request.include_url
            )
        }

    def ListPackages(self, request: Any) -> Answer:
        """List packages, the oldest first."""
        self.state.check_organization(request.organization_id)
        asked = ["organization_id", *(name for name in ("name", "version", "type") if request.HasField(name))]
        wanted = {name: getattr(request, name) for name in asked}
        found = [
            package
            for package in self.state.packages.values()
            if all(getattr(package.message.info, name) == value for name, value in wanted.items())
        ]
        return {"packages": [self._shown(package, request.include_url) for package in found]}

    def DeletePackage(self, request: Any) -> Answer:
        """Delete a version of a package."""
        remove_package(self.state, request.id, request.version, request.type)
        return {}

    def _shown(self, package: Package, with_url: bool) -> Any:
        if not with_url:
            return package.message
        shown = type(package.message)()
        shown.CopyFrom(package.message)
        version = quote(shown.info.version, safe="")
        shown.url = f"{self.state.files_url}/packages/{quote(shown.id)}?version={version}"
        return shown
