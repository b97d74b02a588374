"""Masks and polygons: the same figures as the reference implementation, whatever form a region has."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coding
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from dragoman import Box, InvalidData, Label, Polygon, Prediction
from dragoman.cli import EXIT_ERROR, main
from dragoman.evaluate import evaluate, study
from dragoman.evaluate.detection import METRICS
from dragoman.evaluate.files import labels_of
from dragoman.geometry import mask_of_array, mask_of_polygon, mask_of_string, string_of_mask
from dragoman.schema import Mask

SIZE = 120
SIZES = {f"i{image}": (SIZE, SIZE) for image in range(20)}


def blob(rng: np.random.Generator, x: float, y: float, radius: float) -> Polygon:
    """A star-shaped polygon around a place, which may reach out of the image."""
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    reach = radius * rng.uniform(0.7, 1.2, 14)
    corners = np.column_stack((x + reach * np.cos(angles), y + reach * np.sin(angles)))
    return Polygon.of(map(tuple, corners.tolist()))


def random_regions(seed: int) -> tuple[list[Label], list[Prediction]]:
    rng = np.random.default_rng(seed)
    labels, predictions = [], []
    for image in range(20):
        for number in range(rng.integers(1, 5)):
            x, y, radius = rng.uniform(20, 100), rng.uniform(20, 100), rng.uniform(4, 30)
            feature = str(rng.choice(["cat", "dog"]))
            truth: Any = blob(rng, x, y, radius)
            if rng.random() < 0.5:
                truth = mask_of_polygon(truth, SIZE, SIZE)
            labels.append(Label(f"i{image}", feature, truth, id=f"{image}-{number}"))
            for _ in range(rng.integers(0, 3)):
                near = blob(rng, x + rng.normal(0, 2), y + rng.normal(0, 2), radius * rng.uniform(0.8, 1.2))
                predictions.append(Prediction(f"i{image}", feature, near, confidence=float(rng.random())))
    return labels, predictions


def reference(labels: list[Label], predictions: list[Prediction]) -> Any:
    """Evaluate with pycocotools, which draws polygons by its own rule."""
    names = sorted({label.feature for label in labels})

    def entry(number: int, row: Label) -> dict[str, Any]:
        shape = row.geometry
        if isinstance(shape, Polygon):
            region = coding.merge(coding.frPyObjects([list(ring) for part in shape.parts for ring in part], SIZE, SIZE))
        else:
            assert isinstance(shape, Mask)
            region = {"size": [SIZE, SIZE], "counts": string_of_mask(shape).encode()}
        return {
            "id": number,
            "image_id": int(row.item[1:]),
            "category_id": names.index(row.feature) + 1,
            "segmentation": region,
            "area": float(coding.area(region)),
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

    found = evaluate(labels, predictions, version="v", dataset="d", sizes=SIZES).metrics

    values = {name: value for name, value in zip(METRICS, expected.stats, strict=True) if value >= 0}
    assert found == pytest.approx(values, abs=1e-6)
    assert 0.05 < found["mAP"] < 0.95


def test_a_polygon_of_parts_covers_all_of_them() -> None:
    rings = (tuple(blob(np.random.default_rng(seed), 60, 60, 30).parts[0][0]) for seed in range(2))
    parts = Polygon(tuple((ring,) for ring in rings))
    drawn = coding.merge(coding.frPyObjects([list(ring) for part in parts.parts for ring in part], SIZE, SIZE))
    whole = mask_of_string(drawn["counts"], SIZE, SIZE)
    found = study([Label("a", "cat", parts)], [Prediction("a", "cat", whole)], version="v", dataset="d")

    assert [row.iou for row in found.matches.rows()] == [1.0]  # type: ignore[union-attr]


def rectangle(left: float, right: float) -> Polygon:
    return Polygon.of([(left, 10), (right, 10), (right, 50), (left, 50)])


def test_what_lies_outside_of_the_image_is_cut_off() -> None:
    label, said = Label("a", "cat", rectangle(60, 140)), Prediction("a", "cat", rectangle(60, 100), confidence=0.9)

    cut = evaluate([label], [said], version="v", dataset="d", sizes={"a": (100, 100)})
    whole = evaluate([label], [said], version="v", dataset="d")

    assert cut.metrics["mAP"] == pytest.approx(1.0)
    assert whole.metrics["mAP"] == pytest.approx(0.1)


@pytest.fixture
def coco(tmp_path: Path) -> tuple[Path, Path]:
    """COCO labels whose outline reaches out of its image, and results that are the box that they say."""
    ring, box = rectangle(60, 140).parts[0][0], [60, 10, 40, 40]
    image = {"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}
    label = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [ring], "bbox": box, "area": 900, "iscrowd": 0}
    dataset = {"images": [image], "categories": [{"id": 1, "name": "cat"}], "annotations": [label]}
    labels, results = tmp_path / "labels.json", tmp_path / "results.json"
    labels.write_text(json.dumps(dataset))
    results.write_text(json.dumps([{"image_id": 1, "category_id": 1, "bbox": box, "score": 0.9}]))
    return labels, results


def test_the_items_of_a_file_say_how_large_its_images_are(coco: tuple[Path, Path]) -> None:
    said = [Prediction("a.jpg", "cat", rectangle(60, 100), confidence=0.9)]

    found = evaluate(labels_of(coco[0]), said, version="v", dataset="d").metrics

    assert found["mAP"] == pytest.approx(1.0)


def test_a_reader_can_be_told_to_read_boxes(coco: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", *map(str, coco), "--json"]
    assert main(command) == EXIT_ERROR
    assert "No prediction (box) is of the kind of the labels (polygon)" in capsys.readouterr().err

    assert main([*command, "--set", "coco.shape=box"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["mAP_small"] == pytest.approx(1.0)


def test_a_stray_corner_is_cut_off_or_named() -> None:
    stray = Polygon.of([(10, 10), (1e6, 10), (1e6, 1e6), (10, 50)])
    labels, said = [Label("a", "cat", stray, id="far")], [Prediction("a", "cat", stray, confidence=0.9)]

    found = evaluate(labels, said, version="v", dataset="d", sizes={"a": (100, 100)})
    assert found.metrics["mAP"] == pytest.approx(1.0)
    with pytest.raises(InvalidData, match="image of far has 1000001 x 1000001 pixels"):
        evaluate(labels, said, version="v", dataset="d")


def test_a_mask_is_of_the_size_class_that_its_area_says() -> None:
    square = mask_of_array(np.pad(np.ones((34, 34), np.bool_), 10))
    label = Label("a", "cat", square, metadata={"coco": {"area": 900.0}})

    found = evaluate([label], [Prediction("a", "cat", square, confidence=0.9)], version="v", dataset="d").metrics

    assert found["mAP_small"] == pytest.approx(1.0)
    assert "mAP_medium" not in found


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
