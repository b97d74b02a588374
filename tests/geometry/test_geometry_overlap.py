"""IoU of every pair of kinds with an area, and of arrays of them; pycocotools is the judge."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from dragoman import Box, InvalidData, Mask, Point, Polygon, RotatedBox, Whole
from dragoman.conformance import strategies
from dragoman.errors import Unsupported
from dragoman.geometry import (
    convert,
    iou,
    iou_of_boxes,
    iou_of_masks,
    iou_of_polygons,
    iou_of_rotated,
    mask_of_array,
    string_of_mask,
)

SIZE = (20, 10)
# One rectangle in all forms, and one that shares half of it.
FIRST = Box(2, 1, 8, 4)
SECOND = Box(6, 1, 8, 4)
FORMS = ("box", "rotated_box", "polygon", "mask")
PAIRS = list(combinations_with_replacement(FORMS, 2))


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_every_pair_of_kinds_has_an_iou(one: str, other: str) -> None:
    a, b, same = (convert(*pair, size=SIZE) for pair in ((FIRST, one), (SECOND, other), (FIRST, other)))

    assert iou(a, b) == iou(b, a) == pytest.approx(1 / 3)
    assert iou(a, same) == pytest.approx(1)
    assert iou(a, b, SIZE) == pytest.approx(1 / 3)


def test_holes_and_parts_count() -> None:
    square = Polygon.of([(0, 0), (4, 0), (4, 4), (0, 4)])
    holed = Polygon((((0, 0, 4, 0, 4, 4, 0, 4), (1, 1, 3, 1, 3, 3, 1, 3)),))
    parts = Polygon((((0, 0, 2, 0, 2, 4, 0, 4),), ((2, 0, 4, 0, 4, 4, 2, 4),)))

    assert iou(square, holed) == pytest.approx(12 / 16)
    assert iou(square, parts) == pytest.approx(1)
    assert iou(Box(1, 1, 2, 2), holed) == 0


def test_parts_that_overlap_count_once() -> None:
    doubled = Polygon((((0, 0, 4, 0, 4, 4, 0, 4),), ((0, 0, 4, 0, 4, 4, 0, 4),)))

    assert iou(doubled, Box(0, 0, 4, 4)) == pytest.approx(1)


def test_an_outline_that_crosses_itself_is_taken_even_odd() -> None:
    bow_tie = Polygon.of([(0, 0), (4, 4), (4, 0), (0, 4)])

    assert iou(bow_tie, Box(0, 0, 4, 4)) == pytest.approx(0.5)


def test_an_outline_drawn_twice_covers_nothing_as_when_it_is_drawn() -> None:
    twice = Polygon.of([(0, 0), (4, 0), (4, 4), (0, 4)] * 2)

    assert iou(twice, Box(0, 0, 4, 4)) == iou(twice, Box(0, 0, 4, 4), SIZE) == 0


def test_exact_shapes_are_compared_below_the_size_of_a_pixel() -> None:
    assert iou(Box(0, 0, 1, 1), Box(0, 0, 1, 0.5)) == pytest.approx(0.5)
    assert iou(RotatedBox(5, 5, 2, 2, 45), RotatedBox(5, 5, 2, 2, 0)) == pytest.approx(0.7071, abs=1e-4)


def test_what_sticks_out_of_the_masks_image_is_not_forgotten() -> None:
    mask = convert(Box(0, 0, 4, 4), "mask", size=(4, 4))

    assert iou(mask, Box(0, 0, 8, 4)) == iou(mask, Box(-4, 0, 8, 4)) == 0.5
    assert iou(mask, Box(0, 0, 8, 4), (4, 4)) == 1


@pytest.mark.parametrize("nothing", [Box(3, 3, 0, 0), Polygon.of([(0, 0), (1, 1), (2, 2)]), RotatedBox(3, 3, 5, 0, 7)])
def test_what_has_no_area_overlaps_only_what_equals_it(nothing: Box | Polygon | RotatedBox) -> None:
    assert iou(nothing, Box(0, 0, 9, 9)) == iou(nothing, Box(0, 0, 0, 0)) == 0
    assert iou(nothing, nothing) == 1
    assert iou(nothing, Mask(5, 5, (25,))) == 0


def test_empty_masks_overlap_nothing_but_themselves() -> None:
    empty = Mask(3, 3, (9,))

    assert iou(empty, Mask(3, 3, (0, 9))) == 0
    assert iou(empty, Mask(3, 3, (9, 0))) == 0
    assert iou(empty, empty) == 1


areas = st.one_of(
    strategies.boxes, strategies.rotated_boxes, strategies.polygons_with_holes, strategies.polygons_of_parts
)


@given(areas, areas)
def test_any_two_areas_have_an_iou_that_is_a_share_and_symmetric(a: Box, b: Polygon) -> None:
    share = iou(a, b)

    assert 0 <= share <= 1
    assert share == pytest.approx(iou(b, a))
    assert iou(a, a) == 1


coordinates = st.floats(-200, 200)
small = st.one_of(
    st.builds(Box, coordinates, coordinates, st.floats(0, 200), st.floats(0, 200)),
    st.builds(RotatedBox, coordinates, coordinates, st.floats(0, 200), st.floats(0, 200), st.floats(-360, 360)),
    st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=9).map(Polygon.of),
)


@given(small, strategies.masks)
def test_any_area_has_an_iou_with_any_mask(a: Box, mask: Mask) -> None:
    assert 0 <= iou(a, mask) == iou(mask, a) <= 1


@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 4), st.just(6), st.just(7))))
def test_iou_of_masks_is_that_of_pycocotools(stack: np.ndarray) -> None:
    masks = [mask_of_array(one) for one in stack]
    codes = [{"size": [6, 7], "counts": string_of_mask(mask).encode()} for mask in masks]
    theirs = np.nan_to_num(coco.iou(codes, codes, [0] * len(codes)))

    ours = iou_of_masks(masks, masks)

    assert ours == pytest.approx(theirs)
    for row, a in enumerate(masks):
        for column, b in enumerate(masks):
            assert a == b or iou(a, b) == pytest.approx(theirs[row, column])


some_boxes = st.lists(st.tuples(*[st.floats(0, 50)] * 4), min_size=1, max_size=6).map(np.array)


@given(some_boxes, some_boxes)
def test_iou_of_boxes_is_that_of_pycocotools_and_of_single_boxes(a: np.ndarray, b: np.ndarray) -> None:
    ours = iou_of_boxes(a, b)

    theirs = coco.iou(a, b, [0] * len(b))
    solid = (a[:, 2:].min(1) > 0.1)[:, None] & (b[:, 2:].min(1) > 0.1)
    assert ours[solid] == pytest.approx(theirs[solid])
    first, second = Box(*a[0]), Box(*b[0])
    assert first == second or iou(first, second) == pytest.approx(ours[0, 0])


def test_matrices_of_rotated_boxes_and_polygons_hold_the_single_values() -> None:
    turned = [RotatedBox(5, 5, 4, 2, 30), RotatedBox(6, 5, 4, 2, -30), RotatedBox(50, 50, 1, 1, 0)]
    rows = np.array([(box.cx, box.cy, box.width, box.height, box.angle) for box in turned])
    polygons = [convert(box, "polygon") for box in turned]
    single = np.array([[iou(a, b) for b in turned] for a in turned])

    assert iou_of_rotated(rows, rows) == pytest.approx(single)
    assert iou_of_polygons(polygons, polygons) == pytest.approx(single)


def test_matrices_of_nothing_have_no_rows() -> None:
    assert iou_of_boxes([], [(0, 0, 1, 1)]).shape == (0, 1)
    assert iou_of_rotated([(0, 0, 1, 1, 0)], []).shape == (1, 0)
    assert iou_of_polygons([], []).shape == (0, 0)
    assert iou_of_masks([], [Mask(1, 1, (1,))]).shape == (0, 1)


def test_masks_of_different_sizes_are_refused() -> None:
    small, large = Mask(2, 2, (0, 4)), Mask(3, 3, (0, 9))

    with pytest.raises(InvalidData, match="sizes"):
        iou(small, large)
    with pytest.raises(InvalidData, match="sizes"):
        iou(small, Box(0, 0, 1, 1), (9, 9))
    with pytest.raises(InvalidData, match="sizes"):
        iou_of_masks([small], [large])


@pytest.mark.parametrize("geometry", [Point(1, 1), Whole()], ids=lambda geometry: geometry.kind)
def test_what_covers_no_area_has_no_iou(geometry: Point | Whole) -> None:
    with pytest.raises(Unsupported, match=f"{geometry.kind} and box"):
        iou(geometry, Box(0, 0, 1, 1))


def test_a_scribble_is_refused_instead_of_repaired_for_hours() -> None:
    scribble = Polygon.of(np.random.default_rng(0).random((5000, 2)) * 1000)

    with pytest.raises(InvalidData, match="crosses itself"):
        iou(scribble, Box(0, 0, 1, 1))


def test_too_many_vertices_to_compare_are_refused() -> None:
    angles = np.linspace(0, 6, 200_001)

    with pytest.raises(InvalidData, match="200001 vertices"):
        iou(Polygon.of(np.column_stack([np.cos(angles), np.sin(angles)])), Box(0, 0, 1, 1))


def test_coordinates_out_of_reach_are_refused() -> None:
    far = Polygon.of([(0, 0), (1e300, 0), (0, 1e300)])

    for other in (Box(0, 0, 1, 1), Mask(1, 1, (0, 1))):
        with pytest.raises(InvalidData, match="coordinate"):
            iou(far, other)
