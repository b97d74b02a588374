"""Points, lines and keypoints: how far apart, and how alike."""

from __future__ import annotations

from math import exp, hypot, inf

import pytest
from hypothesis import given

from dragoman import Box, Cuboid, InvalidData, Keypoint, Keypoints, Point, Polygon, Polyline, Whole
from dragoman.conformance import strategies
from dragoman.errors import Unsupported
from dragoman.geometry import distance, iou, keypoint_similarity, similarity


def person(x: float, *, wrist: int = 2) -> Keypoints:
    place = (None, None) if wrist == 0 else (x + 30.0, 40.0)
    return Keypoints((Keypoint("head", x, 0), Keypoint("wrist", *place, wrist)))


@given(strategies.geometries)
def test_everything_resembles_itself(geometry: Box) -> None:
    assert similarity(geometry, geometry) == 1


def test_areas_have_their_iou() -> None:
    triangle = Polygon.of([(0, 0), (4, 0), (0, 4)])

    assert similarity(Box(0, 0, 4, 4), triangle) == iou(Box(0, 0, 4, 4), triangle) == pytest.approx(0.5)


def test_a_point_loses_by_the_diagonal_of_the_image() -> None:
    assert distance(Point(0, 0), Point(3, 4)) == 5
    assert similarity(Point(0, 0), Point(3, 4), (30, 40)) == pytest.approx(0.9)
    assert similarity(Point(0, 0), Point(3, 4)) == 0


def test_a_polyline_is_as_far_as_its_farthest_place() -> None:
    straight, bent = Polyline((0, 0, 100, 0)), Polyline((0, 0, 50, 10, 100, 0))

    assert distance(straight, bent) == distance(bent, straight) == pytest.approx(10)
    assert similarity(straight, bent) == pytest.approx(1 - 10 / hypot(100, 10))


def test_a_polyline_with_more_vertices_on_the_same_line_is_no_distance_away() -> None:
    assert similarity(Polyline((0, 0, 100, 0)), Polyline((0, 0, 50, 0, 100, 0))) == 1


def test_keypoints_are_as_far_as_their_farthest_point() -> None:
    assert distance(person(0), person(5)) == 5
    assert similarity(person(0), person(5), (300, 400)) == pytest.approx(0.99)


def test_a_keypoint_that_is_gone_leaves_no_similarity() -> None:
    assert distance(person(0), person(0, wrist=0)) == inf
    assert similarity(person(0), person(0, wrist=0)) == 0


def test_keypoints_that_differ_in_visibility_only_are_no_distance_away() -> None:
    assert distance(person(0), person(0, wrist=1)) == 0


def test_oks_follows_cocos_formula() -> None:
    area = 30 * 40

    assert keypoint_similarity(person(0), person(0)) == 1
    assert keypoint_similarity(person(0), person(5), sigmas=(0.026, 0.062)) == pytest.approx(
        (exp(-25 / (2 * area * 0.052**2)) + exp(-25 / (2 * area * 0.124**2))) / 2
    )


def test_oks_asks_only_for_the_points_that_are_labelled_in_the_truth() -> None:
    assert keypoint_similarity(person(0, wrist=0), person(0), area=100) == 1
    assert keypoint_similarity(person(0), person(0, wrist=0)) == 0.5


@pytest.mark.parametrize(("area", "sigmas"), [(0, (0.1,)), (9, (0.1, 0.1, 0.1)), (9, (0.0,)), (None, (0.1,))])
def test_oks_needs_an_area_and_sigmas(area: float | None, sigmas: tuple[float, ...]) -> None:
    truth = person(0) if area is not None else person(0, wrist=0)

    with pytest.raises(InvalidData, match="OKS"):
        keypoint_similarity(truth, truth, area=area, sigmas=sigmas)


@pytest.mark.parametrize("area", [None, 10])
def test_oks_needs_a_labelled_point_in_the_truth(area: float | None) -> None:
    unlabelled = Keypoints((Keypoint("head", 1, 1, 0), Keypoint("wrist", None, None, 0)))

    with pytest.raises(InvalidData, match="OKS needs a labelled point"):
        keypoint_similarity(unlabelled, person(0), area=area)


def test_cuboids_are_equal_or_not() -> None:
    assert similarity(Cuboid((0, 0, 0), (1, 1, 1)), Cuboid((0, 0, 0), (1, 1, 2))) == 0


@pytest.mark.parametrize("other", [Box(0, 0, 1, 1), Polyline((0, 0, 1, 1)), Whole()], ids=lambda other: other.kind)
def test_kinds_that_cannot_be_compared_are_refused(other: Box | Polyline | Whole) -> None:
    with pytest.raises(Unsupported, match=f"point and {other.kind}"):
        similarity(Point(0, 0), other)
