"""Networks from transformers behind the engine's interface: `resnet`, `auto` and `rf-detr`.

Each is built from a small config, from the config kept in a weight file, or from a local folder in the
layout of `save_pretrained`. Nothing is downloaded and only safetensors are read. Import this module
through `architectures`, which checks torchvision before transformers is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Self

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from torch import Tensor
from transformers import (
    AutoModelForImageClassification,
    PreTrainedConfig,
    PreTrainedModel,
    ResNetConfig,
    ResNetForImageClassification,
    RfDetrConfig,
    RfDetrDinov2Config,
    RfDetrForObjectDetection,
)
from transformers.image_transforms import center_to_corners_format, corners_to_center_format
from transformers.utils.logging import disable_progress_bar

from dragoman.errors import InvalidData
from dragoman_local.engine.config import Task
from dragoman_local.engine.network import Network, Options, RawDetections, Targets, best_candidates
from dragoman_local.engine.pretrained import bad_config, config_from, model_from, plain, statistics

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


class FolderOptions(BaseModel):
    """The transformers config and the pixel statistics of a model that came from a folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: dict[str, JsonValue]
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None


class RfDetrOptions(BaseModel):
    """Size of an RF-DETR built from nothing; `config` replaces all of it and comes from a weight file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hidden_size: int = Field(default=96, ge=16, le=1536)
    layers: int = Field(default=4, ge=4, le=48)
    heads: int = Field(default=4, ge=1, le=32)
    patch_size: int = Field(default=8, ge=4, le=32)
    windows: int = Field(default=1, ge=1, le=8)
    d_model: int = Field(default=128, ge=32, le=1024)
    decoder_layers: int = Field(default=2, ge=1, le=12)
    queries: int = Field(default=30, ge=1, le=1000)
    groups: int = Field(default=1, ge=1, le=16)
    """Copies of the queries during training; few of them when a small set is learned from nothing."""
    config: dict[str, JsonValue] | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None


class Classifier(Network):
    """A transformers image classifier with a cross-entropy loss."""

    task: ClassVar[Task] = "classification"

    def __init__(self, model: PreTrainedModel, features: int, image_size: tuple[int, int], options: Options) -> None:
        super().__init__(features, image_size, options)
        self.model = model

    def loss(self, images: Tensor, targets: Targets) -> dict[str, Tensor]:
        assert isinstance(targets, Tensor)
        return {"class": F.cross_entropy(self._logits(images), targets)}

    def predict(self, images: Tensor) -> Tensor:
        return self._logits(images).softmax(1)

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


class RfDetr(Network):
    """RF-DETR object detection: a vision transformer with windows, and a decoder with matched queries."""

    task: ClassVar[Task] = "detection"
    architecture: ClassVar[str] = "rf-detr"
    convolutional: ClassVar[bool] = False

    def __init__(self, model: PreTrainedModel, features: int, image_size: tuple[int, int], options: Options) -> None:
        super().__init__(features, image_size, options)
        self.model = model

    def loss(self, images: Tensor, targets: Targets) -> dict[str, Tensor]:
        assert not isinstance(targets, Tensor)
        labels = [
            {"class_labels": classes, "boxes": corners_to_center_format(boxes / self._side(boxes))}
            for boxes, classes in targets
        ]
        return {"detr": self.model(pixel_values=self.normalised(images), labels=labels).loss}

    def predict(self, images: Tensor) -> list[RawDetections]:
        outputs = self.model(pixel_values=self.normalised(images))
        boxes = center_to_corners_format(outputs.pred_boxes.float())
        return best_candidates(boxes * self._side(boxes), outputs.logits.float().sigmoid())

    def _side(self, like: Tensor) -> Tensor:
        height, width = self.image_size
        return torch.tensor([width, height, width, height], dtype=like.dtype, device=like.device)


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
    return _with_statistics(Auto(model, features, image_size, kept.model_dump(mode="json")), kept)


def auto_from_folder(features: int, image_size: tuple[int, int], options: Options, folder: Path) -> Network:
    """Load the classifier in `folder`; its last layer is new where the number of classes differs."""
    _no_options(options, "auto")
    model = model_from(AutoModelForImageClassification, folder, features)
    kept = FolderOptions(config=plain(model.config), **statistics(folder))
    network = _with_statistics(Auto(model, features, image_size, kept.model_dump(mode="json")), kept)
    return _checked_size(network, folder)


def build_rf_detr(features: int, image_size: tuple[int, int], options: Options) -> Network:
    """Build `rf-detr` with new weights, small by default or after the config that a weight file kept."""
    size = RfDetrOptions.model_validate(dict(options))
    kept = size.config
    with bad_config():
        config = _small_rf_detr(size, features, image_size) if kept is None else config_from(kept, features)
    if not isinstance(config, RfDetrConfig):
        raise InvalidData(f'The config is for "{config.model_type}", not "rf_detr".', field="options.config")
    _check_patches(config, image_size)
    with bad_config():
        model = RfDetrForObjectDetection(config)
    return _with_statistics(RfDetr(model, features, image_size, size.model_dump(mode="json")), size)


def rf_detr_from_folder(features: int, image_size: tuple[int, int], options: Options, folder: Path) -> Network:
    """Load the RF-DETR in `folder`; tensors that depend on the number of classes are new where it differs."""
    _no_options(options, "rf-detr")
    model = model_from(RfDetrForObjectDetection, folder, features)
    _check_patches(model.config, image_size)
    kept = RfDetrOptions(config=plain(model.config), **statistics(folder))
    return _with_statistics(RfDetr(model, features, image_size, kept.model_dump(mode="json")), kept)


def _small_rf_detr(size: RfDetrOptions, features: int, image_size: tuple[int, int]) -> RfDetrConfig:
    stages = [f"stage{max(1, round(size.layers * part / 4))}" for part in range(1, 5)]
    backbone = RfDetrDinov2Config(
        hidden_size=size.hidden_size,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        image_size=max(image_size),
        patch_size=size.patch_size,
        num_windows=size.windows,
        out_features=stages,
    )
    return RfDetrConfig(
        backbone_config=backbone,
        d_model=size.d_model,
        decoder_ffn_dim=4 * size.d_model,
        decoder_layers=size.decoder_layers,
        decoder_self_attention_heads=4,
        decoder_cross_attention_heads=4,
        num_queries=size.queries,
        group_detr=size.groups,
        num_labels=features,
    )


def _check_patches(config: PreTrainedConfig, image_size: tuple[int, int]) -> None:
    backbone = config.backbone_config
    unit = backbone.patch_size * backbone.num_windows
    height, width = image_size
    if height % unit or width % unit:
        raise InvalidData(
            f"This RF-DETR needs an image size divisible by {unit} (patch size times windows), not {height} x {width}.",
            hint=f"Use {-(-height // unit) * unit} x {-(-width // unit) * unit}.",
            field="image_size",
        )
    # transformers 5.23 mixes rows and columns when it cuts the patches of an oblong image into windows.
    if backbone.num_windows > 1 and height != width:
        raise InvalidData(
            f"An RF-DETR with windows needs a square image size, not {height} x {width}.", field="image_size"
        )


def _with_statistics(network: Network, kept: FolderOptions | RfDetrOptions) -> Network:
    network.use_statistics(kept.mean, kept.std)
    return network


def _no_options(options: Options, architecture: str) -> None:
    if options:
        raise InvalidData(
            f'"{architecture}" takes its size from the folder, so it has no options beside it.', field="options"
        )


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
