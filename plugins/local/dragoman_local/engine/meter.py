"""How a training goes: the mean of the loss's parts since they were last read, the speed, and the time that is left."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import torch
from torch import Tensor

from dragoman.errors import InvalidData
from dragoman_local.engine.config import Progress


class Meter:
    """Measures from a first step on.

    Args:
        done: Steps that were done before.
        steps: Steps in all.
        batch_size: Images per step.
    """

    def __init__(self, done: int, steps: int, batch_size: int) -> None:
        self._first, self._steps, self._batch_size = done, steps, batch_size
        self._begin = time.monotonic()
        self._parts: list[dict[str, Tensor]] = []

    def add(self, parts: dict[str, Tensor]) -> None:
        """Take the parts of one step's loss; they are read later, as reading makes an accelerator wait."""
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

    def progress(self, step: int, epoch: int, metrics: Mapping[str, float], ended: bool) -> Progress:
        """Return how far the training is."""
        speed = (step - self._first) / max(time.monotonic() - self._begin, 1e-9)
        loss = sum(value for name, value in metrics.items() if not name.startswith("validation_"))
        left = (self._steps - step) / speed
        return Progress(epoch, step, self._steps, loss, speed * self._batch_size, left, metrics, ended)
