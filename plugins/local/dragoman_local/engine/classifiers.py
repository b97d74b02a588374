"""Classifiers from transformers behind the engine's interface: `resnet` and `auto`.

Each is built from a small config, from the config kept in a weight file, or from a local folder in the layout of
`save_pretrained`. Import this module through `architectures`, which checks torchvision before transformers is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Self

import torch
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
from dragoman_local.engine.compact_classifier import Classifier
from dragoman_local.engine.network import Network, Options
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


class Pretrained(Classifier):
    """An image classifier of transformers."""

    def __init__(self, model: PreTrainedModel, features: int, image_size: tuple[int, int], options: Options) -> None:
        super().__init__(features, image_size, options)
        self.model = model

    def logits(self, images: Tensor) -> Tensor:
        found: Tensor = self.model(pixel_values=self.normalised(images)).logits
        return found.float()


class ResNet(Pretrained):
    """A small residual network."""

    architecture: ClassVar[str] = "resnet"
    convolutional: ClassVar[bool] = True


class Auto(Pretrained):
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
