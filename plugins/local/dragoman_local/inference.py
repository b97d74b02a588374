"""Inference on the local backend: the engine's results as predictions, in the order of the items and their frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dragoman.errors import Unsupported
from dragoman.interface import Inference
from dragoman.schema import Item, Prediction, Task
from dragoman_local.home import home_of, settings_of
from dragoman_local.parameters import engine_task


class LocalInference(Inference):
    """Runs the engine in this process or on a cluster.

    An object that a network outlines is a mask, and a polygon if simplified. A cluster is given all items before the
    first prediction comes.
    """

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

        from dragoman_local.predicting import Asked, Predictor

        asked = Asked(
            version,
            weights,
            engine_task(model),
            confidence,
            iou,
            simplify,
            track,
            frames,
            settings.device,
            settings.threads,
            settings.batch_size,
        )
        if settings.engine == "ray":
            from dragoman_local.cluster.prediction import predict_on_cluster

            yield from predict_on_cluster(asked, items, settings.ray_address)
        else:
            yield from Predictor(asked).predictions(items)


def _require_tracking(task: Task | None) -> None:
    if task is Task.CLASSIFICATION:
        raise Unsupported("A classifier finds no objects that could be tracked.", hint="Predict with track=False.")
    from dragoman_local.tracking import require_tracker

    require_tracker()
