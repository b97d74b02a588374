"""Perceptual hashes of images, 64 bits as so many digits 0 or 1, which the platform shows with items and compares for
deduplication.

The discrete cosine transform of the image at 32 x 32 grey pixels; a bit of the hash says whether one of the 64 lowest
frequencies is above their median (the pHash of Zauner, 2010).
"""

from __future__ import annotations

import hashlib
import io

import numpy as np
from PIL import Image, UnidentifiedImageError

SIDE = 32
KEPT = 8
BITS = KEPT * KEPT

_POSITIONS = np.arange(SIDE)
_TRANSFORM = np.cos(np.pi * _POSITIONS[:KEPT, None] * (2 * _POSITIONS + 1) / (2 * SIDE))
"""The rows of the DCT-II that are kept, without their norms, which make no difference to a comparison."""


def phash_of_image(content: bytes) -> str:
    """Return the hash of an image file; of a file that is no image, a hash of its bytes."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            pixels = np.asarray(image.convert("L").resize((SIDE, SIDE)), dtype=np.float64)
    except (UnidentifiedImageError, OSError):
        return _digest(content)
    frequencies = (_TRANSFORM @ pixels @ _TRANSFORM.T).ravel()
    return "".join("1" if above else "0" for above in frequencies > np.median(frequencies))


def phash_of_url(url: str) -> str:
    """Return a hash that stands in for that of an image which is not fetched: equal for equal URLs only."""
    return _digest(url.encode())


def distance(first: str, second: str) -> int:
    """Return in how many of the 64 bits two hashes differ."""
    return (int(first, 2) ^ int(second, 2)).bit_count()


def _digest(content: bytes) -> str:
    digest = hashlib.blake2b(content, digest_size=BITS // 8).digest()
    return f"{int.from_bytes(digest):0{BITS}b}"
