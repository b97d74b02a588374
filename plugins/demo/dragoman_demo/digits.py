"""Real images for the demo: scikit-learn's handwritten digits, plain and pasted on larger canvases.

The digits are scans of the UCI set "Optical Recognition of Handwritten Digits", 8 x 8 pixels, 17 grey levels:
https://archive.ics.uci.edu/dataset/80. A digit is either trained on or held out, never both.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from dragoman.schema import Box, Item, Label, Whole

FEATURES = tuple(map(str, range(10)))
CANVAS = 96
"""Side of a canvas, in pixels."""
PLAIN = 32
"""Side of a plain digit's image, in pixels."""
HELD_OUT = 0.2
"""Share of the digits, and of the images, that is held out for testing."""

Image = NDArray[np.uint8]


class Sample(NamedTuple):
    """One image file as an item, with its labels."""

    item: Item
    labels: list[Label]


def write_canvases(folder: Path, count: int, seed: int) -> Iterator[Sample]:
    """Write `count` canvases of one to four digits as PNG files and yield them with their boxes."""
    rng = np.random.default_rng(seed)
    scans, digits = _scans()
    held_out = _held_out(len(scans))
    for number in range(count):
        split = _split(number, count)
        pool = np.flatnonzero(held_out if split == "test" else ~held_out)
        image, boxes = _canvas(rng, scans, rng.choice(pool, size=rng.integers(1, 5)))
        item = _write(folder, f"canvas-{number:04}.png", image, split)
        yield Sample(item, [Label(item.key, FEATURES[digits[scan]], box) for scan, box in boxes])


def write_digits(folder: Path, count: int) -> Iterator[Sample]:
    """Write `count` digits as PNG files, one to an image, and yield them with their classes."""
    scans, digits = _scans()
    held_out = _held_out(len(scans))
    for number in range(count):
        grey = cv2.resize(scans[number], (PLAIN, PLAIN), interpolation=cv2.INTER_CUBIC)
        image = np.repeat(_to_bytes(grey)[..., None], 3, axis=2)
        item = _write(folder, f"digit-{number:04}.png", image, "test" if held_out[number] else "train")
        yield Sample(item, [Label(item.key, FEATURES[digits[number]], Whole())])


def _scans() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the scans, float32 of shape (1797, 8, 8) between 0 and 1, and their digits."""
    data = load_digits()
    return (data.images / 16).astype(np.float32), data.target


def _held_out(count: int) -> NDArray[np.bool_]:
    return np.arange(count) % round(1 / HELD_OUT) == 0


def _split(number: int, count: int) -> str:
    return "test" if number >= count * (1 - HELD_OUT) else "train"


def _canvas(
    rng: np.random.Generator, scans: NDArray[np.float32], chosen: NDArray[np.int64]
) -> tuple[Image, list[tuple[int, Box]]]:
    """Paste the chosen scans on a noisy, sloping background; return the image (BGR) and each pasted scan's box."""
    slope = np.linspace(0, rng.uniform(-0.2, 0.2), CANVAS, dtype=np.float32)[:, None, None]
    image = rng.uniform(0.05, 0.35, 3).astype(np.float32) + slope
    image = np.broadcast_to(image, (CANVAS, CANVAS, 3)).copy()
    taken = np.zeros((CANVAS, CANVAS), bool)
    boxes = []
    for scan in chosen:
        side = int(rng.integers(18, 41))
        x, y = (int(corner) for corner in rng.integers(0, CANVAS - side + 1, 2))
        if taken[y : y + side, x : x + side].any():
            continue
        taken[y : y + side, x : x + side] = True
        ink = cv2.resize(scans[scan], (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)
        tint = rng.uniform(0.65, 1, 3).astype(np.float32)
        patch = image[y : y + side, x : x + side]
        patch += ink[..., None] * (tint - patch)
        rows, columns = np.flatnonzero((ink > 0.25).any(1)), np.flatnonzero((ink > 0.25).any(0))
        width, height = columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1
        boxes.append((int(scan), Box(float(x + columns[0]), float(y + rows[0]), float(width), float(height))))
    image += rng.normal(0, 0.03, image.shape).astype(np.float32)
    return _to_bytes(image), boxes


def _to_bytes(image: NDArray[np.float32]) -> Image:
    return (image.clip(0, 1) * 255).astype(np.uint8)


def _write(folder: Path, key: str, image: Image, split: str) -> Item:
    path = folder / key
    if not cv2.imwrite(str(path), image):
        raise OSError(f"{path} cannot be written.")
    height, width = image.shape[:2]
    return Item(key, uri=str(path.resolve()), width=width, height=height, split=split)
