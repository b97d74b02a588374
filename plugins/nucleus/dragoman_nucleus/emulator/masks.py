"""Segmentation masks that were uploaded: their pixels, and how much the segments of two masks overlap."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from dragoman_nucleus.emulator.blobs import Blobs
from dragoman_nucleus.emulator.overlap import Floats
from dragoman_nucleus.emulator.rows import Mask

Pixels: TypeAlias = npt.NDArray[np.uint8]
VALUES = 256
"""Values that a pixel can have."""


def pixels(mask: Mask, blobs: Blobs) -> Pixels | None:
    """Return the pixels of a mask, shape (height, width); `None` if it was not uploaded here, or is no image."""
    content = blobs.uploaded(mask.mask_url)
    if content is None:
        return None
    try:
        with Image.open(io.BytesIO(content)) as image:
            return np.asarray(image.convert("L"))
    except (UnidentifiedImageError, OSError):
        return None


def segments_in(mask: Mask, drawn: Pixels) -> dict[int, str]:
    """Return the labels of the segments that a mask really shows, by their pixel value."""
    shown = {int(value) for value in np.unique(drawn)}
    numbered = ((str(segment.index), segment.label) for segment in mask.annotations)
    return {int(index): label for index, label in numbered if index.isdecimal() and int(index) in shown}


def overlaps_of_segments(first: Pixels, values: Sequence[int], second: Pixels, others: Sequence[int]) -> Floats:
    """Return the intersection over union of segments of one mask with those of another, of the same size.

    Args:
        first, second: The masks.
        values, others: Pixel values of the segments of each.

    Returns:
        An array (values, others).
    """
    pairs = np.bincount(first.ravel().astype(np.int64) * VALUES + second.ravel(), minlength=VALUES * VALUES)
    shared = pairs.reshape(VALUES, VALUES)
    union = shared.sum(axis=1)[:, None] + shared.sum(axis=0)[None, :] - shared
    ious: Floats = np.divide(shared, union, out=np.zeros(shared.shape), where=union > 0)
    return ious[np.ix_(values, others)]
