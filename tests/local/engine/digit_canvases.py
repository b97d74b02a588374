"""Labelled pictures made of scikit-learn's handwritten digits, for tests that really train.

`plain_digits` gives single digits for classification. `write_canvases` pastes tinted digits on noise, flat
colours and crops of scikit-learn's two photographs, with exact boxes. Training and held-out sets use
disjoint digits. Everything follows from the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from sklearn.datasets import load_digits, load_sample_images

from dragoman_local.engine.targets import BoxTarget, Sample

CLASSES = tuple(str(digit) for digit in range(10))
HELD_OUT = 397
"""The last digits of the 1,797 are never used for training."""


@dataclass(frozen=True)
class Canvas:
    """One picture `[h, w, 3]` uint8 RGB with its boxes xyxy `[n, 4]` and digit of each box `[n]`."""

    image: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray


@lru_cache(maxsize=1)
def _digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    return (data.images * (255 / 16)).astype(np.uint8), data.target


@lru_cache(maxsize=1)
def _photographs() -> tuple[np.ndarray, ...]:
    return tuple(load_sample_images().images)


def make_canvases(
    count: int, *, seed: int = 0, held_out: bool = False, side: int = 96, digits: tuple[int, ...] = tuple(range(10))
) -> list[Canvas]:
    """Return `count` canvases of `side` x `side` pixels with one to four of the given digits on each."""
    rng = np.random.default_rng([seed, int(held_out)])
    images, labels = _digits()
    pool = np.arange(len(images) - HELD_OUT, len(images)) if held_out else np.arange(len(images) - HELD_OUT)
    pool = pool[np.isin(labels[pool], digits)]
    return [_canvas(rng, images, labels, pool, side) for _ in range(count)]


def write_canvases(
    folder: Path, canvases: list[Canvas], *, classes: tuple[int, ...] = tuple(range(10))
) -> list[Sample]:
    """Write each canvas as a PNG file in `folder` and return the samples; class index = place in `classes`."""
    samples = []
    for number, canvas in enumerate(canvases):
        path = folder / f"canvas-{number:05d}.png"
        cv2.imwrite(str(path), canvas.image[:, :, ::-1])
        indices = np.array([classes.index(int(digit)) for digit in canvas.classes], dtype=np.int64)
        samples.append(Sample(path, BoxTarget(canvas.boxes, indices)))
    return samples


def plain_digits(folder: Path, count: int, *, held_out: bool = False) -> list[Sample]:
    """Write up to `count` single 8x8 digits as PNG files in `folder` and return the samples."""
    images, labels = _digits()
    pool = range(len(images) - HELD_OUT, len(images)) if held_out else range(len(images) - HELD_OUT)
    samples = []
    for number in list(pool)[:count]:
        path = folder / f"digit-{number:04d}.png"
        cv2.imwrite(str(path), images[number])
        samples.append(Sample(path, int(labels[number])))
    return samples


def _canvas(rng: np.random.Generator, images: np.ndarray, labels: np.ndarray, pool: np.ndarray, side: int) -> Canvas:
    canvas = _background(rng, side)
    boxes: list[tuple[int, int, int, int]] = []
    classes: list[int] = []
    for _ in range(int(rng.integers(1, 5))):
        number = int(rng.choice(pool))
        alpha = _enlarged(images[number], int(rng.integers(18, 41)))
        height, width = alpha.shape
        place = _free_place(rng, boxes, side, height, width)
        if place is None:
            continue
        x, y = place
        region = canvas[y : y + height, x : x + width]
        weight = alpha[:, :, None] / 255.0
        region[:] = region * (1 - weight) + _contrasting_tint(rng, region) * weight
        boxes.append((x, y, x + width, y + height))
        classes.append(int(labels[number]))
    noisy = canvas + rng.normal(0, 6, canvas.shape)
    return Canvas(
        np.clip(noisy, 0, 255).astype(np.uint8),
        np.array(boxes, dtype=np.float64).reshape(-1, 4),
        np.array(classes, dtype=np.int64),
    )


def _background(rng: np.random.Generator, side: int) -> np.ndarray:
    kind = rng.integers(3)
    if kind == 0:
        return np.full((side, side, 3), rng.integers(0, 256, 3), dtype=np.float64)
    if kind == 1:
        coarse = np.clip(rng.integers(0, 256, 3) + rng.integers(-40, 41, (4, 4, 3)), 0, 255).astype(np.uint8)
        return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float64)
    photographs = _photographs()
    photo = photographs[rng.integers(len(photographs))]
    y, x = rng.integers(photo.shape[0] - side), rng.integers(photo.shape[1] - side)
    return photo[y : y + side, x : x + side].astype(np.float64)


def _enlarged(digit: np.ndarray, height: int) -> np.ndarray:
    """The digit's ink, `height` pixels high, cropped to what is visible."""
    big = cv2.resize(digit, (height, height), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.nonzero(big > 64)
    return big[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _contrasting_tint(rng: np.random.Generator, region: np.ndarray) -> np.ndarray:
    """A colour at a visible distance from the mean of the place where it will lie."""
    mean = region.mean((0, 1))
    while True:
        tint = rng.integers(0, 256, 3)
        if np.abs(tint - mean).mean() > 70:
            return tint


def _free_place(
    rng: np.random.Generator, boxes: list[tuple[int, int, int, int]], side: int, height: int, width: int
) -> tuple[int, int] | None:
    for _ in range(20):
        x, y = int(rng.integers(side - width + 1)), int(rng.integers(side - height + 1))
        if all(x + width <= x1 or x2 <= x or y + height <= y1 or y2 <= y for x1, y1, x2, y2 in boxes):
            return x, y
    return None
