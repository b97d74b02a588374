"""Masks as PNG: reading one that is imported, and drawing the composite image of an export."""

from __future__ import annotations

import base64
import binascii
import io

import msgspec
import numpy as np
from PIL import Image, UnidentifiedImageError

from dragoman_labelbox.emulator.answers import RowError
from dragoman_labelbox.emulator.files import Composite, Files

Color = tuple[int, int, int]


class Mask(msgspec.Struct):
    """The pixels of an object: an image of its own, or one colour in an image, inline or uploaded."""

    png: str | None = None
    imBytes: str | None = None
    instanceURI: str | None = None
    colorRGB: Color | None = None


def size_of(png: bytes) -> tuple[int, int] | None:
    """Return (height, width) of an image, or None if it is none."""
    try:
        with Image.open(io.BytesIO(png)) as image:
            return image.height, image.width
    except (UnidentifiedImageError, OSError):
        return None


def png_of(mask: Mask, files: Files) -> bytes:
    """Return the image of a mask: `png`, or the pixels of `colorRGB` in `imBytes` or in the file `instanceURI`.

    Raises:
        RowError: There is no image, or no colour where one is needed.
    """
    file = files.at(mask.instanceURI or "")
    content = file.content if file is not None else _decoded(mask.png or mask.imBytes or "")
    if not _is_whole(content):
        raise RowError("InvalidAnnotation", "The mask is no image.")
    return content if mask.png else _of_color(content, mask.colorRGB)


def _decoded(inline: str) -> bytes:
    try:
        return base64.b64decode(inline, validate=True)
    except (ValueError, binascii.Error) as error:
        raise RowError("InvalidAnnotation", f"The mask is not base64: {error}.") from error


def _is_whole(content: bytes) -> bool:
    """Say whether something is an image to its last pixel."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return False
    return True


def _of_color(png: bytes, rgb: Color | None) -> bytes:
    """Return the pixels of one colour as a mask."""
    if rgb is None:
        raise RowError("InvalidAnnotation", "A mask by colour needs three numbers in colorRGB.")
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
            drawn = np.asarray(image.convert("L")) > 0
        # Masks of a label may differ in size: each begins at the upper left corner.
        canvas[: drawn.shape[0], : drawn.shape[1]][drawn] = rgb
    out = io.BytesIO()
    Image.fromarray(canvas).save(out, "PNG")
    return out.getvalue()
