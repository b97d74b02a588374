"""Boxes, rotated boxes and what is around other shapes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dragoman import Box, Cuboid, InvalidData, Keypoint, Keypoints, Mask, Point, Polygon, Polyline, RotatedBox, Whole
from dragoman.errors import Unsupported
from dragoman.geometry import bounding_box, boxes
from dragoman.geometry.shapes import rotated_corners

lengths = st.floats(0.5, 500)
rotated = st.lists(
    st.tuples(st.floats(-500, 500), st.floats(-500, 500), lengths, lengths, st.floats(-179.9, 180)),
    min_size=1,
    max_size=5,
).map(np.array)


def test_the_corners_of_a_box_turned_by_30_degrees_go_clockwise_on_screen() -> None:
    corners = boxes.corners_of_rotated([(10, 20, 4, 2, 30)])[0]

    # The right end of the box goes down, as y does.
    right_middle = (corners[1] + corners[2]) / 2
    assert right_middle == pytest.approx([10 + 2 * np.cos(np.pi / 6), 20 + 2 * np.sin(np.pi / 6)])
    assert boxes.corners_of_rotated([(10, 20, 4, 2, 0)])[0].tolist() == [[8, 19], [12, 19], [12, 21], [8, 21]]


@given(rotated)
def test_corners_give_the_rotated_boxes_back(array: np.ndarray) -> None:
    corners = boxes.corners_of_rotated(array)

    back = boxes.rotated_of_corners(corners)

    assert boxes.are_rectangles(corners).all()
    assert back[:, :4] == pytest.approx(array[:, :4], abs=1e-6)
    assert (back[:, 4] - array[:, 4] + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)


@given(rotated)
def test_the_box_around_a_rotated_box_is_that_of_its_corners(array: np.ndarray) -> None:
    around = boxes.boxes_around_rotated(array)

    assert around == pytest.approx(boxes.boxes_around_corners(boxes.corners_of_rotated(array)), abs=1e-6)
    assert boxes.box_array(bounding_box(RotatedBox(*row)) for row in array) == pytest.approx(around)


def test_corners_of_boxes_and_the_boxes_around_them_are_inverse() -> None:
    array = np.array([(1, 2, 3, 4), (0, 0, 0, 0.5)])

    assert (boxes.boxes_around_corners(boxes.corners_of_boxes(array)) == array).all()


def test_a_trapezium_is_no_rectangle() -> None:
    corners = [[(0, 0), (4, 0), (3, 2), (1, 2)], [(0, 0), (4, 0), (4, 2), (0, 2)]]

    assert boxes.are_rectangles(corners).tolist() == [False, True]


clouds = arrays.arrays(np.float64, st.tuples(st.integers(1, 20), st.just(2)), elements=st.integers(-99, 99).map(float))


@given(clouds)
def test_the_smallest_rotated_box_holds_all_points_and_is_no_larger_than_opencvs(points: np.ndarray) -> None:
    found = boxes.smallest_rotated([points])

    corners = boxes.corners_of_rotated(found)[0]
    hull = shapely.buffer(shapely.convex_hull(shapely.multipoints(corners)), 1e-6)
    assert shapely.covers(hull, shapely.points(points)).all()
    _, size, _ = cv2.minAreaRect(points.astype(np.float32))
    assert found[0, 2] * found[0, 3] <= size[0] * size[1] * (1 + 1e-4) + 1e-2
    assert -45 <= found[0, 4] < 45


def test_an_upright_rectangle_keeps_its_width_and_height() -> None:
    assert boxes.smallest_rotated([[(0, 0), (2, 0), (2, 7), (0, 7)]])[0].tolist() == [1, 3.5, 2, 7, 0]


def test_points_on_a_line_and_a_single_point_have_flat_rotated_boxes() -> None:
    found = boxes.smallest_rotated([[(0, 0), (1, 1), (4, 4)], [(3, 5)]])

    assert found[0] == pytest.approx([2, 2, 0, np.hypot(4, 4), -45])
    assert found[1].tolist()[:4] == [3, 5, 0, 0]
    assert boxes.smallest_rotated([]).shape == (0, 5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("corner", [number / 10 for number in range(1, 40)])
def test_points_that_only_rounding_keeps_off_a_line_are_all_held(corner: float) -> None:
    points = np.array([(corner + step, 3 * corner + step) for step in (0, 1.1, 2.2)])

    found = boxes.smallest_rotated([[(0, 0), (2, 0), (2, 7), (0, 7)], points])

    assert found[0].tolist() == pytest.approx([1, 3.5, 2, 7, 0])
    assert found[1, :2] == pytest.approx(points[1])
    assert sorted(found[1, 2:4]) == pytest.approx([0, np.hypot(2.2, 2.2)])
    hull = shapely.convex_hull(shapely.multipoints(boxes.corners_of_rotated(found)[1]))
    assert shapely.dwithin(hull, shapely.points(points), 1e-9).all()


def test_the_bounding_box_of_every_kind() -> None:
    star = Keypoints(
        (Keypoint("a", 5, 5), Keypoint("b", 9, 1, 1), Keypoint("c", 99, 99, 0), Keypoint("d", None, None, 0))
    )

    assert bounding_box(Box(1, 2, 3, 4)) == Box(1, 2, 3, 4)
    assert bounding_box(RotatedBox(5, 5, 4, 2, 0)) == Box(3, 4, 4, 2)
    assert bounding_box(Polygon((((0, 0, 2, 0, 2, 2),), ((7, 7, 9, 7, 9, 8), (7, 7, 8, 7, 8, 7.5))))) == Box(0, 0, 9, 8)
    assert bounding_box(Polyline((4, 1, 2, 3))) == Box(2, 1, 2, 2)
    assert bounding_box(Point(4, 1)) == Box(4, 1, 0, 0)
    assert bounding_box(star) == Box(5, 1, 4, 4)
    assert bounding_box(Mask(4, 5, (6, 1, 13))) == Box(1, 2, 1, 1)


def test_a_hole_counts_where_it_reaches_beyond_its_outer_ring() -> None:
    square, hole, bar = (2, 2, 6, 2, 6, 6, 2, 6), (3, 3, 4, 3, 4, 4), (4, 3, 10, 3, 10, 5, 4, 5)

    assert bounding_box(Polygon(((square, hole),))) == Box(2, 2, 4, 4)
    assert bounding_box(Polygon(((square, bar),))) == Box(2, 2, 8, 4)
    assert bounding_box(Polygon(((square, bar, bar),))) == Box(2, 2, 4, 4)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("rounds", [-720, -360, 0, 360, 3600])
def test_quarter_turns_are_exact(turn: int, rounds: int) -> None:
    box = RotatedBox(50, 30, 100, 60, turn + rounds)
    across, down = (100, 60) if turn % 180 == 0 else (60, 100)

    around = [50 - across / 2, 30 - down / 2, across, down]
    assert bounding_box(box) == Box(*around)
    assert boxes.boxes_around_rotated(boxes.rotated_array([box])).tolist() == [around]
    corners = boxes.corners_of_rotated(boxes.rotated_array([box]))
    assert boxes.boxes_around_corners(corners).tolist() == [around]
    assert corners.ravel().tolist() == list(rotated_corners(box))


def test_nothing_is_around_what_is_empty() -> None:
    assert bounding_box(Mask(4, 5, (20,))) is None
    assert bounding_box(Keypoints((Keypoint("a", 5, 5, 0),))) is None


@pytest.mark.parametrize("geometry", [Whole(), Cuboid((0, 0, 0), (1, 1, 1))], ids=lambda geometry: geometry.kind)
def test_what_is_not_in_the_image_has_no_box(geometry: Whole | Cuboid) -> None:
    with pytest.raises(Unsupported, match=geometry.kind):
        bounding_box(geometry)


@pytest.mark.parametrize(
    "bad", [[(0, 0, 1)], [(0, 0, -1, 1)], [(0, 0, np.nan, 1)], [(np.inf, 0, 1, 1)], [(1e300, 0, 1, 1)], (0, 0, 1, 1)]
)
def test_bad_boxes_are_refused(bad: list) -> None:
    with pytest.raises(InvalidData):
        boxes.checked_boxes(bad)


def test_structs_become_arrays() -> None:
    assert boxes.box_array([Box(1, 2, 3, 4)]).tolist() == [[1, 2, 3, 4]]
    assert boxes.rotated_array([RotatedBox(1, 2, 3, 4, 5)]).tolist() == [[1, 2, 3, 4, 5]]
    assert boxes.box_array([]).shape == (0, 4)
