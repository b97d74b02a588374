"""Random changes to training images, with the boxes and masks that follow them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dragoman_local.engine.config import Augmentation
from dragoman_local.engine.images import GREY, Boxes, Pixels
from dragoman_local.engine.targets import BoxTarget, Masks

KEPT_SHARE = 0.3
"""A box of which less is still visible is dropped: what remains no longer tells its class."""


def augmented(
    pixels: Pixels, target: int | BoxTarget, switches: Augmentation, rng: np.random.Generator
) -> tuple[Pixels, int | BoxTarget]:
    """Return a changed copy of `pixels` and the target that fits it; boxes are in the pixels' coordinates."""
    if switches.colour:
        pixels = _recoloured(pixels, rng)
    if switches.mirror and rng.random() < 0.5:
        pixels, target = _mirrored(pixels, target)
    if switches.zoom:
        pixels, target = _zoomed(pixels, target, rng)
    return pixels, target


def _recoloured(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    gain = rng.uniform(0.8, 1.2) * rng.uniform(0.9, 1.1, 3)
    levels = np.arange(256)[:, None] * gain + rng.uniform(-20, 20)
    table = np.clip(levels, 0, 255).astype(np.uint8).reshape(1, 256, 3)
    return np.asarray(cv2.LUT(pixels, table), dtype=np.uint8)


def _mirrored(pixels: Pixels, target: int | BoxTarget) -> tuple[Pixels, int | BoxTarget]:
    mirrored = np.ascontiguousarray(pixels[:, ::-1])
    if isinstance(target, int):
        return mirrored, target
    boxes = target.boxes.copy()
    boxes[:, [0, 2]] = pixels.shape[1] - target.boxes[:, [2, 0]]
    masks = None if target.masks is None else np.ascontiguousarray(target.masks[:, :, ::-1])
    return mirrored, BoxTarget(boxes, target.classes, masks)


def _zoomed(pixels: Pixels, target: int | BoxTarget, rng: np.random.Generator) -> tuple[Pixels, int | BoxTarget]:
    side = np.array([pixels.shape[1], pixels.shape[0]], dtype=np.float64)
    scale = float(np.exp(rng.uniform(np.log(0.8), np.log(1.25))))
    shift = side / 2 * (1 - scale) + rng.uniform(-0.1, 0.1, 2) * side
    # OpenCV counts from the centre of the first pixel, our coordinates from its corner.
    matrix = np.array([[scale, 0, shift[0] + (scale - 1) / 2], [0, scale, shift[1] + (scale - 1) / 2]])
    size = (pixels.shape[1], pixels.shape[0])
    moved = np.asarray(cv2.warpAffine(pixels, matrix, size, borderValue=(GREY, GREY, GREY)), dtype=np.uint8)
    if isinstance(target, int):
        return moved, target
    masks = None if target.masks is None else _warped(target.masks, matrix)
    return moved, _visible(BoxTarget(target.boxes * scale + np.tile(shift, 2), target.classes, masks), side)


def _warped(masks: Masks, matrix: NDArray[np.float64]) -> Masks:
    size = (masks.shape[2], masks.shape[1])
    moved = [cv2.warpAffine(mask, matrix, size) for mask in masks]
    return np.stack(moved) if moved else masks


def _visible(target: BoxTarget, side: NDArray[np.float64]) -> BoxTarget:
    clipped = np.clip(target.boxes, 0.0, np.tile(side, 2))
    kept = _area(clipped) >= KEPT_SHARE * _area(target.boxes)
    return BoxTarget(clipped[kept], target.classes[kept], None if target.masks is None else target.masks[kept])


def _area(boxes: Boxes) -> NDArray[np.float64]:
    area: NDArray[np.float64] = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return area
