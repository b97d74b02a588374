"""The registry of architectures by task: what there is, with which defaults, and how to build it.

Networks are described in the modules `compact...`, `classifiers` and `rf_detr`; this module only chooses among them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dragoman.errors import InvalidData, NotFound, Unsupported
from dragoman_local.engine.compact import CompactDetector
from dragoman_local.engine.compact_classifier import CompactClassifier
from dragoman_local.engine.compact_masks import CompactSegmenter
from dragoman_local.engine.config import Task, TrainConfig
from dragoman_local.engine.network import Network, Options
from dragoman_local.engine.torchvision_guard import require_torchvision_sound

Build = Callable[[int, tuple[int, int], Options], Network]
FromFolder = Callable[[int, tuple[int, int], Options, Path], Network]


@dataclass(frozen=True)
class Defaults:
    """Hyper-parameters that a `TrainConfig` leaves open."""

    image_size: tuple[int, int]
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    zoom: bool
    """Whether to zoom at random. It helps classifiers soon, and detectors only in long trainings."""


@dataclass(frozen=True)
class Architecture:
    """One way to do a task.

    `build` makes a network with new weights; `from_folder`, where there is one, starts from the weights of a
    local transformers folder. An architecture without sensible new weights has `needs_folder`.
    """

    task: Task
    name: str
    description: str
    defaults: Defaults
    build: Build
    from_folder: FromFolder | None = None
    needs_folder: bool = False


def architectures(task: Task) -> tuple[Architecture, ...]:
    """Return the architectures of `task`; the first is the default."""
    return tuple(entry for entry in _ALL if entry.task == task)


def architecture(task: Task, name: str | None = None) -> Architecture:
    """Return one architecture by name, the default without. Raises `NotFound` with the names there are."""
    known = {entry.name: entry for entry in architectures(task)}
    if name is None:
        return next(iter(known.values()))
    if name not in known:
        raise NotFound(
            f'There is no architecture "{name}" for {task}.',
            hint=f"There are: {', '.join(known)}.",
            field="architecture",
        )
    return known[name]


def resolved(config: TrainConfig) -> TrainConfig:
    """Return `config` with the architecture's defaults in the places that were left open."""
    entry = architecture(config.task, config.architecture)
    defaults = entry.defaults
    zoom = defaults.zoom if config.augmentation.zoom is None else config.augmentation.zoom
    return config.model_copy(
        update={
            "architecture": entry.name,
            "image_size": config.image_size or defaults.image_size,
            "epochs": config.epochs or (None if config.steps else defaults.epochs),
            "batch_size": config.batch_size or defaults.batch_size,
            "learning_rate": config.learning_rate or defaults.learning_rate,
            "weight_decay": defaults.weight_decay if config.weight_decay is None else config.weight_decay,
            "augmentation": config.augmentation.model_copy(update={"zoom": zoom}),
        }
    )


def build(
    task: Task,
    name: str,
    features: int,
    image_size: tuple[int, int],
    options: Options,
    *,
    folder: Path | None = None,
) -> Network:
    """Build a network of the named architecture, from `folder`'s weights if one is given.

    Raises:
        NotFound: There is no such architecture.
        Unsupported: The architecture takes no folder, or cannot start without one.
        InvalidData: An option or the image size does not fit the architecture.
    """
    entry = architecture(task, name)
    try:
        if folder is None and entry.needs_folder and not options:
            raise Unsupported(
                f'"{name}" has no weights of its own to start from.',
                hint="Give pretrained= a folder written by save_pretrained of transformers.",
            )
        if folder is None:
            return entry.build(features, image_size, options)
        if entry.from_folder is None:
            raise Unsupported(
                f'"{name}" does not start from a folder of a transformers model.',
                hint="Give a weight file of this engine, or choose an architecture that takes folders.",
            )
        return entry.from_folder(features, image_size, options, folder)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(("options", *map(str, first["loc"])))
        raise InvalidData(f'The options do not fit "{name}": {place}: {first["msg"]}.', field=place) from error


@cache
def _transformers_networks(module: str) -> Any:
    """Imported on first use: loading transformers takes seconds that `compact` need not spend."""
    require_torchvision_sound()
    # A config may name a backbone to be fetched. With this, which is read on import, transformers never tries.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return import_module(f"dragoman_local.engine.{module}")


def _transformers(module: str, function: str) -> Callable[..., Network]:
    def call(*arguments: object) -> Network:
        network: Network = getattr(_transformers_networks(module), function)(*arguments)
        return network

    return call


_SMALL = Defaults(image_size=(64, 64), epochs=10, batch_size=32, learning_rate=3e-3, weight_decay=0.05, zoom=True)
_DETECTOR = Defaults(image_size=(320, 320), epochs=20, batch_size=16, learning_rate=4e-3, weight_decay=0.05, zoom=False)
_DETR = Defaults(image_size=(384, 384), epochs=20, batch_size=8, learning_rate=2e-4, weight_decay=1e-4, zoom=False)

_ALL = (
    Architecture(
        "classification",
        "compact",
        "A small residual network that learns from nothing in seconds.",
        _SMALL,
        CompactClassifier,
    ),
    Architecture(
        "classification",
        "resnet",
        "A ResNet of transformers, as small or as large as its options say.",
        _SMALL,
        _transformers("classifiers", "build_resnet"),
    ),
    Architecture(
        "classification",
        "auto",
        "Any transformers image classifier, fine-tuned from a local folder of its weights.",
        Defaults(image_size=(224, 224), epochs=5, batch_size=32, learning_rate=1e-4, weight_decay=0.05, zoom=True),
        _transformers("classifiers", "build_auto"),
        _transformers("classifiers", "auto_from_folder"),
        needs_folder=True,
    ),
    Architecture(
        "detection",
        "compact",
        "A small anchor-free convolutional detector that learns from nothing, also on a CPU.",
        _DETECTOR,
        CompactDetector,
    ),
    Architecture(
        "detection",
        "rf-detr",
        "RF-DETR of transformers, best started from a local folder of its weights; slow to learn from nothing.",
        _DETR,
        _transformers("rf_detr", "build_detector"),
        _transformers("rf_detr", "detector_from_folder"),
    ),
    Architecture(
        "segmentation",
        "compact",
        "The compact detector with masks made of prototypes; learns from nothing, also on a CPU.",
        _DETECTOR,
        CompactSegmenter,
    ),
    Architecture(
        "segmentation",
        "rf-detr",
        "RF-DETR with masks, best started from a local folder of its weights; slow to learn from nothing.",
        _DETR,
        _transformers("rf_detr", "build_segmenter"),
        _transformers("rf_detr", "segmenter_from_folder"),
    ),
)
