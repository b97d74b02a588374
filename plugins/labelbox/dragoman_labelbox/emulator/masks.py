"""Masks as PNG: reading the size of one that is imported, and drawing the composite image of an export."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from dragoman_labelbox.emulator.files import Composite

Color = tuple[int, int, int]


def size_of(png: bytes) -> tuple[int, int] | None:
    """Return (height, width) of an image, or None if it is none."""
    try:
        with Image.open(io.BytesIO(png)) as image:
            return image.height, image.width
    except (UnidentifiedImageError, OSError):
        return None


def color(number: int) -> Color:
    """Return the colour of the `number`th instance of a label, counted from 0; black is the background."""
    value = number * 40_503 % 0xFFFFFF + 1
    return value >> 16 & 255, value >> 8 & 255, value & 255


def render(composite: Composite) -> bytes:
    """Draw all masks into one RGB image, each in its colour; where two overlap, the later covers the earlier."""
    canvas = np.zeros((composite.height, composite.width, 3), np.uint8)
    for rgb, png in composite.parts:
        with Image.open(io.BytesIO(png)) as image:
            canvas[np.asarray(image.convert("L")) > 0] = rgb
    out = io.BytesIO()
    Image.fromarray(canvas).save(out, "PNG")
    return out.getvalue()
