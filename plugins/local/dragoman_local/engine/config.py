"""What goes into a training and what comes out: settings, samples, progress, result.

Plain values without torch, so that whoever submits a job can build and store them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from dragoman.errors import InvalidData

Task = Literal["classification", "detection"]
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "fp32", "bf16"]
Side = Annotated[int, Field(ge=16, le=4096)]


class Augmentation(BaseModel):
    """Which random changes training makes to its images. None is made in validation and prediction.

    Mirroring is off by default: it changes the meaning of digits, letters, and left and right hands.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mirror: bool = False
    """Flip half of the images left to right."""
    zoom: bool | None = None
    """Scale by 0.8 to 1.25 and shift by up to a tenth of the side; `None` leaves it to the architecture."""
    colour: bool = True
    """Change brightness, contrast and the balance of the channels."""


class TrainConfig(BaseModel):
    """Settings of one training; `None` stands for the default of the chosen architecture.

    The length is given as `epochs` or as `steps`, never as time, which would give each machine another result.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Task
    features: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    """Names of the classes; a target's class is an index into this tuple."""
    architecture: str | None = None
    image_size: tuple[Side, Side] | None = None
    """Height and width in pixels that images are fitted to."""
    epochs: Annotated[int, Field(ge=1)] | None = None
    steps: Annotated[int, Field(ge=1)] | None = None
    batch_size: Annotated[int, Field(ge=2)] | None = None
    """At least two, because batch normalisation learns nothing from one."""
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    device: Device = "auto"
    precision: Precision = "auto"
    threads: Annotated[int, Field(ge=1)] = 1
    """CPU threads of torch. More than one is slower by far when other processes use the cores."""
    augmentation: Augmentation = Augmentation()
    cache_mb: Annotated[int, Field(ge=0)] = 1024
    """Bound of the decoded images kept in memory; the rest is decoded again in each epoch."""
    checkpoint_every: Annotated[int, Field(ge=1)] | None = None
    """Steps between two checkpoints; `None` means one at the end of each epoch."""
    pretrained: Path | None = None
    """Start from these weights: a file written by this engine, or a folder of a transformers model."""
    options: dict[str, JsonValue] = Field(default_factory=dict)
    """Settings of the architecture itself, such as `{"width": 32}`."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.epochs is not None and self.steps is not None:
            raise ValueError("give epochs or steps, not both")
        if len(set(self.features)) != len(self.features):
            raise ValueError("features must differ from each other")
        return self


@dataclass(frozen=True, eq=False)
class BoxTarget:
    """The boxes of one image: xyxy `[n, 4]` in absolute pixels, and the class index of each `[n]`."""

    boxes: NDArray[np.float64]
    classes: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sample:
    """One image file with its target: a class index (classification) or boxes (detection; none is fine)."""

    image: Path
    target: int | BoxTarget


@dataclass(frozen=True)
class Progress:
    """How far a training is. `loss` is the mean since the last report; rates count wall time."""

    epoch: int
    step: int
    steps: int
    loss: float
    images_per_second: float
    eta_s: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The parts of the loss; at the end of an epoch also those of validation, named `validation_...`."""


def check_samples(config: TrainConfig, samples: Sequence[Sample]) -> None:
    """Raise `InvalidData` with the row when a target breaks the task's rules; there must be a sample.

    Box coordinates must be finite and each box must have a width and a height above zero.
    """
    if not samples:
        raise InvalidData("A training needs at least one sample.", hint="Check the splits and the labels.")
    checked = _boxes_checked if config.task == "detection" else _class_of
    for row, sample in enumerate(samples):
        classes = checked(sample.target, row)
        if classes.size and (classes.min() < 0 or classes.max() >= len(config.features)):
            raise InvalidData(
                f"A class index lies outside 0..{len(config.features) - 1}.",
                hint="Class indices count from zero in the order of the features.",
                row=row,
                field="target.classes",
            )


def _class_of(target: int | BoxTarget, row: int) -> NDArray[np.int64]:
    if isinstance(target, BoxTarget):
        raise InvalidData("Classification needs a class index, not boxes.", row=row, field="target")
    return np.array([target], dtype=np.int64)


def _boxes_checked(target: int | BoxTarget, row: int) -> NDArray[np.int64]:
    if not isinstance(target, BoxTarget):
        raise InvalidData("Detection needs boxes, not a class index.", row=row, field="target")
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
    return target.classes
