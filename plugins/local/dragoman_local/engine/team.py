"""The processes that share a training: torchrun starts them, torch.distributed joins them, each takes its share.

Gradients are averaged by torch's DistributedDataParallel. A training by one process runs the same code and needs none
of this.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dragoman_local.engine.batches import Share
from dragoman_local.engine.network import Network, Targets

T = TypeVar("T")


class Loss(nn.Module):
    """A network's loss as what a module computes, so that it can be compiled and shared."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, targets: Targets) -> dict[str, Tensor]:
        """Return the parts of the loss."""
        return self.network.loss(images, targets)


@dataclass(frozen=True)
class Team:
    """One process among those that share a training: number `rank` of `count`, the `local`-th on its machine."""

    rank: int = 0
    count: int = 1
    local: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process reports, keeps checkpoints and writes the weights."""
        return self.rank == 0

    @property
    def share(self) -> Share:
        """The rows of each batch that this process takes."""
        return Share(self.rank, self.count)

    def shared(self, loss: Loss) -> Loss | DistributedDataParallel:
        """Return the module whose gradients are the mean over all processes."""
        if self.count == 1:
            return loss
        # Which parameters a step uses may depend on the objects in its images.
        return DistributedDataParallel(loss, find_unused_parameters=True)

    def agreed(self, stop: bool) -> bool:
        """Return what the leading process says."""
        if self.count == 1:
            return stop
        said = [stop]
        dist.broadcast_object_list(said, src=0)
        return said[0]

    def gathered(self, own: T) -> Sequence[T]:
        """Return the values of all processes, in the order of their numbers."""
        if self.count == 1:
            return [own]
        values: list[T | None] = [None] * self.count
        dist.all_gather_object(values, own)
        return [value for value in values if value is not None]


ALONE = Team()


@contextmanager
def joined() -> Iterator[Team]:
    """Join the processes that torchrun started, if it did, and part from them at the end of the block."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE
        return
    local = int(os.environ["LOCAL_RANK"])
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(local)
        # Objects go over gloo, gradients over NCCL.
        backend = "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend)
    try:
        yield Team(dist.get_rank(), count, local)
    finally:
        dist.destroy_process_group()


def alone_until_last(shared: Loss | DistributedDataParallel, last: bool) -> AbstractContextManager[None]:
    """Return a context in which gradients are added up without being exchanged, unless this is the step's last part."""
    if last or not isinstance(shared, DistributedDataParallel):
        return nullcontext()
    context: AbstractContextManager[None] = shared.no_sync()
    return context
