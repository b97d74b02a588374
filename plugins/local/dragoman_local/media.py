"""Items and their files on this machine: where they are, what they are, what folders hold, and what is kept of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from dragoman.errors import InvalidData, NotFound
from dragoman.media import SUFFIXES, path_at
from dragoman.schema import Item
from dragoman.schema.coerce import text
from dragoman_local.errors import from_os
from dragoman_local.state.rows import unstorable

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm"})
"""Suffixes of files that are taken for videos."""


def prepared(item: Item) -> Item | str:
    """Return the item as it is kept: with its file's absolute path, size and hash; or say why it is refused."""
    if item.media not in ("image", "video"):
        return f"The local backend takes images and videos, not {item.media}."
    if reason := unstorable(item):
        return reason
    try:
        # Bytes of a file's name that are no UTF-8 are halves of characters in Python, and no row can keep them.
        text(str(_path(item)), "the path of the file", "uri")
        path = media_path(item)
        complete = _described(item, path)
        digest = item.content_hash or content_hash(path)
    except (InvalidData, NotFound) as error:
        return f"{error.message} {error.hint}" if error.hint else error.message
    except OSError as error:
        return from_os(error).message
    return msgspec.structs.replace(complete, uri=str(path), content_hash=digest)


def media_path(item: Item) -> Path:
    """Return the absolute path of an item's file.

    Raises:
        InvalidData: The item has no `uri`, or one that is no path of this machine, such as one with too long a name.
        NotFound: There is no such file.
    """
    path = _path(item)
    try:
        found = path.is_file()
    except OSError as error:
        raise InvalidData(from_os(error).message, field="uri") from error
    if not found:
        raise NotFound(f"There is no file {path}.", field="uri")
    return path


def is_video(item: Item) -> bool:
    """Return whether an item is a video, as it says or as the suffix of its file does."""
    return item.media == "video" or Path(item.uri or "").suffix.lower() in VIDEO_SUFFIXES


def expanded(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items, and for one that is a folder an item for each image and video below it, in the order of paths.

    Raises:
        InvalidData: A folder has neither.
    """
    for item in items:
        if item.uri and "://" not in item.uri and Path(item.uri).is_dir():
            yield from _below(Path(item.uri))
        else:
            yield item


def content_hash(path: Path) -> str:
    """Return the hash of a file's bytes, as items carry it."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _path(item: Item) -> Path:
    if not item.uri:
        raise InvalidData(f"The item {item.key!r} has no uri.", field="uri")
    if "://" in item.uri and not item.uri.startswith("file://"):
        raise InvalidData(f"The item {item.key!r} lies at {item.uri}; the local backend reads files only.", field="uri")
    # Not `resolve`: a link keeps the name that the user gave.
    return Path(os.path.abspath(path_at(item.uri)))


def _below(folder: Path) -> Iterator[Item]:
    found = False
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES | VIDEO_SUFFIXES and path.is_file():
            found = True
            yield Item(str(path), uri=str(path))
    if not found:
        raise InvalidData(f"There is no image or video below the folder {folder}.", field="uri")


def _described(item: Item, path: Path) -> Item:
    """Return the item with its size, and a video's frames; the header tells, where the user has not."""
    if item.media == "image":
        if item.width and item.height:
            return item
        from dragoman_local.engine.images import image_size

        width, height = image_size(path)
        return msgspec.structs.replace(item, width=width, height=height)
    if item.width and item.height and item.frames:
        return item
    from dragoman_local.engine.video import video_info

    info = video_info(path)
    return msgspec.structs.replace(
        item,
        width=item.width or info.width,
        height=item.height or info.height,
        frames=item.frames or info.frames,
        frame_rate=item.frame_rate or info.rate,
    )
