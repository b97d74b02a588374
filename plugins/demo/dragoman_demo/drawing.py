"""Draws predicted boxes on images, side by side, as one PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from dragoman.schema import Box, Item, Prediction

ZOOM = 3
INK = (80, 255, 80)


def draw(items: Sequence[Item], predictions: Mapping[str, Sequence[Prediction]], path: Path) -> None:
    """Write one picture of the items, three to a row, with their predicted boxes, features and confidences.

    Args:
        items: Images of one size, that this machine can read.
        predictions: Item key to predictions.
        path: The PNG file.
    """
    tiles = [_tile(item, predictions.get(item.key, ())) for item in items]
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (-len(tiles) % 3)
    rows = [np.hstack(tiles[start : start + 3]) for start in range(0, len(tiles), 3)]
    cv2.imwrite(str(path), np.vstack(rows))


def _tile(item: Item, predictions: Sequence[Prediction]) -> np.ndarray:
    image = cv2.imread(item.uri or "")
    image = cv2.resize(image, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_NEAREST)
    for prediction in predictions:
        box = prediction.geometry
        if not isinstance(box, Box):
            continue
        start = (round(box.x * ZOOM), round(box.y * ZOOM))
        end = (round((box.x + box.width) * ZOOM), round((box.y + box.height) * ZOOM))
        cv2.rectangle(image, start, end, INK, 1)
        text = f"{prediction.feature} {prediction.confidence or 0:.2f}"
        where = (start[0], start[1] - 4 if start[1] > 14 else end[1] + 14)
        cv2.putText(image, text, where, cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    return cv2.copyMakeBorder(image, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(255, 255, 255))
