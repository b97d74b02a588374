"""The one training loop, for every architecture: AdamW, warm-up and cosine, progress, stop and resumption.

It knows networks only by `Network.loss`. What comes before it (fitting and shuffling images) is in `batches`, and what
is kept of it in `weights` and `checkpoint`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor
from torch.optim import AdamW

from dragoman.errors import InvalidData
from dragoman_local.engine.architectures import build, resolved
from dragoman_local.engine.batches import Batch, FittedSamples, one_ahead, plain_batches, training_batches
from dragoman_local.engine.checkpoint import read_checkpoint, write_checkpoint
from dragoman_local.engine.config import Progress, Sample, TrainConfig, check_samples
from dragoman_local.engine.device import autocast, cpu_threads, pick_device
from dragoman_local.engine.network import BoxTensors, Network, Targets
from dragoman_local.engine.weights import warm_start

T = TypeVar("T")

WARM_UP = 0.1
"""Share of the steps during which the learning rate rises; then it falls to zero along a cosine."""
MAX_GRADIENT = 10.0
REPORT_EVERY = 10
"""Steps between two reports. Reading the loss makes an accelerator wait, so it is not done in each step."""


@dataclass(frozen=True)
class TrainResult:
    """The trained network (in evaluation mode) and how its training ended.

    `config` has all defaults filled in; `metrics` are those of the last report. `stopped` is true when
    `should_stop` ended it early; its checkpoint, if one was asked for, then holds the last step.
    """

    network: Network
    config: TrainConfig
    steps: int
    stopped: bool
    metrics: Mapping[str, float]


def train(
    config: TrainConfig,
    samples: Sequence[Sample],
    validation: Sequence[Sample] = (),
    *,
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
    checkpoint: Path | None = None,
) -> TrainResult:
    """Train a network and return it.

    Args:
        config: Settings; the same settings, samples and seed give the same weights on a CPU.
        samples: What to learn from.
        validation: What to measure on at the end of each epoch.
        on_progress: Called every few steps, at the end of each epoch and after the last step.
        should_stop: Asked before each step; true ends the training.
        checkpoint: Where to keep the state. If the file exists, training goes on from it.

    Raises:
        InvalidData: A setting, sample or image is bad, or the loss became infinite or not a number.
        Conflict: The checkpoint belongs to another training.
        Unsupported: CUDA or weights were asked for that this machine or architecture does not have.
        PlatformError: The checkpoint could not be written.
    """
    config = resolved(config)
    check_samples(config, samples)
    if validation:
        check_samples(config, validation)
    device = pick_device(config.device)
    cuda = [device] if device.type == "cuda" else []
    with cpu_threads(config.threads), torch.random.fork_rng(devices=cuda):
        return _Training(config, samples, validation, device, checkpoint).run(on_progress, should_stop)


def learning_rate_share(step: int, steps: int) -> float:
    """Return what share of the full learning rate holds in `step` (from zero) of `steps`."""
    rising = max(1, round(WARM_UP * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


class _Training:
    """One training: what it holds between steps, and the loop over them."""

    def __init__(
        self,
        config: TrainConfig,
        samples: Sequence[Sample],
        validation: Sequence[Sample],
        device: torch.device,
        checkpoint: Path | None,
    ) -> None:
        size, self.batch_size = _known(config.image_size), _known(config.batch_size)
        self.config, self.device, self.checkpoint = config, device, checkpoint
        self.samples = FittedSamples(samples, size, config.cache_mb)
        self.validation = FittedSamples(validation, size, config.cache_mb)
        self.steps = config.steps or math.ceil(_known(config.epochs) * len(samples) / self.batch_size)
        self.network = _new_network(config, device)
        self.optimizer = AdamW(_parameter_groups(self.network, _known(config.weight_decay)), fused=True)
        self.done = 0
        if checkpoint is not None and checkpoint.exists():
            self.done = read_checkpoint(checkpoint, self.network, self.optimizer, samples=len(samples), config=config)

    def run(self, on_progress: Callable[[Progress], None], should_stop: Callable[[], bool]) -> TrainResult:
        meter = _Meter(self.done, self.steps, self.batch_size)
        metrics: dict[str, float] = {}
        stopped = False
        self.network.train()
        for batch in self._batches():
            if stopped := should_stop():
                break
            meter.add(self._step(batch))
            self.done = batch.step + 1
            ended = self._epoch_ends()
            keep = self._checkpoint_is_due(ended)
            # A report reads the loss and stops at one that is not finite, so it comes before what is kept.
            if ended or keep or self.done % REPORT_EVERY == 0:
                metrics = meter.read(self.done) | (self._validated() if ended else {})
                on_progress(meter.progress(self.done, self._epoch(), metrics))
            if keep:
                self._keep()
        if stopped:
            meter.read(self.done)
            self._keep()
        return TrainResult(self.network.eval(), self.config, self.done, stopped, metrics)

    def _batches(self) -> Iterator[Batch]:
        steps = range(self.done, self.steps)
        batches = training_batches(self.samples, self.batch_size, steps, self.config.seed, self.config.augmentation)
        return one_ahead(batches) if self.device.type == "cuda" else batches

    def _step(self, batch: Batch) -> dict[str, Tensor]:
        # Seeded by the step, so that dropout after a resumption is what it would have been without.
        torch.manual_seed(self.config.seed * 1_000_003 + batch.step)
        for group in self.optimizer.param_groups:
            group["lr"] = _known(self.config.learning_rate) * learning_rate_share(batch.step, self.steps)
        with autocast(self.device, self.config.precision):
            parts = self.network.loss(*_on(self.device, batch))
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(torch.stack(list(parts.values())).sum())
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), MAX_GRADIENT)
        self.optimizer.step()
        return {name: part.detach() for name, part in parts.items()}

    def _epoch(self) -> int:
        return max(0, self.done * self.batch_size - 1) // len(self.samples)

    def _epoch_ends(self) -> bool:
        seen = self.done * self.batch_size
        return self.done == self.steps or seen // len(self.samples) > (seen - self.batch_size) // len(self.samples)

    def _checkpoint_is_due(self, epoch_ended: bool) -> bool:
        every = self.config.checkpoint_every
        return epoch_ended if every is None else self.done % every == 0 or self.done == self.steps

    def _keep(self) -> None:
        if self.checkpoint is not None:
            write_checkpoint(
                self.checkpoint,
                self.network,
                self.optimizer,
                step=self.done,
                samples=len(self.samples),
                config=self.config,
            )

    @torch.no_grad()
    def _validated(self) -> dict[str, float]:
        """Mean loss over the validation samples and, for classification, the share that is right."""
        if not len(self.validation):
            return {}
        self.network.eval()
        loss, right = 0.0, 0
        for batch in plain_batches(self.validation, self.batch_size):
            images, targets = _on(self.device, batch)
            with autocast(self.device, self.config.precision):
                loss += float(sum(self.network.loss(images, targets).values())) * len(images)
                if isinstance(targets, Tensor):
                    probabilities = self.network.predict(images)
                    assert isinstance(probabilities, Tensor)
                    right += int((probabilities.argmax(1) == targets).sum())
        self.network.train()
        metrics = {"validation_loss": loss / len(self.validation)}
        if self.config.task == "classification":
            metrics["validation_accuracy"] = right / len(self.validation)
        return metrics


class _Meter:
    """Mean of the loss's parts since they were last read, and the speed since the start."""

    def __init__(self, done: int, steps: int, batch_size: int) -> None:
        self._first, self._steps, self._batch_size = done, steps, batch_size
        self._begin = time.monotonic()
        self._parts: list[dict[str, Tensor]] = []

    def add(self, parts: dict[str, Tensor]) -> None:
        self._parts.append(parts)

    def read(self, step: int) -> dict[str, float]:
        """Return the means and forget them. Raises `InvalidData` when one is not finite."""
        if not self._parts:
            return {}
        means = {name: float(torch.stack([p[name] for p in self._parts]).mean()) for name in self._parts[0]}
        self._parts.clear()
        if not all(math.isfinite(mean) for mean in means.values()):
            raise InvalidData(
                f"The loss was no longer a finite number by step {step}: {means}.",
                hint="Lower the learning rate, or look for samples with extreme values.",
                field="learning_rate",
            )
        return means

    def progress(self, step: int, epoch: int, metrics: Mapping[str, float]) -> Progress:
        speed = (step - self._first) / max(time.monotonic() - self._begin, 1e-9)
        loss = sum(value for name, value in metrics.items() if not name.startswith("validation_"))
        return Progress(epoch, step, self._steps, loss, speed * self._batch_size, (self._steps - step) / speed, metrics)


def _new_network(config: TrainConfig, device: torch.device) -> Network:
    folder = config.pretrained if config.pretrained is not None and config.pretrained.is_dir() else None
    torch.manual_seed(config.seed)
    network = build(
        config.task,
        _known(config.architecture),
        len(config.features),
        _known(config.image_size),
        config.options,
        folder=folder,
    )
    if config.pretrained is not None and folder is None:
        warm_start(network, config.pretrained)
    if network.convolutional:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.to(device)


def _parameter_groups(network: Network, weight_decay: float) -> list[dict[str, object]]:
    """Weight decay is for matrices and kernels; biases and the scales of normalisation go without."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in trained if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim <= 1], "weight_decay": 0.0},
    ]


def _on(device: torch.device, batch: Batch) -> tuple[Tensor, Targets]:
    images = batch.images.to(device, non_blocking=True)
    if isinstance(batch.targets, Tensor):
        return images, batch.targets.to(device, non_blocking=True)
    return images, [BoxTensors(boxes.to(device), classes.to(device)) for boxes, classes in batch.targets]


def _known(value: T | None) -> T:
    """A setting that `resolved` has filled in."""
    assert value is not None
    return value
