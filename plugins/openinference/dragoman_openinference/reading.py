"""How one version of a model is asked and understood: the user's layout, filled in by what the server says. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.errors import Unsupported
from dragoman.schema import Task
from dragoman_openinference.facts import ModelFacts, TensorFacts
from dragoman_openinference.layout import Layout
from dragoman_openinference.tensors import BYTES, TYPES

CHANNELS = 3
Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Reading:
    """How one version of a model is asked and understood: its layout, with nothing left open.

    Args:
        layout: What the user says.
        task: What the model does.
        image: The input that takes the picture.
        planes: Whether channels come first in it.
        size: What pictures are scaled to; None leaves them as they are.
    """

    layout: Layout
    task: Task
    image: TensorFacts
    planes: bool
    size: Size | None

    @classmethod
    def of(cls, facts: ModelFacts, layout: Layout) -> Reading:
        """Decide what the layout leaves open.

        Raises:
            Unsupported: The model takes something else than one picture.
        """
        image = _input(facts, layout)
        detects = any(output.name == layout.boxes for output in facts.outputs)
        task = layout.task or (Task.OBJECT_DETECTION if detects else Task.CLASSIFICATION)
        if image.datatype == BYTES:
            _check_takes_one(facts.name, image)
            return cls(layout, task, image, planes=False, size=None)
        planes = _has_planes(facts.name, image, layout)
        height, width = image.shape[-2:] if planes else image.shape[-3:-1]
        fixed = (width, height) if width > 0 < height else None
        return cls(layout, task, image, planes, layout.size or fixed)


def _input(facts: ModelFacts, layout: Layout) -> TensorFacts:
    named = [one for one in facts.inputs if layout.image in (None, one.name)]
    if len(named) != 1 or len(facts.inputs) != 1:
        names = ", ".join(one.name for one in facts.inputs) or "none"
        raise Unsupported(
            f"The model {facts.name} takes {names}; what takes one picture and nothing else can be asked here.",
            hint=None if layout.image is None else f"The layout says that the picture is {layout.image!r}.",
        )
    return named[0]


def _check_takes_one(model: str, image: TensorFacts) -> None:
    if any(length not in (-1, 1) for length in image.shape):
        raise Unsupported(f"The input {image.name!r} of {model} is of shape {image.shape}, which is not one file.")


def _has_planes(model: str, image: TensorFacts, layout: Layout) -> bool:
    if len(image.shape) < CHANNELS or image.datatype not in TYPES:
        raise Unsupported(
            f"The input {image.name!r} of {model} is {image.datatype} of shape {image.shape}, which is no picture."
        )
    if layout.order is not None:
        return layout.order == "planes"
    return image.shape[-1] != CHANNELS and image.shape[-CHANNELS] == CHANNELS
