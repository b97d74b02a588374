"""Marks: single annotations as both forms of a document hold them, before they are rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from dragoman.errors import PlatformError

Json = dict[str, Any]
OURS = "dragoman"
"""Key of an annotation of the first form, and with an underscore the name of an attribute of the second one, under
which stands what Synapse has no place for."""
MEDIA = "image_1"
_WIRE_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
PLURALS = {
    "image": "images",
    "video": "videos",
    "pcd": "pcds",
    "text": "texts",
    "audio": "audios",
    "prompt": "prompts",
    "data": "datas",
}
"""Kind of medium to its key in the second form."""


@dataclass(slots=True)
class Mark:
    """One annotation of one medium.

    Args:
        id: Its id in the document.
        tool: The tool that made it, such as `"bounding_box"`.
        name: Its class; empty where it has none.
        data: Its geometry as the second form has it.
        attributes: Its further classification.
        media: The medium, such as `"image_1"`.
        size: Width and height of the medium, where the document has them.
        frame: The frame of a video.
        span: First and last frame of a video.
        group: The group that it is in.
        flags: What else the first form says of it, such as `isLocked`.
        ours: What stands under `OURS`.
    """

    id: str
    tool: str
    name: str
    data: Any
    attributes: Json = field(default_factory=dict)
    media: str = MEDIA
    size: tuple[int, int] | None = None
    frame: int | None = None
    span: tuple[int, int] | None = None
    group: str | None = None
    flags: Json = field(default_factory=dict)
    ours: Json = field(default_factory=dict)


def wire_id(key: str) -> str:
    """Return an id that documents take: the key itself if it will do, else ten characters that follow from it."""
    return key if _WIRE_ID.fullmatch(key) else blake2b(key.encode(), digest_size=5).hexdigest()


def kind_of(media: str) -> str:
    """Return the kind of a medium, such as `"image"` of `"image_1"`.

    Raises:
        PlatformError: There is no such kind.
    """
    kind = media.partition("_")[0]
    if kind not in PLURALS:
        raise PlatformError(f"An annotation document of Synapse has a medium {media!r}, whose kind is not known.")
    return kind


def listed(value: Any, where: str) -> list[Json]:
    """Return a list of objects of a document.

    Raises:
        PlatformError: It is none.
    """
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise PlatformError(f"An annotation document of Synapse has no list of objects in {where}.")
    return value
