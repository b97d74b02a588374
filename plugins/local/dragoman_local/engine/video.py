"""Frames of video files, decoded by FFmpeg through PyAV; they are numbered in the order in which they are shown.

Numbers come from an index of the packets' times, not from a rate, so they are right for videos of variable rate too,
and a range starts at the key frame before it.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from dragoman.errors import InvalidData, NotFound


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
    return VideoInfo(pixels.shape[1], pixels.shape[0], len(_times(path)), rate)


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
    times = _times(path)
    last = len(times) - 1 if last is None else last
    if not 0 <= first <= last < len(times):
        raise InvalidData(
            f"The video {path} has the frames 0 to {len(times) - 1}; {first} to {last} are asked for.", field="frames"
        )
    due = first
    with _opened(path) as (container, stream):
        if first:
            container.seek(times[first], stream=stream)
        for frame in container.decode(stream):
            if frame.pts is None or bisect_left(times, frame.pts) < due:
                continue
            yield _pixels(frame)
            due += 1
            if due > last:
                return
    raise InvalidData(f"The video {path} ends at frame {due}; it is truncated or damaged.", field="uri")


def _times(path: Path) -> tuple[int, ...]:
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise NotFound(f"There is no video file {path}.", field="uri") from error
    return _index(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _index(path: Path, _changed: int, _size: int) -> tuple[int, ...]:
    """The times of all frames in the order in which they are shown. Packets are read, and nothing is decoded."""
    with _opened(path) as (container, stream):
        times = sorted({packet.pts for packet in container.demux(stream) if packet.pts is not None})
    if not times:
        raise _undecodable(path)
    return tuple(times)


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
