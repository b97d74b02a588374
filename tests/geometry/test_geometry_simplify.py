"""Ramer-Douglas-Peucker: within the tolerance, with all rings, still valid."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dragoman import InvalidData, Polygon, Polyline
from dragoman.conformance import strategies
from dragoman.geometry import mask_of_array, outlines, polygon_of_mask, simplify
from dragoman.geometry.shapes import as_shape, part_shapes, parts_of_polygon, polygon_of_parts

radii = st.lists(st.floats(5, 100), min_size=8, max_size=60)


def star(lengths: list[float]) -> Polygon:
    angles = np.linspace(0, 2 * np.pi, len(lengths), endpoint=False)
    return Polygon.of(np.column_stack([lengths * np.cos(angles), lengths * np.sin(angles)]))


@given(radii, st.floats(0, 20))
def test_no_vertex_that_goes_is_farther_from_the_new_outline_than_the_tolerance(
    lengths: list, tolerance: float
) -> None:
    before = star(lengths)

    after = simplify(before, tolerance)

    outline = shapely.linearrings(parts_of_polygon(after)[0][0])
    distances = shapely.distance(outline, shapely.points(parts_of_polygon(before)[0][0]))
    assert distances.max() <= tolerance + 1e-9
    assert as_shape(after).is_valid


@given(arrays.arrays(np.bool_, st.tuples(st.integers(2, 12), st.integers(2, 12))), st.sampled_from((0.5, 1.5, 5)))
def test_the_outline_of_a_mask_with_holes_and_parts_stays_valid_and_near(pixels: np.ndarray, tolerance: float) -> None:
    before = outlines.outlines(pixels)
    if not before:
        return

    after = parts_of_polygon(simplify(polygon_of_parts(before), tolerance))

    assert shapely.is_valid(shapely.multipolygons(part_shapes(after)))
    for old, new in zip(chain(*before), chain(*after), strict=True):
        assert shapely.distance(shapely.linearrings(new), shapely.points(old)).max() <= tolerance + 1e-9


@given(radii, st.floats(0, 20))
def test_the_vertices_that_stay_are_old_ones(lengths: list, tolerance: float) -> None:
    before = star(lengths)
    kept = {tuple(vertex) for vertex in parts_of_polygon(simplify(before, tolerance))[0][0].tolist()}

    assert kept <= {tuple(vertex) for vertex in parts_of_polygon(before)[0][0].tolist()}


def test_holes_and_parts_stay_however_large_the_tolerance() -> None:
    mask = np.zeros((60, 60), bool)
    mask[5:25, 5:25] = True
    mask[10:12, 10:12] = False
    mask[40:43, 40:43] = True
    before = polygon_of_mask(mask_of_array(mask))

    after = simplify(before, 1000)

    assert [len(part) for part in after.parts] == [len(part) for part in before.parts] == [2, 1]
    assert as_shape(after).is_valid


def test_with_tolerance_0_only_vertices_on_a_straight_line_go() -> None:
    assert simplify(Polygon.of([(0, 0), (1, 0), (2, 0), (2, 2), (0, 2)]), 0) == Polygon.of(
        [(0, 0), (2, 0), (2, 2), (0, 2)]
    )


def test_a_polyline_keeps_its_ends() -> None:
    assert simplify(Polyline((0, 0, 1, 0.4, 2, -0.3, 9, 0)), 1) == Polyline((0, 0, 9, 0))


@given(strategies.polygons_with_holes | strategies.polygons_of_parts, st.sampled_from((0, 1, 1e7)))
def test_no_ring_of_any_polygon_vanishes(polygon: Polygon, tolerance: float) -> None:
    assert [len(part) for part in simplify(polygon, tolerance).parts] == [len(part) for part in polygon.parts]


def test_parts_do_not_grow_into_each_other() -> None:
    bay = [(0, 0), (10, 0), (10, 10), (5, 2), (0, 10)]
    tongue = [(3, 9), (5, 4), (7, 9)]
    before = Polygon(tuple((tuple(number for vertex in ring for number in vertex),) for ring in (bay, tongue)))

    after = simplify(before, 20)

    assert as_shape(after).area == pytest.approx(sum(as_shape(Polygon((part,))).area for part in after.parts))


def test_a_ring_without_area_stays_a_ring() -> None:
    assert set(simplify(Polygon.of([(1, 1)] * 5), 3).parts[0][0]) == {1.0}


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf")])
def test_a_tolerance_is_a_number_of_pixels(tolerance: float) -> None:
    with pytest.raises(InvalidData, match="tolerance"):
        simplify(Polyline((0, 0, 1, 1)), tolerance)


def test_a_million_vertices_are_the_limit() -> None:
    vertices = tuple(np.zeros(2_000_002).tolist())

    for geometry in (Polyline(vertices), Polygon(((vertices,),))):
        with pytest.raises(InvalidData, match="1000001 vertices"):
            simplify(geometry, 1)
