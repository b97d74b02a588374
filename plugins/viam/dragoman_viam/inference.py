"""Inference in Viam's cloud: one stored image per request, several requests at a time.

Viam takes no threshold and leaves overlapping boxes in; both are applied here. Where a model's result is not decoded by
Viam, its tensors are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import msgspec

from dragoman.calls.ahead import asked_ahead
from dragoman.errors import DragomanError, InvalidData
from dragoman.interface import Inference
from dragoman.schema import Box, Item, Model, Prediction, Provenance, Task, Whole
from dragoman_viam.codec import DECIMALS, PLATFORM, Size
from dragoman_viam.tensors import Array, arrays, classifications, detections
from dragoman_viam.versions import parts

AT_A_TIME = 8
"""Images that are being looked at."""


class ViamInference(Inference):
    """Predictions through `GetInference`."""

    _adapter: Any

    def _predict(self, version: str, items: Iterable[Item], confidence: float, iou: float) -> Iterator[Prediction]:
        model = self._adapter.models._get(parts(version)[0])
        ask = partial(self._ask, version, model)
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            for found in asked_ahead(ask, enumerate(items), pool, 2 * AT_A_TIME):
                yield from _chosen(found, confidence, iou)

    def _ask(self, version: str, model: Model, row: tuple[int, Item]) -> list[Prediction]:
        """Ask for one item, as a call of its own, so that it is tried again without the others."""
        number, item = row
        try:
            found: list[Prediction] = self._adapter.pipeline.call(
                self.operations["predict"], self._one, version, model, item
            )
        except DragomanError as error:
            error.row = number
            raise
        return found

    def _one(self, version: str, model: Model, item: Item) -> list[Prediction]:
        answer = self._answer(version, item)
        size = self._size(item)
        if answer.HasField("annotations"):
            found = _annotated(answer.annotations, item.key, size)
        else:
            found = _decoded(arrays(answer.output_tensors), model, item.key, size)
        made = Provenance(PLATFORM, version=version)
        return [msgspec.structs.replace(one, provenance=made) for one in found]

    def tensors(self, version: str, item: Item) -> dict[str, Array]:
        """Return the tensors that a version puts out for an item, by name, as they are."""

        def ask() -> dict[str, Array]:
            return arrays(self._answer(version, item).output_tensors)

        found: dict[str, Array] = self._adapter.pipeline.call(self.operations["predict"], ask)
        return found

    def _answer(self, version: str, item: Item) -> Any:
        model, name = parts(version)
        if not item.id:
            raise InvalidData(
                f"{item.key!r} has no id of Viam's, which looks at stored images only.",
                hint="datasets.write_items stores it; datasets.read_items gives it back with its id.",
                field="id",
            )
        return self._adapter.wire.call(
            "inference.GetInference",
            registry_item_id=model,
            registry_item_version=name,
            binary_data_id=item.id,
            organization_id=self._adapter.workspace.organization,
        )

    def _size(self, item: Item) -> Size:
        if item.width and item.height:
            return Size(item.width, item.height)
        (size,) = self._adapter.sizes.of([item.id])
        if size is None:
            raise InvalidData(f"{item.key!r} is no image whose size can be read.", field="width")
        known: Size = size
        return known


def _annotated(annotations: Any, item: str, size: Size) -> list[Prediction]:
    boxes = [
        _boxed(
            item,
            box.label,
            _sure(box),
            (box.x_min_normalized, box.y_min_normalized, box.x_max_normalized, box.y_max_normalized),
            size,
        )
        for box in annotations.bboxes
    ]
    return boxes + [Prediction(item, one.label, Whole(), confidence=_sure(one)) for one in annotations.classifications]


def _decoded(found: dict[str, Array], model: Model, item: str, size: Size) -> list[Prediction]:
    if model.task is Task.CLASSIFICATION or "probability" in found:
        return [
            Prediction(item, label, Whole(), confidence=probability)
            for label, probability in classifications(found, model.features)
        ]
    return [
        _boxed(item, one.label, one.confidence, one.corners, size) for one in detections(found, model.features, size)
    ]


def _boxed(item: str, label: str, confidence: float, corners: Sequence[float], size: Size) -> Prediction:
    left, top, right, bottom = (min(1.0, max(0.0, corner)) for corner in corners)
    box = Box(
        round(left * size.width, DECIMALS),
        round(top * size.height, DECIMALS),
        round(max(0.0, right - left) * size.width, DECIMALS),
        round(max(0.0, bottom - top) * size.height, DECIMALS),
    )
    return Prediction(item, label, box, confidence=min(1.0, max(0.0, confidence)))


def _sure(found: Any) -> float:
    """Return the confidence; a model that gives none is taken at its word."""
    return float(found.confidence) if found.HasField("confidence") else 1.0


def _chosen(found: Sequence[Prediction], confidence: float, iou: float) -> list[Prediction]:
    """Leave out what is less sure than asked for, and of boxes that overlap the weaker."""
    sure = [one for one in found if (one.confidence or 0.0) >= confidence]
    boxes = [one for one in sure if isinstance(one.geometry, Box)]
    if len(boxes) < 2:
        return sure
    from dragoman.geometry import suppress_boxes

    names = sorted({one.feature for one in boxes})
    kept = suppress_boxes(
        [[box.x, box.y, box.width, box.height] for one in boxes if isinstance(box := one.geometry, Box)],
        [one.confidence or 0.0 for one in boxes],
        iou=iou,
        classes=[names.index(one.feature) for one in boxes],
    )
    places = set(kept.tolist())
    weaker = {id(one) for place, one in enumerate(boxes) if place not in places}
    return [one for one in sure if id(one) not in weaker]
