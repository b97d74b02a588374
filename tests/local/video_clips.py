"""Small videos for tests: a bright square that moves, encoded by FFmpeg through PyAV."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

SIDE, SQUARE = 64, 20
FRAMES, RATE = 12, 10


def place(frame: int) -> tuple[int, int]:
    """Where the square's top-left corner is in a frame: it goes right and down."""
    return 4 + 3 * frame, 6 + 2 * frame


def picture(frame: int) -> np.ndarray:
    """One frame, RGB; the number of the frame is the brightness of its last row."""
    pixels = np.full((SIDE, SIDE, 3), 30, np.uint8)
    x, y = place(frame)
    pixels[y : y + SQUARE, x : x + SQUARE] = 220
    pixels[-4:] = 10 * frame
    return pixels


def write_clip(path: Path, frames: int = FRAMES, *, codec: str = "mpeg4", cut: int = 0) -> Path:
    """Write a video of so many frames; every fourth one is a key frame. The first `cut` are kept, and not shown."""
    with av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 2_000_000
        stream.codec_context.gop_size = 4
        packets = []
        for number in range(frames):
            packets += stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24"))
        for packet in packets + stream.encode():
            shift = int(cut / RATE / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            container.mux(packet)
    return path
