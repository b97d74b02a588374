"""Which place of a dense detector shall learn which object: task-aligned assignment (TOOD, Feng et al. 2021).

Places are assigned to objects by how well they already classify and locate them. All shapes are fixed by the batch, so
an accelerator need not wait.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dragoman_local.engine.network import BoxTensors

PLACES, ALPHA, BETA = 10, 1.0, 4.0
"""Places per object, and how much its score and its overlap count when they are chosen."""


class Dense(NamedTuple):
    """Outputs at all places of all levels.

    Logits are `[n, places, features]`, boxes xyxy `[n, places, 4]`, centres xy `[places, 2]`, strides `[places]`.
    """

    logits: Tensor
    boxes: Tensor
    centres: Tensor
    strides: Tensor


class Assigned(NamedTuple):
    """What each place shall learn.

    Quality is the target score `[n, places, features]`, boxes are the target boxes `[n, places, 4]`, foreground
    `[n, places]` says where there is an object, and owner `[n, places]` is that object's row among the image's targets.
    """

    quality: Tensor
    boxes: Tensor
    foreground: Tensor
    owner: Tensor


@torch.no_grad()
def assign(dense: Dense, targets: list[BoxTensors]) -> Assigned:
    """Give each object the `PLACES` places inside it with the highest score^`ALPHA` * overlap^`BETA`.

    A place wanted by several objects goes to the one it overlaps most. The target score of an object's best place is
    one, and those of its others are less in proportion. Objects with the very same box are one object of several
    classes: their places learn all of them.
    """
    wanted, classes, real = _padded(targets, dense.boxes.device)
    places, most = dense.boxes.shape[1], wanted.shape[1]
    overlaps = pairwise_iou(wanted, dense.boxes)
    inside = _inside(wanted, dense.centres, dense.strides) & real[:, :, None]
    scores = dense.logits.sigmoid().transpose(1, 2).gather(1, classes[:, :, None].expand(-1, -1, places))
    fit = scores**ALPHA * overlaps**BETA * inside
    best = fit.topk(min(PLACES, places), dim=2)
    chosen = torch.zeros_like(inside).scatter_(2, best.indices, best.values > 0)
    owner = (overlaps * chosen).argmax(1)
    chosen &= owner[:, None] == torch.arange(most, device=owner.device)[:, None]
    fit = fit * chosen
    share = (fit / fit.amax(2, keepdim=True).clamp(min=1e-12)).amax(1)
    kinds = _kinds(wanted, classes, real, dense.logits.shape[2])
    quality = share[:, :, None] * kinds.gather(1, owner[:, :, None].expand(-1, -1, kinds.shape[2]))
    return Assigned(quality, wanted.gather(1, owner[:, :, None].expand(-1, -1, 4)), chosen.any(1), owner)


def _kinds(boxes: Tensor, classes: Tensor, real: Tensor, features: int) -> Tensor:
    """Which classes an object has `[n, most, features]`: its own, and those of the objects with the same box."""
    own = F.one_hot(classes, features).float() * real[:, :, None]
    same = (boxes[:, :, None] == boxes[:, None]).all(3)
    return (same.float() @ own).clamp(max=1.0)


def _padded(targets: list[BoxTensors], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes `[n, most, 4]`, classes and whether there is such an object `[n, most]`; `most` is at least one."""
    most = max(1, *(len(target.boxes) for target in targets))
    boxes = torch.zeros(len(targets), most, 4, device=device)
    classes = torch.zeros(len(targets), most, dtype=torch.long, device=device)
    real = torch.zeros(len(targets), most, dtype=torch.bool, device=device)
    for row, target in enumerate(targets):
        count = len(target.boxes)
        boxes[row, :count], classes[row, :count], real[row, :count] = target.boxes, target.classes, True
    return boxes, classes, real


def _inside(boxes: Tensor, centres: Tensor, strides: Tensor) -> Tensor:
    """Which centres lie in which box `[n, boxes, places]`; a box without any takes those one stride around it."""
    near = torch.cat([centres - boxes[:, :, None, :2], boxes[:, :, None, 2:] - centres], dim=3).amin(3)
    inside = near > 0
    return torch.where(inside.any(2, keepdim=True), inside, near > -strides)


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the overlap of each box of `a` `[n, i, 4]` with each of `b` `[n, j, 4]` as `[n, i, j]`."""
    a, b = a[:, :, None], b[:, None]
    shared = _shared(a, b)
    return shared / (_area(a) + _area(b) - shared).clamp(min=1e-9)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the generalised overlap of boxes `[n, 4]` in pairs, -1 to 1 (Rezatofighi et al. 2019)."""
    shared = _shared(a, b)
    union = (_area(a) + _area(b) - shared).clamp(min=1e-9)
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1).clamp(min=1e-9)
    return shared / union - (hull - union) / hull


def _shared(a: Tensor, b: Tensor) -> Tensor:
    size = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    return size.clamp(min=0).prod(-1)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)
