"""Masks and polygons: the same figures as the reference implementation, whatever form a region has."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from dragoman import Box, InvalidData, Label, Polygon, Prediction
from dragoman.evaluate import evaluate, study
from dragoman.evaluate.detection import METRICS
from dragoman.geometry import mask_of_array, mask_of_polygon, string_of_mask

SIZE = 120


def blob(rng: np.random.Generator, x: float, y: float, radius: float) -> Polygon:
    """A star-shaped polygon around a place."""
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    reach = radius * rng.uniform(0.7, 1.2, 14)
    corners = np.column_stack((x + reach * np.cos(angles), y + reach * np.sin(angles))).clip(0, SIZE)
    return Polygon.of(map(tuple, corners.tolist()))


def random_regions(seed: int) -> tuple[list[Label], list[Prediction]]:
    rng = np.random.default_rng(seed)
    labels, predictions = [], []
    for image in range(20):
        for number in range(rng.integers(1, 5)):
            x, y, radius = rng.uniform(20, 100), rng.uniform(20, 100), rng.uniform(4, 30)
            feature = str(rng.choice(["cat", "dog"]))
            truth = blob(rng, x, y, radius)
            labels.append(Label(f"i{image}", feature, mask_of_polygon(truth, SIZE, SIZE), id=f"{image}-{number}"))
            for _ in range(rng.integers(0, 3)):
                near = blob(rng, x + rng.normal(0, 2), y + rng.normal(0, 2), radius * rng.uniform(0.8, 1.2))
                predictions.append(Prediction(f"i{image}", feature, near, confidence=float(rng.random())))
    return labels, predictions


def reference(labels: list[Label], predictions: list[Prediction]) -> Any:
    """Evaluate with pycocotools, on the same pixels."""
    names = sorted({label.feature for label in labels})

    def entry(number: int, row: Label) -> dict[str, Any]:
        shape = row.geometry
        mask = mask_of_polygon(shape, SIZE, SIZE) if isinstance(shape, Polygon) else shape
        return {
            "id": number,
            "image_id": int(row.item[1:]),
            "category_id": names.index(row.feature) + 1,
            "segmentation": {"size": [SIZE, SIZE], "counts": string_of_mask(mask).encode()},
            "area": sum(mask.counts[1::2]),
            "iscrowd": 0,
            "score": getattr(row, "confidence", None),
        }

    sides = []
    with contextlib.redirect_stdout(io.StringIO()):
        for rows in (labels, predictions):
            coco = COCO()
            coco.dataset = {
                "images": [{"id": n, "height": SIZE, "width": SIZE} for n in range(20)],
                "categories": [{"id": n, "name": name} for n, name in enumerate(names, 1)],
                "annotations": [entry(n, row) for n, row in enumerate(rows, 1)],
            }
            coco.createIndex()
            sides.append(coco)
        found = COCOeval(*sides, "segm")
        found.evaluate()
        found.accumulate()
        found.summarize()
    return found


@pytest.mark.parametrize("seed", range(3))
def test_regions_are_measured_as_the_reference_measures_them(seed: int) -> None:
    labels, predictions = random_regions(seed)
    expected = reference(labels, predictions)

    found = evaluate(labels, predictions, version="v", dataset="d").metrics

    values = {name: value for name, value in zip(METRICS, expected.stats, strict=True) if value >= 0}
    assert found == pytest.approx(values, abs=1e-6)
    assert 0.05 < found["mAP"] < 0.95


def test_a_polygon_with_a_hole_covers_no_hole() -> None:
    ring = Polygon((((0, 0, 20, 0, 20, 20, 0, 20), (5, 5, 15, 5, 15, 15, 5, 15)),))
    label = Label("a", "cat", ring)
    full = Prediction("a", "cat", Polygon.of([(0, 0), (20, 0), (20, 20), (0, 20)]), confidence=0.9)

    (row,) = study([label], [full], version="v", dataset="d").matches.rows()  # type: ignore[union-attr]

    assert row.iou == pytest.approx(300 / 400)


def test_masks_of_two_sizes_on_one_image_are_refused() -> None:
    masks = [mask_of_array(np.ones((4, width), np.bool_)) for width in (4, 5)]
    with pytest.raises(InvalidData, match="5 x 4; another of its image is 4 x 4"):
        evaluate([Label("a", "cat", masks[0])], [Prediction("a", "cat", masks[1])], version="v", dataset="d")


def test_an_empty_mask_finds_nothing() -> None:
    empty = mask_of_array(np.zeros((4, 4), np.bool_))
    full = mask_of_array(np.ones((4, 4), np.bool_))

    found = evaluate([Label("a", "cat", full)], [Prediction("a", "cat", empty)], version="v", dataset="d")

    assert found.metrics["mAP"] == 0.0


def test_predictions_of_another_kind_are_counted_and_left_out() -> None:
    labels, predictions = random_regions(1)
    boxes = [Prediction("i1", "cat", Box(0, 0, 1, 1))]

    found = evaluate(labels, [*predictions, *boxes], version="v", dataset="d")

    assert (found.predictions, found.skipped) == (len(predictions), 1)
