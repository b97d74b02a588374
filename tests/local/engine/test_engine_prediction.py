"""Prediction: one result per image, in order, in pixels of the original image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from dragoman.errors import InvalidData, NotFound
from dragoman_local.engine.config import Task
from dragoman_local.engine.network import Network, RawDetections, Targets, best_candidates
from dragoman_local.engine.predict import BoxResult, ClassResult, FailedImage, Settings, predict, suppressed

NETWORK_SIZE = (64, 128)


class RedFinder(Network):
    """Stands in for a trained network: its one box is what is red in its input, and it has two classes."""

    task: ClassVar[Task] = "detection"
    architecture: ClassVar[str] = "red"
    convolutional: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__(2, NETWORK_SIZE, {})
        self.device_marker = torch.nn.Parameter(torch.zeros(1))
        self.batches: list[int] = []

    def loss(self, images: Tensor, targets: Targets) -> dict[str, Tensor]:
        raise NotImplementedError

    def dense(self, images: Tensor) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def predict(self, images: Tensor) -> list[RawDetections]:
        self.batches.append(len(images))
        boxes = []
        for image in images:
            rows, columns = torch.nonzero((image[0] > 128) & (image[1] < 128), as_tuple=True)
            boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        found = torch.tensor(boxes, dtype=torch.float32)[:, None]
        return best_candidates(found, torch.tensor([0.25, 0.75]).expand(len(images), 1, 2))


class Brightness(RedFinder):
    """Stands in for a trained classifier: how bright an image is."""

    task: ClassVar[Task] = "classification"

    def predict(self, images: Tensor) -> Tensor:  # type: ignore[override]
        bright = images.float().mean((1, 2, 3)) / 255
        return torch.stack([1 - bright, bright], dim=1)


def with_red(width: int, height: int, box: tuple[int, int, int, int]) -> np.ndarray:
    image = np.full((height, width, 3), 200, np.uint8)
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = (255, 0, 0)
    return image


@pytest.mark.parametrize(("width", "height"), [(640, 480), (100, 900), (40, 30), (128, 64)])
def test_boxes_are_absolute_pixels_of_the_original(width: int, height: int) -> None:
    box = (width // 4, height // 4, width // 2, height // 2)
    [result] = predict(RedFinder(), [with_red(width, height, box)], Settings(confidence=0.5))
    assert isinstance(result, BoxResult)
    pixel = max(width / NETWORK_SIZE[1], height / NETWORK_SIZE[0])
    assert (result.width, result.height) == (width, height)
    assert np.abs(result.boxes - box).max() <= pixel
    assert result.boxes.dtype == np.float64
    assert result.classes.tolist() == [1]
    assert result.scores.tolist() == [0.75]
    assert result.class_scores.tolist() == [[0.25, 0.75]]


def test_confidence_keeps_the_better_boxes() -> None:
    image = with_red(64, 64, (8, 8, 32, 32))
    counts = [len(next(predict(RedFinder(), [image], Settings(confidence=bound))).boxes) for bound in (0.0, 0.5, 0.9)]  # type: ignore[union-attr]
    assert counts == [2, 1, 0]


def test_a_corrupt_image_is_one_failed_result_among_good_ones(tmp_path: Path) -> None:
    good = cv2.imencode(".png", with_red(64, 64, (8, 8, 32, 32)))[1].tobytes()
    sources = [good, good[:50], tmp_path / "gone.png", good, b""]
    network = RedFinder()
    red = [with_red(64, 64, (8, 8, 32, 32)) if source is good else source for source in sources]
    results = list(predict(network, red, Settings(batch_size=3)))
    assert [type(result) for result in results] == [BoxResult, FailedImage, FailedImage, BoxResult, FailedImage]
    errors = [type(result.error) for result in results if isinstance(result, FailedImage)]
    assert errors == [InvalidData, NotFound, InvalidData]
    assert network.batches == [1, 1]


def test_a_batch_without_one_good_image_does_not_reach_the_network() -> None:
    network = RedFinder()
    results = list(predict(network, [b"", b"x"], Settings(batch_size=2)))
    assert all(isinstance(result, FailedImage) for result in results)
    assert network.batches == []


def test_images_are_taken_a_batch_at_a_time() -> None:
    taken = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal taken
        while True:
            taken += 1
            yield with_red(64, 64, (8, 8, 32, 32))

    results = predict(RedFinder(), endless(), Settings(batch_size=4))
    for _ in range(5):
        next(results)
    assert taken == 8


def test_no_images_give_no_results() -> None:
    assert list(predict(RedFinder(), [])) == []


def test_classification_gives_a_probability_for_every_feature() -> None:
    bright, dark = np.full((50, 100, 3), 255, np.uint8), np.zeros((50, 100, 3), np.uint8)
    first, second = predict(Brightness(), [bright, dark])
    assert isinstance(first, ClassResult)
    assert isinstance(second, ClassResult)
    assert (first.width, first.height) == (100, 50)
    assert first.probabilities.argmax() == 1
    assert second.probabilities.argmax() == 0
    assert first.probabilities.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("bad", [{"confidence": 1.5}, {"iou": -0.1}, {"confidence": float("nan")}, {"batch_size": 0}])
def test_settings_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidData) as caught:
        Settings(**bad)  # type: ignore[arg-type]
    assert caught.value.field == next(iter(bad))


def candidates(*rows: tuple[tuple[float, float, float, float], float, int]) -> RawDetections:
    boxes, scores, classes = zip(*rows, strict=True)
    scored = torch.tensor(scores)
    return RawDetections(torch.tensor(boxes), scored, torch.tensor(classes), scored[:, None].expand(-1, 3))


def test_suppression_is_within_a_class_and_keeps_the_better_box() -> None:
    raw = candidates(
        ((0, 0, 10, 10), 0.9, 0), ((0, 0, 10, 9), 0.8, 0), ((0, 0, 10, 10), 0.7, 1), ((30, 30, 40, 40), 0.6, 0)
    )
    assert suppressed(raw, 0.1, 0.5).tolist() == [0, 2, 3]
    assert suppressed(raw, 0.1, 0.95).tolist() == [0, 1, 2, 3]
    assert suppressed(raw, 0.95, 0.5).tolist() == []


def test_boxes_that_reach_beyond_the_input_do_not_suppress_another_class() -> None:
    raw = candidates(((10, 10, 100, 100), 0.9, 0), ((-91, -91, -1, -1), 0.8, 1))
    assert suppressed(raw, 0.1, 0.5).tolist() == [0, 1]
