"""Pure translation between items and Encord's files. No network.

An item's key is the file's title. What a file has no field for stands in its client metadata under one key of ours.
"""

from __future__ import annotations

import io
import mimetypes
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import requests
from encord.orm.storage import (
    CustomerProvidedImageMetadata,
    CustomerProvidedVideoMetadata,
    DataUploadImage,
    DataUploadVideo,
)

from dragoman.errors import InvalidData
from dragoman.media import path_at
from dragoman.schema import Item

OURS = "dragoman_item"
Json = dict[str, Any]
_KEPT = ("split", "content_hash")
WEB = ("http://", "https://")
CLOUD = ("s3://", "gs://")
SPOOLED = 1 << 20
"""Bytes of fetched media that are held in memory; more go to a temporary file."""


def metadata_out(item: Item) -> Json:
    """Return the client metadata of an item.

    Raises:
        InvalidData: The user's has our key.
    """
    if OURS in item.metadata:
        raise InvalidData(f"The metadata key {OURS!r} is kept for ours.", field="metadata")
    ours = {name: getattr(item, name) for name in _KEPT if getattr(item, name) is not None}
    if item.orientation != 1:
        ours["orientation"] = item.orientation
    return {**item.metadata, OURS: ours} if ours else dict(item.metadata)


def upload(item: Item, url: str, placeholder: Any = None) -> DataUploadImage | DataUploadVideo:
    """Return the entry of an upload job that makes an item of a file.

    Args:
        item: The item.
        url: Where the file is: an object key of Encord's, or a URL.
        placeholder: The id that Encord has set aside for the file, where it was uploaded.
    """
    facts = {"object_url": url, "title": item.key, "client_metadata": metadata_out(item)}
    known = placeholder is None and item.width is not None and item.height is not None
    if item.media == "video":
        shown = _video_facts(item, url) if known else None
        return DataUploadVideo(**facts, placeholder_item_uuid=placeholder, video_metadata=shown)
    seen = _image_facts(item, url) if known else None
    return DataUploadImage(**facts, placeholder_item_uuid=placeholder, image_metadata=seen)


def _image_facts(item: Item, url: str) -> CustomerProvidedImageMetadata:
    # Encord asks for the size in bytes, too, which nobody here knows without fetching the file.
    mime = mimetypes.guess_type(url.partition("?")[0])[0] or "image/jpeg"
    return CustomerProvidedImageMetadata(mime_type=mime, file_size=0, width=item.width, height=item.height)


def _video_facts(item: Item, url: str) -> CustomerProvidedVideoMetadata | None:
    if not (item.frames and item.frame_rate):
        return None
    mime = mimetypes.guess_type(url.partition("?")[0])[0] or "video/mp4"
    duration = item.frames / item.frame_rate
    return CustomerProvidedVideoMetadata(
        fps=item.frame_rate, duration=duration, width=item.width, height=item.height, file_size=0, mime_type=mime
    )


def item_in(key: str, row: Mapping[str, Any], file: Any) -> Item:
    """Return a row of a dataset as an item.

    Args:
        key: Its key; see `dragoman_encord.projects.keyed`.
        row: The row.
        file: The SDK's storage item behind it.
    """
    metadata = dict(row["client_metadata"] or {})
    ours = metadata.pop(OURS, {})
    kind = row["data_type"].lower()
    video = kind == "video"
    return Item(
        key=key,
        id=row["data_hash"],
        uri=file.signed_url or (file.url if str(file.url or "").startswith((*WEB, *CLOUD)) else None),
        width=row["width"] or None,
        height=row["height"] or None,
        media=kind,
        frames=file.frame_count if kind in ("video", "img_group") else None,
        frame_rate=row["frames_per_second"] if video else None,
        orientation=ours.get("orientation", 1),
        metadata=metadata,
        **{name: ours[name] for name in _KEPT if name in ours},
    )


def is_remote(item: Item) -> bool:
    """Return whether an item's media is behind a URL."""
    return (item.uri or "").startswith((*WEB, *CLOUD))


def in_cloud(item: Item) -> bool:
    """Return whether an item's media is in a bucket, which only an integration opens."""
    return (item.uri or "").startswith(CLOUD)


def opened(item: Item, timeout: float) -> IO[bytes]:
    """Return an item's media as an open file: what it carries itself, a file of this machine, or what is fetched.

    Raises:
        OSError: It cannot be read, or (as requests' own errors) not be fetched.
    """
    if not item.uri:
        return io.BytesIO(item.data or b"")
    if not is_remote(item):
        return path_of(item).open("rb")
    with requests.get(item.uri, stream=True, timeout=timeout) as answer:
        answer.raise_for_status()
        held = tempfile.SpooledTemporaryFile(max_size=SPOOLED)  # noqa: SIM115 - the caller closes it
        try:
            for chunk in answer.iter_content(SPOOLED):
                held.write(chunk)
        except BaseException:
            held.close()
            raise
    held.seek(0)
    return held


def path_of(item: Item) -> Path:
    """Return the place of an item's media on this machine."""
    return path_at(item.uri)


def unusable(item: Item) -> str | None:
    """Return why an item cannot be sent, or None."""
    if item.media not in ("image", "video"):
        return f"The item is {item.media}; images and videos are sent yet."
    if not item.uri and item.data is None:
        return "The item has no media: neither a uri nor data."
    if item.uri and not is_remote(item) and not path_of(item).is_file():
        return f"There is no file {item.uri}."
    if OURS in item.metadata:
        return f"The metadata key {OURS!r} is kept for ours."
    return None
