"""Classifiers from transformers behind the engine's interface: `resnet` and `auto`.

Each is built from a small config, from the config kept in a weight file, or from a local folder in the layout of
`save_pretrained`. Import this module through `architectures`, which checks torchvision before transformers is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Self

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor
from transformers import (
    AutoModelForImageClassification,
    PreTrainedModel,
    ResNetConfig,
    ResNetForImageClassification,
)
from transformers.utils.logging import disable_progress_bar

from dragoman.errors import InvalidData
from dragoman_local.engine.config import Task
from dragoman_local.engine.network import Network, Options, Targets
from dragoman_local.engine.pretrained import (
    FolderOptions,
    bad_config,
    config_from,
    model_from,
    no_options,
    plain,
    statistics,
    with_statistics,
)

# A bar per loaded file means nothing in a job's log.
disable_progress_bar()


Width = Annotated[int, Field(ge=8, le=2048)]
Depth = Annotated[int, Field(ge=1, le=64)]


class ResNetOptions(BaseModel):
    """Size of the network; the defaults suit images of 32 to 128 pixels and have 0.3 million parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stem: int = Field(default=16, ge=8, le=256)
    widths: tuple[Width, ...] = (16, 32, 64, 128)
    depths: tuple[Depth, ...] = (1, 1, 1, 1)
    """Blocks per stage, as many stages as there are widths."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.depths) != len(self.widths):
            raise ValueError("depths and widths must be as many as there are stages")
        return self


class Classifier(Network):
    """A transformers image classifier with a cross-entropy loss."""

    task: ClassVar[Task] = "classification"
    outputs: ClassVar[tuple[str, ...]] = ("probabilities",)

    def __init__(self, model: PreTrainedModel, features: int, image_size: tuple[int, int], options: Options) -> None:
        super().__init__(features, image_size, options)
        self.model = model

    def loss(self, images: Tensor, targets: Targets) -> dict[str, Tensor]:
        assert isinstance(targets, Tensor)
        return {"class": F.cross_entropy(self._logits(images), targets)}

    def predict(self, images: Tensor) -> Tensor:
        return self._logits(images).softmax(1)

    def dense(self, images: Tensor) -> tuple[Tensor, ...]:
        return (self.predict(images),)

    def _logits(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(pixel_values=self.normalised(images)).logits
        return logits.float()


class ResNet(Classifier):
    """A small residual network that learns from nothing in seconds."""

    architecture: ClassVar[str] = "resnet"
    convolutional: ClassVar[bool] = True


class Auto(Classifier):
    """Whatever image classifier a local folder holds."""

    architecture: ClassVar[str] = "auto"
    convolutional: ClassVar[bool] = False


def build_resnet(features: int, image_size: tuple[int, int], options: Options) -> Network:
    """Build `resnet` with new weights."""
    size = ResNetOptions.model_validate(dict(options))
    config = ResNetConfig(
        embedding_size=size.stem,
        hidden_sizes=list(size.widths),
        depths=list(size.depths),
        layer_type="basic",
        num_labels=features,
    )
    return ResNet(ResNetForImageClassification(config), features, image_size, size.model_dump(mode="json"))


def build_auto(features: int, image_size: tuple[int, int], options: Options) -> Network:
    """Build the classifier whose config a weight file kept, with new weights."""
    kept = FolderOptions.model_validate(dict(options))
    with bad_config():
        config = config_from(kept.config, features)
        model = AutoModelForImageClassification.from_config(config, trust_remote_code=False)
    return with_statistics(Auto(model, features, image_size, kept.model_dump(mode="json")), kept)


def auto_from_folder(features: int, image_size: tuple[int, int], options: Options, folder: Path) -> Network:
    """Load the classifier in `folder`; its last layer is new where the number of classes differs."""
    no_options(options, "auto")
    model = model_from(AutoModelForImageClassification, folder, features)
    kept = FolderOptions(config=plain(model.config), **statistics(folder))
    network = with_statistics(Auto(model, features, image_size, kept.model_dump(mode="json")), kept)
    return _checked_size(network, folder)


def _checked_size(network: Network, folder: Path) -> Network:
    """Try one empty image: some transformers take only the size that they were made for."""
    height, width = network.image_size
    size = getattr(getattr(network.model, "config", None), "image_size", None)
    try:
        with torch.inference_mode():
            network.eval().predict(torch.zeros(1, 3, height, width, dtype=torch.uint8))
    except (ValueError, RuntimeError) as error:
        raise InvalidData(
            f"The model in {folder} does not take images of {height} x {width} pixels.",
            hint=f"Its config names image_size {size}.",
            field="image_size",
        ) from error
    return network.train()
