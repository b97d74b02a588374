"""Image files as items: size as it is seen, EXIF orientation resolved once, content hash. Pillow reads the headers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from dragoman.errors import InvalidData, NotFound, Unsupported
from dragoman.schema import Item

SUFFIXES = frozenset({".avif", ".bmp", ".gif", ".heic", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"})
"""Suffixes of files that are taken for images."""
_ORIENTATION = 0x0112
_WIDTH, _HEIGHT = 0x0100, 0x0101
_TURNED = range(5, 9)
"""EXIF orientations whose rows are the picture's columns (Exif 2.32, tag 274)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image's size as it is seen, in pixels, and the EXIF orientation that has been applied to it."""

    width: int
    height: int
    orientation: int = 1


def path_at(uri: str | None) -> Path:
    """Return the file of this machine that a path or a `file:` URI (RFC 8089) names, whether it is there or not.

    A URI whose characters were never quoted is taken as it stands where there is such a file.
    """
    name = uri or ""
    if not name.startswith("file://"):
        return Path(name)
    plain = name.removeprefix("file://")
    # `os.path` knows names that no file can have, too.
    return Path(plain if os.path.exists(plain) else unquote(plain))


def picture(path: Path) -> Picture:
    """Return the size of an image from its header; the pixels are not read.

    Raises:
        InvalidData: The file is no image.
        Unsupported: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise Unsupported("Reading an image's size needs Pillow.", hint="Install dragoman[formats].") from error
    try:
        with Image.open(path) as image:
            exif = image.getexif()
            # Releases of Pillow differ in whether the size of a TIFF file is turned already.
            width, height = (exif[_WIDTH], exif[_HEIGHT]) if image.format == "TIFF" else image.size
            orientation = exif.get(_ORIENTATION, 1)
    # Pillow's readers raise whatever their parsing runs into on a broken header.
    except (OSError, ValueError, KeyError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidData(f"{path} is not an image that can be read: {error}.") from error
    if orientation not in range(1, 9):
        orientation = 1
    return Picture(height, width, orientation) if orientation in _TURNED else Picture(width, height, orientation)


def item_from_file(path: Path, *, root: Path | None = None, key: str | None = None, split: str | None = None) -> Item:
    """Return the item of an image file.

    Args:
        path: The file.
        root: Folder that the key is relative to; the file's own folder if not given.
        key: The item's key; the path below `root`, with slashes, if not given.
        split: Part of the dataset it belongs to.

    Raises:
        NotFound: There is no such file.
        InvalidData: It is no image, or not below `root`.
    """
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    if root is not None and not path.is_relative_to(root):
        raise InvalidData(f"{path} is not below {root}.", field="root")
    seen = picture(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Item(
        key=key or path.relative_to(root or path.parent).as_posix(),
        uri=str(path.resolve()),
        width=seen.width,
        height=seen.height,
        orientation=seen.orientation,
        content_hash=f"sha256:{digest}",
        split=split,
    )


def items_from_folder(folder: Path) -> Iterator[Item]:
    """Yield an item for every image below a folder, in the order of their paths; keys keep the folders.

    Raises:
        NotFound: There is no such folder.
        InvalidData: A file has the suffix of an image and is none.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.")
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            yield item_from_file(path, root=folder)
