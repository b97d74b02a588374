"""Instance segmentation: masks into the network's input and back, networks that make them, and their loss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from dragoman.errors import InvalidData
from dragoman.geometry import mask_of_array, mask_of_polygon
from dragoman.schema import Mask, Polygon
from dragoman_local.engine.architectures import build
from dragoman_local.engine.assignment import Assigned
from dragoman_local.engine.augment import augmented
from dragoman_local.engine.batches import plain_batches
from dragoman_local.engine.compact_masks import mask_loss
from dragoman_local.engine.config import Augmentation
from dragoman_local.engine.fitting import FittedSamples
from dragoman_local.engine.images import placement
from dragoman_local.engine.masks import Patch, patches
from dragoman_local.engine.network import MASK_STRIDE, BoxTensors, Network
from dragoman_local.engine.targets import BoxTarget, Sample, ShapeTarget
from dragoman_local.engine.weights import load, save

TRIANGLE = Polygon.of([(10, 5), (50, 8), (30, 35)])


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def fitted(tmp_path: Path, shape: Polygon | Mask, width: int, height: int, size: tuple[int, int]) -> BoxTarget:
    Image.new("RGB", (width, height)).save(tmp_path / "image.png")
    sample = Sample(tmp_path / "image.png", ShapeTarget((shape,), np.array([0])))
    target = FittedSamples([sample], size, cache_mb=1)[0][1]
    assert isinstance(target, BoxTarget)
    return target


@pytest.mark.parametrize("size", [(64, 64), (128, 96), (32, 64)])
def test_polygon_and_mask_of_the_same_pixels_are_fitted_alike(size: tuple[int, int], tmp_path: Path) -> None:
    drawn = [fitted(tmp_path, shape, 60, 40, size) for shape in (TRIANGLE, mask_of_polygon(TRIANGLE, 60, 40))]
    assert drawn[0].masks is not None
    assert drawn[1].masks is not None
    assert overlap(drawn[0].masks[0] > 127, drawn[1].masks[0] > 127) > 0.9
    assert np.abs(drawn[0].boxes - drawn[1].boxes).max() <= 2 * max(size) / 40


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 200), st.integers(20, 200), st.sampled_from([(64, 64), (96, 128)]), st.randoms())
def test_a_mask_comes_back_where_it_was(width: int, height: int, size: tuple[int, int], random: object) -> None:
    left, top = random.randint(0, width // 3), random.randint(0, height // 3)  # type: ignore[attr-defined]
    box = np.array([[left, top, left + width // 2, top + height // 2]], dtype=np.float64)
    place = placement(width, height, size)
    x1, y1, x2, y2 = place.to_network(box)[0] / MASK_STRIDE
    # What is narrower than two cells has no edges that cells could keep.
    assume(min(x2 - x1, y2 - y1) >= 2)
    rows, columns = np.arange(size[0] // MASK_STRIDE)[:, None], np.arange(size[1] // MASK_STRIDE)
    cover = np.clip(np.minimum(rows + 1, y2) - np.maximum(rows, y1), 0, 1) * np.clip(
        np.minimum(columns + 1, x2) - np.maximum(columns, x1), 0, 1
    )
    (patch,) = patches(cover[None].astype(np.float32), box, place, size)
    wanted = np.zeros((height, width), dtype=bool)
    wanted[top : top + height // 2, left : left + width // 2] = True
    assert overlap(patch.whole(width, height), wanted) > 0.8


def test_a_patch_reaches_to_the_last_row_and_column() -> None:
    place = placement(30, 20, (64, 64))
    (patch,) = patches(np.ones((1, 16, 16), np.float32), np.array([[0.0, 0.0, 30.0, 20.0]]), place, (64, 64))
    assert patch.whole(30, 20).all()
    assert Patch(1, 2, np.ones((2, 3), bool)).whole(6, 4).sum() == 6


def test_masks_follow_their_image() -> None:
    pixels, mask = np.zeros((64, 64, 3), np.uint8), np.zeros((1, 64, 64), np.uint8)
    pixels[10:30, 20:50] = mask[0, 10:30, 20:50] = 255
    target = BoxTarget(np.array([[20.0, 10.0, 50.0, 30.0]]), np.array([0]), mask)
    switches = Augmentation(mirror=True, zoom=True, colour=False)
    for seed in range(8):
        moved, after = augmented(pixels, target, switches, np.random.default_rng(seed))
        assert isinstance(after, BoxTarget)
        assert after.masks is not None
        assert overlap(moved[:, :, 0] > 200, after.masks[0] > 127) > 0.9


def test_batches_carry_the_share_of_each_cell(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "image.png")
    half = np.zeros((64, 64), bool)
    half[:6, :4] = True
    sample = Sample(tmp_path / "image.png", ShapeTarget((mask_of_array(half),), np.array([0])))
    empty = Sample(tmp_path / "image.png", ShapeTarget((), np.zeros(0, np.int64)))
    (batch,) = plain_batches(FittedSamples([sample, empty], (64, 64), 1), 2)
    first, second = batch.targets
    assert isinstance(first, BoxTensors)
    assert first.masks is not None
    assert first.masks.shape == (1, 16, 16)
    assert first.masks[0, :3, 0].tolist() == pytest.approx([1, 0.5, 0], abs=0.01)
    assert second.masks.shape == (0, 16, 16)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (Mask(10, 10, (0, 100)), "mask of 10 x 10"),
        (Polygon.of([(100, 100), (120, 100), (120, 120)]), "lies outside its image"),
        (Mask(40, 60, (2400,)), "lies outside its image"),
    ],
)
def test_shapes_that_do_not_fit_their_image(shape: Polygon | Mask, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=reason):
        fitted(tmp_path, shape, 60, 40, (64, 64))


# Networks.


def images(count: int = 2) -> Tensor:
    return torch.randint(0, 256, (count, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def new(name: str) -> Network:
    torch.manual_seed(0)
    return build("segmentation", name, 4, (64, 64), {})


SQUARE = torch.zeros(1, 16, 16)
SQUARE[:, 4:10, 4:12] = 1
ONE = BoxTensors(torch.tensor([[16.0, 16.0, 48.0, 40.0]]), torch.tensor([2]), SQUARE)
NONE = BoxTensors(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), torch.zeros(0, 16, 16))


@pytest.mark.parametrize("name", ["compact", pytest.param("rf-detr", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("targets", "share"), [([ONE, NONE], 0.9), ([NONE, NONE], 0.5)], ids=["one", "none"])
def test_segmenters_learn_from_images_with_and_without_objects(
    name: str, targets: list[BoxTensors], share: float
) -> None:
    network = new(name).train()
    parts = network.loss(images(), targets)
    total = torch.stack(list(parts.values())).sum()
    assert torch.isfinite(total)
    torch.autograd.backward(total)
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    assert len(gradients) > share * len(list(network.parameters()))
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("name", ["compact", pytest.param("rf-detr", marks=pytest.mark.slow)])
def test_masks_are_made_for_the_rows_that_are_asked_for(name: str, tmp_path: Path) -> None:
    network = new(name).eval()
    save(network, tuple("abcd"), tmp_path / "w.safetensors")
    again = load(tmp_path / "w.safetensors", task="segmentation").network
    with torch.inference_mode():
        for one, other in zip(network.predict(images()), again.predict(images()), strict=True):  # type: ignore[arg-type]
            assert one.masks is not None
            rows = torch.tensor([3, 0])
            masks = one.masks(rows)
            assert masks.shape[0] == 2
            assert bool(((masks >= 0) & (masks <= 1)).all())
            assert torch.allclose(masks[1], one.masks(torch.tensor([0]))[0], atol=1e-5)
            assert torch.equal(masks, other.masks(rows))


def test_an_image_size_without_whole_cells_is_refused() -> None:
    with pytest.raises(InvalidData, match="divisible by 4"):
        build("segmentation", "compact", 1, (66, 64), {})


def test_the_loss_of_masks_falls_as_they_come_nearer() -> None:
    # One place, whose mask is the only prototype.
    assigned = Assigned(
        torch.ones(1, 1, 1), ONE.boxes[None], torch.ones(1, 1, dtype=torch.bool), torch.zeros(1, 1, dtype=torch.long)
    )
    losses = [
        float(mask_loss(strength * (2 * SQUARE - 1)[None], torch.ones(1, 1, 1), assigned, [ONE]))
        for strength in (-5.0, 0.0, 1.0, 5.0)
    ]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.05


def test_a_box_of_the_shape_is_around_it() -> None:
    from dragoman_local.engine.fitting import boxes_of

    square = np.zeros((20, 20), bool)
    square[3:7, 2:9] = True
    assert boxes_of(ShapeTarget((mask_of_array(square), TRIANGLE), np.array([0, 0]))).tolist() == [
        [2, 3, 9, 7],
        [10, 5, 50, 35],
    ]
