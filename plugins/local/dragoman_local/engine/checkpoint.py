"""Checkpoints: everything that an interrupted training needs to go on as if nothing had happened.

A checkpoint is a safetensors file with the network's tensors, AdamW's two moments of each parameter, the best weights
so far where they are kept, and a card with the step and the settings. Batches and random numbers follow from the step,
so they are not stored.
"""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor
from torch.optim import AdamW

from dragoman.errors import Conflict, InvalidData
from dragoman_local.engine.config import TrainConfig
from dragoman_local.engine.network import Network
from dragoman_local.engine.patience import Best
from dragoman_local.engine.weights import read_header, read_tensors, write_safetensors

CARD = "dragoman-checkpoint"
WHERE_ONLY = {"device", "precision", "threads", "loaders", "cache_mb", "checkpoint_every", "compile"}
"""Settings that may change before a resumption: they say where a training runs, not what it learns."""


class State(BaseModel):
    """Where a training is: steps done, the number of its samples, its settings, and its best epoch so far."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    samples: int
    config: TrainConfig
    best: Best


def write_checkpoint(
    path: Path, network: Network, optimizer: AdamW, state: State, best_weights: dict[str, Tensor]
) -> None:
    """Write a training's state in one piece. Raises `PlatformError` when the disk is full."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best_weights.items()}
    names = _names(network, optimizer)
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{names[index]}:{key}": value for key, value in moments.items()}
    write_safetensors(path, tensors, {CARD: state.model_dump_json()})


def read_checkpoint(
    path: Path, network: Network, optimizer: AdamW, *, samples: int, config: TrainConfig
) -> tuple[State, dict[str, Tensor]]:
    """Load a checkpoint into `network` and `optimizer`, and return its card and the best weights.

    Raises:
        InvalidData: The file is no checkpoint, or its tensors do not fit.
        Conflict: It belongs to a training with other settings or another number of samples.
    """
    state = _state(path)
    changed = sorted(_differences(state.config, config)) + (["samples"] if state.samples != samples else [])
    if changed:
        raise Conflict(
            f"The checkpoint {path} belongs to a training with other settings: {', '.join(changed)}.",
            hint="Resume with the same settings, or remove the checkpoint to start anew.",
        )
    tensors = read_tensors(path)
    try:
        network.load_state_dict(_below("network.", tensors))
        optimizer.load_state_dict(_moments(_below("optimizer.", tensors), network, optimizer))
    except (RuntimeError, KeyError, ValueError) as error:
        raise InvalidData(
            f"The tensors of the checkpoint {path} do not fit the network.", field="checkpoint"
        ) from error
    return state, _below("best.", tensors)


def _state(path: Path) -> State:
    metadata, _ = read_header(path)
    try:
        return State.model_validate_json(metadata[CARD])
    except (KeyError, ValidationError) as error:
        raise InvalidData(f"The file {path} is no checkpoint of this version.", field="checkpoint") from error


def _differences(before: TrainConfig, now: TrainConfig) -> set[str]:
    names = TrainConfig.model_fields.keys() - WHERE_ONLY
    return {name for name in names if getattr(before, name) != getattr(now, name)}


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


@torch.no_grad()
def _moments(flat: dict[str, Tensor], network: Network, optimizer: AdamW) -> dict[str, object]:
    places = {name: index for index, name in enumerate(_names(network, optimizer))}
    parameters = dict(network.named_parameters())
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in flat.items():
        of, _, key = name.rpartition(":")
        # The fused AdamW walks through memory, so a moment must lie there as its parameter does (channels last).
        laid = torch.empty_like(parameters[of]).copy_(tensor) if tensor.ndim else tensor
        state.setdefault(places[of], {})[key] = laid
    return {**optimizer.state_dict(), "state": state}


def _names(network: Network, optimizer: AdamW) -> list[str]:
    """The parameters' names in the order in which the optimizer counts them."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    return [names[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]]
