"""Conversions between forms: what is kept, what is refused."""

from __future__ import annotations

import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dragoman import Box, InvalidData, Keypoint, Keypoints, Mask, Point, Polygon, Polyline, RotatedBox
from dragoman.conformance import strategies
from dragoman.errors import Unsupported
from dragoman.geometry import FORMS, convert, iou, mask_of_array, mask_of_polygon, possible
from dragoman.geometry.bridges import signed_area
from dragoman.geometry.shapes import as_shape, parts_of_polygon

HOLED = Polygon((((0, 0, 8, 0, 8, 8, 0, 8), (2, 2, 4, 2, 4, 4, 2, 4), (5, 5, 7, 5, 7, 7, 5, 7)),))
PARTS = Polygon((*HOLED.parts, ((10, 0, 14, 0, 14, 4, 10, 4),), ((0, 10, 3, 10, 3, 12),)))
EXAMPLES = {
    "box": Box(1, 2, 3, 4),
    "rotated_box": RotatedBox(5, 5, 4, 2, 30),
    "polygon": Polygon.of([(0, 0), (8, 0), (0, 8)]),
    "polygon with holes": HOLED,
    "polygon of parts": PARTS,
    "polyline": Polyline((0, 0, 4, 0, 4, 4)),
    "point": Point(1, 2),
    "keypoints": Keypoints((Keypoint("a", 1, 1), Keypoint("b", 5, 3, 1), Keypoint("c", None, None, 0))),
    "mask": mask_of_polygon(PARTS, 20, 15),
}
SIMPLER = {"polygon": {"polygon"}, "polygon with holes": {"polygon", "polygon with holes"}}
SIMPLER["polygon of parts"] = {*SIMPLER["polygon with holes"], "polygon of parts"}


def test_the_forms_are_those_of_all_geometries() -> None:
    assert set(FORMS) == set(strategies.BY_FORM)


@pytest.mark.parametrize(("form", "to"), list(product(EXAMPLES, FORMS)))
def test_every_pair_of_forms_converts_or_is_refused_as_possible_says(form: str, to: str) -> None:
    if possible(form, to):
        assert convert(EXAMPLES[form], to, size=(20, 15)).form in SIMPLER.get(to, {to})
    else:
        with pytest.raises(Unsupported, match=f"'{form}' cannot become '{to}'"):
            convert(EXAMPLES[form], to, size=(20, 15))


@pytest.mark.parametrize("form", ["polygon", "polygon with holes", "polygon of parts", "mask"])
@pytest.mark.parametrize("source", ["box", "polygon with holes", "polygon of parts", "mask"])
def test_areas_on_the_pixel_grid_convert_without_loss(source: str, form: str) -> None:
    before = EXAMPLES[source]
    after = convert(before, form, size=(20, 15))

    if source != "polygon of parts":  # its triangle is not on the grid
        assert iou(before, after) == pytest.approx(1)
    assert iou(before, after, (20, 15)) == 1


def test_rotated_boxes_are_not_flattened() -> None:
    before = RotatedBox(50, 40, 30, 10, -135)

    polygon = convert(before, "polygon")
    back = convert(polygon, "rotated_box")

    assert iou(before, polygon) == pytest.approx(1)
    assert [back.cx, back.cy, back.width, back.height, back.angle] == pytest.approx([50, 40, 30, 10, -135])


def test_any_other_polygon_becomes_the_smallest_rotated_box_around_it() -> None:
    triangle = Polygon.of([(0, 0), (4, 0), (0, 3)])

    found = convert(triangle, "rotated_box")

    assert found.width * found.height == pytest.approx(12)
    assert as_shape(found).buffer(1e-9).covers(as_shape(triangle))


def test_the_rotated_box_holds_a_hole_that_reaches_beyond_its_outer_ring() -> None:
    square = (2, 2, 6, 2, 6, 6, 2, 6)

    found = convert(Polygon(((square, (4, 2, 10, 2, 10, 6, 4, 6)),)), "rotated_box")

    assert [found.cx, found.cy, found.width, found.height, found.angle] == pytest.approx([6, 4, 8, 4, 0])
    assert convert(Polygon(((square, (3, 3, 5, 3, 5, 5)),)), "rotated_box") == RotatedBox(4, 4, 4, 4, 0)


def test_a_box_becomes_a_rotated_box_that_is_not_turned() -> None:
    assert convert(Box(1, 2, 4, 6), "rotated_box") == RotatedBox(3, 5, 4, 6, 0)


@pytest.mark.parametrize("form", ["polygon with holes", "polygon of parts", "mask"])
def test_holes_and_second_parts_hang_on_bridges_that_keep_the_area(form: str) -> None:
    before = EXAMPLES[form]

    ring = convert(before, "polygon")

    (part,) = parts_of_polygon(ring)
    area = as_shape(convert(before, "polygon of parts")).area
    assert ring.form == "polygon"
    assert signed_area(part[0]) == pytest.approx(area)
    assert as_shape(ring).area == pytest.approx(area)
    assert mask_of_polygon(ring, 20, 15) == convert(before, "mask", size=(20, 15))


