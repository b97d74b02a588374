"""What the served models see: the bright and the dark part of a picture. Pure numpy; no server is imported.

It is little, but it depends on every pixel: a picture that is sent turned, cropped, scaled or with its channels mixed
up is answered differently.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FEATURES = ("dark", "bright")
MIDDLE = 128


def detect(image: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], list[str]]:
    """Return the box around the dark pixels and that around the bright ones, where there are any.

    Args:
        image: Pixels of shape (height, width, 3); red decides what is bright.

    Returns:
        Boxes (left, top, right, bottom), how much of each is filled, and their features.
    """
    bright = image[:, :, 0] >= MIDDLE
    boxes, scores, names = [], [], []
    for name, chosen in zip(FEATURES, (~bright, bright), strict=True):
        rows, columns = np.nonzero(chosen)
        if not len(rows):
            continue
        left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        boxes.append((left, top, right, bottom))
        scores.append(len(rows) / ((right - left) * (bottom - top)))
        names.append(name)
    return np.asarray(boxes, np.float32).reshape(-1, 4), np.asarray(scores, np.float32), names


def classify(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return how dark and how bright a picture is; the two add up to one."""
    bright = float((image[:, :, 0] >= MIDDLE).mean())
    return np.asarray([1 - bright, bright], np.float32)
