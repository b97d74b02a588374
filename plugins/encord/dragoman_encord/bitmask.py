"""Masks: COCO's run lengths (column by column) to Encord's packed ones (row by row) and back. Pure.

Encord packs run lengths as COCO packs its own: from the fourth on, the difference to the one two places before; five
bits at a time, the lowest first; 0x20 marks that more follow; 48 is added to make it a letter.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dragoman.schema import Mask


def packed(mask: Mask) -> str:
    """Return the packed run lengths of a mask, row by row."""
    return pack(_runs(_flat(mask.counts).reshape(mask.width, mask.height).T.reshape(-1)))


def unpacked(text: str, height: int, width: int) -> Mask:
    """Return the mask behind packed run lengths."""
    pixels = _flat(unpack(text)).reshape(height, width)
    return Mask(height, width, tuple(_runs(pixels.T.reshape(-1))))


def _flat(runs: Iterable[int]) -> NDArray[np.uint8]:
    lengths = np.fromiter(runs, np.int64)
    return np.repeat(np.arange(len(lengths)) % 2, lengths).astype(np.uint8)


def _runs(pixels: NDArray[np.uint8]) -> list[int]:
    """Return the run lengths of pixels, beginning with background."""
    changes = np.flatnonzero(np.diff(pixels)) + 1
    ends = np.concatenate((changes, [len(pixels)]))
    runs: list[int] = np.diff(ends, prepend=0).tolist()
    return [0, *runs] if pixels[0] else runs


def pack(runs: list[int]) -> str:
    """Return run lengths as text."""
    letters: list[str] = []
    for position, run in enumerate(runs):
        rest = run - runs[position - 2] if position > 2 else run
        more = True
        while more:
            bits = rest & 0x1F
            rest >>= 5
            more = rest != (-1 if bits & 0x10 else 0)
            letters.append(chr(48 + (bits | 0x20 if more else bits)))
    return "".join(letters)


def unpack(text: str) -> list[int]:
    """Return the run lengths behind a text."""
    runs: list[int] = []
    value, shift = 0, 0
    for letter in text:
        bits = ord(letter) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value, shift = 0, 0
    return runs
