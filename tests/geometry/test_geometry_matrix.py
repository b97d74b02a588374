"""IoU of all with all, in mixed kinds: the numbers are those of one pair after the other."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dragoman import Box, InvalidData, Mask, Point, Polygon, RotatedBox, Whole
from dragoman.errors import Unsupported
from dragoman.geometry import convert, iou, iou_matrix, mask_of_polygon
from dragoman.schema import AnyGeometry

SIZE = (20, 12)
sides = st.integers(0, 40).map(lambda number: number / 4)
places = st.integers(-20, 90).map(lambda number: number / 4)
boxes = st.builds(Box, places, places, sides, sides)
turned = st.builds(RotatedBox, places, places, sides, sides, st.integers(-180, 180).map(float))
polygons = st.lists(st.tuples(places, places), min_size=3, max_size=6).map(Polygon.of)
masks = polygons.map(lambda polygon: mask_of_polygon(polygon, *SIZE))
mixed = st.lists(st.one_of(boxes, turned, polygons, masks), max_size=6)


def one_by_one(a: list[AnyGeometry], b: list[AnyGeometry], size: tuple[int, int] | None = None) -> np.ndarray:
    return np.array([[iou(one, other, size) for other in b] for one in a]).reshape(len(a), len(b))


@given(mixed, mixed, st.sampled_from((None, SIZE)))
def test_every_pair_of_kinds_has_its_place(
    a: list[AnyGeometry], b: list[AnyGeometry], size: tuple[int, int] | None
) -> None:
    found = iou_matrix(a, b, size)
    assert found.shape == (len(a), len(b))
    assert found == pytest.approx(one_by_one(a, b, size), abs=1e-9)


eighths = st.integers(-4, 4).map(lambda number: 45.0 * number)


@given(st.builds(RotatedBox, places, places, sides, sides, eighths), masks)
@example(RotatedBox(2.25, -3.75, 8.5, 6.75, -90.0), Mask(12, 20, (0, 240)))
@example(RotatedBox(20.0, 3.75, 9.0, 0.5, -180.0), Mask(12, 20, (0, 240)))
def test_a_shape_whose_sides_meet_the_pixels_centres_covers_the_same_ones_in_every_window(
    turned: RotatedBox, mask: Mask
) -> None:
    assert iou_matrix([mask], [turned]) == pytest.approx(one_by_one([mask], [turned]), abs=1e-9)


def test_equal_ones_without_an_area_overlap_whole() -> None:
    a: list[AnyGeometry] = [Box(1, 1, 0, 5), Mask(2, 3, (6,)), Polygon.of([(0, 0), (1, 1), (2, 2)])]
    assert iou_matrix(a, list(reversed(a))).tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_pixels_outside_of_a_masks_image_count() -> None:
    mask = convert(Box(0, 0, 4, 4), "mask", size=(4, 4))
    assert iou_matrix([mask], [Box(0, 0, 8, 4), Box(0, 0, 4, 4)]).tolist() == [[0.5, 1.0]]


def test_a_hole_that_reaches_beyond_its_outer_ring_counts() -> None:
    beyond = Polygon((((2, 2, 6, 2, 6, 6, 2, 6), (4, 3, 10, 3, 10, 5, 4, 5)),))
    whole, cut = convert(beyond, "mask", size=(12, 8)), convert(beyond, "mask", size=(8, 8))

    for mask, share in ((whole, 1.0), (cut, 16 / 20)):
        assert iou(beyond, mask) == pytest.approx(share)
        assert iou_matrix([beyond], [mask]) == pytest.approx(share)


def test_nothing_with_nothing() -> None:
    assert iou_matrix([], [Box(0, 0, 1, 1)]).shape == (0, 1)
    assert iou_matrix([Box(0, 0, 1, 1)], []).shape == (1, 0)


@pytest.mark.parametrize("geometry", [Point(1, 2), Whole()])
def test_what_covers_no_area_is_refused(geometry: AnyGeometry) -> None:
    with pytest.raises(Unsupported, match=geometry.form):
        iou_matrix([Box(0, 0, 1, 1)], [Box(0, 0, 1, 1), geometry])


def test_masks_of_different_images_are_refused() -> None:
    with pytest.raises(InvalidData, match="different image sizes"):
        iou_matrix([Mask(2, 3, (6,))], [Mask(3, 2, (6,))])
    with pytest.raises(InvalidData, match="different image sizes"):
        iou_matrix([Mask(2, 3, (6,))], [Box(0, 0, 1, 1)], (9, 9))


def test_all_with_all_takes_a_fraction_of_one_by_one() -> None:
    random = np.random.default_rng(0)
    many: list[AnyGeometry] = []
    for x, y, width, height in random.uniform((0, 0, 5, 5), (200, 200, 40, 40), (12, 4)).tolist():
        box = Box(x, y, width, height)
        many += (box, RotatedBox(x, y, width, height, 30), convert(box, "polygon"))
        many.append(convert(box, "mask", size=(256, 256)))
    together = min(seconds(iou_matrix, many) for _ in range(5))
    # About a twentieth where nothing else runs.
    assert together < seconds(one_by_one, many) / 5


def seconds(compute: Callable[[list[AnyGeometry], list[AnyGeometry]], object], many: list[AnyGeometry]) -> float:
    """The processor's time for all with all."""
    start = time.process_time()
    compute(many, many)
    return time.process_time() - start
