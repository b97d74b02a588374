"""The part of `viam.app.v1.AppService` about modules, which are registry items with files for each platform."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dragoman_viam.emulator.catalog import add_item, find_item
from dragoman_viam.emulator.refusals import exists, invalid, missing
from dragoman_viam.emulator.routes import Answer, Routes, first_of
from dragoman_viam.messages import modules, number

SEMVER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
PAGE = "https://app.viam.com/module"
SHARED = ("models", "entrypoint", "first_run", "markdown_description", "apps")
"""What is said of a module, and with each version of it what it was then."""


class Modules(Routes):
    """The methods about modules. Files are counted, and not kept: nothing fetches them from here."""

    service = "app"
    streams = frozenset({"UploadModuleFile"})

    def CreateModule(self, request: Any) -> Answer:
        """Make a module without files."""
        self.state.check_organization(request.organization_id)
        item = add_item(self.state, request.organization_id, request.name, _kind())
        return {"module_id": item.item_id, "url": _page(item)}

    def UpdateModule(self, request: Any) -> Answer:
        """Change what is said of a module."""
        item = self._found(request.module_id)
        item.visibility, item.url, item.description = request.visibility, request.url, request.description
        for name in SHARED:
            item.module_metadata.ClearField(name)
        item.module_metadata.MergeFrom(type(item.module_metadata)(**_shared(request)))
        item.updated_at.FromDatetime(self.state.clock.now())
        return {"url": _page(item)}

    def UploadModuleFile(self, frames: Iterator[Any]) -> Iterator[Answer]:
        """Take the file of a version for a platform: its description first, then its contents."""
        info = first_of(frames, "module_file_info", invalid("the first message must be the info", "module_file_info"))
        with self.state.lock:
            item = self._found(info.module_id)
            self._check(item, info)
        for frame in frames:
            if not frame.HasField("file"):
                raise invalid("only the first message is the info", "module_file_info")
        yield {"url": _page(item)}
        with self.state.lock:
            self._keep(item, info)

    def GetModule(self, request: Any) -> Answer:
        """Return a module."""
        return {"module": self._shown(self._found(request.module_id))}

    def ListModules(self, request: Any) -> Answer:
        """List the modules of an organisation, or of all."""
        held = [item for item in self.state.items.values() if item.type == _kind()]
        if request.HasField("organization_id"):
            wanted = self.state.check_organization(request.organization_id)
            held = [item for item in held if item.organization_id == wanted]
        return {"modules": [self._shown(item) for item in held]}

    def _found(self, module: str) -> Any:
        item = find_item(self.state, module)
        if item.type != _kind():
            raise missing("module", module)
        return item

    def _check(self, item: Any, info: Any) -> None:
        if not SEMVER.fullmatch(info.version):
            raise invalid(f"version {info.version!r} is not like 1.2.3", "version")
        if not info.platform:
            raise invalid("platform is missing", "platform")
        held = (one for one in item.module_metadata.versions if one.version == info.version)
        if any(file.platform == info.platform for version in held for file in version.files):
            raise exists("module file", f"{info.module_id} {info.version} {info.platform}")

    def _keep(self, item: Any, info: Any) -> None:
        held, now = item.module_metadata, self.state.clock.now()
        version = next((one for one in held.versions if one.version == info.version), None)
        if version is None:
            version = held.versions.add(version=info.version, **_shared(held))
        version.files.add(platform=info.platform, uploaded_at=now)
        held.versions.sort(key=_rank)
        item.updated_at.FromDatetime(now)

    def _shown(self, item: Any) -> Any:
        held = item.module_metadata
        versions = [
            {"version": one.version, "files": one.files, "deprecated_status": _mark(one), **_shared(one)}
            for one in held.versions
        ]
        return modules()["app"].Module(
            module_id=item.item_id,
            name=item.name,
            visibility=item.visibility,
            url=item.url,
            description=item.description,
            organization_id=item.organization_id,
            public_namespace=self.state.organizations[item.organization_id].public_namespace,
            versions=versions,
            deprecated_status=_mark(item),
            **_shared(held),
        )


def _kind() -> int:
    return number("packages", "PackageType", "PACKAGE_TYPE_MODULE")


def _page(item: Any) -> str:
    return f"{PAGE}/{item.organization_id}/{item.name}"


def _shared(held: Any) -> dict[str, Any]:
    return {field.name: value for field, value in held.ListFields() if field.name in SHARED}


def _mark(held: Any) -> Any:
    return held.deprecated_status if held.HasField("deprecated_status") else None


def _rank(version: Any) -> tuple[Any, ...]:
    """Return where a version stands among others: before a release come those that prepare it."""
    found = SEMVER.fullmatch(version.version)
    if found is None:
        return (0, 0, 0, False, version.version)
    return (*map(int, found.group(1, 2, 3)), found[4] is None, found[4] or "")
