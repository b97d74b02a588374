"""What lies behind links: asked for by any address that a browser takes, and read whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import mimetypes
import os
import string
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from dragoman.errors import InvalidData
from dragoman.schema import Item

REMOTE = ("http://", "https://")
PATIENCE = 60.0
"""Seconds to wait for a server."""
CHUNK = 1 << 18
"""Bytes that are read at once."""

NOT_TO_BE_HAD = (OSError, ValueError, http.client.HTTPException, InvalidData)
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
    with urllib.request.urlopen(address(uri), timeout=PATIENCE) as answer, part.open("wb") as file:
        kind = answer.headers.get_content_type()
        file.writelines(whole(answer))
    suffix = PurePosixPath(urlsplit(uri).path).suffix or mimetypes.guess_extension(kind) or ".bin"
    done = stem.with_name(stem.name + suffix)
    os.replace(part, done)
    return done


def whole(answer: Any) -> Iterator[bytes]:
    """Yield what an answer holds, to its end.

    Args:
        answer: As `urllib.request.urlopen` returns it.

    Raises:
        ConnectionError: It broke off, which the standard library takes for its end.
    """
    while chunk := answer.read(CHUNK):
        yield chunk
    if answer.length:
        raise ConnectionError(f"{answer.length} bytes are missing at its end")


def address(url: str) -> str:
    """Return a URL as HTTP takes it: what is no ASCII is encoded, and so are blanks.

    Raises:
        InvalidData: It is none.
    """
    try:
        parts = urlsplit(url)
        if not parts.hostname or parts.port == 0:
            raise ValueError("it names no host and port")
        host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    except ValueError as error:
        raise InvalidData(f"{url!r} is no address: {error}.", field="uri") from error
    path, query = (quote(part, safe=string.punctuation) for part in (parts.path, parts.query))
    return parts._replace(netloc=host, path=path, query=query, fragment="").geturl()
