"""Registry items and packages: how they are named, and what an uploaded package does to its item."""

from __future__ import annotations

import hashlib
import re
import tarfile
import zlib
from typing import Any

from dragoman_viam.emulator.blobs import Blob
from dragoman_viam.emulator.records import Package
from dragoman_viam.emulator.refusals import exists, invalid, missing
from dragoman_viam.emulator.state import State
from dragoman_viam.messages import modules, name_of
from dragoman_viam.notes import text_of

NAMES = re.compile(r"[A-Za-z0-9_-]{1,200}")
FRAMEWORKS = ("tflite", "tensorflow", "pytorch", "onnx")
LABELS_FILE = "labels.txt"


def item_id(organization: str, name: str) -> str:
    """Return the id of a registry item: a colon between the organisation and the name."""
    return f"{organization}:{name}"


def find_item(state: State, wanted: str) -> Any:
    """Return a registry item, or refuse an unknown id."""
    held = state.items.get(_plain(state, wanted, ":"))
    if held is None:
        raise missing("registry item", wanted)
    return held


def _plain(state: State, wanted: str, separator: str) -> str:
    """Return an id that begins with the organisation's own, where a public namespace stands for that."""
    owner, _, name = wanted.partition(separator)
    named = (one.id for one in state.organizations.values() if owner and owner == one.public_namespace)
    return f"{next(named, owner)}{separator}{name}" if separator in wanted else wanted


def check_name(name: str, field: str = "name") -> None:
    """Refuse a name that no registry item may have."""
    if not NAMES.fullmatch(name):
        raise invalid("a name has letters, digits, '-' and '_' only", field)


def add_item(state: State, organization: str, name: str, kind: int) -> Any:
    """Make a registry item, or refuse a bad name or a second one."""
    check_name(name)
    wanted = item_id(organization, name)
    if wanted in state.items:
        raise exists("registry item", wanted)
    now = state.clock.now()
    item = modules()["app"].RegistryItem(
        item_id=wanted,
        organization_id=organization,
        name=name,
        type=kind,
        visibility="VISIBILITY_PRIVATE",
        created_at=now,
        updated_at=now,
    )
    _metadata(item).SetInParent()
    state.items[wanted] = item
    return item


def find_package(state: State, package: str, version: str, kind: int = 0) -> Package:
    """Return a version of a package, of a type if one is given, or refuse an unknown one."""
    found = state.packages.get((_plain(state, package, "/"), version))
    if found is None or kind not in (0, found.message.info.type):
        raise missing("package", f"{package} {version}")
    return found


def package_id(info: Any) -> str:
    """Return the id that a package gets."""
    return f"{info.organization_id}/{info.name}"


def add_package(state: State, info: Any, content: Blob, *, model_type: int = 0) -> None:
    """Keep a package and enter it at its registry item, which is made if there is none."""
    state.check_organization(info.organization_id)
    kind = name_of("packages", "PackageType", info.type)
    framework = text_of(info.metadata, "model_framework")
    if kind == "PACKAGE_TYPE_ML_MODEL" and framework not in FRAMEWORKS:
        raise invalid(f"model_framework is {framework!r}, and must be one of {', '.join(FRAMEWORKS)}", "metadata")
    package = package_id(info)
    if (package, info.version) in state.packages:
        raise exists("package", f"{package} {info.version}")
    digest = hashlib.sha256()
    for chunk in content.chunks():
        digest.update(chunk)
    message = modules()["packages"].Package(
        info=info, created_on=state.clock.now(), checksum=digest.hexdigest(), id=package
    )
    _enter(state, info, model_type, framework)
    state.packages[package, info.version] = Package(message, content)


def remove_package(state: State, package: str, version: str, kind: int = 0) -> None:
    """Take a version of a package away, and out of its registry item."""
    found = find_package(state, package, version, kind)
    del state.packages[found.message.id, version]
    item = state.items.get(found.message.id.replace("/", ":", 1))
    if item is not None:
        _forget(_metadata(item), found.message.info.version)


def labels_of(package: Package) -> list[str]:
    """Return the labels in a model's archive, one on a line; none if there is no list of them that can be read."""
    try:
        file: Any = _Readable(package.content)
        with tarfile.open(fileobj=file, mode="r|gz") as archive:
            for entry in archive:
                inner = archive.extractfile(entry) if entry.name.removeprefix("./") == LABELS_FILE else None
                if inner is not None:
                    return [line for line in inner.read().decode().replace("\r\n", "\n").split("\n") if line]
    except (tarfile.TarError, zlib.error, EOFError, OSError, UnicodeDecodeError):
        return []
    return []


class _Readable:
    """A blob as a file that tarfile reads from the start to the end."""

    def __init__(self, content: Blob) -> None:
        self._chunks = content.chunks()
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def _enter(state: State, info: Any, model_type: int, framework: str) -> None:
    wanted = item_id(info.organization_id, info.name)
    item = state.items.get(wanted) or add_item(state, info.organization_id, info.name, info.type)
    if item.type != info.type:
        raise invalid(f"the registry item {wanted!r} is of another type", "type")
    metadata = _metadata(item)
    if item.WhichOneof("metadata") == "ml_model_metadata":
        metadata.versions.append(info.version)
        metadata.detailed_versions.add(version=info.version, created_on=state.clock.now())
        metadata.model_type = metadata.model_type or model_type
        metadata.model_framework = f"MODEL_FRAMEWORK_{framework.upper()}"
    elif item.WhichOneof("metadata") == "ml_training_metadata":
        metadata.versions.add(version=info.version, created_on=state.clock.now())
    item.updated_at.FromDatetime(state.clock.now())


def _forget(metadata: Any, version: str) -> None:
    if "detailed_versions" in metadata.DESCRIPTOR.fields_by_name:
        kept = [one for one in metadata.detailed_versions if one.version != version]
        del metadata.detailed_versions[:]
        metadata.detailed_versions.extend(kept)
        metadata.versions[:] = [one for one in metadata.versions if one != version]
    else:
        left = [one for one in metadata.versions if one.version != version]
        del metadata.versions[:]
        metadata.versions.extend(left)


def _metadata(item: Any) -> Any:
    kind = name_of("packages", "PackageType", item.type)
    if kind == "PACKAGE_TYPE_ML_MODEL":
        return item.ml_model_metadata
    return item.ml_training_metadata if kind == "PACKAGE_TYPE_ML_TRAINING" else item.module_metadata
