"""What a model puts out for a picture, as predictions. Pure; no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dragoman.errors import PlatformError
from dragoman.geometry import suppress_boxes
from dragoman.schema import Box, Prediction, Provenance, Task, Whole
from dragoman_openinference.layout import Layout
from dragoman_openinference.reading import Reading, Size
from dragoman_openinference.tensors import BYTES, Tensor

PLATFORM = "openinference"
Floats = npt.NDArray[np.float64]


def predictions(
    reading: Reading,
    tensors: Sequence[Tensor],
    item: str,
    *,
    seen: Size,
    size: Size,
    version: str,
    confidence: float,
    iou: float,
) -> list[Prediction]:
    """Return what a model found in a picture, the surest first.

    Args:
        reading: What its tensors mean.
        tensors: Its outputs.
        item: Key of the item.
        seen: Size of the picture that the model was given.
        size: Size of the item's picture.
        version: Id of the version.
        confidence: Least confidence of a prediction.
        iou: Overlap above which the weaker of two boxes of a feature is left out.

    Raises:
        PlatformError: An output is missing, or has another shape than the layout says.
    """
    found = {tensor.name: tensor for tensor in tensors}
    made = Provenance(PLATFORM, version=version)
    if reading.task is Task.CLASSIFICATION:
        return _classified(reading.layout, found, item, made, confidence)
    boxes, scores, names = _detected(reading.layout, found)
    pixels = _corners(reading.layout, boxes, seen) * np.tile(np.divide(size, seen), 2)
    pixels = np.clip(pixels, 0, np.tile(size, 2))
    sides = np.maximum(pixels[:, 2:] - pixels[:, :2], 0)
    rows = np.concatenate([pixels[:, :2], sides], axis=1)
    sure = np.flatnonzero(scores >= confidence)
    numbers = np.asarray([names.index(names[place]) for place in sure], np.int64)
    kept = sure[suppress_boxes(rows[sure], scores[sure], iou=iou, classes=numbers)]
    return [
        Prediction(item, names[place], Box(*rows[place].tolist()), provenance=made, confidence=float(scores[place]))
        for place in kept
    ]


def _classified(
    layout: Layout, found: dict[str, Tensor], item: str, made: Provenance, confidence: float
) -> list[Prediction]:
    scores = _activated(layout, _output(found, layout.scores).ravel())
    _check(scores)
    labels = found.get(layout.labels)
    names = labels.texts() if labels is not None and labels.datatype == BYTES else _named(layout, range(len(scores)))
    if len(names) != len(scores):
        raise PlatformError(f"The model names {len(names)} classes and gives {len(scores)} scores.")
    best = int(np.argmax(scores)) if len(scores) else -1
    if best < 0 or scores[best] < confidence:
        return []
    pdf = dict(zip(names, scores.tolist(), strict=True))
    return [Prediction(item, names[best], Whole(), provenance=made, confidence=float(scores[best]), class_pdf=pdf)]


def _detected(layout: Layout, found: dict[str, Tensor]) -> tuple[Floats, Floats, list[str]]:
    boxes = _output(found, layout.boxes)
    if boxes.size % 4 or boxes.shape[-1:] != (4,):
        raise PlatformError(
            f"The output {layout.boxes!r} has the shape {list(boxes.shape)}, and not four numbers a box."
        )
    boxes = boxes.reshape(-1, 4)
    scores = _output(found, layout.scores)
    per_class = 0 != scores.size != len(boxes) and scores.shape[-2:-1] == (len(boxes),)
    scores = scores.reshape(len(boxes), -1) if per_class else scores.ravel()
    scores = _activated(layout, scores)
    _check(scores)
    numbers: Any = scores.argmax(axis=1) if per_class else None
    scores = scores.max(axis=1, initial=0) if per_class else scores
    names = _names(layout, found.get(layout.labels), numbers, len(boxes))
    if not len(boxes) == len(scores) == len(names):
        raise PlatformError(f"The model gives {len(boxes)} boxes, {len(scores)} scores and {len(names)} labels.")
    return boxes, scores, names


def _names(layout: Layout, labels: Tensor | None, numbers: Any, count: int) -> list[str]:
    if labels is not None and labels.datatype == BYTES:
        return labels.texts()
    chosen = labels.array.ravel().tolist() if labels is not None else numbers
    # A model with neither knows one class.
    return _named(layout, [0] * count if chosen is None else chosen)


def _named(layout: Layout, numbers: Any) -> list[str]:
    known = layout.features
    if any(number % 1 != 0 for number in numbers):
        raise PlatformError(f"The output {layout.labels!r} has a label that is no number of a class.")
    return [known[int(number)] if 0 <= int(number) < len(known) else str(int(number)) for number in numbers]


def _corners(layout: Layout, boxes: Floats, seen: Size) -> Floats:
    """Return boxes as left, top, right, bottom in pixels of the picture that the model was given."""
    scaled = boxes * np.tile(_lengths(layout, seen), 2)
    if layout.corners == "xyxy":
        return scaled
    if layout.corners == "yxyx":
        return boxes[:, [1, 0, 3, 2]] * np.tile(_lengths(layout, seen), 2)
    first, sides = scaled[:, :2], scaled[:, 2:]
    if layout.corners == "cxcywh":
        first = first - sides / 2
    return np.concatenate([first, first + sides], axis=1)


def _lengths(layout: Layout, seen: Size) -> Size:
    return seen if layout.unit == "fraction" else (1, 1)


def _activated(layout: Layout, scores: Floats) -> Floats:
    if layout.activation == "sigmoid":
        return 1 / (1 + np.exp(-scores))
    if layout.activation == "softmax":
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True, initial=-np.inf))
        return powers / powers.sum(axis=-1, keepdims=True)
    return scores


def _check(scores: Floats) -> None:
    if scores.size and not (scores.min() >= 0 and scores.max() <= 1):
        raise PlatformError(
            "The model's scores are no probabilities; they lie outside of 0 to 1.",
            hint="The setting layout.activation makes some of them.",
        )


def _output(found: dict[str, Tensor], name: str) -> Floats:
    if name not in found or found[name].datatype == BYTES:
        raise PlatformError(
            f"The model gives no numbers named {name!r}; it gives {', '.join(found) or 'nothing'}.",
            hint="The setting layout names its outputs.",
        )
    return found[name].array.astype(np.float64)
