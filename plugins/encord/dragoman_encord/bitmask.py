"""Masks: COCO's run lengths (column by column) to Encord's packed ones (row by row) and back. Pure.

Encord packs run lengths as COCO packs its own. So its text is COCO's string of the mask that lies on its side.
"""

from __future__ import annotations

from dragoman.geometry import mask_of_rows, rows_of_mask
from dragoman.geometry.rle import compress, decompress
from dragoman.schema import Mask


def packed(mask: Mask) -> str:
    """Return the packed run lengths of a mask, row by row."""
    return compress(rows_of_mask(mask), mask.width, mask.height)


def unpacked(text: str, height: int, width: int) -> Mask:
    """Return the mask behind packed run lengths.

    Raises:
        InvalidData: The text is damaged.
    """
    return mask_of_rows(decompress(text, width, height), height, width)
