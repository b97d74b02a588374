"""What a file is: its kind, size and length, read from its bytes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any

TEXT = "text/plain"
GIVEN = {
    "image": "imageMetadata",
    "video": "videoMetadata",
    "audio": "audioMetadata",
    "plainText": "textMetadata",
}
"""Kind of a file to the name under which a client says the facts about one that is not looked into."""


@dataclass(frozen=True)
class Sound:
    """Facts about an audio file. `bit_depth` is that of a sample."""

    sample_rate: int
    bit_depth: int
    codec: str
    channels: int


@dataclass(frozen=True)
class Media:
    """Facts about a file. What is not seen has no size; what does not move, no frames; samples are audio's frames."""

    mime: str
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    fps: float | None = None
    sound: Sound | None = None


def probe(kind: str, content: bytes) -> Media | None:
    """Return the facts about a file of a kind, None if it is none of that kind."""
    return _PROBES[kind](content)


def given(kind: str, facts: dict[str, Any]) -> Media:
    """Return the facts about a file as a client says them."""
    mime = facts["mimeType"]
    if kind == "plainText":
        return Media(mime)
    if kind == "audio":
        sound = Sound(facts["sampleRate"], facts["bitDepth"], facts["codec"], facts["numChannels"])
        return _heard(mime, facts["duration"], sound)
    frames = round(facts["duration"] * facts["fps"]) if kind == "video" else None
    return Media(mime, facts["width"], facts["height"], frames, facts.get("fps"))


def _image(content: bytes) -> Media | None:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as image:
            mime = Image.MIME.get(image.format or "", "application/octet-stream")
            upright = ImageOps.exif_transpose(image)
            return Media(mime, upright.width, upright.height)
    except (UnidentifiedImageError, OSError):
        return None


def _video(content: bytes) -> Media | None:
    """Return the facts about a video. Frames are counted where the file does not say."""
    import av

    try:
        with av.open(io.BytesIO(content), "r") as container:
            stream = container.streams.video[0]
            frames = stream.frames or _counted(container.decode(stream))
            return Media("video/mp4", stream.width, stream.height, frames, float(stream.average_rate or 0) or None)
    except (av.FFmpegError, IndexError):
        return None


def _counted(frames: Iterable[object]) -> int:
    count = 0
    for _ in frames:
        count += 1
    return count


def _audio(content: bytes) -> Media | None:
    import av

    try:
        with av.open(io.BytesIO(content), "r") as container:
            heard = container.streams.audio[0].codec_context
            sound = Sound(heard.sample_rate, heard.format.bits, heard.name, heard.layout.nb_channels)
            kind = container.format.name.partition(",")[0]
            return _heard(f"audio/{kind}", (container.duration or 0) / av.time_base, sound)
    except (av.FFmpegError, IndexError):
        return None


def _heard(mime: str, duration: float, sound: Sound) -> Media:
    # The SDK counts samples as frames.
    return Media(mime, frames=ceil(duration * sound.sample_rate), fps=float(sound.sample_rate), sound=sound)


def _text(content: bytes) -> Media | None:
    try:
        content.decode()
    except UnicodeDecodeError:
        return None
    return Media(TEXT)


_PROBES = {"image": _image, "video": _video, "audio": _audio, "plainText": _text}
