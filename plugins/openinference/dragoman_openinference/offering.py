"""A model of any backend as a model of the protocol: what it takes and gives, and what it answers. No HTTP.

It takes `image`, as pixels (UINT8, height x width x 3, red first) or as the file (BYTES, one element), and the request
parameters `confidence` and `iou`. A detector gives `boxes` (FP32, n x 4: left, top, right, bottom in pixels), `scores`
(FP32, n) and `labels` (BYTES, n); outlines and masks are given by the boxes around them. A classifier gives `scores`
and `labels`, one of each for every class that the backend gives a probability, the surest first. These are the defaults
of `Layout`, so that a client of ours needs none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from dragoman.adapter import Adapter
from dragoman.errors import InvalidData, NotFound
from dragoman.geometry import bounding_box
from dragoman.media import picture
from dragoman.schema import Item, Model, Prediction, Task, Version
from dragoman.serving import newest
from dragoman_openinference.facts import Entry, ModelFacts, TensorFacts
from dragoman_openinference.tensors import BYTES, Tensor

IMAGE = TensorFacts("image", "UINT8", [-1, -1, 3])
SCORES, LABELS = TensorFacts("scores", "FP32", [-1]), TensorFacts("labels", BYTES, [-1])
BOXES = TensorFacts("boxes", "FP32", [-1, 4])
Parameters = Mapping[str, Any]


class Offering:
    """One model of a backend, for clients of the protocol.

    Args:
        backend: The open backend.
        model: Its model.
        version: The only version that is offered; all, if not given, and the newest to whoever names none.
    """

    def __init__(self, backend: Adapter, model: Model, version: Version | None) -> None:
        self._backend = backend
        self._model = model
        self._pinned = version
        # Addresses have no place for a slash.
        self._name = model.name.replace("/", "_")

    def facts(self, name: str, version: str | None) -> ModelFacts:
        """Return what a version takes and gives.

        Raises:
            NotFound: There is none.
        """
        self._version(name, version)
        outputs = [SCORES, LABELS] if self._classifies else [BOXES, SCORES, LABELS]
        return ModelFacts(self._name, f"dragoman_{self._backend.name}", self._numbers(), [IMAGE], outputs)

    def index(self) -> list[Entry]:
        """Return the versions that are offered."""
        return [Entry(self._name, number, "READY") for number in self._numbers()]

    def answer(
        self, name: str, version: str | None, inputs: Sequence[Tensor], parameters: Parameters
    ) -> tuple[str, list[Tensor]]:
        """Return the version that was asked, and its outputs.

        Raises:
            NotFound: There is no such version.
            InvalidData: The input is no picture, or a parameter is bad.
        """
        asked = self._version(name, version)
        # Of a classifier every class has its score, however low.
        confidence = 0.0 if self._classifies else _fraction(parameters, "confidence", 0.25)
        iou = _fraction(parameters, "iou", 0.5)
        with TemporaryDirectory(prefix="dragoman-") as folder:
            file = Path(folder) / "picture"
            file.write_bytes(_content(inputs))
            _check_picture(file)
            item = Item("picture", uri=str(file))
            found = list(self._backend.inference.predict(asked, [item], confidence=confidence, iou=iou))
        return _number(asked), _classes(found) if self._classifies else _boxes(found)

    @property
    def _classifies(self) -> bool:
        return self._model.task is Task.CLASSIFICATION

    def _version(self, name: str, version: str | None) -> Version:
        if name != self._name:
            raise NotFound(f"There is no model {name!r}; {self._name!r} is served here.")
        if version is None:
            return self._pinned or newest(self._backend, self._model)
        for one in self._versions():
            if version in (_number(one), one.name):
                return one
        raise NotFound(f"There is no version {version!r} of {name!r}.")

    def _versions(self) -> list[Version]:
        return [self._pinned] if self._pinned else list(self._backend.versions.list(self._model))

    def _numbers(self) -> list[str]:
        return list(map(_number, self._versions()))


def chosen(outputs: list[Tensor], names: Sequence[str]) -> list[Tensor]:
    """Return the outputs that a request names, in its order; all where it names none.

    Raises:
        InvalidData: There is none of a name.
    """
    found = {tensor.name: tensor for tensor in outputs}
    for name in names:
        if name not in found:
            raise InvalidData(f"The model has no output {name!r}; it has {', '.join(found)}.", field="outputs")
    return [found[name] for name in names] or outputs


def _number(version: Version) -> str:
    """Return what a version is called in addresses, which have no place for a slash."""
    return version.id.rpartition("/")[2]


def _fraction(parameters: Parameters, name: str, default: float) -> float:
    value = parameters.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidData(f"The parameter {name} is {value!r}, and no number.", field=name)
    try:
        return float(value)
    except OverflowError as error:
        raise InvalidData(f"The parameter {name} is too large.", field=name) from error


def _content(inputs: Sequence[Tensor]) -> bytes:
    """Return the file of the picture that a request has.

    Raises:
        InvalidData: It has none.
    """
    if len(inputs) != 1 or inputs[0].name != IMAGE.name:
        names = ", ".join(tensor.name for tensor in inputs) or "nothing"
        raise InvalidData(f"The model takes one input named 'image', and {names} came.", field="inputs")
    (image,) = inputs
    if image.datatype == BYTES and image.array.size == 1:
        content: bytes = image.array.ravel()[0]
        return content
    pixels = image.array[0] if image.array.ndim == 4 and len(image.array) == 1 else image.array
    if image.datatype != "UINT8" or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise InvalidData(
            f"The input 'image' is {image.datatype} of shape {image.shape}; it takes UINT8 of [height, width, 3], or "
            "BYTES with one file.",
            field="image",
        )
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _check_picture(file: Path) -> None:
    try:
        picture(file)
    except InvalidData as error:
        # What is said there names the file, which is none of the client's.
        raise InvalidData("The input 'image' is no picture that can be read.", field="image") from error


def _boxes(found: Sequence[Prediction]) -> list[Tensor]:
    placed = [(row, box) for row in found if (box := bounding_box(row.geometry)) is not None]
    corners = [(box.x, box.y, box.x + box.width, box.y + box.height) for _, box in placed]
    return [
        Tensor(BOXES.name, BOXES.datatype, np.asarray(corners, np.float32).reshape(-1, 4)),
        *_scored([(row.feature, row.confidence) for row, _ in placed]),
    ]


def _classes(found: Sequence[Prediction]) -> list[Tensor]:
    sure: dict[str, float | None] = {row.feature: row.confidence for row in found}
    for row in found:
        sure.update(row.class_pdf or {})
    return _scored(sorted(sure.items(), key=lambda pair: pair[1] or 0.0, reverse=True))


def _scored(named: Sequence[tuple[str, float | None]]) -> list[Tensor]:
    # A model that gives no confidence is taken at its word.
    scores = np.asarray([1.0 if score is None else score for _, score in named], np.float32)
    return [Tensor(SCORES.name, SCORES.datatype, scores), Tensor.of_texts(LABELS.name, [name for name, _ in named])]
