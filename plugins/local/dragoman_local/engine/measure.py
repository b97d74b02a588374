"""What a network is worth on the validation samples: its loss, and accuracy or mean average precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dragoman.evaluate import evaluate
from dragoman.schema import Box, Label, Prediction
from dragoman_local.engine.batches import Batch
from dragoman_local.engine.config import Precision
from dragoman_local.engine.device import autocast
from dragoman_local.engine.network import BoxTensors, Network, RawDetections, Targets
from dragoman_local.engine.predict import suppressed
from dragoman_local.engine.team import Team

LEAST_SCORE, OVERLAP = 0.01, 0.6
"""What counts as found: nearly everything, as mean average precision weighs the scores itself."""


@dataclass
class _Sums:
    loss: float = 0.0
    images: int = 0
    right: int | None = None
    labels: list[Label] = field(default_factory=list)
    found: list[Prediction] = field(default_factory=list)


@torch.no_grad()
def measured(
    network: Network, batches: Iterator[Batch], device: torch.device, precision: Precision, team: Team
) -> dict[str, float]:
    """Return the metrics over the batches of all processes; each name begins with `validation_`.

    `loss` is the mean over the images, `accuracy` the share that a classifier gets right, `mAP` and `mAP50` are COCO's
    of the boxes.
    """
    own = _Sums()
    network.eval()
    for batch in batches:
        _add(own, network, batch, device, precision, team.rank)
    network.train()
    return _metrics(list(team.gathered(own)))


def _add(sums: _Sums, network: Network, batch: Batch, device: torch.device, precision: Precision, rank: int) -> None:
    images, targets = on_device(device, batch)
    with autocast(device, precision):
        loss, raw = network.loss(images, targets), network.predict(images)
    sums.loss += float(sum(part.double() for part in loss.values())) * len(images)
    sums.images += len(images)
    if isinstance(raw, Tensor):
        assert isinstance(targets, Tensor)
        sums.right = (sums.right or 0) + int((raw.argmax(1) == targets).sum())
        return
    assert not isinstance(targets, Tensor)
    for number, (target, one) in enumerate(zip(targets, raw, strict=True)):
        name = f"{rank}-{batch.step}-{number}"
        sums.labels += _labels(name, target)
        sums.found += _found(name, one)


def on_device(device: torch.device, batch: Batch) -> tuple[Tensor, Targets]:
    """Return a batch's images and targets on the device; copies from pinned memory do not wait."""
    images = batch.images.to(device, non_blocking=True)
    if isinstance(batch.targets, Tensor):
        return images, batch.targets.to(device, non_blocking=True)
    return images, [_boxes_on(device, target) for target in batch.targets]


def _boxes_on(device: torch.device, target: BoxTensors) -> BoxTensors:
    masks = None if target.masks is None else target.masks.to(device, non_blocking=True)
    return BoxTensors(target.boxes.to(device, non_blocking=True), target.classes.to(device, non_blocking=True), masks)


def _labels(name: str, target: BoxTensors) -> Iterator[Label]:
    rows = zip(target.boxes.tolist(), target.classes.tolist(), strict=True)
    for number, ((left, top, right, bottom), kind) in enumerate(rows):
        yield Label(name, str(kind), Box(left, top, right - left, bottom - top), id=f"{name}-{number}")


def _found(name: str, raw: RawDetections) -> Iterator[Prediction]:
    kept = torch.from_numpy(suppressed(raw, LEAST_SCORE, OVERLAP)).to(raw.scores.device)
    rows = zip(raw.boxes[kept].tolist(), raw.classes[kept].tolist(), raw.scores[kept].tolist(), strict=True)
    for number, ((left, top, right, bottom), kind, score) in enumerate(rows):
        box = Box(left, top, max(0.0, right - left), max(0.0, bottom - top))
        yield Prediction(name, str(kind), box, id=f"{name}-{number}", confidence=min(1.0, score))


def _metrics(all_sums: list[_Sums]) -> dict[str, float]:
    images = sum(sums.images for sums in all_sums)
    metrics = {"validation_loss": sum(sums.loss for sums in all_sums) / images}
    labels = [label for sums in all_sums for label in sums.labels]
    if labels:
        found = (row for sums in all_sums for row in sums.found)
        precision = evaluate(labels, found, version="", dataset="").metrics
        metrics |= {f"validation_{name}": precision[name] for name in ("mAP", "mAP50")}
    right = [sums.right for sums in all_sums if sums.right is not None]
    if right:
        metrics["validation_accuracy"] = sum(right) / images
    return metrics
