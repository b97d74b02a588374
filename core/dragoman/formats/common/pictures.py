"""Images as files: where a writer finds them, and under which names it puts them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from dragoman.errors import InvalidData
from dragoman.fidelity import approximate
from dragoman.fidelity.dataset import DatasetFidelity
from dragoman.media import SUFFIXES, picture
from dragoman.schema import Item

Images = Literal["present", "all", "none"]
"""Which images a writer copies: those that are files of this machine; all, or it is an error; none."""

COPIED = DatasetFidelity({"item data": approximate("written as the image's own file, if images are copied")})
"""What a writer keeps of items that copies their images."""


def local_file(item: Item) -> Path | None:
    """Return the item's media as a file of this machine, or None if it is none."""
    if not item.uri:
        return None
    parts = urlsplit(item.uri)
    name = unquote(parts.path) if parts.scheme == "file" else item.uri
    if parts.scheme not in ("", "file") or "\0" in name:
        return None
    path = Path(name)
    try:
        return path if path.is_file() else None
    except OSError:  # a name longer than the file system takes
        return None


def item_at(path: Path, key: str, split: str | None) -> Item:
    """Return the item of an image file, by its header alone.

    Raises:
        InvalidData: It is no image.
    """
    seen = picture(path)
    return Item(key, uri=str(path), width=seen.width, height=seen.height, orientation=seen.orientation, split=split)


def place(item: Item, target: Path, images: Images) -> None:
    """Copy an item's image to `target`, as `images` says.

    Raises:
        InvalidData: All images are wanted and this one is not on this machine.
    """
    if images == "none":
        return
    source = local_file(item)
    if source is None and item.data is None:
        if images == "all":
            raise InvalidData(
                f"The image of item {item.key!r} is no file of this machine.",
                hint='Download it, or write with images="present".',
                field="uri",
            )
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if source is not None:
        shutil.copyfile(source, target)
    elif item.data is not None:
        target.write_bytes(item.data)


def image_name(item: Item) -> str:
    """Return the item's key with an image's suffix, so that it is found among images."""
    if Path(item.key).suffix.lower() in SUFFIXES:
        return item.key
    suffix = Path(item.uri or "").suffix.lower()
    return item.key + (suffix if suffix in SUFFIXES else ".jpg")
