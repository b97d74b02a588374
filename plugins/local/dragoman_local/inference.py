"""Inference on the local backend: the engine's results as predictions, in the order of the items and their frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dragoman.errors import Unsupported
from dragoman.interface import Inference
from dragoman.schema import Item, Prediction, Task
from dragoman_local.home import home_of, settings_of
from dragoman_local.parameters import engine_task
from dragoman_local.shots import Shots
from dragoman_local.translation import Translator

if TYPE_CHECKING:
    from pathlib import Path

    from dragoman_local.engine.config import Task as EngineTask
    from dragoman_local.engine.weights import Loaded
    from dragoman_local.settings import LocalSettings


class LocalInference(Inference):
    """Runs the engine in this process. An object that a network outlines is a mask, and a polygon if simplified."""

    def _predict(
        self,
        version: str,
        items: Iterable[Item],
        confidence: float,
        iou: float,
        simplify: float | None = None,
        track: bool = False,
        frames: tuple[int, int] | None = None,
    ) -> Iterator[Prediction]:
        home, settings = home_of(self), settings_of(self)
        weights = home.weights(version)
        model = home.catalog.model(home.catalog.version(version).model)
        if track:
            _require_tracking(model.task)

        from dragoman_local.engine.predict import Settings, predict

        loaded = _loaded(weights, engine_task(model), settings)
        chosen = Settings(settings.batch_size, confidence, iou, threads=settings.threads)
        shots = Shots(items, frames)
        results = predict(loaded.network, shots.sources(), chosen)
        translator = Translator(version, loaded.card.features, confidence, simplify, track)
        for result in results:
            yield from translator.predictions(shots.next(result), result)


def _require_tracking(task: Task | None) -> None:
    if task is Task.CLASSIFICATION:
        raise Unsupported("A classifier finds no objects that could be tracked.", hint="Predict with track=False.")
    from dragoman_local.tracking import require_tracker

    require_tracker()


def _loaded(weights: Path, task: EngineTask, settings: LocalSettings) -> Loaded:
    from dragoman_local.engine.device import pick_device
    from dragoman_local.engine.weights import load

    loaded = load(weights, task=task)
    network = loaded.network.to(pick_device(settings.device))
    if network.convolutional:
        import torch

        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return loaded
