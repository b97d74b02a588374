"""What a prediction was asked for, and the predictor that a process makes of it, here or on a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dragoman.schema import Item, Prediction
from dragoman_local.engine.config import Device, Task
from dragoman_local.engine.device import pick_device
from dragoman_local.engine.predict import Settings, predict
from dragoman_local.engine.weights import load
from dragoman_local.shots import Shots
from dragoman_local.translation import Translator


@dataclass(frozen=True)
class Asked:
    """Whose predictions are wanted, how, and on what to compute them; `Inference.predict` says what most of it means.

    `weights` is the file of the version, `task` the engine's word for its model's.
    """

    version: str
    weights: Path
    task: Task
    confidence: float
    iou: float
    simplify: float | None
    track: bool
    frames: tuple[int, int] | None
    device: Device
    threads: int
    batch_size: int


class Predictor:
    """The network of a version, loaded.

    Raises:
        InvalidData: The weights cannot be loaded.
        Unsupported: CUDA was asked for, and there is none.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        loaded = load(asked.weights, task=asked.task)
        self._features = loaded.card.features
        self._network = loaded.network.placed(pick_device(asked.device))

    def predictions(self, items: Iterable[Item], first_row: int = 0) -> Iterator[Prediction]:
        """Yield the predictions on items, in their order; the first of them is row `first_row` of what was given.

        Raises:
            InvalidData: A file is missing or cannot be decoded; the error names the row.
        """
        asked = self._asked
        settings = Settings(asked.batch_size, asked.confidence, asked.iou, threads=asked.threads)
        shots = Shots(items, asked.frames, first_row)
        translator = Translator(asked.version, self._features, asked.confidence, asked.simplify, asked.track)
        for result in predict(self._network, shots.sources(), settings):
            yield from translator.predictions(shots.next(result), result)
