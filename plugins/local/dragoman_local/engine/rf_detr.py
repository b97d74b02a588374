"""RF-DETR from transformers behind the engine's interface: object detection, and instance segmentation.

A vision transformer with windows, and a decoder whose queries are matched with the objects. It is built from a small
config, from the config kept in a weight file, or from a local folder in the layout of `save_pretrained`. Import this
module through `architectures`, which checks torchvision before transformers is loaded.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field, JsonValue
from torch import Tensor
from transformers import (
    PreTrainedConfig,
    PreTrainedModel,
    RfDetrConfig,
    RfDetrDinov2Config,
    RfDetrForInstanceSegmentation,
    RfDetrForObjectDetection,
)
from transformers.image_transforms import center_to_corners_format, corners_to_center_format

from dragoman.errors import InvalidData
from dragoman_local.engine.config import Task
from dragoman_local.engine.network import BoxTensors, Network, Options, RawDetections, Targets, best_candidates
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


class RfDetrOptions(FolderOptions):
    """Size of an RF-DETR built from nothing; `config` replaces all of it and comes from a weight file."""

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
    config: dict[str, JsonValue] | None = None  # type: ignore[assignment]


class RfDetr(Network):
    """RF-DETR object detection."""

    task: ClassVar[Task] = "detection"
    outputs: ClassVar[tuple[str, ...]] = ("boxes", "scores")
    architecture: ClassVar[str] = "rf-detr"
    convolutional: ClassVar[bool] = False
    model_class: ClassVar[Any] = RfDetrForObjectDetection

    def __init__(self, model: PreTrainedModel, features: int, image_size: tuple[int, int], options: Options) -> None:
        super().__init__(features, image_size, options)
        self.model = model

    def loss(self, images: Tensor, targets: Targets) -> dict[str, Tensor]:
        assert not isinstance(targets, Tensor)
        labels = [self._label(target) for target in targets]
        return {"detr": self.model(pixel_values=self.normalised(images), labels=labels).loss}

    def predict(self, images: Tensor) -> list[RawDetections]:
        boxes, scores, *masks = self.dense(images)
        return best_candidates(boxes, scores, self._makers(*masks))

    def dense(self, images: Tensor) -> tuple[Tensor, ...]:
        outputs = self.model(pixel_values=self.normalised(images))
        boxes = center_to_corners_format(outputs.pred_boxes.float())
        return boxes * self._side(boxes), outputs.logits.float().sigmoid(), *self._masks(outputs)

    def _label(self, target: BoxTensors) -> dict[str, Tensor]:
        return {
            "class_labels": target.classes,
            "boxes": corners_to_center_format(target.boxes / self._side(target.boxes)),
        }

    def _masks(self, outputs: Any) -> tuple[Tensor, ...]:
        return ()

    def _makers(self, *masks: Tensor) -> list[partial[Tensor]] | None:
        return None

    def _side(self, like: Tensor) -> Tensor:
        height, width = self.image_size
        return torch.tensor([width, height, width, height], dtype=like.dtype, device=like.device)


class RfDetrSegmenter(RfDetr):
    """RF-DETR with a head that multiplies queries and maps to masks."""

    task: ClassVar[Task] = "segmentation"
    outputs: ClassVar[tuple[str, ...]] = ("boxes", "scores", "masks")
    model_class: ClassVar[Any] = RfDetrForInstanceSegmentation

    def _label(self, target: BoxTensors) -> dict[str, Tensor]:
        assert target.masks is not None
        return {**super()._label(target), "masks": target.masks}

    def _masks(self, outputs: Any) -> tuple[Tensor, ...]:
        return (outputs.pred_masks,)

    def _makers(self, *masks: Tensor) -> list[partial[Tensor]]:
        return [partial(_probabilities, logits) for logits in masks[0]]


def _probabilities(logits: Tensor, queries: Tensor) -> Tensor:
    return logits[queries].float().sigmoid()


def build_detector(features: int, image_size: tuple[int, int], options: Options) -> Network:
    """Build the detector with new weights, small by default or after the config that a weight file kept."""
    return _build(RfDetr, features, image_size, options)


def build_segmenter(features: int, image_size: tuple[int, int], options: Options) -> Network:
    """Build the segmenter with new weights, as `build_detector` does."""
    return _build(RfDetrSegmenter, features, image_size, options)


def detector_from_folder(features: int, image_size: tuple[int, int], options: Options, folder: Path) -> Network:
    """Load the detector in `folder`; tensors that depend on the number of classes are new where it differs."""
    return _from_folder(RfDetr, features, image_size, options, folder)


def segmenter_from_folder(features: int, image_size: tuple[int, int], options: Options, folder: Path) -> Network:
    """Load the segmenter in `folder`, or the detector, to which a new head for masks is added."""
    return _from_folder(RfDetrSegmenter, features, image_size, options, folder)


def _build(kind: type[RfDetr], features: int, image_size: tuple[int, int], options: Options) -> Network:
    size = RfDetrOptions.model_validate(dict(options))
    kept = size.config
    with bad_config():
        config = _small(size, features, image_size) if kept is None else config_from(kept, features)
    if not isinstance(config, RfDetrConfig):
        raise InvalidData(f'The config is for "{config.model_type}", not "rf_detr".', field="options.config")
    _check_patches(config, image_size)
    with bad_config():
        model = kind.model_class(config)
    return with_statistics(kind(model, features, image_size, size.model_dump(mode="json")), size)


def _from_folder(
    kind: type[RfDetr], features: int, image_size: tuple[int, int], options: Options, folder: Path
) -> Network:
    no_options(options, "rf-detr")
    model = model_from(kind.model_class, folder, features)
    _check_patches(model.config, image_size)
    kept = RfDetrOptions(config=plain(model.config), **statistics(folder))
    return with_statistics(kind(model, features, image_size, kept.model_dump(mode="json")), kept)


def _small(size: RfDetrOptions, features: int, image_size: tuple[int, int]) -> RfDetrConfig:
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
