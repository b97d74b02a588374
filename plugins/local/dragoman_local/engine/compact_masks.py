"""`compact` with masks: the detector, and masks as sums of a few prototypes per image (YOLACT, Bolya et al. 2019).

A branch on the finest maps draws prototypes at stride 4; the head says, at each place, with which coefficients they add
up to the mask of the object there. A mask counts within its object's box only.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from dragoman.errors import InvalidData
from dragoman_local.engine.assignment import Assigned, assign
from dragoman_local.engine.compact import CompactDetector, box_losses, convolution, last_layer, shared_convolution
from dragoman_local.engine.config import Task
from dragoman_local.engine.network import (
    MASK_STRIDE,
    BoxTensors,
    Options,
    RawDetections,
    Targets,
    best_candidates,
)

PROTOTYPES = 16
LEARNED = 32
"""Places per image whose masks are learned from, the best ones; all of them would take most of the memory."""
MASK_GAIN = 2.0


class CompactSegmenter(CompactDetector):
    """See the module's description; options are those of `CompactOptions`."""

    task: ClassVar[Task] = "segmentation"
    outputs: ClassVar[tuple[str, ...]] = ("boxes", "scores", "prototypes", "coefficients")

    def __init__(self, features: int, image_size: tuple[int, int], options: Options) -> None:
        if image_size[0] % MASK_STRIDE or image_size[1] % MASK_STRIDE:
            raise InvalidData(
                f"Masks need an image size divisible by {MASK_STRIDE}, not {image_size[0]} x {image_size[1]}.",
                field="image_size",
            )
        super().__init__(features, image_size, options)
        neck = self.pyramid.smooth[0][0].out_channels  # type: ignore[index]
        self.fine = convolution(self.backbone.channels[0], neck, size=1)
        self.draw = nn.Sequential(convolution(neck, neck), nn.Conv2d(neck, PROTOTYPES, 1))
        self.compose = nn.Sequential(*shared_convolution(neck), last_layer(neck, PROTOTYPES, bias=0.0))

    def loss(self, images: Tensor, targets: Targets) -> dict[str, Tensor]:
        assert not isinstance(targets, Tensor)
        fine, maps = self._maps(images)
        dense = self._dense(maps)
        prototypes, coefficients = self._masks(fine, maps)
        with torch.autocast(images.device.type, enabled=False):
            assigned = assign(dense, targets)
            return {
                **box_losses(dense, assigned),
                "mask": MASK_GAIN * mask_loss(prototypes, coefficients, assigned, targets),
            }

    def predict(self, images: Tensor) -> list[RawDetections]:
        fine, maps = self._maps(images)
        dense = self._dense(maps)
        masks = [partial(_composed, *pair) for pair in zip(*self._masks(fine, maps), strict=True)]
        return best_candidates(dense.boxes, dense.logits.sigmoid(), masks)

    def dense(self, images: Tensor) -> tuple[Tensor, ...]:
        """Also the prototypes `[n, k, h, w]` and the coefficients `[n, places, k]` that add up to masks' logits."""
        fine, maps = self._maps(images)
        dense = self._dense(maps)
        return dense.boxes, dense.logits.sigmoid(), *self._masks(fine, maps)

    def _masks(self, fine: Tensor, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Prototypes `[n, PROTOTYPES, h, w]` at stride 4, and coefficients `[n, places, PROTOTYPES]`."""
        finest = F.interpolate(maps[0], size=fine.shape[2:], mode="nearest")
        prototypes = self.draw(self.fine(fine) + finest)
        coefficients = torch.cat([self.compose(x).flatten(2) for x in maps], dim=2).transpose(1, 2)
        return prototypes.float(), coefficients.float()


def _composed(prototypes: Tensor, coefficients: Tensor, places: Tensor) -> Tensor:
    return torch.einsum("pk,khw->phw", coefficients[places], prototypes).sigmoid()


def mask_loss(prototypes: Tensor, coefficients: Tensor, assigned: Assigned, targets: list[BoxTensors]) -> Tensor:
    """Return the mean of cross-entropy and Dice loss over the best places of each image, weighted by their quality.

    Args:
        prototypes: `[n, k, h, w]`.
        coefficients: `[n, places, k]`.
        assigned: Which place learns which object.
        targets: Their masks `[objects, h, w]` say how much of each cell an object covers.
    """
    weight, places = assigned.quality.amax(2).topk(min(LEARNED, coefficients.shape[1]), dim=1)
    chosen = coefficients.gather(1, places[:, :, None].expand(-1, -1, coefficients.shape[2]))
    logits = torch.einsum("npk,nkhw->nphw", chosen, prototypes)
    wanted = _wanted(targets, assigned.owner.gather(1, places), logits)
    inside = _inside(assigned.boxes.gather(1, places[:, :, None].expand(-1, -1, 4)) / MASK_STRIDE, logits)
    area = inside.sum((2, 3)).clamp(min=1.0)
    entropy = (F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * inside).sum((2, 3)) / area
    drawn = logits.sigmoid() * inside
    dice = 1 - (2 * (drawn * wanted).sum((2, 3)) + 1) / (drawn.sum((2, 3)) + wanted.sum((2, 3)) + 1)
    return ((entropy + dice) * weight).sum() / weight.sum().clamp(min=1.0)


def _wanted(targets: list[BoxTensors], owner: Tensor, like: Tensor) -> Tensor:
    """The masks of the objects that own the places `[n, places, h, w]`."""
    height, width = like.shape[2:]
    masks = [
        like.new_zeros(1, height, width) if one.masks is None or not len(one.masks) else one.masks for one in targets
    ]
    padded = pad_sequence(masks, batch_first=True)
    owner = owner.clamp(max=padded.shape[1] - 1)
    return padded.gather(1, owner[:, :, None, None].expand(-1, -1, height, width))


def _inside(boxes: Tensor, like: Tensor) -> Tensor:
    """Which cells meet which box, one or zero `[n, places, h, w]`; boxes are xyxy in cells."""
    height, width = like.shape[2:]
    x = torch.arange(width, device=like.device)
    y = torch.arange(height, device=like.device)[:, None]
    left, top, right, bottom = boxes[..., None, None].unbind(2)
    return ((x + 1 > left) & (x < right) & (y + 1 > top) & (y < bottom)).float()
