"""What a training learns from: samples with their targets, and the check that they fit the task.

Plain values without torch. How targets are fitted to a network's input is in `fitting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dragoman.errors import InvalidData
from dragoman.schema import Mask, Polygon
from dragoman_local.engine.config import Task, TrainConfig

Masks = NDArray[np.uint8]
"""Shape `[n, h, w]`: 0 outside an object, 255 inside, shares of a pixel between."""


@dataclass(frozen=True, eq=False)
class BoxTarget:
    """The boxes of one image: xyxy `[n, 4]` in pixels, the class index of each `[n]`, and their masks where known."""

    boxes: NDArray[np.float64]
    classes: NDArray[np.int64]
    masks: Masks | None = None


@dataclass(frozen=True, eq=False)
class ShapeTarget:
    """The outlines or masks of the objects of one image, in its pixels, and the class index of each `[n]`."""

    shapes: tuple[Polygon | Mask, ...]
    classes: NDArray[np.int64]


Target = int | BoxTarget | ShapeTarget
"""A class index (classification), boxes (detection) or shapes (segmentation)."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One image file, or one frame of a video file, with its target; no boxes or shapes are fine."""

    image: Path
    target: Target
    frame: int | None = None


def check_samples(config: TrainConfig, samples: Sequence[Sample]) -> None:
    """Raise `InvalidData` with the row when a target breaks the task's rules; there must be a sample.

    Box coordinates must be finite and each box must have a width and a height above zero.
    """
    if not samples:
        raise InvalidData("A training needs at least one sample.", hint="Check the splits and the labels.")
    for row, sample in enumerate(samples):
        classes = _classes(config.task, sample.target, row)
        if classes.size and (classes.min() < 0 or classes.max() >= len(config.features)):
            raise InvalidData(
                f"A class index lies outside 0..{len(config.features) - 1}.",
                hint="Class indices count from zero in the order of the features.",
                row=row,
                field="target.classes",
            )


_WANTED: dict[Task, tuple[type, str]] = {
    "classification": (int, "Classification needs a class index."),
    "detection": (BoxTarget, "Detection needs boxes."),
    "segmentation": (ShapeTarget, "Segmentation needs outlines or masks."),
}


def _classes(task: Task, target: Target, row: int) -> NDArray[np.int64]:
    kind, reason = _WANTED[task]
    if not isinstance(target, kind):
        raise InvalidData(reason, row=row, field="target")
    if isinstance(target, int):
        return np.array([target], dtype=np.int64)
    if isinstance(target, BoxTarget):
        _check_boxes(target, row)
    elif target.classes.shape != (len(target.shapes),):
        raise InvalidData("There must be one class for each shape.", row=row, field="target.classes")
    return target.classes


def _check_boxes(target: BoxTarget, row: int) -> None:
    boxes = np.asarray(target.boxes)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or target.classes.shape != (len(boxes),):
        raise InvalidData(
            f"Boxes must have the shape [n, 4] and classes [n], not {list(boxes.shape)} and "
            f"{list(target.classes.shape)}.",
            row=row,
            field="target.boxes",
        )
    if not np.isfinite(boxes).all() or (boxes[:, 2:] <= boxes[:, :2]).any():
        raise InvalidData("A box is not finite or has no area.", row=row, field="target.boxes")
