"""What a file is: its kind, size and length, read from its bytes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Media:
    """Facts about a file. `frames` is None for an image."""

    width: int
    height: int
    mime: str
    frames: int | None = None
    fps: float | None = None


def probe_image(content: bytes) -> Media | None:
    """Return the facts about an image, None if it is none."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as image:
            mime = Image.MIME.get(image.format or "", "application/octet-stream")
            upright = ImageOps.exif_transpose(image)
            return Media(upright.width, upright.height, mime)
    except (UnidentifiedImageError, OSError):
        return None


def probe_video(content: bytes) -> Media | None:
    """Return the facts about a video, None if it is none. Frames are counted where the file does not say."""
    import av

    try:
        with av.open(io.BytesIO(content), "r") as container:
            stream = container.streams.video[0]
            frames = stream.frames or _counted(container.decode(stream))
            return Media(stream.width, stream.height, "video/mp4", frames, float(stream.average_rate or 0) or None)
    except (av.FFmpegError, IndexError):
        return None


def _counted(frames: Iterable[object]) -> int:
    count = 0
    for _ in frames:
        count += 1
    return count
