"""Files on their way to Viam: opened anew for each attempt, sent in frames, never held whole."""

from __future__ import annotations

import io
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

import msgspec

from dragoman.errors import InvalidData
from dragoman.links import PATIENCE, address, whole
from dragoman.media import picture
from dragoman.schema import Item
from dragoman_viam.notes import image_out
from dragoman_viam.wire import Fields, Wire

FRAME = 1 << 18
"""Bytes of one message of an upload."""
Source = Path | str | bytes | BinaryIO
"""A file of this machine, a URL, the bytes themselves, or an open file that can be read from its start again."""
REMOTE = ("http", "https")


def source_of(item: Item) -> Source:
    """Return where an item's media is: a file of this machine, a URL, or the bytes themselves.

    Raises:
        InvalidData: It is nowhere that can be read from here.
    """
    if item.data is not None:
        return item.data
    try:
        parts = urlsplit(item.uri or "")
    except ValueError as error:
        raise InvalidData(f"{item.uri!r} is no address: {error}.", field="uri") from error
    if parts.scheme in REMOTE:
        return address(item.uri or "")
    if parts.scheme in ("s3", "gs"):
        raise InvalidData(f"Viam takes files, not addresses, and {parts.scheme}:// cannot be read here.", field="uri")
    path = Path(unquote(parts.path) if parts.scheme == "file" else item.uri or "")
    if not item.uri or not path.is_file():
        raise InvalidData(f"There is no file {item.uri!r}.", field="uri")
    return path


def sized(item: Item, source: Source) -> Item:
    """Return the item with the size that its file's header says; as it is where that cannot be read here."""
    if not isinstance(source, Path):
        return item
    try:
        seen = picture(source)
    except InvalidData:
        return item
    return msgspec.structs.replace(item, width=seen.width, height=seen.height, orientation=seen.orientation)


def upload(
    wire: Wire,
    item: Item,
    *,
    part: str,
    source: Source | None = None,
    dataset: str | None = None,
    tags: tuple[str, ...] = (),
) -> str:
    """Send an item's media and return the id of the image.

    Args:
        wire: The channel.
        item: What is uploaded; its key becomes the name of the file.
        part: Machine part that it is filed under.
        source: Where its media is, if the item does not say.
        dataset: Dataset that it is put into.
        tags: Tags that it gets.

    Raises:
        InvalidData: The media cannot be read.
        CallFailed: Viam did not take it; nothing is kept of an upload that breaks off.
    """
    media = source_of(item) if source is None else source
    described = {
        "part_id": part,
        "type": "DATA_TYPE_FILE",
        "file_name": item.key,
        "file_extension": _ending(item, media),
        "method_parameters": image_out(sized(item, media)),
        "dataset_ids": [dataset] if dataset else [],
        "tags": tags,
    }

    def frames() -> Iterator[Fields]:
        yield {"metadata": described}
        with opened(media) as file:
            for chunk in whole(file) if isinstance(media, str) else chunks(file):
                yield {"file_contents": {"data": chunk}}

    answer: str = wire.upload("sync.FileUpload", frames).binary_data_id
    return answer


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """Open a source for reading from its start."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, Path):
        with source.open("rb") as file:
            yield file
    elif isinstance(source, str):
        with urllib.request.urlopen(source, timeout=PATIENCE) as answer:
            yield answer
    else:
        source.seek(0)
        yield source


def chunks(file: Any) -> Iterator[bytes]:
    """Yield the contents of a file in frames."""
    while chunk := file.read(FRAME):
        yield chunk


def _ending(item: Item, source: Source) -> str:
    """Return the suffix by which Viam knows an image, of the file or of the key."""
    named = source.name if isinstance(source, Path) else urlsplit(source).path if isinstance(source, str) else ""
    return PurePosixPath(named).suffix.lower() or PurePosixPath(item.key).suffix.lower()
