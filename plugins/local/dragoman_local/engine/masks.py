"""Masks from a network's input back to the image: each is drawn within its own box only, at the image's resolution.

Enlarging every mask to the whole image, as is often done, takes a hundred times as long.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dragoman_local.engine.images import Placement

INSIDE = 0.5
"""Least probability of a pixel that belongs to an object."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A part of an image: `pixels` bool `[h, w]`, whose top-left pixel is that in row `top` and column `left`."""

    top: int
    left: int
    pixels: NDArray[np.bool_]

    def whole(self, width: int, height: int) -> NDArray[np.bool_]:
        """Return it on an empty image of that size, `[height, width]`, in Fortran's layout as run lengths need."""
        image = np.zeros((height, width), dtype=np.bool_, order="F")
        rows, columns = self.pixels.shape
        image[self.top : self.top + rows, self.left : self.left + columns] = self.pixels
        return image


def patches(
    probabilities: NDArray[np.float32], boxes: NDArray[np.float64], place: Placement, image_size: tuple[int, int]
) -> tuple[Patch, ...]:
    """Return the masks of objects in image pixels.

    Args:
        probabilities: `[n, h, w]` over the network's input.
        boxes: xyxy `[n, 4]` in image pixels, clipped to the image.
        place: Where the image lies in the network's input.
        image_size: Height and width of that input.
    """
    if not len(probabilities):
        return ()
    # From image pixels to cells of the masks.
    cells = np.array([probabilities.shape[2] / image_size[1], probabilities.shape[1] / image_size[0]])
    scale = np.array([place.scale_x, place.scale_y]) * cells
    shift = np.array([place.shift_x, place.shift_y]) * cells
    corners = np.concatenate([np.floor(boxes[:, :2]), np.ceil(boxes[:, 2:])], axis=1).astype(int)
    matrices = np.zeros((len(boxes), 2, 3))
    matrices[:, (0, 1), (0, 1)] = scale
    # OpenCV counts from the centre of the first pixel, our coordinates from its corner.
    matrices[:, :, 2] = scale * (corners[:, :2] + 0.5) + shift - 0.5
    return tuple(map(_patch, probabilities, matrices, corners.tolist()))


def _patch(mask: NDArray[np.float32], matrix: NDArray[np.float64], corners: tuple[int, int, int, int]) -> Patch:
    """Draw a mask within its box, given by whole pixels; `matrix` leads from these to the mask's cells."""
    left, top, right, bottom = corners
    drawn = cv2.warpAffine(
        mask,
        matrix,
        (right - left, bottom - top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Patch(top, left, drawn >= INSIDE)
