"""Tensors that a model puts out, as arrays, and what they mean where Viam has not said so itself.

Meaning by the conventions of Viam's own vision code: detections are `location` (1, n, 4), `category` (1, n) and `score`
(1, n), with y before x, as fractions unless the first box adds up to 4 or more; classifications are `probability`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dragoman.errors import InvalidData
from dragoman_viam.codec import Size

Array = npt.NDArray[Any]
_TYPES: dict[str, Any] = {
    "int8_tensor": np.int8,
    "uint8_tensor": np.uint8,
    "int16_tensor": np.int16,
    "uint16_tensor": np.uint16,
    "int32_tensor": np.int32,
    "uint32_tensor": np.uint32,
    "int64_tensor": np.int64,
    "uint64_tensor": np.uint64,
    "float_tensor": np.float32,
    "double_tensor": np.float64,
}
_BYTES = ("int8_tensor", "uint8_tensor")
_PIXELS = 4.0
"""Sum of a box's numbers from which on they are pixels: fractions add up to less."""


class Found(NamedTuple):
    """A detection: label, confidence, and corners as fractions: left, top, right, bottom."""

    label: str
    confidence: float
    corners: tuple[float, float, float, float]


def arrays(tensors: Any) -> dict[str, Array]:
    """Return a `FlatTensors` message as arrays.

    Raises:
        InvalidData: A tensor is of a type that is not known, or does not fill its shape.
    """
    return {name: _array(name, tensor) for name, tensor in tensors.tensors.items()}


def _array(name: str, tensor: Any) -> Array:
    kind = tensor.WhichOneof("tensor")
    if kind not in _TYPES:
        raise InvalidData(f"Tensor {name!r} holds {kind or 'nothing'}.", field=name)
    data = getattr(tensor, kind).data
    if kind in _BYTES:
        values: Array = np.frombuffer(data, _TYPES[kind])
    elif kind == "int16_tensor":
        # 16 bits travel as unsigned 32 bits, and the sign with them.
        values = np.array(data, np.uint32).astype(np.int16)
    else:
        values = np.array(data, _TYPES[kind])
    try:
        return values.reshape([int(length) for length in tensor.shape])
    except ValueError:
        shape = " x ".join(map(str, tensor.shape))
        raise InvalidData(f"Tensor {name!r} has {values.size} values for {shape}.", field=name) from None


def detections(found: Mapping[str, Array], labels: Sequence[str], size: Size) -> Iterator[Found]:
    """Yield the detections that tensors hold.

    Args:
        found: The tensors by name.
        labels: Names of the classes, in the order of the model's outputs; the number stands for one without a name.
        size: The image's size, for boxes in pixels.

    Raises:
        InvalidData: The tensors are not those of a detection.
    """
    boxes = _named(found, "location").reshape(-1, 4).astype(float)
    scores, categories = _scored(found, len(boxes))
    scale = np.array([1.0, 1.0, 1.0, 1.0])
    if len(boxes) and boxes[0].sum() >= _PIXELS:
        scale = np.array([size.height, size.width, size.height, size.width], float)
    for (top, left, bottom, right), score, category in zip(boxes / scale, scores, categories, strict=True):
        yield Found(_label(labels, int(category)), float(score), (float(left), float(top), float(right), float(bottom)))


def classifications(found: Mapping[str, Array], labels: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Yield label and probability of each class.

    Raises:
        InvalidData: The tensors are not those of a classification.
    """
    values = _named(found, "probability").reshape(-1).astype(float)
    if len(values) and (values.min() < 0 or values.max() > 1):
        values = np.exp(values - values.max())
        values /= values.sum()
    yield from ((_label(labels, place), float(value)) for place, value in enumerate(values))


def _scored(found: Mapping[str, Array], count: int) -> tuple[Array, Array]:
    """Return score and category of each box; without categories the scores have one column per class."""
    scores = _named(found, "score").astype(float)
    if "category" in found:
        return scores.reshape(-1), found["category"].reshape(-1)
    if not count:
        return np.zeros(0), np.zeros(0)
    per_class = scores.reshape(count, -1)
    return per_class.max(axis=1), per_class.argmax(axis=1)


def _named(found: Mapping[str, Array], name: str) -> Array:
    if name not in found:
        raise InvalidData(f"The model puts out {', '.join(found) or 'nothing'}, and no {name}.", field=name)
    return found[name]


def _label(labels: Sequence[str], place: int) -> str:
    return labels[place] if 0 <= place < len(labels) else str(place)
