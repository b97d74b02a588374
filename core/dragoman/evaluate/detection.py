"""Detection and instance segmentation as COCO measures them, computed by hotcoco."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from hotcoco import COCO, COCOeval, mask

from dragoman.evaluate.columns import Columns, encoded, sizes_of
from dragoman.evaluate.index import Floats, Index, Integers, in_order, item_of

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
        images: What is evaluated, as `index.in_order` returns it: items' keys, or keys and frames. The rows' images are
            among them, and are all where it is not given.
    """

    def __init__(self, truth: Columns, said: Columns, images: Sequence[Any] | None = None) -> None:
        there = np.bincount(truth.feature, minlength=len(truth.features)) > 0
        self._features = {name: number for name, number in truth.features.items() if there[number]}
        self._sides = truth, said
        self.images = in_order(truth.units) if images is None else images
        order = _order(truth.units, self.images)
        sizes = sizes_of(truth, said) if truth.kind == "region" else {}
        self.regions = (encoded(truth, sizes), encoded(said, sizes)) if truth.kind == "region" else None
        labels = _labels(truth, _images(order, len(self.images), sizes), order, self._features, self.regions)
        known = there[said.feature]
        # Mostly all of them are known, and then nothing is gathered.
        found = _found(labels, said, order, None if known.all() else np.flatnonzero(known), self.regions)
        self.coco = COCOeval(labels, found, IOU_TYPES[truth.kind])
        self.coco.evaluate()
        self.coco.accumulate()

    def over(self, images: Sequence[Any]) -> Detection:
        """Return the same evaluation over more images, so that two versions' can be over the same ones.

        Args:
            images: Those of both, `in_order({*first.images, *second.images})`.
        """
        return Detection(*self._sides, images)

    def metrics(self) -> dict[str, float]:
        """Return metric to value, 0 to 1. A size class without labels has none and is left out."""
        self.coco.summary_lines()  # fills `stats`; summarize() would print
        return _named(self.coco.stats)

    def per_feature(self) -> dict[str, dict[str, float]]:
        """Return feature to `AP` (IoU 0.5 to 0.95), `AP50` and `AR100`; one that is only in crowds has none of them."""
        found = self.coco.eval
        assert found is not None
        # Axes: IoU threshold, recall, category, area range, most detections; -1 where there is nothing.
        precision, recall = np.asarray(found["precision"])[:, :, :, 0, -1], np.asarray(found["recall"])[:, :, 0, -1]
        there = np.flatnonzero((recall > -1).all(axis=0)).tolist()
        return {
            feature: {
                "AP": float(precision[:, :, place].mean()),
                "AP50": float(precision[0, :, place].mean()),
                "AR100": float(recall[:, place].mean()),
            }
            if place in there
            else {}
            for place, feature in enumerate(self._features)
        }

    def sliced(self, slices: Mapping[str, Collection[str]]) -> dict[str, dict[str, float]]:
        """Return slice to metrics; one without images has none and is left out.

        Args:
            slices: Name of a slice to the keys of its items.
        """
        numbers: dict[str, list[int]] = {}
        for number, unit in enumerate(self.images, start=1):
            numbers.setdefault(item_of(unit), []).append(number)
        images = {name: [number for key in keys for number in numbers.get(key, ())] for name, keys in slices.items()}
        there = [name for name, chosen in images.items() if chosen]
        # Numbers for names, of which hotcoco keeps one for itself.
        found: dict[str, Any] = self.coco.slice_by({str(place): images[name] for place, name in enumerate(there)})
        keys = self.coco.metric_keys()
        return {name: _named([found[str(place)][key] for key in keys]) for place, name in enumerate(there)}


def _order(units: Index, images: Sequence[Any]) -> Integers:
    """Return the place of each numbered image among those evaluated.

    COCO's averages depend on their order where confidences are equal, and images that are drawn for two versions are
    the same for both only if they have the same places.
    """
    places = {unit: place for place, unit in enumerate(images)}
    return np.fromiter(map(places.__getitem__, units), np.int64, len(units))


def _images(order: Integers, count: int, sizes: Mapping[int, tuple[int, int]]) -> list[dict[str, int]]:
    """Return hotcoco's images; only regions need their sizes."""
    images = [{"id": number, "height": 1, "width": 1} for number in range(1, count + 1)]
    for unit, (height, width) in sizes.items():
        images[order[unit]].update(height=height, width=width)
    return images


def _labels(
    truth: Columns, images: list[dict[str, int]], order: Integers, features: Mapping[str, int], regions: Any
) -> COCO:
    return COCO.from_arrays(
        images,
        [{"id": number + 1, "name": name} for name, number in features.items()],
        # Numbers begin with 1 there.
        order[truth.unit] + 1,
        truth.feature + 1,
        truth.boxes,
        area=_areas(truth, regions),
        iscrowd=truth.crowd.astype(np.int64),
        segmentation=regions[0] if regions else None,
    )


def _areas(truth: Columns, regions: Any) -> Floats | None:
    """Return the labels' areas, which say of what size class they are; None where all are those of the boxes.

    COCO's files say the area of what is outlined, also where boxes are evaluated. A label without it has the area that
    it covers: the pixels of a region, and not its box.
    """
    if not (regions or truth.areas):
        return None
    areas = np.asarray(mask.area(regions[0]), np.float64) if regions else truth.boxes[:, 2] * truth.boxes[:, 3]
    areas[list(truth.areas)] = list(truth.areas.values())
    return areas


def _found(labels: COCO, said: Columns, order: Integers, known: Integers | None, regions: Any) -> COCO:
    """Return the predictions of known features, which may be all."""
    chosen: list[Any] | None = regions[1] if regions else None
    if chosen is not None and known is not None:
        chosen = [chosen[place] for place in known.tolist()]
    found = labels.load_res(_results(said, order, known), segmentation=chosen)
    if chosen:
        found.update_anns(ids=np.arange(1, len(chosen) + 1), area=mask.area(chosen))
    return found


def _results(said: Columns, order: Integers, known: Integers | None) -> Floats:
    """Return predictions as hotcoco reads them: image, box, confidence and category, shape (predictions, 7)."""
    results = np.empty((len(said), 7))
    results[:, 1:5], results[:, 5] = said.boxes, said.score
    # Numbers begin with 1 there.
    np.add(order[said.unit], 1, out=results[:, 0])
    np.add(said.feature, 1, out=results[:, 6])
    return results if known is None else results[known]


def _named(stats: Any) -> dict[str, float]:
    return {name: float(value) for name, value in zip(METRICS, stats, strict=False) if value >= 0}
