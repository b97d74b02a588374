"""What the networks from transformers share: local folders of transformers models, and configs kept in weight files.

Only safetensors are read, nothing is fetched, and no code from a folder is run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub.errors import StrictDataclassError
from pydantic import BaseModel, ConfigDict, JsonValue
from transformers import AutoConfig, PreTrainedConfig, PreTrainedModel

from dragoman.errors import InvalidData
from dragoman_local.engine.network import Network, Options

N = TypeVar("N", bound=Network)

BUILD_ERRORS = (TypeError, ValueError, KeyError, IndexError, AttributeError, RuntimeError, StrictDataclassError)
"""What transformers raises for a config that it cannot build; it has no class of its own for it."""


class FolderOptions(BaseModel):
    """The transformers config and the pixel statistics of a model that came from a folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: dict[str, JsonValue]
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None


def model_from(kind: Any, folder: Path, features: int) -> PreTrainedModel:
    """Load the model in `folder`; tensors that depend on the number of classes are new where it differs.

    Args:
        kind: The transformers class whose `from_pretrained` is to be used.
        folder: config.json and model.safetensors, as `save_pretrained` writes them.
        features: Number of classes.

    Raises:
        InvalidData: There is no such model in the folder, or its weights are pickled.
    """
    # The class names of the folder's model do not fit ours, which are kept in the weight file's card.
    names = {index: str(index) for index in range(features)}
    try:
        model: PreTrainedModel = kind.from_pretrained(
            folder,
            id2label=names,
            label2id={name: index for index, name in names.items()},
            ignore_mismatched_sizes=True,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, *BUILD_ERRORS) as error:
        raise InvalidData(
            f"The folder {folder} holds no such model that transformers can load from safetensors.",
            hint="It needs config.json and model.safetensors as save_pretrained writes them; pickles are refused.",
            field="pretrained",
        ) from error
    return model


def config_from(values: dict[str, JsonValue], features: int) -> PreTrainedConfig:
    """Return the config that a weight file kept. Raises whatever transformers does; see `bad_config`."""
    known = {name: value for name, value in values.items() if name not in ("id2label", "label2id", "auto_map")}
    return AutoConfig.for_model(**{**known, "num_labels": features})


@contextmanager
def bad_config() -> Iterator[None]:
    """Turn what transformers raises inside the block, about a config it cannot build, into `InvalidData`."""
    try:
        yield
    except BUILD_ERRORS as error:
        raise InvalidData(
            f"transformers cannot build a model of these options: {str(error).strip() or type(error).__name__}",
            hint="Correct the options, or install the version of transformers that the weights were made with.",
            field="options",
        ) from error


def plain(config: PreTrainedConfig) -> dict[str, JsonValue]:
    """Return a config as JSON values, with all defaults written out, as a weight file keeps it."""
    values: dict[str, JsonValue] = json.loads(config.to_json_string(use_diff=False))
    return values


def statistics(folder: Path) -> dict[str, Any]:
    """Return mean and deviation of the pixels from the folder's image processor, when it has one.

    Raises:
        InvalidData: The processor's file is not JSON.
    """
    file = folder / "preprocessor_config.json"
    if not file.is_file():
        return {}
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidData(f"The file {file} is not valid JSON.", field="pretrained") from error
    return {"mean": values.get("image_mean"), "std": values.get("image_std")}


def with_statistics(network: N, kept: FolderOptions) -> N:
    """Return the network, which from now on normalises pixels as the folder's image processor does."""
    network.use_statistics(kept.mean, kept.std)
    return network


def no_options(options: Options, architecture: str) -> None:
    """Raise `InvalidData` for options beside a folder, which has the size of the network already."""
    if options:
        raise InvalidData(
            f'"{architecture}" takes its size from the folder, so it has no options beside it.', field="options"
        )
