"""Fewer vertices for polygons and polylines, by Ramer-Douglas-Peucker, within a tolerance in pixels.

GEOS does it (`shapely.simplify`): Ramer 1972, Douglas and Peucker 1973. No vertex that is left out lies farther than
the tolerance from the new outline, and every vertex that stays is one of the old ones.
"""

from __future__ import annotations

import shapely  # type: ignore[import-untyped]

from dragoman.errors import InvalidData
from dragoman.geometry.shapes import line_shape, part_shapes, parts_of_polygon, polygon_of_parts
from dragoman.schema import Polygon, Polyline


def simplify(geometry: Polygon | Polyline, tolerance: float) -> Polygon | Polyline:
    """Return a polygon or polyline with fewer vertices.

    Of a polygon every part and every hole stays, with three vertices at least, and a valid polygon stays valid: rings
    that would cross keep more vertices. A polyline keeps its ends.

    Args:
        geometry: A polygon or polyline; one of more than `limits.MAX_VERTICES` vertices is refused.
        tolerance: Largest distance, in pixels, of a vertex left out from the new outline. With 0 only vertices on a
            straight line go.

    Raises:
        InvalidData: The tolerance is negative or not finite, or there are too many vertices.
    """
    if not 0 <= tolerance < float("inf"):
        raise InvalidData(f"The tolerance is {tolerance}; it is a number of pixels, 0 or more.", field="tolerance")
    if isinstance(geometry, Polyline):
        line = shapely.simplify(line_shape(geometry), tolerance, preserve_topology=False)
        return Polyline(tuple(shapely.get_coordinates(line).ravel().tolist()))
    # All parts at once, so that they do not grow into each other.
    shape = shapely.simplify(shapely.multipolygons(part_shapes(parts_of_polygon(geometry))), tolerance)
    return polygon_of_parts(
        [
            tuple(shapely.get_coordinates(ring)[:-1] for ring in shapely.get_rings(part))
            for part in shapely.get_parts(shape)
        ]
    )
