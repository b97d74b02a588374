"""Clipping to the image: what is left, and how much was lost."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from dragoman import Box, Cuboid, InvalidData, Keypoint, Keypoints, Mask, Point, Polygon, Polyline, RotatedBox, Whole
from dragoman.conformance import strategies
from dragoman.errors import Unsupported
from dragoman.geometry import Clipped, array_of_mask, bounding_box, clip, clip_boxes, mask_of_array
from dragoman.geometry.shapes import as_shape, line_shape

INSIDE = [
    Box(0, 0, 10, 8),
    RotatedBox(5, 4, 2, 2, 45),
    Polygon((((0, 0, 9, 0, 9, 8), (5, 1, 6, 1, 6, 2)),)),
    Polyline((0, 0, 10, 8)),
    Point(10, 8),
    Keypoints((Keypoint("a", 1, 1), Keypoint("b", None, None, 0)), ((0, 1),)),
    Mask(8, 10, (0, 80)),
    Whole(),
]


INSIDE += [RotatedBox(5, 4, 10, 8, turn) for turn in (-180, 180, 360, 540, 720)]
INSIDE += [RotatedBox(5, 4, 8, 10, turn) for turn in (-90, 90, 270, 450)]


@pytest.mark.parametrize("geometry", INSIDE, ids=lambda geometry: geometry.kind)
def test_what_is_inside_comes_back_as_it_is(geometry: Box) -> None:
    clipped = clip(geometry, 10, 8)

    assert clipped.geometry is geometry
    assert clipped.lost == 0


OUTSIDE = [
    Box(11, 0, 10, 8),
    RotatedBox(20, 4, 2, 2, 45),
    Polygon((((20, 20, 29, 20, 29, 28),),)),
    Polyline((0, 9, 10, 9)),
    Point(10.5, 8),
    Keypoints((Keypoint("a", -1, 1), Keypoint("b", None, None, 0))),
    mask_of_array(np.eye(20, dtype=bool)[::-1]),
]


@pytest.mark.parametrize("geometry", OUTSIDE, ids=lambda geometry: geometry.kind)
def test_of_what_is_outside_nothing_is_left_and_that_is_said(geometry: Box) -> None:
    assert clip(geometry, 10, 8) == Clipped(None, 1.0)


def test_boxes_outside_the_image_are_not_clamped_without_a_word() -> None:
    assert clip(Box(-5, 0, 10, 4), 10, 8) == Clipped(Box(0, 0, 5, 4), 0.5)
    assert clip(Box(-5, -4, 20, 16), 10, 8) == Clipped(Box(0, 0, 10, 8), 0.75)


def test_a_rotated_box_at_the_border_becomes_the_polygon_that_is_left() -> None:
    clipped = clip(RotatedBox(0, 4, 2, 2, 45), 10, 8)

    assert clipped.lost == pytest.approx(0.5)
    assert clipped.geometry.form == "polygon"
    assert bounding_box(clipped.geometry).x == 0


def test_a_polygon_keeps_its_hole_and_may_fall_into_parts() -> None:
    holed = Polygon((((-4, 0, 8, 0, 8, 8, -4, 8), (2, 2, 4, 2, 4, 4, 2, 4)),))
    comb = Polygon.of([(1, 0), (2, 0), (2, 9), (4, 9), (4, 0), (5, 0), (5, 10), (1, 10)])

    assert clip(holed, 10, 8).geometry.form == "polygon with holes"
    assert clip(holed, 10, 8).lost == pytest.approx(32 / 92)
    assert clip(comb, 10, 8).geometry.form == "polygon of parts"
    assert clip(comb, 10, 8).lost == pytest.approx(6 / 22)


def test_of_a_polyline_in_pieces_the_longest_is_left_and_the_others_are_lost() -> None:
    clipped = clip(Polyline((0, 2, 14, 2, 14, 6, 5, 6)), 10, 8)

    assert clipped.geometry == Polyline((0, 2, 10, 2))
    assert clipped.lost == pytest.approx(1 - 10 / 27)


@pytest.mark.parametrize(
    ("line", "left", "lost"),
    [
        ((0, 0, 10, 10, 10, 0, 0, 10, -10, 20), (0, 0, 10, 10, 10, 0, 0, 10), 2**0.5 * 10 / (2**0.5 * 30 + 10)),
        ((5, 5, 10, 5, 5, 5, 5, 25), (5, 5, 10, 5, 5, 5, 5, 20), 5 / 30),
        ((-5, 5, 10, 5, -5, 5), (0, 5, 10, 5, 0, 5), 1 / 3),
        ((5, 5, 8, 5, 8, 5, 8, 25), (5, 5, 8, 5, 8, 5, 8, 20), 5 / 23),
        ((30, 5, 10, 5, 10, 30), (20, 5, 10, 5, 10, 20), 20 / 45),
    ],
    ids=["crosses itself", "retraces itself", "comes back", "repeats a vertex", "comes and goes"],
)
def test_a_polyline_keeps_its_order_and_direction(line: tuple, left: tuple, lost: float) -> None:
    clipped = clip(Polyline(line), 20, 20)

    assert clipped.geometry == Polyline(left)
    assert clipped.lost == pytest.approx(lost)


def test_what_a_polyline_only_touches_the_border_with_is_nothing() -> None:
    assert clip(Polyline((-5, 5, 0, 5, -5, 6)), 20, 20) == Clipped(None, 1.0)
    assert clip(Polyline((-5, 5, 5, -5)), 20, 20) == Clipped(None, 1.0)
    assert clip(Polyline((0, 5, -5, 5, 0, 8, 5, 8)), 20, 20).geometry == Polyline((0, 8, 5, 8))


PLACES = st.integers(-10, 30).map(lambda number: number / 2) | st.integers(-9000, 19000).map(
    lambda number: number / 999
)


@given(st.lists(st.tuples(PLACES, PLACES), min_size=2, max_size=8))
def test_a_polyline_is_clipped_edge_by_edge(vertices: list[tuple[float, float]]) -> None:
    line, image = Polyline(tuple(number for vertex in vertices for number in vertex)), shapely.box(0, 0, 10, 8)

    clipped = clip(line, 10, 8)

    edges = [shapely.LineString(edge) for edge in pairwise(vertices)]
    whole, inside = sum(edge.length for edge in edges), sum(edge.intersection(image).length for edge in edges)
    if clipped.geometry is None:
        assert inside == pytest.approx(0, abs=1e-9)
    elif whole:
        left = line_shape(clipped.geometry)
        assert image.covers(left)
        assert left.hausdorff_distance(left.intersection(shapely.MultiLineString(edges).buffer(1e-9))) < 1e-6
        assert clipped.lost == pytest.approx(1 - left.length / whole, abs=1e-9)
        assert left.length <= inside + 1e-9
        crossings = sum(not image.covers(shapely.Point(vertex)) for vertex in vertices[1:-1])
        assert left.length >= inside / (crossings + 1) - 1e-9


def test_a_hole_that_reaches_beyond_its_outer_ring_is_area_and_is_clipped() -> None:
    beyond = Polygon((((2, 2, 6, 2, 6, 6, 2, 6), (4, 3, 10, 3, 10, 5, 4, 5)),))

    clipped = clip(beyond, 8, 8)

    assert bounding_box(clipped.geometry) == Box(2, 2, 6, 4)
    assert clipped.lost == pytest.approx(4 / 20)


def test_keypoints_outside_become_unlabelled_and_keep_their_place_in_the_skeleton() -> None:
    points = Keypoints((Keypoint("a", 1, 1), Keypoint("b", 12, 1, 1)), ((0, 1),))

    clipped = clip(points, 10, 8)

    assert clipped == Clipped(Keypoints((Keypoint("a", 1, 1), Keypoint("b", None, None, 0)), ((0, 1),)), 0.5)


def test_a_mask_gets_the_size_of_the_image_without_scaling() -> None:
    pixels = np.zeros((4, 4), bool)
    pixels[0, :] = True

    clipped = clip(mask_of_array(pixels), 3, 9)

    assert clipped.lost == 0.25
    assert array_of_mask(clipped.geometry).shape == (9, 3)
    assert np.argwhere(array_of_mask(clipped.geometry)).tolist() == [[0, 0], [0, 1], [0, 2]]


def test_an_empty_mask_loses_nothing() -> None:
    assert clip(Mask(4, 4, (16,)), 2, 2) == Clipped(Mask(2, 2, (4,)), 0.0)


def test_what_has_no_extent_is_lost_whole_or_not_at_all() -> None:
    boxes, lost = clip_boxes([(3, 3, 0, 0), (30, 3, 0, 0), (-2, 3, 4, 0)], 10, 8)

    assert lost.tolist() == [0, 1, 0.5]
    assert boxes[0].tolist() == [3, 3, 0, 0]


@given(strategies.rotated_boxes | strategies.polygons_with_holes | strategies.boxes)
def test_the_share_lost_is_that_of_the_area(geometry: Box) -> None:
    width, height = 1000, 800
    clipped = clip(geometry, width, height)

    before = as_shape(geometry)
    left = shapely.intersection(before, shapely.box(0, 0, width, height)).area
    assert 0 <= clipped.lost <= 1
    if before.area > 1e-6:
        assert clipped.lost == pytest.approx(1 - left / before.area, abs=1e-6)
    if clipped.geometry is not None:
        around = bounding_box(clipped.geometry)
        assert around.x >= 0
        assert around.y >= 0
        assert around.x + around.width <= width + 1e-6
        assert around.y + around.height <= height + 1e-6


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 60), st.floats(0, 30), st.floats(0, 30)), min_size=1))
def test_a_box_inside_is_unchanged_to_the_last_bit(rows: list) -> None:
    boxes, lost = clip_boxes(rows, 90, 90)

    assert boxes.tolist() == [list(row) for row in rows]
    assert not lost.any()


def test_a_cuboid_is_not_in_the_images_pixels() -> None:
    with pytest.raises(Unsupported, match="cuboid"):
        clip(Cuboid((0, 0, 0), (1, 1, 1)), 10, 8)


def test_an_image_has_a_size() -> None:
    with pytest.raises(InvalidData, match="0 x 8"):
        clip(Box(0, 0, 1, 1), 0, 8)
