"""The one interface of all networks of the engine: `loss` for training, `predict` for use.

Networks take uint8 images and normalise them themselves, so that batches stay small on their way to an
accelerator. Training, prediction and weight files know networks by this interface alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar, NamedTuple, Self

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from dragoman_local.engine.config import Task

Options = Mapping[str, JsonValue]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


MASK_STRIDE = 4
"""Network pixels per cell of the masks that are learned."""


class BoxTensors(NamedTuple):
    """Target of one image in network pixels: xyxy float `[n, 4]` and class indices int64 `[n]`.

    For segmentation `masks` is float `[n, h / MASK_STRIDE, w / MASK_STRIDE]`: how much of a cell an object covers.
    """

    boxes: Tensor
    classes: Tensor
    masks: Tensor | None = None


MaskMaker = Callable[[Tensor], Tensor]
"""Makes the masks of chosen rows: probabilities `[k, h, w]` over the network's input, at any resolution."""


class RawDetections(NamedTuple):
    """Candidates of one image before suppression, best first.

    `boxes` xyxy `[n, 4]` in network pixels, `scores` `[n]`, `classes` `[n]`, and `class_scores` `[n, features]`: the
    independent (sigmoid) score of every class, which need not sum to one. `masks` makes those of the rows that are
    asked for: most candidates are suppressed before.
    """

    boxes: Tensor
    scores: Tensor
    classes: Tensor
    class_scores: Tensor
    masks: MaskMaker | None = None


MOST_CANDIDATES = 300
"""Candidates per image that are kept for suppression, and so the bound of the boxes per image."""

Targets = Tensor | list[BoxTensors]
Raw = Tensor | list[RawDetections]


class Network(nn.Module, ABC):
    """A trainable network of one architecture.

    Args:
        features: Number of classes.
        image_size: Height and width of its input in pixels.
        options: What the architecture needs to build the same network again; goes into weight files.
    """

    task: ClassVar[Task]
    architecture: ClassVar[str]
    convolutional: ClassVar[bool]
    """Whether the channels-last memory layout pays."""

    _mean: Tensor
    _std: Tensor

    def __init__(self, features: int, image_size: tuple[int, int], options: Options) -> None:
        super().__init__()
        self.features = features
        self.image_size = image_size
        self.options = dict(options)
        self.register_buffer("_mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("_std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1) * 255, persistent=False)

    def use_statistics(self, mean: Sequence[float] | None, std: Sequence[float] | None) -> None:
        """Normalise with these means and deviations of pixels in 0..1 instead of ImageNet's, where given."""
        if mean is not None:
            self._mean.copy_(torch.tensor(mean).view(1, 3, 1, 1) * 255)
        if std is not None:
            self._std.copy_(torch.tensor(std).view(1, 3, 1, 1) * 255)

    @abstractmethod
    def loss(self, images: Tensor, targets: Targets) -> dict[str, Tensor]:
        """Return the parts of the loss as scalars; their sum is what training lowers.

        Args:
            images: uint8 `[n, 3, h, w]`, RGB.
            targets: Class indices int64 `[n]` (classification) or one `BoxTensors` per image (detection and
                segmentation, with masks).
        """

    @abstractmethod
    def predict(self, images: Tensor) -> Raw:
        """Return probabilities `[n, features]` (classification) or one `RawDetections` per image.

        Args:
            images: uint8 `[n, 3, h, w]`, RGB.
        """

    outputs: ClassVar[tuple[str, ...]]
    """Names of what `dense` returns."""

    @abstractmethod
    def dense(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return what the network says at every place, before candidates are chosen: what an exported graph gives.

        Args:
            images: `[n, 3, h, w]`, RGB in 0..255.
        """

    def placed(self, device: torch.device) -> Self:
        """Move the network to a device, with the channels of convolutions last, where kernels find them fastest."""
        if self.convolutional:
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it alone
        return self.to(device)

    def normalised(self, images: Tensor) -> Tensor:
        """Return `images` as floats with the mean and deviation that networks are commonly trained with."""
        pixels = (images.float() - self._mean) / self._std
        return pixels.contiguous(memory_format=torch.channels_last) if self.convolutional else pixels


def best_candidates(
    boxes: Tensor, class_scores: Tensor, masks: Sequence[MaskMaker] | None = None
) -> list[RawDetections]:
    """Return the `MOST_CANDIDATES` highest (place, class) pairs of each image, best first.

    Args:
        boxes: xyxy `[batch, places, 4]` in network pixels.
        class_scores: `[batch, places, features]` in 0..1.
        masks: For each image, makes the masks of its places.
    """
    features = class_scores.shape[2]
    scores, order = class_scores.flatten(1).topk(min(MOST_CANDIDATES, class_scores[0].numel()), dim=1)
    places, classes = order // features, order % features
    return [
        RawDetections(
            boxes[i][places[i]],
            scores[i],
            classes[i],
            class_scores[i][places[i]],
            partial(_masks_of_rows, masks[i], places[i]) if masks else None,
        )
        for i in range(len(boxes))
    ]


def _masks_of_rows(masks: MaskMaker, places: Tensor, rows: Tensor) -> Tensor:
    return masks(places[rows])
