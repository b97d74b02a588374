"""Inference on the local backend: the engine's results as predictions, in the order of the items."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dragoman.errors import InvalidData, NotFound
from dragoman.interface import Inference
from dragoman.schema import AnyGeometry, Box, Item, Prediction, Provenance, Whole, derive_id
from dragoman_local.datasets import media_path
from dragoman_local.home import home_of
from dragoman_local.parameters import engine_task

if TYPE_CHECKING:
    from dragoman_local.engine.predict import Result
    from dragoman_local.settings import LocalSettings

Fault = InvalidData | NotFound


class LocalInference(Inference):
    """Runs the engine in this process."""

    def _predict(self, version: str, items: Iterable[Item], confidence: float, iou: float) -> Iterator[Prediction]:
        home = home_of(self)
        weights = home.weights(version)
        task = engine_task(home.catalog.model(home.catalog.version(version).model))
        settings = cast("LocalSettings", self._adapter.settings)

        from dragoman_local.engine.device import pick_device
        from dragoman_local.engine.predict import predict
        from dragoman_local.engine.weights import load

        loaded = load(weights, task=task)
        network = loaded.network.to(pick_device(settings.device))
        media = _Media(items)
        results = predict(network, media.sources(), confidence=confidence, iou=iou, threads=settings.threads)
        translate = _Translator(version, loaded.card.features, confidence)
        for row, result in enumerate(results):
            yield from translate(media.item(row, result), result)


class _Media:
    """Hands the engine the files of items, and remembers the items whose results are still to come."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = items
        self._pending: deque[tuple[Item, Fault | None]] = deque()

    def sources(self) -> Iterator[Path | bytes]:
        """Yield a source per item; nothing at all stands for an item without a file, so that those before it come."""
        for item in self._items:
            try:
                path = media_path(item)
            except (InvalidData, NotFound) as fault:
                self._pending.append((item, fault))
                yield b""
            else:
                self._pending.append((item, None))
                yield path

    def item(self, row: int, result: Result) -> Item:
        """Return the item that the next result is for.

        Raises:
            InvalidData: Its file is missing or cannot be decoded; the error names the row.
        """
        from dragoman_local.engine.predict import FailedImage

        item, fault = self._pending.popleft()
        cause = fault or (result.error if isinstance(result, FailedImage) else None)
        if cause is not None:
            raise InvalidData(f"Item {item.key!r}: {cause.message}", hint=cause.hint, row=row, field="uri") from cause
        return item


class _Translator:
    """Makes predictions of the engine's results."""

    def __init__(self, version: str, features: tuple[str, ...], confidence: float) -> None:
        self._version = version
        self._features = features
        self._confidence = confidence
        self._provenance = Provenance("local", version=version)

    def __call__(self, item: Item, result: Result) -> Iterator[Prediction]:
        from dragoman_local.engine.predict import BoxResult, ClassResult

        if isinstance(result, ClassResult):
            best = int(result.probabilities.argmax())
            probability = float(result.probabilities[best])
            if probability >= self._confidence:
                pdf = dict(zip(self._features, result.probabilities.tolist(), strict=True))
                yield self._prediction(item, best, Whole(), probability, 0, pdf)
        elif isinstance(result, BoxResult):
            equal: Counter[tuple[int, Box]] = Counter()
            rows = zip(result.boxes.tolist(), result.scores.tolist(), result.classes.tolist(), strict=True)
            for (left, top, right, bottom), score, feature in rows:
                box = Box(left, top, right - left, bottom - top)
                # Scores of boxes are independent of each other, no distribution: so no `class_pdf`.
                yield self._prediction(item, feature, box, score, equal[feature, box], None)
                equal[feature, box] += 1

    def _prediction(
        self, item: Item, feature: int, geometry: AnyGeometry, score: float, equal: int, pdf: dict[str, float] | None
    ) -> Prediction:
        name = self._features[feature]
        return Prediction(
            item=item.key,
            feature=name,
            geometry=geometry,
            # The same prediction gets the same id each time. Clipped to the image two boxes may be equal; counting the
            # equal ones before keeps them apart.
            id=derive_id("local", self._version, item.key, name, geometry, equal),
            provenance=self._provenance,
            confidence=min(1.0, score),
            class_pdf=pdf,
        )
