"""`compact`: a small anchor-free detector that learns from nothing on a CPU in about a minute.

A residual convolutional backbone, a feature pyramid (Lin et al. 2017) at strides 8, 16 and 32, and one head shared by
the levels that predicts, at each place, a score per class and the distances to the four sides of the box (FCOS, Tian et
al. 2019). Which place learns which object is decided in `assignment`; masks are added in `compact_masks`.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from dragoman_local.engine.assignment import Assigned, Dense, assign, generalised_iou
from dragoman_local.engine.config import Task
from dragoman_local.engine.network import Network, Options, RawDetections, Targets, best_candidates

STRIDES = (8, 16, 32)
PRIOR_SCORE = 0.01
"""Score of every class before training; a high one would drown the first steps in background loss."""
BOX_GAIN = 4.0


class BackboneOptions(BaseModel):
    """Size of the backbone. The defaults have about 0.6 million parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(default=16, ge=8, le=256)
    """Channels at stride 2; the stages at 4, 8, 16 and 32 have 2, 4, 6 and 6 times as many."""
    blocks: int = Field(default=1, ge=1, le=8)
    """Residual blocks per stage."""


class CompactOptions(BackboneOptions):
    """Size of the network. The defaults have about 0.8 million parameters."""

    neck: int = Field(default=64, ge=16, le=512, multiple_of=8)
    """Channels of the pyramid and the head."""


def convolution(channels_in: int, channels_out: int, *, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Return convolution, batch normalisation and activation."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.SiLU(inplace=True),
    )


class Residual(nn.Module):
    """Two convolutions whose result is added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(convolution(channels, channels), convolution(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.convolutions(x)
        return x + added


class Backbone(nn.Module):
    """Feature maps at strides 4, 8, 16 and 32."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        widths = (2 * width, 4 * width, 6 * width, 6 * width)
        # One block at stride 4 pays more than anything deeper when objects are small, as in a minute's training.
        self.stem = nn.Sequential(
            convolution(3, width, stride=2), convolution(width, widths[0], stride=2), Residual(widths[0])
        )
        self.stages = nn.ModuleList(
            nn.Sequential(convolution(before, after, stride=2), *(Residual(after) for _ in range(blocks)))
            for before, after in pairwise(widths)
        )
        self.channels = widths

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        maps = [x]
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class Pyramid(nn.Module):
    """Carries what the coarse maps know down to the finer ones."""

    def __init__(self, channels_in: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(convolution(before, channels, size=1) for before in channels_in)
        self.smooth = nn.ModuleList(convolution(channels, channels) for _ in channels_in)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        maps = [lateral(x) for lateral, x in zip(self.lateral, maps, strict=True)]
        for level in range(len(maps) - 1, 0, -1):
            finer = maps[level - 1]
            maps[level - 1] = finer + F.interpolate(maps[level], size=finer.shape[2:], mode="nearest")
        return [smooth(x) for smooth, x in zip(self.smooth, maps, strict=True)]


class Head(nn.Module):
    """Class logits and side distances (in strides) at every place, with weights shared by the levels.

    Group normalisation, since batch statistics differ from level to level: their running mean fits none of them.
    """

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.classify = nn.Sequential(
            *shared_convolution(channels),
            last_layer(channels, features, bias=math.log(PRIOR_SCORE / (1 - PRIOR_SCORE))),
        )
        self.locate = nn.Sequential(*shared_convolution(channels), last_layer(channels, 4, bias=1.0))

    def forward(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        logits = torch.cat([self.classify(x).flatten(2) for x in maps], dim=2).transpose(1, 2)
        sides = torch.cat([self.locate(x).flatten(2) for x in maps], dim=2).transpose(1, 2)
        return logits.float(), F.softplus(sides.float())


def shared_convolution(channels: int) -> tuple[nn.Module, ...]:
    """Return the layers before the last one of a head that is shared by levels."""
    return nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.GroupNorm(8, channels), nn.SiLU(inplace=True)


def last_layer(channels_in: int, channels_out: int, *, bias: float) -> nn.Conv2d:
    """Return a convolution whose outputs begin around `bias`."""
    layer = nn.Conv2d(channels_in, channels_out, 1)
    nn.init.constant_(layer.bias, bias)  # type: ignore[arg-type]
    return layer


class CompactDetector(Network):
    """See the module's description; options are those of `CompactOptions`."""

    task: ClassVar[Task] = "detection"
    outputs: ClassVar[tuple[str, ...]] = ("boxes", "scores")
    architecture: ClassVar[str] = "compact"
    convolutional: ClassVar[bool] = True

    def __init__(self, features: int, image_size: tuple[int, int], options: Options) -> None:
        size = CompactOptions.model_validate(dict(options))
        super().__init__(features, image_size, size.model_dump())
        self.backbone = Backbone(size.width, size.blocks)
        self.pyramid = Pyramid(self.backbone.channels[1:], size.neck)
        self.head = Head(size.neck, features)

    def loss(self, images: Tensor, targets: Targets) -> dict[str, Tensor]:
        assert not isinstance(targets, Tensor)
        dense = self._dense(self._maps(images)[1])
        # Assignment and loss stay in float32: overlaps to the sixth power vanish in bfloat16.
        with torch.autocast(images.device.type, enabled=False):
            return box_losses(dense, assign(dense, targets))

    def predict(self, images: Tensor) -> list[RawDetections]:
        dense = self._dense(self._maps(images)[1])
        return best_candidates(dense.boxes, dense.logits.sigmoid())

    def dense(self, images: Tensor) -> tuple[Tensor, ...]:
        dense = self._dense(self._maps(images)[1])
        return dense.boxes, dense.logits.sigmoid()

    def _maps(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The backbone's map at stride 4, and the pyramid's."""
        fine, *coarse = self.backbone(self.normalised(images))
        return fine, self.pyramid(coarse)

    def _dense(self, maps: list[Tensor]) -> Dense:
        logits, sides = self.head(maps)
        centres, strides = _places([(x.shape[2], x.shape[3]) for x in maps], logits.device)
        sides = sides * strides[:, None]
        boxes = torch.cat([centres - sides[..., :2], centres + sides[..., 2:]], dim=2)
        return Dense(logits, boxes, centres, strides)


def box_losses(dense: Dense, assigned: Assigned) -> dict[str, Tensor]:
    """Return the losses of the scores (quality as target) and of the boxes (generalised overlap)."""
    total = assigned.quality.sum().clamp(min=1.0)
    score = F.binary_cross_entropy_with_logits(dense.logits, assigned.quality, reduction="sum")
    chosen = assigned.foreground
    overlap = generalised_iou(dense.boxes[chosen], assigned.boxes[chosen])
    box = ((1 - overlap) * assigned.quality[chosen].amax(1)).sum()
    return {"score": score / total, "box": BOX_GAIN * box / total}


def _places(sizes: list[tuple[int, int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Centres xy `[places, 2]` in network pixels and strides `[places]` of all levels."""
    centres, strides = [], []
    for (height, width), stride in zip(sizes, STRIDES, strict=True):
        y = (torch.arange(height, device=device) + 0.5) * stride
        x = (torch.arange(width, device=device) + 0.5) * stride
        centres.append(torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(-1, 2))
        strides.append(torch.full((height * width,), float(stride), device=device))
    return torch.cat(centres), torch.cat(strides)
