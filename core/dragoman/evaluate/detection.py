"""Detection and instance segmentation as COCO measures them, computed by hotcoco."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from hotcoco import COCO, COCOeval, mask

from dragoman.evaluate.columns import Columns, encoded, sizes_of
from dragoman.evaluate.index import Floats, Integers

METRICS = (
    "mAP",
    "mAP50",
    "mAP75",
    "mAP_small",
    "mAP_medium",
    "mAP_large",
    "AR1",
    "AR10",
    "AR100",
    "AR_small",
    "AR_medium",
    "AR_large",
)
"""COCO's summary, in its order: https://cocodataset.org/#detection-eval."""
IOU_TYPES = {"box": "bbox", "region": "segm"}


class Detection:
    """COCO's evaluation of one version.

    Features are those of the labels: predictions of others count for nothing, as in COCO.

    Args:
        truth: The labels, at least one.
        said: The predictions; they share the labels' numbers of images and features.
    """

    def __init__(self, truth: Columns, said: Columns) -> None:
        there = np.bincount(truth.feature, minlength=len(truth.features)) > 0
        self._features = {name: number for name, number in truth.features.items() if there[number]}
        self._units = truth.units
        sizes = sizes_of(truth, said) if truth.kind == "region" else {}
        self.regions = (encoded(truth, sizes), encoded(said, sizes)) if truth.kind == "region" else None
        labels = _labels(truth, self._features, sizes, self.regions)
        known = there[said.feature]
        # Mostly all of them are known, and then nothing is gathered.
        found = _found(labels, said, None if known.all() else np.flatnonzero(known), self.regions)
        self.coco = COCOeval(labels, found, IOU_TYPES[truth.kind])
        self.coco.evaluate()
        self.coco.accumulate()

    def metrics(self) -> dict[str, float]:
        """Return metric to value, 0 to 1. A size class without labels has none and is left out."""
        self.coco.summary_lines()  # fills `stats`; summarize() would print
        return _named(self.coco.stats)

    def per_feature(self) -> dict[str, dict[str, float]]:
        """Return feature to `AP` (IoU 0.5 to 0.95), `AP50` and `AR100`."""
        found = self.coco.eval
        assert found is not None
        # Axes: IoU threshold, recall, category, area range, most detections; -1 where there is nothing.
        precision, recall = np.asarray(found["precision"])[:, :, :, 0, -1], np.asarray(found["recall"])[:, :, 0, -1]
        return {
            feature: {
                "AP": _mean(precision[:, :, place]),
                "AP50": _mean(precision[0, :, place]),
                "AR100": _mean(recall[:, place]),
            }
            for place, feature in enumerate(self._features)
        }

    def sliced(self, slices: Mapping[str, Collection[str]]) -> dict[str, dict[str, float]]:
        """Return slice to metrics.

        Args:
            slices: Name of a slice to the keys of its items.
        """
        numbers: dict[str, list[int]] = {}
        for unit, number in self._units.items():
            numbers.setdefault(unit if isinstance(unit, str) else unit[0], []).append(number + 1)
        images = {name: [number for key in keys for number in numbers.get(key, ())] for name, keys in slices.items()}
        found: dict[str, Any] = self.coco.slice_by({name: chosen for name, chosen in images.items() if chosen})
        keys = self.coco.metric_keys()
        return {name: _named([result[key] for key in keys]) for name, result in found.items() if name in slices}


def _labels(truth: Columns, features: Mapping[str, int], sizes: Mapping[int, tuple[int, int]], regions: Any) -> COCO:
    images = [
        {"id": number + 1, "height": height, "width": width}
        for number in range(len(truth.units))
        for height, width in (sizes.get(number, (1, 1)),)
    ]
    return COCO.from_arrays(
        images,
        [{"id": number + 1, "name": name} for name, number in features.items()],
        truth.unit + 1,
        truth.feature + 1,
        truth.boxes,
        # The pixels of a region, and not its box, say which size class it is of.
        area=mask.area(regions[0]) if regions else None,
        iscrowd=truth.crowd.astype(np.int64),
        segmentation=regions[0] if regions else None,
    )


def _found(labels: COCO, said: Columns, known: Integers | None, regions: Any) -> COCO:
    """Return the predictions of known features, which may be all."""
    chosen: list[Any] | None = regions[1] if regions else None
    if chosen is not None and known is not None:
        chosen = [chosen[place] for place in known.tolist()]
    found = labels.load_res(_results(said, known), segmentation=chosen)
    if chosen:
        found.update_anns(ids=np.arange(1, len(chosen) + 1), area=mask.area(chosen))
    return found


def _results(said: Columns, known: Integers | None) -> Floats:
    """Return predictions as hotcoco reads them: image, box, confidence and category, shape (predictions, 7)."""
    results = np.empty((len(said), 7))
    results[:, 1:5], results[:, 5] = said.boxes, said.score
    # Numbers begin with 1 there.
    np.add(said.unit, 1, out=results[:, 0])
    np.add(said.feature, 1, out=results[:, 6])
    return results if known is None else results[known]


def _named(stats: Any) -> dict[str, float]:
    return {name: float(value) for name, value in zip(METRICS, stats, strict=False) if value >= 0}


def _mean(values: Any) -> float:
    there = values[values > -1]
    return float(there.mean()) if len(there) else 0.0
