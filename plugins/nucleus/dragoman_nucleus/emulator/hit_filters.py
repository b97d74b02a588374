"""The filters of an evaluation's charts and examples: which hits they keep."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Literal

from msgspec import Struct

from dragoman_nucleus.emulator.detections import Hit
from dragoman_nucleus.emulator.exclusions import Operator, metadata_holds


class Range(Struct):
    """Bounds, both inclusive."""

    min: float | None = None
    max: float | None = None

    def holds(self, value: float | None) -> bool:
        if value is None:
            return False
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


class Predicate(Struct):
    key: str
    op: Operator
    value: Any = None

    def holds(self, metadata: dict[str, Any] | None) -> bool:
        return metadata_holds(metadata or {}, self.key, self.op, self.value)


class Filters(Struct, rename="camel"):
    """What a hit must be like. A false negative has no prediction, and passes what is asked of predictions."""

    confidence_range: Range | None = None
    iou_range: Range | None = None
    pred_labels: list[str] | None = None
    gt_labels: list[str] | None = None
    item_metadata: list[Predicate] | None = None
    prediction_metadata: list[Predicate] | None = None
    gt_area_range: Range | None = None
    label_equality: Literal["EQ", "NEQ"] | None = None
    has_ground_truth: bool | None = None
    tide_background: bool | None = None
    slice_ids: list[str] | None = None

    def keeps(self, hit: Hit, item_ids: Container[str] | None) -> bool:
        """Say whether a hit passes.

        Args:
            hit: The hit.
            item_ids: The items that slices and the query select; `None` if neither is given.
        """
        if item_ids is not None and hit.item.id not in item_ids:
            return False
        if not all(predicate.holds(hit.item.metadata) for predicate in self.item_metadata or ()):
            return False
        return self._keeps_prediction(hit) and self._keeps_label(hit) and self._keeps_pair(hit)

    def _keeps_prediction(self, hit: Hit) -> bool:
        if hit.prediction is None:
            return True
        if self.confidence_range is not None and not self.confidence_range.holds(hit.confidence):
            return False
        if self.pred_labels is not None and hit.prediction_class not in self.pred_labels:
            return False
        return all(predicate.holds(hit.prediction.metadata) for predicate in self.prediction_metadata or ())

    def _keeps_label(self, hit: Hit) -> bool:
        if self.has_ground_truth is not None and self.has_ground_truth != (hit.label is not None):
            return False
        if hit.label is None:
            return True
        if self.gt_labels is not None and hit.label_class not in self.gt_labels:
            return False
        return self.gt_area_range is None or self.gt_area_range.holds(hit.label_area)

    def _keeps_pair(self, hit: Hit) -> bool:
        if self.iou_range is not None and not self.iou_range.holds(hit.iou):
            return False
        if self.label_equality is not None:
            equal = hit.label_class is not None and hit.label_class == hit.prediction_class
            if equal != (self.label_equality == "EQ"):
                return False
        return self.tide_background is None or self.tide_background == (hit.error == "background")
