"""Augmentation: what is painted inside a box stays inside the box that comes back."""

from __future__ import annotations

import numpy as np
import pytest

from dragoman_local.engine.augment import augmented
from dragoman_local.engine.config import Augmentation
from dragoman_local.engine.targets import BoxTarget

NONE = Augmentation(mirror=False, zoom=False, colour=False)
MOVES = [Augmentation(mirror=True, zoom=False, colour=False), Augmentation(mirror=True, zoom=True, colour=False)]


def painted() -> tuple[np.ndarray, BoxTarget]:
    image = np.zeros((80, 100, 3), np.uint8)
    image[30:55, 40:70] = 255
    return image, BoxTarget(np.array([[40.0, 30.0, 70.0, 55.0]]), np.array([3]))


@pytest.mark.parametrize("switches", MOVES)
@pytest.mark.parametrize("seed", range(20))
def test_box_follows_its_pixels(switches: Augmentation, seed: int) -> None:
    image, target = painted()
    changed, moved = augmented(image, target, switches, np.random.default_rng(seed))
    assert isinstance(moved, BoxTarget)
    rows, columns = np.nonzero((changed[:, :, 0] > 180) & (changed[:, :, 2] > 180))
    bounds = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.abs(moved.boxes[0] - bounds).max() <= 1
    assert moved.classes.tolist() == [3]


def test_nothing_switched_on_changes_nothing() -> None:
    image, target = painted()
    changed, same = augmented(image, target, NONE, np.random.default_rng(0))
    assert np.array_equal(changed, image)
    assert same is target


def test_colour_leaves_boxes_and_shape_alone() -> None:
    image, target = painted()
    only_colour = Augmentation(mirror=False, zoom=False, colour=True)
    changed, same = augmented(image, target, only_colour, np.random.default_rng(0))
    assert same is target
    assert changed.shape == image.shape
    assert not np.array_equal(changed, image)


def test_a_box_that_is_moved_out_of_sight_is_dropped() -> None:
    image, _ = painted()
    corner = BoxTarget(np.array([[0.0, 0.0, 4.0, 4.0]]), np.array([1]))
    counts = set()
    for seed in range(40):
        _, moved = augmented(image, corner, Augmentation(zoom=True), np.random.default_rng(seed))
        assert isinstance(moved, BoxTarget)
        assert len(moved.boxes) == len(moved.classes)
        counts.add(len(moved.boxes))
    assert counts == {0, 1}


def test_the_input_is_not_changed_in_place() -> None:
    image, target = painted()
    before = image.copy(), target.boxes.copy()
    for seed in range(5):
        augmented(image, target, Augmentation(mirror=True), np.random.default_rng(seed))
    assert np.array_equal(image, before[0])
    assert np.array_equal(target.boxes, before[1])


def test_class_indices_pass_through() -> None:
    image, _ = painted()
    assert augmented(image, 7, Augmentation(mirror=True), np.random.default_rng(0))[1] == 7
