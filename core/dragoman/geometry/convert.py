"""Convert a geometry to the form that a platform or a file format has.

`FORMS` lists the forms; a polygon with holes may go where parts may, and a plain polygon where holes may. What a
conversion keeps is said at the function that does it; `similarity.similarity` measures what it lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import shapely

from dragoman.errors import InvalidData, Unsupported
from dragoman.geometry.boxes import are_rectangles, bounding_box, labelled, rotated_of_corners, smallest_rotated
from dragoman.geometry.bridges import joined
from dragoman.geometry.limits import Floats
from dragoman.geometry.outlines import mask_of_polygon, polygon_of_mask
from dragoman.geometry.shapes import (
    Part,
    as_shape,
    box_corners,
    line_shape,
    part_shapes,
    parts_of_polygon,
    polygon_of_parts,
    polygon_of_shape,
    polygon_shape,
    rotated_corners,
)
from dragoman.geometry.simplify import simplify
from dragoman.schema import AnyGeometry, Box, Keypoints, Mask, Point, Polygon, Polyline, RotatedBox

FORMS = (
    "box",
    "rotated_box",
    "polygon",
    "polygon with holes",
    "polygon of parts",
    "polyline",
    "point",
    "keypoints",
    "mask",
    "cuboid",
    "whole",
)
"""Every `Geometry.form`."""

_POLYGONS = ("polygon", "polygon with holes", "polygon of parts")
_AREAS = frozenset(("box", "rotated_box", "mask", *_POLYGONS))

_Size: TypeAlias = tuple[int, int] | None
_T = TypeVar("_T")


def possible(form: str, to: str) -> bool:
    """Say whether `convert` takes geometries of one form to another.

    Areas (boxes, polygons, masks) convert to each other and to a point. Polylines and keypoints convert to a box or a
    point. A cuboid, which is not in the image's pixels, a whole, and a point stay what they are.
    """
    _check_forms(form, to)
    return (form, to) in _MAKERS


def convert(
    geometry: AnyGeometry, form: str, *, size: tuple[int, int] | None = None, tolerance: float = 0.0
) -> AnyGeometry:
    """Convert a geometry to another form.

    - To `"box"`: the smallest around it; of keypoints, around the labelled ones.
    - To `"rotated_box"`: a box turned by 0; four corners that are a rectangle, clockwise, give exactly the rotated box
      that has them; anything else the smallest around it.
    - To `"polygon"`: one ring; holes and parts hang on bridges of no width, which keep the area (`bridges`).
    - To `"polygon with holes"`: parts are joined by such bridges, holes stay.
    - To `"polygon of parts"`: nothing is lost. A mask's outline is exact (`outlines`).
    - To `"mask"`: the pixels whose centres are covered; what covers none gives an empty mask.
    - To `"point"`: the centroid of the area or line, or the mean of the labelled keypoints.

    Args:
        geometry: Any geometry.
        form: One of `FORMS`. A polygon that is simpler than the form asked for comes back as it is.
        size: Width and height of the image in pixels; needed for `"mask"`.
        tolerance: If above 0, polygons and polylines that come out are simplified within this many pixels
            (`simplify`), before rings are joined; boxes keep their corners.

    Raises:
        Unsupported: There is no such conversion; the message names both forms.
        InvalidData: The form is unknown, a size is missing, the geometry is empty (a mask without pixels, keypoints
            of which none is labelled), or an outline is beyond the limits of `limits`.
    """
    here = geometry.form
    if here == form and not tolerance:
        return geometry
    maker = _MAKERS.get((here, form))
    if maker is None:
        _check_forms(form)
        raise Unsupported(
            f"A geometry of form {here!r} cannot become {form!r}.",
            hint=f"It can become: {', '.join(to for to in FORMS if possible(here, to))}.",
        )
    return maker(geometry, size, tolerance)


def _check_forms(*forms: str) -> None:
    for form in forms:
        if form not in FORMS:
            raise InvalidData(f"There is no form of geometry {form!r}.", hint=f"Forms are: {', '.join(FORMS)}.")


def _to_box(geometry: AnyGeometry, size: _Size, tolerance: float) -> Box:
    found = bounding_box(geometry)
    return _not_empty(found, geometry)


def _to_rotated_box(geometry: AnyGeometry, size: _Size, tolerance: float) -> RotatedBox:
    match geometry:
        case RotatedBox():
            return geometry
        case Box():
            half = geometry.width / 2, geometry.height / 2
            return RotatedBox(geometry.x + half[0], geometry.y + half[1], geometry.width, geometry.height, 0)
        case Polygon():
            vertices = _outermost(parts_of_polygon(geometry))
            if len(vertices) == 4 and geometry.form == "polygon" and are_rectangles(vertices[None])[0]:
                return RotatedBox(*rotated_of_corners(vertices[None])[0].tolist())
            return RotatedBox(*smallest_rotated([vertices])[0].tolist())
    return _to_rotated_box(_polygon(geometry), size, tolerance)


def _outermost(parts: Sequence[Part]) -> Floats:
    """Return vertices whose convex hull holds all that parts cover, shape (n, 2).

    They are the outer rings', unless a hole leaves the hull of these: the even-odd rule makes area of that.
    """
    outer = np.concatenate([part[0] for part in parts])
    holes = [hole for part in parts for hole in part[1:]]
    if not holes:
        return outer
    hull = shapely.convex_hull(shapely.multipoints(outer))
    if shapely.covers(hull, shapely.multipoints(np.concatenate(holes))):
        return outer
    covered = shapely.get_coordinates(polygon_shape(parts))
    return covered if len(covered) else outer


def _polygon(geometry: AnyGeometry) -> Polygon:
    """Return the polygon that covers exactly what an area covers."""
    match geometry:
        case Polygon():
            return geometry
        case Box():
            return Polygon(((box_corners(geometry),),))
        case RotatedBox():
            return Polygon(((rotated_corners(geometry),),))
        case Mask():
            return _not_empty(polygon_of_mask(geometry), geometry)
    raise Unsupported(f"A {geometry.kind} is no area.")


def _to_parts(geometry: AnyGeometry, size: _Size, tolerance: float) -> Polygon:
    polygon = _polygon(geometry)
    simpler = simplify(polygon, tolerance) if tolerance else polygon
    assert isinstance(simpler, Polygon)
    return simpler


def _to_holes(geometry: AnyGeometry, size: _Size, tolerance: float) -> Polygon:
    polygon = _to_parts(geometry, size, tolerance)
    if len(polygon.parts) == 1:
        return polygon
    parts = parts_of_polygon(_disjoint(polygon))
    ring = joined([part[:1] for part in parts])
    return polygon_of_parts([(ring, *(hole for part in parts for hole in part[1:]))])


def _to_ring(geometry: AnyGeometry, size: _Size, tolerance: float) -> Polygon:
    polygon = _to_parts(geometry, size, tolerance)
    if polygon.form == "polygon":
        return polygon
    return polygon_of_parts([(joined(parts_of_polygon(_disjoint(polygon))),)])


def _disjoint(polygon: Polygon) -> Polygon:
    """Return a polygon whose rings do not cross, so that joining them neither adds nor cancels area."""
    parts = parts_of_polygon(polygon)
    if shapely.is_valid(shapely.multipolygons(part_shapes(parts))):
        return polygon
    return polygon_of_shape(as_shape(polygon)) or polygon


def _to_mask(geometry: AnyGeometry, size: _Size, tolerance: float) -> Mask:
    if isinstance(geometry, Mask):
        return geometry
    if size is None:
        raise InvalidData(
            f"A {geometry.form} becomes a mask of the image, whose size is not known.", hint="Give size=."
        )
    return mask_of_polygon(_polygon(geometry), *size)


def _to_point(geometry: AnyGeometry, size: _Size, tolerance: float) -> Point:
    match geometry:
        case Point():
            return geometry
        case Box():
            return Point(geometry.x + geometry.width / 2, geometry.y + geometry.height / 2)
        case RotatedBox():
            return Point(geometry.cx, geometry.cy)
        case Keypoints():
            found = _not_empty(labelled(geometry) or None, geometry)
            return Point(sum(found[::2]) * 2 / len(found), sum(found[1::2]) * 2 / len(found))
        case Polyline():
            shape = line_shape(geometry)
        case _:
            shape = as_shape(_polygon(geometry))
    centre = shapely.get_coordinates(shapely.centroid(shape))
    if not len(centre):  # a polygon without area
        around = _to_box(geometry, size, tolerance)
        return _to_point(around, size, tolerance)
    return Point(*centre[0].tolist())


def _to_corners(geometry: AnyGeometry, size: _Size, tolerance: float) -> Polygon:
    return _polygon(geometry)


def _itself(geometry: AnyGeometry, size: _Size, tolerance: float) -> AnyGeometry:
    return geometry


def _to_line(geometry: AnyGeometry, size: _Size, tolerance: float) -> Polyline:
    assert isinstance(geometry, Polyline)
    simpler = simplify(geometry, tolerance)
    assert isinstance(simpler, Polyline)
    return simpler


def _not_empty(found: _T | None, geometry: AnyGeometry) -> _T:
    if found is None:
        raise InvalidData(f"The {geometry.kind} is empty: nothing of it has a place.", field="geometry")
    return found


_BY_TARGET: dict[str, Callable[[AnyGeometry, _Size, float], AnyGeometry]] = {
    "box": _to_box,
    "rotated_box": _to_rotated_box,
    "polygon": _to_ring,
    "polygon with holes": _to_holes,
    "polygon of parts": _to_parts,
    "mask": _to_mask,
    "point": _to_point,
}
_MAKERS: dict[tuple[str, str], Callable[[AnyGeometry, _Size, float], AnyGeometry]] = {
    **{(form, form): _itself for form in FORMS},
    **{(form, to): make for form in _AREAS for to, make in _BY_TARGET.items()},
    **{(form, to): _to_corners for form in ("box", "rotated_box") for to in _POLYGONS},
    **{(form, to): _BY_TARGET[to] for form in ("polyline", "keypoints") for to in ("box", "point")},
    ("polyline", "polyline"): _to_line,
}
"""Pair of forms to the function that converts; what is not here is impossible."""
