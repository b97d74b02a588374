"""Inference: one request per picture, several at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from dragoman.calls.ahead import asked_ahead
from dragoman.errors import DragomanError
from dragoman.interface import Inference
from dragoman.schema import Item, Prediction
from dragoman_openinference.answers import answering
from dragoman_openinference.codec import predictions
from dragoman_openinference.facts import Place
from dragoman_openinference.pictures import asked, content_of, picture_of
from dragoman_openinference.reading import Reading

Row = tuple[int, Item]


class ServedInference(Inference):
    """Predictions through the inference call. Confidence and overlap are applied here: the protocol has neither."""

    _adapter: Any

    def _predict(self, version: str, items: Iterable[Item], confidence: float, iou: float) -> Iterator[Prediction]:
        place = Place.of(version)
        facts = self._adapter.server.model(place)
        reading = Reading.of(facts, self._adapter.settings.layout_of(place.model))
        ask = partial(self._ask, place, reading, confidence, iou)
        most = 2 * self._adapter.settings.concurrency
        return chain.from_iterable(asked_ahead(ask, enumerate(items), self._adapter.pool, most))

    def _ask(self, place: Place, reading: Reading, confidence: float, iou: float, row: Row) -> list[Prediction]:
        """Ask for one item, as a call of its own, so that it is tried again without the others."""
        number, item = row
        try:
            content = content_of(item)
            picture = picture_of(content, item.key)
            tensor, seen = asked(reading, content, picture)
            found = self._adapter.pipeline.call(self.operations["predict"], self._adapter.server.infer, place, [tensor])
            with answering():
                return predictions(
                    reading,
                    found,
                    item.key,
                    seen=seen,
                    size=picture.size,
                    version=str(place),
                    confidence=confidence,
                    iou=iou,
                )
        except DragomanError as error:
            error.row = number
            raise
