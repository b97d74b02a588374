"""Media as files, for targets that take nothing else: fetched from where the source has them, once."""

from __future__ import annotations

import hashlib
import http.client
import mimetypes
import os
import shutil
import urllib.request
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import msgspec

from dragoman.errors import InvalidData
from dragoman.schema import Item

REMOTE = ("http://", "https://")
PATIENCE = 60.0
"""Seconds to wait for a server."""
NOT_TO_BE_HAD = (OSError, ValueError, http.client.HTTPException)
"""What comes of media that cannot be read; of what is no address at all, too."""


def as_files(items: Sequence[Item], folder: Path) -> list[Item]:
    """Return items whose media are files of this machine; what is behind a link is fetched into a folder.

    Args:
        items: The items.
        folder: Where the files go; one that is there already is not fetched again.

    Raises:
        InvalidData: A link leads nowhere; the error has the position of the item.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_as_file(place, item, folder) for place, item in enumerate(items)]


def _as_file(place: int, item: Item, folder: Path) -> Item:
    if item.uri is None or not item.uri.startswith(REMOTE):
        return item
    stem = hashlib.sha256(item.key.encode()).hexdigest()[:32]
    there = next(folder.glob(f"{stem}.*"), None)
    if there is None or there.suffix == ".part":
        try:
            there = _fetch(item.uri, folder / stem)
        except NOT_TO_BE_HAD as error:
            raise InvalidData(f"Its media cannot be fetched: {error}.", row=place, field="uri") from error
    return msgspec.structs.replace(item, uri=str(there))


def _fetch(uri: str, stem: Path) -> Path:
    """Fetch a file; it has its name only once it is complete."""
    part = stem.with_name(f"{stem.name}.part")
    with urllib.request.urlopen(uri, timeout=PATIENCE) as answer, part.open("wb") as file:
        kind = answer.headers.get_content_type()
        shutil.copyfileobj(answer, file)
    suffix = PurePosixPath(urlsplit(uri).path).suffix or mimetypes.guess_extension(kind) or ".bin"
    done = stem.with_name(stem.name + suffix)
    os.replace(part, done)
    return done
