"""The settings of a training, and its progress: plain values without torch, which whoever submits a job can build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

Task = Literal["classification", "detection", "segmentation"]
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
    """Images per step, all processes together. At least two, because batch normalisation learns nothing from one."""
    accumulate: Annotated[int, Field(ge=1)] = 1
    """Parts that a step's batch is cut into, so that less memory is needed; their gradients are added up."""
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    patience: Annotated[int, Field(ge=1)] | None = None
    """Stop when the loss on the validation samples has not fallen for so many epochs, and keep the best weights."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    deterministic: bool = False
    """Use only algorithms that give the same numbers each time, also on a GPU, where they are slower."""
    device: Device = "auto"
    precision: Precision = "auto"
    compile: bool = False
    """Compile the network first. It lasts from seconds to minutes, and pays in long trainings on a GPU."""
    threads: Annotated[int, Field(ge=1)] = 1
    """CPU threads of torch. More than one is slower by far when other processes use the cores."""
    loaders: Annotated[int, Field(ge=0, le=64)] | None = None
    """Threads that prepare batches ahead; `None` is none on a CPU, and as many as there are cores, 8 at most, else."""
    augmentation: Augmentation = Augmentation()
    cache_mb: Annotated[int, Field(ge=0)] = 1024
    """Bound of the decoded images kept in memory; the rest is decoded again in each epoch."""
    checkpoint_every: Annotated[int, Field(ge=1)] | None = None
    """Steps between two checkpoints; `None` means one at the end of each epoch."""
    pretrained: Path | None = None
    """Start from these weights: a file written by this engine, or a folder of a transformers model."""
    unseen_features: Literal["refuse", "allow"] = "refuse"
    """Whether a training may be asked for though no sample to train on has one of the features."""
    options: dict[str, JsonValue] = Field(default_factory=dict)
    """Settings of the architecture itself, such as `{"width": 32}`."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.epochs is not None and self.steps is not None:
            raise ValueError("give epochs or steps, not both")
        if len(set(self.features)) != len(self.features):
            raise ValueError("features must differ from each other")
        if self.batch_size is not None and self.batch_size < 2 * self.accumulate:
            raise ValueError("accumulate must leave two images of the batch to each part")
        return self


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
    epoch_ended: bool = False
