"""Masks: run lengths here, PNG there. Pure; no network.

Labelbox takes a one-channel PNG of the image's size whose pixels are 0 and 1, and exports one RGB PNG with all masks of
an item, each in a colour of its own.
"""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from dragoman.schema import Mask

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def mask_out(mask: Mask) -> dict[str, str]:
    """Return a mask in the form of an import."""
    values = np.arange(len(mask.counts), dtype=np.uint8) % 2
    # Run lengths are column-major.
    pixels = np.repeat(values, mask.counts).reshape(mask.width, mask.height).T
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG")
    return {"png": base64.b64encode(out.getvalue()).decode()}


def pixels_of(png: bytes) -> Pixels:
    """Return the pixels of an exported image, of shape (height, width, 3)."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def mask_in(pixels: Pixels, color: tuple[int, int, int]) -> Mask:
    """Return the mask that is drawn in one colour."""
    height, width, _ = pixels.shape
    drawn = np.all(pixels == np.array(color, np.uint8), axis=2).T.reshape(-1)
    changes = np.flatnonzero(drawn[1:] != drawn[:-1]) + 1
    ends = np.concatenate([[0], changes, [drawn.size]])
    counts = tuple(int(count) for count in np.diff(ends))
    return Mask(height, width, (0, *counts) if drawn[0] else counts)
