"""Frames of video files, decoded by FFmpeg through PyAV; they are numbered in the order in which they are shown.

Numbers come from an index of the packets' times, not from a rate, so they are right for videos of variable rate too,
and a range starts at a key frame before it. Where the times are not to be relied on, frames are decoded and counted.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from dragoman.errors import InvalidData, NotFound

STEPS_BACK = (0, 16, 128, 1024)
"""Frames before the first one that is wanted from which a key frame is looked for, one after the other."""


@dataclass(frozen=True)
class VideoInfo:
    """Size in pixels as it is shown, number of frames, and mean rate in frames per second, where it is known."""

    width: int
    height: int
    frames: int
    rate: float | None


def video_info(path: Path) -> VideoInfo:
    """Return what a video file says of itself; one frame is decoded, which tells how it is turned.

    Raises:
        NotFound: There is no such file.
        InvalidData: It is no video, or is empty or damaged.
    """
    pixels = read_frame(path, 0)
    with _opened(path) as (_, stream):
        rate = float(stream.average_rate) if stream.average_rate else None
    return VideoInfo(pixels.shape[1], pixels.shape[0], _indexed(path).frames, rate)


def read_frame(path: Path, number: int) -> NDArray[np.uint8]:
    """Return one frame as RGB uint8 `[h, w, 3]`. Raises as `frames`."""
    return next(frames(path, number, number))


def frames(path: Path, first: int = 0, last: int | None = None) -> Iterator[NDArray[np.uint8]]:
    """Yield frames as RGB uint8 `[h, w, 3]`, turned as they are shown.

    Args:
        path: The video file.
        first: Number of the first frame, from zero.
        last: Number of the last frame, included; the end of the video if not given.

    Raises:
        NotFound: There is no such file.
        InvalidData: It is no video, a frame cannot be decoded, or the video has fewer frames.
    """
    index = _indexed(path)
    last = index.frames - 1 if last is None else last
    if not 0 <= first <= last < index.frames:
        raise InvalidData(
            f"The video {path} has the frames 0 to {index.frames - 1}; {first} to {last} are asked for.", field="frames"
        )
    due = first
    for number, frame in _numbered(path, index.times, first):
        if number < due:
            continue
        if number > due:
            break
        yield _pixels(frame)
        due += 1
        if due > last:
            return
    raise InvalidData(f"The video {path} ends at frame {due}; it is truncated or damaged.", field="uri")


@dataclass(frozen=True)
class _Index:
    """How many frames a video has, and the time of each; none where only decoding tells which is which."""

    frames: int
    times: tuple[int, ...]


def _indexed(path: Path) -> _Index:
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise NotFound(f"There is no video file {path}.", field="uri") from error
    return _index(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _index(path: Path, _changed: int, _size: int) -> _Index:
    """The frames of a video. Packets are read, and nothing is decoded, unless their times are not to be relied on."""
    with _opened(path) as (container, stream):
        # What an edit list cuts off is decoded, since later frames need it, but not shown.
        found = [packet.pts for packet in container.demux(stream) if packet.size and not packet.is_discard]
        # The one keeps the order of decoding and no times, the other a time for some of the packets.
        guessed = container.format.name == "mpeg" or (
            container.format.name == "avi" and stream.codec_context.has_b_frames
        )
    times = sorted({time for time in found if time is not None})
    if guessed or len(times) < len(found):
        with _opened(path) as (container, stream):
            count = sum(1 for _ in container.decode(stream))
        index = _Index(count, ())
    else:
        index = _Index(len(times), tuple(times))
    if not index.frames:
        raise _undecodable(path)
    return index


def _numbered(path: Path, times: Sequence[int], first: int) -> Iterator[tuple[int, VideoFrame]]:
    """Yield frames with their numbers, in order, from a key frame at or before the `first` that is wanted."""
    for back in STEPS_BACK if times else ():
        if first <= back:
            break
        with _opened(path) as (container, stream):
            container.seek(times[first - back], stream=stream)
            decoded = _timed(container, stream, times)
            begin = next(decoded, None)
            # Demuxers seek the times of decoding, which are earlier, or guess where in the file a time is.
            if begin is not None and begin[0] <= first and begin[1].key_frame:
                yield from chain([begin], decoded)
                return
    with _opened(path) as (container, stream):
        yield from _timed(container, stream, times) if times else enumerate(container.decode(stream))


def _timed(container: InputContainer, stream: VideoStream, times: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
    for frame in container.decode(stream):
        if frame.pts is not None:
            yield bisect_left(times, frame.pts), frame


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    try:
        with av.open(path) as container:
            # FFmpeg takes an image for a video of one frame.
            if not container.streams.video or container.format.name.endswith("_pipe"):
                raise InvalidData(f"The file {path} has no video in it.", field="uri")
            yield container, container.streams.video[0]
    except av.FFmpegError as error:
        raise _undecodable(path) from error


def _pixels(frame: VideoFrame) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")  # type: ignore[assignment]
    # Telephones film upright and write down how to turn it, in degrees counter-clockwise.
    return np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90 % 4)) if frame.rotation else pixels


def _undecodable(path: Path) -> InvalidData:
    return InvalidData(
        f"The video {path} cannot be decoded: it is empty, truncated, damaged, or no video.",
        hint="Play it in a video player, and convert it to MP4 with H.264.",
        field="uri",
    )
