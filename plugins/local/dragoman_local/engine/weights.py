"""Weight files: one `.safetensors` file with the tensors, and a JSON card in its metadata.

The card says what the tensors are for and how to build their network again. Nothing is ever unpickled. Files
are written beside their place and renamed, so that a reader never sees half of one.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as safetensors_bytes
from torch import Tensor

from dragoman.errors import InvalidData, NotFound, PlatformError
from dragoman_local.engine.architectures import build
from dragoman_local.engine.config import Side, Task
from dragoman_local.engine.network import Network

CARD = "dragoman"
"""Key of the card in the metadata of a safetensors file."""
SHOWN = 3
"""How many tensor names a message lists."""


class Card(BaseModel):
    """What a weight file says about itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = 1
    task: Task
    architecture: str
    features: Annotated[tuple[str, ...], Field(min_length=1)]
    image_size: tuple[Side, Side]
    """Height and width of the network's input in pixels."""
    options: dict[str, JsonValue] = Field(default_factory=dict)


@dataclass(frozen=True)
class Loaded:
    """A network in evaluation mode on the CPU, and the card it was built from."""

    network: Network
    card: Card


def card_of(network: Network, features: tuple[str, ...]) -> Card:
    """Return the card of `network`, whose classes have the names `features`."""
    return Card(
        task=network.task,
        architecture=network.architecture,
        features=features,
        image_size=network.image_size,
        options=network.options,
    )


def save(network: Network, features: tuple[str, ...], path: Path) -> Card:
    """Write `network` to `path` and return its card. Raises `PlatformError` when the disk does not take it."""
    card = card_of(network, features)
    write_safetensors(path, network.state_dict(), {CARD: card.model_dump_json()})
    return card


def read_card(path: Path) -> Card:
    """Return the card of a weight file without loading its tensors.

    Raises:
        NotFound: There is no such file.
        InvalidData: It is a pickle, no safetensors file, or has no card that this version understands.
    """
    metadata, _ = read_header(path)
    if CARD not in metadata:
        raise InvalidData(
            f"The weight file {path} has no card, so its architecture is unknown.",
            hint="Only weight files written by this backend can be loaded; give a transformers model as a folder.",
            field="weights",
        )
    try:
        return Card.model_validate_json(metadata[CARD])
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidData(
            f"The card of the weight file {path} is not valid: {'.'.join(map(str, first['loc']))}: {first['msg']}.",
            hint="It may come from another version of this backend.",
            field="weights",
        ) from error


def load(path: Path, *, task: Task | None = None) -> Loaded:
    """Build the network of a weight file and load its tensors, after all their names and shapes were compared.

    Args:
        path: The `.safetensors` file.
        task: Refuse weights of another task.

    Raises:
        NotFound: There is no such file, or no such architecture.
        InvalidData: As `read_card`, or another task, or tensors that do not fit the architecture.
    """
    card = read_card(path)
    if task is not None and card.task != task:
        raise InvalidData(f"The weight file {path} is for {card.task}, not for {task}.", field="weights")
    network = build(card.task, card.architecture, len(card.features), card.image_size, card.options)
    wanted = network.state_dict()
    _, shapes = read_header(path)
    _check_shapes(path, wanted, shapes)
    network.load_state_dict(read_tensors(path))
    return Loaded(network.eval(), card)


def warm_start(network: Network, path: Path) -> tuple[str, ...]:
    """Copy the tensors of a weight file of the same architecture that fit `network`.

    Those that depend on the number of classes keep their new values; their names are returned.

    Raises:
        InvalidData: The file is for another task or architecture, or not one tensor fits.
    """
    card = read_card(path)
    if (card.task, card.architecture) != (network.task, network.architecture):
        raise InvalidData(
            f"The weight file {path} is for {card.task} with {card.architecture}, not for {network.task} with "
            f"{network.architecture}.",
            field="pretrained",
        )
    wanted = network.state_dict()
    fitting = {
        name: tensor
        for name, tensor in read_tensors(path).items()
        if name in wanted and wanted[name].shape == tensor.shape
    }
    if not fitting:
        raise InvalidData(
            f"No tensor of the weight file {path} fits this network.",
            hint="Use the options (such as the width) that the weights were trained with.",
            field="pretrained",
        )
    network.load_state_dict(fitting, strict=False)
    return tuple(sorted(wanted.keys() - fitting.keys()))


def read_header(path: Path) -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    """Return the metadata and the shape of each tensor. Raises as `read_card`."""
    _refuse_pickle(path)
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            return file.metadata() or {}, shapes
    except SafetensorError as error:
        raise InvalidData(
            f"The weight file {path} is no safetensors file, or is truncated.", field="weights"
        ) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return all tensors of a safetensors file whose header was read before."""
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write `path` in one step: it has the old content or the new one, never half of it.

    Raises:
        PlatformError: The disk is full or cannot be written; nothing is left behind.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = safetensors_bytes(plain, dict(metadata))
    try:
        _replace(path, data)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise PlatformError(
            f"{path} could not be written: {os.strerror(error.errno or 0)}.",
            hint=f"Free {len(data) / 2**20:.0f} MB there and start again."
            if full
            else "Check the folder's permissions.",
        ) from error


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _refuse_pickle(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(2)
    except FileNotFoundError as error:
        raise NotFound(f"There is no weight file {path}.", field="weights") from error
    except OSError as error:
        raise InvalidData(
            f"The weight file {path} cannot be read: {os.strerror(error.errno or 0)}.", field="weights"
        ) from error
    # torch.save writes a zip archive of pickles (PK) and wrote bare pickles (protocol 2 and up) before.
    if start == b"PK" or (start[:1] == b"\x80" and start[1:] in (b"\x02", b"\x03", b"\x04", b"\x05")):
        raise InvalidData(
            f"The weight file {path} is a pickle or a zip archive, which can run code when it is read.",
            hint="Convert it to safetensors where you trust it.",
            field="weights",
        )


def _check_shapes(path: Path, wanted: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> None:
    missing = sorted(wanted.keys() - shapes.keys())
    foreign = sorted(shapes.keys() - wanted.keys())
    misfits = sorted(name for name in wanted.keys() & shapes.keys() if tuple(wanted[name].shape) != shapes[name])
    faults = [
        f"{len(names)} {what} ({', '.join(names[:SHOWN])})"
        for what, names in (("missing", missing), ("unknown", foreign), ("of another shape", misfits))
        if names
    ]
    if faults:
        raise InvalidData(
            f"The tensors of the weight file {path} do not fit its card: {'; '.join(faults)}.", field="weights"
        )
