"""Masks to polygons and back: exact, with holes and parts, valid; drawing compared with pycocotools."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from dragoman import InvalidData, Mask, Polygon
from dragoman.conformance import strategies
from dragoman.geometry import array_of_mask, mask_of_array, mask_of_polygon, outlines, polygon_of_mask

masks = arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))
RING = np.array([[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]], bool)
TWO = np.array([[1, 0, 1]], bool)


def shape_of(polygon: Polygon) -> shapely.MultiPolygon:
    rings = [[np.reshape(ring, (-1, 2)) for ring in part] for part in polygon.parts]
    return shapely.MultiPolygon([(part[0], part[1:]) for part in rings])


@given(masks)
def test_mask_to_polygon_to_mask_is_exact(mask: np.ndarray) -> None:
    polygon = polygon_of_mask(mask_of_array(mask))

    if polygon is None:
        assert not mask.any()
    else:
        assert mask_of_polygon(polygon, mask.shape[1], mask.shape[0]) == mask_of_array(mask)


@given(masks)
def test_the_outline_is_a_valid_polygon_with_the_area_of_the_pixels(mask: np.ndarray) -> None:
    polygon = polygon_of_mask(mask_of_array(mask))

    if polygon is not None:
        shape = shape_of(polygon)
        assert shapely.is_valid(shape), shapely.is_valid_reason(shape)
        assert shape.area == mask.sum()


@given(masks)
def test_there_is_one_part_for_each_group_of_pixels_joined_by_their_sides(mask: np.ndarray) -> None:
    groups, _ = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)

    assert len(outlines.outlines(mask)) == groups - 1


def test_a_mask_of_one_pixel_is_a_unit_square() -> None:
    assert polygon_of_mask(Mask(4, 5, (6, 1, 13))) == Polygon.of([(1, 3), (1, 2), (2, 2), (2, 3)])


def test_a_full_mask_is_the_box_of_the_image() -> None:
    polygon = polygon_of_mask(Mask(4, 5, (0, 20)))

    assert shape_of(polygon).equals(shapely.box(0, 0, 5, 4))


def test_holes_and_second_parts_of_masks_are_kept() -> None:
    assert polygon_of_mask(mask_of_array(RING)).form == "polygon with holes"
    assert polygon_of_mask(mask_of_array(TWO)).form == "polygon of parts"


def test_an_island_in_a_hole_is_a_part_of_its_own() -> None:
    mask = np.ones((7, 7), bool)
    mask[1:6, 1:6] = False
    mask[2:5, 2:5] = True
    mask[3, 3] = False

    assert sorted(len(part) for part in outlines.outlines(mask)) == [2, 2]
    assert shape_of(polygon_of_mask(mask_of_array(mask))).area == mask.sum()


def test_pixels_that_touch_at_a_corner_are_two_parts() -> None:
    assert len(outlines.outlines(np.eye(2, dtype=bool))) == 2
    assert len(outlines.outlines(np.eye(2, dtype=bool)[::-1])) == 2


def test_a_ring_of_pixels_whose_ends_touch_at_a_corner_has_a_hole() -> None:
    mask = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], bool)

    (part,) = outlines.outlines(mask)

    assert len(part) == 2


def test_outer_rings_run_clockwise_on_screen_and_holes_the_other_way() -> None:
    (part,) = outlines.outlines(RING)

    # shapely counts with y upwards.
    assert shapely.is_ccw(shapely.linearrings(part[0]))
    assert not shapely.is_ccw(shapely.linearrings(part[1]))


def test_an_empty_mask_has_no_outline() -> None:
    assert polygon_of_mask(Mask(3, 3, (9,))) is None


def test_a_pixel_is_drawn_when_its_centre_is_covered() -> None:
    drawn = outlines.filled([(np.array([[0.6, 0.4], [2.6, 0.4], [2.6, 1.4], [0.6, 1.4]]),)], 3, 4)

    assert np.argwhere(drawn).tolist() == [[0, 1], [0, 2]]


@given(strategies.polygons | strategies.polygons_with_holes | strategies.polygons_of_parts)
def test_any_polygon_can_be_drawn_wherever_it_lies(polygon: Polygon) -> None:
    mask = mask_of_polygon(polygon, 50, 40)

    assert (mask.width, mask.height) == (50, 40)


vertices = st.tuples(st.floats(-10, 50), st.floats(-10, 50))
rings = st.lists(vertices, min_size=3, max_size=8).map(np.array)
parts = st.lists(st.lists(rings, min_size=1, max_size=2).map(tuple), min_size=1, max_size=3)


@given(parts)
def test_drawing_agrees_with_the_even_odd_rule_at_each_centre_and_unites_parts(drawn: list) -> None:
    centres = np.stack(np.meshgrid(np.arange(40) + 0.5, np.arange(30) + 0.5), axis=-1).reshape(-1, 2)
    covered = np.zeros(len(centres), bool)
    near = np.zeros(len(centres), bool)
    for part in drawn:
        inside = np.zeros(len(centres), bool)
        for ring in part:
            for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                crossed = (y0 > centres[:, 1]) != (y1 > centres[:, 1])
                with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                    inside ^= crossed & (x0 + (centres[:, 1] - y0) * (x1 - x0) / (y1 - y0) > centres[:, 0])
            with np.errstate(all="ignore"):
                near |= shapely.distance(shapely.linearrings(ring), shapely.points(centres)) < 1e-6
        covered |= inside

    result = outlines.filled(drawn, 30, 40).ravel()

    assert (result == covered)[~near].all()


@pytest.mark.parametrize("seed", range(20))
def test_pycocotools_draws_the_same_but_for_pixels_on_the_outline(seed: int) -> None:
    random = np.random.default_rng(seed)
    angles = np.sort(random.random(12)) * 2 * np.pi
    ring = 50 + (20 + 25 * random.random((12, 1))) * np.column_stack([np.cos(angles), np.sin(angles)])

    ours = outlines.filled([(ring,)], 100, 100)
    theirs = coco.decode(coco.frPyObjects([ring.ravel().tolist()], 100, 100))[..., 0].astype(bool)

    rows, columns = np.nonzero(ours != theirs)
    centres = shapely.points(columns + 0.5, rows + 0.5)
    assert (shapely.distance(shapely.linearrings(ring), centres) < 0.8).all()


@given(masks)
def test_pycocotools_fills_our_outlines_with_the_same_pixels(mask: np.ndarray) -> None:
    solid = [part[0] for part in outlines.outlines(mask)]
    for ring in solid:
        theirs = coco.decode(coco.frPyObjects([ring.ravel().tolist()], *mask.shape))[..., 0]
        assert (outlines.filled([(ring,)], *mask.shape) == theirs).all()


def test_what_covers_no_centre_gives_an_empty_mask() -> None:
    sliver = Polygon.of([(1.1, 1.1), (1.2, 1.1), (1.2, 1.2)])
    line = Polygon.of([(0, 0), (5, 5), (2, 2)])

    assert not array_of_mask(mask_of_polygon(sliver, 9, 9)).any()
    assert not array_of_mask(mask_of_polygon(line, 9, 9)).any()


def test_parts_that_share_an_edge_leave_no_gap_and_do_not_overlap() -> None:
    corners = np.array([[0, 0], [97, 3], [90, 88], [5, 95]], float)
    middle = np.array([[47.3, 52.9]])
    pieces = [np.concatenate([corners[[k, (k + 1) % 4]], middle]) for k in range(4)]

    drawn = [outlines.filled([(piece,)], 100, 100).astype(int) for piece in pieces]

    assert (sum(drawn) == outlines.filled([(corners,)], 100, 100)).all()


def test_ten_million_vertices_are_refused_before_anything_is_computed() -> None:
    ring = np.zeros((10_000_000, 2))

    with pytest.raises(InvalidData, match="10000000 vertices"):
        outlines.fill([(ring,)], 100, 100)


def test_outlines_that_cross_too_many_columns_are_refused() -> None:
    zigzag = np.tile([[0.0, 0.0], [100_000.0, 5.0]], (1000, 1))

    with pytest.raises(InvalidData, match="pixel columns"):
        outlines.fill([(zigzag,)], 10, 100_000)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_coordinates_out_of_reach_are_refused(bad: float) -> None:
    with pytest.raises(InvalidData, match="coordinate"):
        outlines.fill([(np.array([[0, 0], [1, bad], [2, 0]]),)], 10, 10)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 5), (2**40, 2**40)])
def test_a_size_that_is_none_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidData, match="image size"):
        mask_of_polygon(Polygon.of([(0, 0), (1, 0), (1, 1)]), *size)


def test_a_mask_far_off_in_a_huge_image_is_traced_without_decoding() -> None:
    side = 10**6
    mask = Mask(side, side, (side + 1, 2, side**2 - side - 3))

    polygon = polygon_of_mask(mask)

    assert shape_of(polygon).equals(shapely.box(1, 1, 2, 3))
    assert mask_of_polygon(polygon, side, side) == mask
