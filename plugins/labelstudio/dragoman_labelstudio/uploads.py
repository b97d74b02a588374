"""Media files: sent to Label Studio before the tasks that name them, and fetched from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from dragoman.errors import InvalidData
from dragoman.media import SUFFIXES, path_at
from dragoman.schema import Item
from dragoman_labelstudio.client import File, LabelStudioClient
from dragoman_labelstudio.projects import path_of
from dragoman_labelstudio.wire import Imported, Uploaded

UPLOADED = "/data/upload/"
"""How the path of a medium begins that was uploaded to the server."""
_FILES = 50
_BYTES = 32 << 20
"""Files and bytes at which a request is sent and the next is begun."""
_LONGEST, _SUFFIX = 150, 10
"""Bytes of a fetched file's name, which gets a longer one while it is fetched, and characters of its suffix."""
_BEGINNINGS = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"BM": ".bmp", b"RIFF": ".webp"}
"""How images begin, with the suffixes by which Label Studio knows them."""


def is_remote(item: Item) -> bool:
    """Whether an item's medium is at an address, which Label Studio keeps as it is."""
    return "://" in (item.uri or "") and not (item.uri or "").startswith("file://")


def file_of(item: Item) -> Path:
    """Return the file of this machine that an item's uri is."""
    return path_at(item.uri)


def unusable(item: Item) -> str | None:
    """Return why an item cannot be sent, or None."""
    if item.data is not None or is_remote(item):
        return None
    if not item.uri:
        return "The item has no uri; Label Studio needs an image or a video."
    return None if file_of(item).is_file() else f"There is no file {item.uri}."


def send(client: LabelStudioClient, dataset: str, items: Sequence[Item]) -> list[str]:
    """Send the media of items, and return the path of each on the server."""
    return [address for part in _parts(items) for address in _send(client, dataset, part)]


def fetch(client: LabelStudioClient, address: str, folder: Path) -> Path:
    """Return the file of an uploaded medium, fetched unless it is there: names of uploads are never used twice.

    Raises:
        InvalidData: The address names no upload.
    """
    name = address.removeprefix(UPLOADED).replace("/", "-")
    if not name.strip("."):
        raise InvalidData(f"{address!r} is no address of an upload.", field="data")
    if len(name.encode()) > _LONGEST:
        name = hashlib.sha256(name.encode()).hexdigest() + PurePosixPath(name).suffix[:_SUFFIX]
    file = folder / name
    return file if file.exists() else client.download(address, file)


def _send(client: LabelStudioClient, dataset: str, files: Sequence[File]) -> list[str]:
    path = path_of(dataset)
    sent = client.post_files(f"{path}import", files, Imported, {"commit_to_project": "false"})
    asked = {"ids": msgspec.json.encode(sent.file_upload_ids).decode()}
    found = client.get(f"{path}file-uploads", list[Uploaded], asked)
    places = {upload.id: f"/data/{upload.file}" for upload in found}
    return [places[number] for number in sent.file_upload_ids]


def _parts(items: Sequence[Item]) -> Iterator[list[File]]:
    part: list[File] = []
    size = 0
    for item in items:
        file = _file(item)
        if part and (len(part) == _FILES or size + len(file[1]) > _BYTES):
            yield part
            part, size = [], 0
        part.append(file)
        size += len(file[1])
    if part:
        yield part


def _file(item: Item) -> File:
    """Return the file of an item under a name that Label Studio need not change, and that says what it is."""
    content = item.data if item.data is not None else file_of(item).read_bytes()
    suffix = PurePosixPath(item.uri or item.key).suffix.lower()
    if item.media == "image" and suffix not in SUFFIXES:
        suffix = next((known for begin, known in _BEGINNINGS.items() if content.startswith(begin)), suffix)
    return hashlib.sha256(item.key.encode()).hexdigest()[:16] + suffix, content
