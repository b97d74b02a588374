"""Instance segmentation on the local backend: trained, predicted as masks and polygons, and evaluated."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman import InvalidData, Mask, Polygon
from dragoman.geometry import array_of_mask, iou, mask_of_polygon

from .conftest import SIDE, Trained

pytestmark = pytest.mark.slow


def test_segmenter_outlines_the_shapes_of_images_it_has_not_seen(outlines: Trained) -> None:
    backend, items = outlines.backend, {item.key for item in outlines.items("test")}
    found = list(backend.inference.predict(outlines.version, outlines.items("test"), confidence=0.05))
    assert {type(row.geometry) for row in found} == {Mask}
    labels = [label for label in backend.labels.read(outlines.dataset) if label.item in items]
    best = []
    for label in labels:
        wanted = label.geometry
        wanted = mask_of_polygon(wanted, SIDE, SIDE) if isinstance(wanted, Polygon) else wanted
        rows = [row for row in found if (row.item, row.feature) == (label.item, label.feature)]
        best.append(max((iou(row.geometry, wanted) for row in rows), default=0.0))
    assert len(best) == 24
    assert np.mean(np.array(best) > 0.7) > 0.8


def test_predictions_are_evaluated_against_masks_and_polygons_alike(outlines: Trained) -> None:
    backend = outlines.backend
    found = backend.inference.predict(outlines.version, outlines.items("test"), confidence=0.05)
    report = backend.predictions.write(found, version=outlines.version, dataset=outlines.dataset)
    report.raise_for_problems()
    result = backend.evaluations.evaluate(outlines.version, dataset=outlines.dataset, split="test")
    assert result.metrics["mAP50"] >= 0.6


def test_simplified_masks_are_polygons_with_few_vertices(outlines: Trained) -> None:
    predict, item = outlines.backend.inference.predict, outlines.items("test")[0]
    masks = list(predict(outlines.version, [item]))
    exact, rough = (list(predict(outlines.version, [item], simplify=tolerance)) for tolerance in (0.0, 2.0))
    assert masks
    for mask, outline, few in zip(masks, exact, rough, strict=True):
        assert isinstance(mask.geometry, Mask)
        assert isinstance(outline.geometry, Polygon)
        assert isinstance(few.geometry, Polygon)
        again = mask_of_polygon(outline.geometry, SIDE, SIDE)
        assert np.array_equal(array_of_mask(again), array_of_mask(mask.geometry))
        assert vertices(few.geometry) <= vertices(outline.geometry)
        assert iou(few.geometry, outline.geometry) > 0.7
        assert mask.confidence == few.confidence
    assert sum(vertices(row.geometry) for row in rough) < sum(vertices(row.geometry) for row in exact)


def vertices(outline: Polygon) -> int:
    return sum(len(ring) // 2 for part in outline.parts for ring in part)


def test_negative_tolerance_is_refused(outlines: Trained) -> None:
    with pytest.raises(InvalidData, match="tolerance"):
        list(outlines.backend.inference.predict(outlines.version, outlines.items("test")[:1], simplify=-1.0))


def test_validation_of_each_epoch_is_measured(outlines: Trained) -> None:
    assert {"validation_loss", "validation_mAP", "validation_mAP50"} <= set(outlines.version.metrics)
    log = list(outlines.backend.training.logs(outlines.training))
    assert sum("validation_mAP50" in line for line in log) >= 2
