"""Images: COCO's side of items, in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import Any
from urllib.parse import quote

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.base import inside
from dragoman.formats.coco.category import whole
from dragoman.schema import Item

Id = int | str


class Ours(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Fields of an item that COCO's images have no place for, under their key `dragoman_item`."""

    key: str | None = None
    id: str | None = None
    uri: str | None = None
    data: bytes | None = None
    media: str = "image"
    frames: int | None = None
    frame_rate: float | None = None
    orientation: int = 1
    content_hash: str | None = None
    metadata: dict[str, Any] = {}


class Image(msgspec.Struct):
    """An image as the file has it."""

    id: Id
    file_name: str
    width: int | None = None
    height: int | None = None
    split: str | None = None
    dragoman_item: Ours | None = None


class PlainImage(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """What many images are: nothing but COCO's own keys."""

    id: Id
    file_name: str
    width: int | None = None
    height: int | None = None


KNOWN = frozenset(Image.__struct_fields__)


def item_of(
    image: Image | PlainImage, extra: dict[str, Any], *, key: str, folder: Path | None, split: str | None
) -> Item:
    """Return the item of an image.

    Args:
        image: The image.
        extra: Keys that others added.
        key: The item's key.
        folder: Where the image files are, if they are known to be anywhere.
        split: The split that the file itself stands for.

    Raises:
        InvalidData: A size is not positive.
    """
    if isinstance(image, PlainImage) or image.dragoman_item is None:
        place = _place(image.file_name, extra.get("coco_url"), folder)
        if not isinstance(image, PlainImage) and image.split is not None:
            split = image.split
        return Item(key, str(image.id), place, None, image.width, image.height, split=split, metadata=extra)
    ours = image.dragoman_item
    return Item(
        key,
        id=str(image.id) if ours.id is None else ours.id,
        uri=ours.uri,
        data=ours.data,
        width=image.width,
        height=image.height,
        media=ours.media,
        frames=ours.frames,
        frame_rate=ours.frame_rate,
        orientation=ours.orientation,
        content_hash=ours.content_hash,
        split=split if image.split is None else image.split,
        metadata=extra | ours.metadata,
    )


def plain_items(found: Sequence[Image | PlainImage], *, folder: Path | None, split: str | None) -> dict[Id, Item]:
    """Return the items of images by id, as `item_of` makes them.

    Args:
        found: The images, none with keys that others added.
        folder: Where the image files are, if they are known to be anywhere.
        split: The split that the file itself stands for.

    Raises:
        InvalidData: One of them is wrong, or needs a closer look; `checked_name` and `item_of` tell which.
    """
    names = [image.file_name for image in found]
    # One look at all names spares a look at each: a name that needs one is seldom.
    text = "\n" + "\n".join(names) + "\n"
    if any(sign in text for sign in ("\n\n", "\n/", "..", "\\", ":", "\0")):
        raise InvalidData("A file name is no plain relative path.", field="file_name")
    start = "" if folder is None else f"{folder}/"
    return {
        image.id: Item(
            name, str(image.id), f"{start}{name}" if start else None, None, image.width, image.height, split=split
        )
        for name, image in zip(names, found, strict=True)
    }


def key_of(image: Image | PlainImage) -> str:
    """Return the key of an image's item within its file."""
    if isinstance(image, PlainImage) or image.dragoman_item is None or image.dragoman_item.key is None:
        return image.file_name
    return image.dragoman_item.key


def _place(name: str, url: Any, folder: Path | None) -> str | None:
    if _is_url(name):
        return name
    if folder is not None:
        return f"{folder}/{name}"
    return url if isinstance(url, str) else None


def checked_name(root: Path, name: str) -> str:
    """Return a file name with forward slashes.

    Raises:
        InvalidData: It is empty or leads out of the dataset's folder.
    """
    if not name:
        raise InvalidData("The image has no file name.", field="file_name")
    if _is_url(name):
        return name
    if "\\" in name:
        name = PureWindowsPath(name).as_posix()
    # A look at the text spares a call to the file system per image.
    if ".." in name or name[0] == "/" or name[1:2] == ":" or "\0" in name:
        if "\0" in name or PureWindowsPath(name).drive:
            raise InvalidData(f"The name {name!r} leads out of {root}.", field="file_name")
        inside(root, name)
    return name


def image_of(item: Item, image_id: int) -> dict[str, Any]:
    """Return the image of an item; everything that COCO has no place for is under `dragoman_item`."""
    plain = {name: value for name, value in item.metadata.items() if name not in KNOWN}
    named = _is_name(item.key)
    nested = {name: value for name, value in item.metadata.items() if name in KNOWN}
    name = item.key if named else quote(item.key, safe="").replace("..", "%2E%2E")
    image: dict[str, Any] = {**plain, "id": image_id, "file_name": name}
    if item.width is not None:
        image["width"] = item.width
    if item.height is not None:
        image["height"] = item.height
    if item.split is not None:
        image["split"] = item.split
    ours = Ours(
        key=None if named else item.key,
        id=None if whole(item.id) == image_id else item.id,
        uri=item.uri,
        data=item.data,
        media=item.media,
        frames=item.frames,
        frame_rate=item.frame_rate,
        orientation=item.orientation,
        content_hash=item.content_hash,
        metadata=nested,
    )
    if ours != Ours() or not _same_uri(item, plain):
        image["dragoman_item"] = msgspec.to_builtins(ours)
    return image


def _is_name(key: str) -> bool:
    """Whether a key can stand as a file name: reading gives it back, and takes it for no place outside."""
    try:
        return checked_name(Path(), key) == key
    except InvalidData:
        return False


def _same_uri(item: Item, plain: dict[str, Any]) -> bool:
    """Whether reading without `dragoman_item` would give the item's own uri, if there are no files beside."""
    return not _is_url(item.key) and "coco_url" not in plain and item.uri is None


def _is_url(name: str) -> bool:
    return "://" in name[:12]
