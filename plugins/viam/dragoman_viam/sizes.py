"""Sizes of images, which Viam does not know: from the note beside an image, else from its header, read once."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from typing import Any

from dragoman_viam.codec import Size
from dragoman_viam.errors import CallFailed
from dragoman_viam.notes import Note
from dragoman_viam.wire import Wire

_ORIENTATION = 0x0112
_TURNED = range(5, 9)
"""EXIF orientations whose rows are the picture's columns (Exif 2.32, tag 274)."""
AT_A_TIME = 8
"""Images that are fetched for their headers before the next ones are; they are whole in memory."""


class Sizes:
    """Remembers the sizes of images by their ids.

    Args:
        wire: The channel.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._known: dict[str, Size | None] = {}
        self._lock = threading.Lock()

    def learn(self, image: str, note: Note) -> None:
        """Remember the size that a note says."""
        if note.get("width") and note.get("height"):
            with self._lock:
                self._known[image] = Size(note["width"], note["height"])

    def of(self, images: Sequence[str]) -> list[Size | None]:
        """Return the sizes of images; None for what is no image.

        Raises:
            CallFailed: An image cannot be fetched.
        """
        unknown = [image for image in dict.fromkeys(images) if image not in self._known]
        for start in range(0, len(unknown), AT_A_TIME):
            chunk = unknown[start : start + AT_A_TIME]
            requests = [{"binary_data_ids": [image], "include_binary": True} for image in chunk]
            for image, answer in zip(chunk, self._wire.many("data.BinaryDataByIDs", requests), strict=True):
                if isinstance(answer, CallFailed):
                    raise answer
                size = header_size(answer.data[0].binary)
                with self._lock:
                    self._known[image] = size
        return [self._known[image] for image in images]


def header_size(content: bytes) -> Size | None:
    """Return the size of an image as it is seen, from its header; None if it is none."""
    from PIL import Image

    found: Any
    try:
        with Image.open(io.BytesIO(content)) as found:
            width, height = found.size
            turned = found.getexif().get(_ORIENTATION, 1) in _TURNED
    # Pillow's readers raise whatever their parsing runs into on a broken header.
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return Size(height, width) if turned else Size(width, height)
