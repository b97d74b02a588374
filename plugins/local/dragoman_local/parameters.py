"""What a user asks of a training, checked and made into the engine's settings. Loads no torch unless it must."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pydantic

from dragoman.errors import InvalidData, NotFound, Unsupported
from dragoman.interface import check_parameters
from dragoman.schema import Model, Task
from dragoman_local.errors import from_validation
from dragoman_local.hub import PREFIX, fetched

if TYPE_CHECKING:
    from dragoman_local.engine.config import TrainConfig

EngineTask = Literal["classification", "detection", "segmentation"]

_ENGINE_TASKS: dict[Task, EngineTask] = {
    Task.CLASSIFICATION: "classification",
    Task.OBJECT_DETECTION: "detection",
    Task.INSTANCE_SEGMENTATION: "segmentation",
}


def engine_task(model: Model) -> EngineTask:
    """Return the engine's word for a model's task.

    Raises:
        Unsupported: The model has no task.
    """
    if model.task is None:
        raise Unsupported(
            "The model has no task, so there is no network for it.", hint="Create a model with one of the tasks."
        )
    return _ENGINE_TASKS[model.task]


def train_config(model: Model, parameters: Mapping[str, Any], pretrained: Path | None = None) -> TrainConfig:
    """Return the engine's settings for training a model.

    Args:
        model: Its task and features are settings too.
        parameters: Any field of `TrainConfig` but those two; `image_size` may be one number for a square, and
            `pretrained` may be `hub:OWNER/NAME`.
        pretrained: Weight file to start from.

    Raises:
        InvalidData: A parameter is unknown or bad; the error names it.
    """
    from dragoman_local.engine.config import TrainConfig

    known = {name: field for name, field in TrainConfig.model_fields.items() if name not in ("task", "features")}
    check_parameters(parameters, known)
    given = dict(parameters)
    if isinstance(size := given.get("image_size"), int):
        given["image_size"] = (size, size)
    if pretrained is not None:
        if given.get("pretrained"):
            raise InvalidData(
                "Two things to start from are given: a version and a path.",
                hint="Give pretrained=... or parameters={'pretrained': ...}, not both.",
                field="parameters.pretrained",
            )
        given["pretrained"] = pretrained
    elif given.get("pretrained") is not None:
        given["pretrained"] = _start(str(given["pretrained"]))
    try:
        config = TrainConfig(task=engine_task(model), features=model.features, **given)
    except pydantic.ValidationError as error:
        raise from_validation(error, "parameters.") from None
    if config.architecture is not None:
        _check_architecture(config)
    return config


def _start(name: str) -> Path:
    """Return the file or folder to start from: a path of this machine, or a model of the hub."""
    if name.startswith(PREFIX):
        return fetched(name)
    if not name:
        raise InvalidData(
            "The path to start from is empty.",
            hint="Leave pretrained out to begin anew.",
            field="parameters.pretrained",
        )
    # The worker runs in another folder than its caller. `os.path` knows names that no file can have, too.
    path = Path(os.path.expanduser(name)).absolute()
    if not os.path.exists(path):
        raise InvalidData(f"There is nothing at {path}.", field="parameters.pretrained")
    return path


def _check_architecture(config: TrainConfig) -> None:
    # The list of architectures holds their classes, so reading it loads torch: only when a name is to be checked.
    from dragoman_local.engine.architectures import architecture

    try:
        architecture(config.task, config.architecture)
    except NotFound as error:
        raise InvalidData(error.message, hint=error.hint, field="parameters.architecture") from error
