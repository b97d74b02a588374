"""Masks: run lengths here, PNG there. Pure; no network.

Of an image, Labelbox takes a one-channel PNG of its size for each mask, whose pixels are 0 and 1; of a video, one RGB
PNG for each frame with all masks on it. It exports RGB PNGs, of images too: all masks, each in a colour of its own.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

from dragoman.errors import InvalidData
from dragoman.schema import Mask

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Color = tuple[int, int, int]


def mask_out(mask: Mask) -> dict[str, str]:
    """Return a mask on an image in the form of an import."""
    return {"png": _png(_drawn(mask))}


def frame_image(masks: Iterable[tuple[Color, Mask]]) -> str:
    """Return the image of a frame that shows masks, each in its colour; the later covers the earlier.

    Raises:
        InvalidData: The masks are of different sizes.
    """
    canvas: Pixels | None = None
    for color, mask in masks:
        if canvas is None:
            canvas = np.zeros((mask.height, mask.width, 3), np.uint8)
        if canvas.shape[:2] != (mask.height, mask.width):
            raise InvalidData("The masks on one video are of different sizes.", field="geometry")
        canvas[_drawn(mask) > 0] = color
    assert canvas is not None
    return _png(canvas)


def color_of(number: int) -> Color:
    """Return the colour of the `number`th object of a video, counted from 0; black is the background."""
    value = number + 1
    return value >> 16 & 255, value >> 8 & 255, value & 255


def _drawn(mask: Mask) -> Pixels:
    """Return the pixels of a mask, 0 or 1, of shape (height, width)."""
    values = np.arange(len(mask.counts), dtype=np.uint8) % 2
    # Run lengths are column-major.
    return np.ascontiguousarray(np.repeat(values, mask.counts).reshape(mask.width, mask.height).T)


def _png(pixels: Pixels) -> str:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def pixels_of(png: bytes) -> Pixels:
    """Return the pixels of an exported image, of shape (height, width, 3)."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def mask_in(pixels: Pixels, color: Color) -> Mask:
    """Return the mask that is drawn in one colour."""
    height, width, _ = pixels.shape
    drawn = np.all(pixels == np.array(color, np.uint8), axis=2).T.reshape(-1)
    changes = np.flatnonzero(drawn[1:] != drawn[:-1]) + 1
    ends = np.concatenate([[0], changes, [drawn.size]])
    counts = tuple(int(count) for count in np.diff(ends))
    return Mask(height, width, (0, *counts) if drawn[0] else counts)
