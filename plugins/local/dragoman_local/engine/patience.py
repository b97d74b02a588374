"""Early stopping: which epoch was the best so far, its weights, and whether to wait for a better one."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from dragoman_local.engine.network import Network


class Best(BaseModel):
    """The best epoch so far: its validation loss and metrics, and how many epochs ago it was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loss: float | None = None
    metrics: dict[str, float] = {}
    since: int = 0


class Patience:
    """Keeps the weights of the epoch with the lowest validation loss, where a patience is set.

    Args:
        epochs: How many epochs without a lower loss end the training; None keeps nothing and never ends it.
        best: The best epoch before, and its weights.
        weights: See `best`.
    """

    def __init__(self, epochs: int | None, best: Best, weights: dict[str, Tensor]) -> None:
        self._epochs = epochs
        self.best, self.weights = best, weights

    def look(self, network: Network, metrics: Mapping[str, float]) -> None:
        """Take the metrics of an epoch that ended."""
        if self._epochs is None:
            return
        loss = metrics["validation_loss"]
        if self.best.loss is None or loss < self.best.loss:
            self.best = Best(loss=loss, metrics=dict(metrics))
            self.weights = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        else:
            self.best = self.best.model_copy(update={"since": self.best.since + 1})

    @property
    def is_over(self) -> bool:
        """Whether the training should end."""
        return self._epochs is not None and self.best.since >= self._epochs

    def restore(self, network: Network, metrics: dict[str, float]) -> dict[str, float]:
        """Put the best weights into the network, if any are kept, and return the metrics that belong to it."""
        if not self.weights:
            return metrics
        network.load_state_dict(self.weights)
        return dict(self.best.metrics)
