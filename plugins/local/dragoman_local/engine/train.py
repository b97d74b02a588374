"""The one training loop, for every architecture: AdamW, warm-up and cosine, progress, stop and resumption.

It knows networks only by `Network.loss`. What comes before it (fitting and shuffling images) is in `fitting` and
`batches`, and what is kept of it in `weights` and `checkpoint`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from dragoman.errors import InvalidData
from dragoman_local.engine.architectures import build, resolved
from dragoman_local.engine.batches import Batch, plain_batches, training_batches
from dragoman_local.engine.checkpoint import State, read_checkpoint, write_checkpoint
from dragoman_local.engine.config import Progress, TrainConfig
from dragoman_local.engine.device import (
    autocast,
    cpu_threads,
    default_loaders,
    enough_memory,
    pick_device,
    repeatable,
    seed,
)
from dragoman_local.engine.fitting import FittedSamples
from dragoman_local.engine.measure import measured, on_device
from dragoman_local.engine.meter import Meter
from dragoman_local.engine.network import Network
from dragoman_local.engine.optimizer import EagerAdamW
from dragoman_local.engine.patience import Best, Patience
from dragoman_local.engine.targets import Sample, check_samples
from dragoman_local.engine.team import ALONE, Loss, Team, alone_until_last
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

    `config` has all defaults filled in; `metrics` are those of the last report, or of the best epoch where a patience
    is set. `stopped` is true when `should_stop` ended it early; its checkpoint, if one was asked for, then holds the
    last step.
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
    team: Team = ALONE,
) -> TrainResult:
    """Train a network and return it.

    Args:
        config: Settings; the same settings, samples and seed give the same weights on a CPU.
        samples: What to learn from.
        validation: What to measure on at the end of each epoch.
        on_progress: Called every few steps, at the end of each epoch and after the last step.
        should_stop: Asked before each step; true ends the training.
        checkpoint: Where to keep the state. If the file exists, training goes on from it.
        team: The processes that share the training; the leading one is asked, told and writes.

    Raises:
        InvalidData: A setting, sample or image is bad, or the loss became infinite or not a number.
        Conflict: The checkpoint belongs to another training.
        Unsupported: CUDA or weights were asked for that this machine or architecture does not have.
        PlatformError: The checkpoint could not be written, or the memory does not suffice.
    """
    config = resolved(config)
    _check(config, samples, validation, team)
    device = pick_device(config.device, team.local)
    cuda = [device] if device.type == "cuda" else []
    use = f"batches of {config.batch_size} images of {config.image_size} pixels"
    with (
        cpu_threads(config.threads),
        repeatable(config.deterministic),
        enough_memory(use),
        torch.random.fork_rng(devices=cuda),
    ):
        return _Training(config, samples, validation, device, checkpoint, team).run(on_progress, should_stop)


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
        team: Team,
    ) -> None:
        size, self.batch_size = _known(config.image_size), _known(config.batch_size)
        self.config, self.device, self.checkpoint, self.team = config, device, checkpoint, team
        self.loaders = default_loaders(config.loaders, device)
        self.samples = FittedSamples(samples, size, config.cache_mb)
        self.validation = FittedSamples(validation, size, config.cache_mb)
        self.steps = config.steps or math.ceil(_known(config.epochs) * len(samples) / self.batch_size)
        self.network = _new_network(config, device)
        self.optimizer = EagerAdamW(_parameter_groups(self.network, _known(config.weight_decay)), fused=True)
        self.done, best = 0, Best()
        weights: dict[str, Tensor] = {}
        if checkpoint is not None and checkpoint.exists():
            state, weights = read_checkpoint(
                checkpoint, self.network, self.optimizer, samples=len(samples), config=config
            )
            self.done, best = state.step, state.best
        self.patience = Patience(config.patience, best, weights)
        loss = Loss(self.network)
        if config.compile:
            loss.compile()
        self.loss = team.shared(loss)

    def run(self, on_progress: Callable[[Progress], None], should_stop: Callable[[], bool]) -> TrainResult:
        meter = Meter(self.done, self.steps, self.batch_size)
        metrics: dict[str, float] = {}
        stopped = False
        self.network.train()
        for batch in self._batches():
            if stopped := self.team.agreed(self.team.leads and should_stop()):
                break
            meter.add(self._step(batch))
            self.done = batch.step + 1
            ended = self._epoch_ends()
            keep = self._checkpoint_is_due(ended)
            # A report reads the loss and stops at one that is not finite, so it comes before what is kept.
            if ended or keep or self.done % REPORT_EVERY == 0:
                metrics = meter.read(self.done) | (self._validated() if ended else {})
                if ended:
                    self.patience.look(self.network, metrics)
                if self.team.leads:
                    on_progress(meter.progress(self.done, self._epoch(), metrics, ended))
            if keep:
                self._keep()
            if self.patience.is_over:
                break
        if stopped:
            meter.read(self.done)
            self._keep()
        else:
            metrics = self.patience.restore(self.network, metrics)
        return TrainResult(self.network.eval(), self.config, self.done, stopped, metrics)

    def _batches(self) -> Iterator[Batch]:
        if self.patience.is_over:
            return iter(())
        return training_batches(
            self.samples,
            self.batch_size,
            range(self.done, self.steps),
            self.config.seed,
            self.config.augmentation,
            share=self.team.share,
            loaders=self.loaders,
        )

    def _step(self, batch: Batch) -> dict[str, Tensor]:
        # Seeded by the step, so that dropout after a resumption is what it would have been without.
        seed(self.config.seed * 1_000_003 + batch.step, self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = _known(self.config.learning_rate) * learning_rate_share(batch.step, self.steps)
        total: dict[str, Tensor] = {}
        parts = batch.parts(self.config.accumulate)
        for number, part in enumerate(parts):
            with alone_until_last(self.loss, number == len(parts) - 1):
                weight = len(part.images) / len(batch.images)
                with autocast(self.device, self.config.precision):
                    losses = self.loss(*on_device(self.device, part))
                if number == 0:
                    # Not before the loss, which would take the memory that the gradients are about to need again.
                    self.optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(torch.stack(list(losses.values())).sum() * weight)
            for name, loss in losses.items():
                total[name] = total.get(name, 0) + loss.detach() * weight
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), MAX_GRADIENT)
        self.optimizer.step()
        return total

    def _epoch(self) -> int:
        return max(0, self.done * self.batch_size - 1) // len(self.samples)

    def _epoch_ends(self) -> bool:
        seen = self.done * self.batch_size
        return self.done == self.steps or seen // len(self.samples) > (seen - self.batch_size) // len(self.samples)

    def _checkpoint_is_due(self, epoch_ended: bool) -> bool:
        every = self.config.checkpoint_every
        return epoch_ended if every is None else self.done % every == 0 or self.done == self.steps

    def _keep(self) -> None:
        if self.checkpoint is None or not self.team.leads:
            return
        state = State(step=self.done, samples=len(self.samples), config=self.config, best=self.patience.best)
        write_checkpoint(self.checkpoint, self.network, self.optimizer, state, self.patience.weights)

    def _validated(self) -> dict[str, float]:
        if not len(self.validation):
            return {}
        batches = plain_batches(self.validation, self.batch_size, share=self.team.share, loaders=self.loaders)
        return measured(self.network, batches, self.device, self.config.precision, self.team)


def _check(config: TrainConfig, samples: Sequence[Sample], validation: Sequence[Sample], team: Team) -> None:
    check_samples(config, samples)
    if validation:
        check_samples(config, validation)
    elif config.patience is not None:
        raise InvalidData(
            "A patience needs validation samples, and there are none.",
            hint='Give some items the split "validation", or leave patience out.',
            field="patience",
        )
    if _known(config.batch_size) < 2 * config.accumulate * team.count:
        raise InvalidData(
            f"A batch of {config.batch_size} images leaves less than two to each of {config.accumulate} parts of "
            f"{team.count} processes.",
            hint="Raise batch_size.",
            field="batch_size",
        )


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
    return network.placed(device)


def _parameter_groups(network: Network, weight_decay: float) -> list[dict[str, object]]:
    """Weight decay is for matrices and kernels; biases and the scales of normalisation go without."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in trained if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim <= 1], "weight_decay": 0.0},
    ]


def _known(value: T | None) -> T:
    """A setting that `resolved` has filled in."""
    assert value is not None
    return value
