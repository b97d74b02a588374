"""Masks as PNG: reading one that is imported, and drawing the composite image of an export."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from dragoman_labelbox.emulator.answers import RowError
from dragoman_labelbox.emulator.files import Composite, Files

Color = tuple[int, int, int]


def size_of(png: bytes) -> tuple[int, int] | None:
    """Return (height, width) of an image, or None if it is none."""
    try:
        with Image.open(io.BytesIO(png)) as image:
            return image.height, image.width
    except (UnidentifiedImageError, OSError):
        return None


def png_of(mask: dict[str, Any], files: Files) -> bytes:
    """Return the image of a mask: `png`, or the pixels of `colorRGB` in `imBytes` or in the file `instanceURI`.

    Raises:
        RowError: There is no image, or no colour where one is needed.
    """
    inline = mask.get("png") or mask.get("imBytes")
    file = files.at(mask.get("instanceURI") or "")
    content = file.content if file is not None else _decoded(inline)
    if size_of(content) is None:
        raise RowError("InvalidAnnotation", "The mask is no image.")
    return content if mask.get("png") else _of_color(content, mask.get("colorRGB"))


def _decoded(inline: str | None) -> bytes:
    try:
        return base64.b64decode(inline or "", validate=True)
    except (TypeError, binascii.Error) as error:
        raise RowError("InvalidAnnotation", f"The mask is not base64: {error}.") from error


def _of_color(png: bytes, rgb: Any) -> bytes:
    """Return the pixels of one colour as a mask."""
    if not isinstance(rgb, list) or len(rgb) != 3:
        raise RowError("InvalidAnnotation", f"A mask by colour needs three numbers in colorRGB, not {rgb!r}.")
    with Image.open(io.BytesIO(png)) as image:
        chosen = np.all(np.asarray(image.convert("RGB")) == rgb, axis=2)
    out = io.BytesIO()
    Image.fromarray(chosen.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


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