@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))).filter(np.any))
def test_any_mask_survives_the_way_through_a_single_ring(pixels: np.ndarray) -> None:
    mask = mask_of_array(pixels)

    for form in ("polygon", "polygon with holes", "polygon of parts"):
        assert convert(convert(mask, form), "mask", size=(mask.width, mask.height)) == mask


@given(strategies.polygons_with_holes | strategies.polygons_of_parts)
def test_joining_keeps_the_area_of_any_polygon(polygon: Polygon) -> None:
    before = as_shape(polygon).area

    after = as_shape(convert(polygon, "polygon")).area

    assert after == pytest.approx(before, rel=1e-6, abs=1)


def test_joining_keeps_the_area_where_vertices_are_next_to_each_other() -> None:
    close = (0, -1e-164, -1, 0, -1, 1)
    polygon = Polygon((((0, 0, -1, 2, -1, -1),), ((0, 0, 0, 1, 1, 0), close)))

    assert as_shape(convert(polygon, "polygon")).area == pytest.approx(2) == as_shape(polygon).area


def test_parts_that_overlap_are_united_before_they_are_joined() -> None:
    overlapping = Polygon((((0, 0, 6, 0, 6, 6, 0, 6),), ((3, 3, 9, 3, 9, 9, 3, 9),)))

    assert iou(overlapping, convert(overlapping, "polygon")) == pytest.approx(1)


def test_keypoints_become_the_box_of_the_labelled_ones() -> None:
    assert convert(EXAMPLES["keypoints"], "box") == Box(1, 1, 4, 2)
    assert convert(EXAMPLES["keypoints"], "point") == Point(3, 2)


def test_the_point_of_an_area_is_its_centroid() -> None:
    assert convert(Box(1, 2, 4, 6), "point") == Point(3, 5)
    assert convert(RotatedBox(3, 5, 4, 6, 77), "point") == Point(3, 5)
    assert convert(Polygon.of([(0, 0), (6, 0), (0, 6)]), "point") == Point(2, 2)
    assert convert(Mask(4, 5, (6, 1, 13)), "point") == Point(1.5, 2.5)
    assert convert(Polygon.of([(0, 0), (4, 4), (2, 2)]), "point") == Point(2, 2)


def test_the_tolerance_takes_vertices_from_an_outline() -> None:
    disc = np.hypot(*(np.indices((60, 60)) - 30)) < 25
    exact = convert(mask_of_array(disc), "polygon")

    simpler = convert(mask_of_array(disc), "polygon", tolerance=1.5)

    assert len(simpler.parts[0][0]) < len(exact.parts[0][0]) / 3
    assert iou(simpler, exact) > 0.95
    assert convert(exact, "polygon", tolerance=1.5) == simpler


def test_a_mask_needs_the_size_of_the_image() -> None:
    with pytest.raises(InvalidData, match="size"):
        convert(Box(0, 0, 1, 1), "mask")


@pytest.mark.parametrize("form", ["box", "rotated_box", "polygon", "polygon of parts", "point"])
def test_an_empty_mask_is_no_shape(form: str) -> None:
    with pytest.raises(InvalidData, match="empty"):
        convert(Mask(2, 2, (4,)), form)


@pytest.mark.parametrize("form", ["box", "point"])
def test_keypoints_without_a_label_have_no_place(form: str) -> None:
    with pytest.raises(InvalidData, match="empty"):
        convert(Keypoints((Keypoint("a", 1, 1, 0),)), form)


def test_the_error_of_a_conversion_names_both_forms_and_the_way_out() -> None:
    with pytest.raises(Unsupported, match=r"'polyline' cannot become 'mask'.*box, polyline, point"):
        convert(Polyline((0, 0, 1, 1)), "mask", size=(5, 5))


def test_a_form_that_does_not_exist_is_bad_input() -> None:
    with pytest.raises(InvalidData, match="trapezoid"):
        convert(Box(0, 0, 1, 1), "trapezoid")


@given(st.data())
def test_any_geometry_converts_wherever_it_can_or_is_said_to_be_empty(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(FORMS))
    to = data.draw(st.sampled_from([to for to in FORMS if possible(form, to)]))
    geometry = data.draw(strategies.BY_FORM[form])

    try:
        result = convert(geometry, to, size=(40, 30))
    except InvalidData as error:
        assert "empty" in str(error)  # noqa: PT017
    else:
        assert result.form in SIMPLER.get(to, {to}) | ({geometry.form} if geometry.form == to else set())


def test_dragoman_does_not_load_the_geometry_extra() -> None:
    code = "import dragoman, sys; dragoman.Box; print(not {'numpy', 'shapely', 'hotcoco', 'cv2'} & set(sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"


def test_without_the_extra_the_error_says_what_to_install() -> None:
    code = "import sys; sys.modules['shapely'] = None; import dragoman.geometry"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "dragoman.geometry needs shapely: pip install 'dragoman[geometry]'" in done.stderr
