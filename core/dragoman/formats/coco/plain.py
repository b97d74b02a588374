"""The fast way for most annotations: boxes and polygons with COCO's own keys and nothing else.

What a constructor of the schema would refuse, the decoder has refused before: numbers of JSON are finite, it made
floats of them, and sizes are not negative. To look at each once more takes longer than all else, so that these
geometries are built without. `annotation.py` has the slow way, which tells what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import force_setattr as put

from dragoman.errors import InvalidData
from dragoman.schema import AnyGeometry, Box, Label, Polygon

FACTS = "coco"
"""Key of a row's metadata for what only COCO says: `area`, `bbox`, `iscrowd`, and shapes that are not the geometry.

They are written again as they were as long as they fit the geometry, so remove the key when you change that.
"""

Id = int | str
_Size = Annotated[float, msgspec.Meta(ge=0)]


class PlainAnnotation(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """What most annotations are: boxes and polygons without anything else."""

    id: Id
    image_id: Id
    category_id: Id
    bbox: tuple[float, float, _Size, _Size]
    segmentation: tuple[tuple[float, ...], ...] | None = None
    area: float | None = None
    iscrowd: Literal[0] = 0


def plain_to_rows(
    found: Sequence[PlainAnnotation], items: Mapping[Id, str], features: Mapping[Id, str], *, exact: bool
) -> list[Label]:
    """Return the rows of plain annotations, as `annotation.to_row` makes them where its `shape` is `auto`.

    Args:
        found: The annotations, as the decoder made them.
        items: Image id to item key.
        features: Category id to feature.
        exact: Whether areas and boxes are what the shapes say, and not facts of their own.

    Raises:
        InvalidData, KeyError: One of them is wrong; `annotation.to_row` tells which and why.
    """
    rows = []
    for a in found:
        geometry: AnyGeometry
        facts: dict[str, Any] | None
        if a.segmentation:
            geometry = polygon_of(a.segmentation)
            facts = None if exact else {"bbox": a.bbox} if a.area is None else {"bbox": a.bbox, "area": a.area}
        else:
            x, y, width, height = a.bbox
            geometry = _new_box()
            # Here, and the areas compared here first: the calls of functions would be an eighth of this loop.
            put(geometry, "x", x)
            put(geometry, "y", y)
            put(geometry, "width", width)
            put(geometry, "height", height)
            facts = None if exact or a.area == width * height or is_area(a.area, width, height) else {"area": a.area}
        row = Label(items[a.image_id], features[a.category_id], geometry, str(a.id))
        if facts is not None:
            put(row, "metadata", {FACTS: facts})
        rows.append(row)
    return rows


def polygon_of(rings: tuple[tuple[float, ...], ...]) -> Polygon:
    """Return the polygon whose parts have these outer rings, as decoded from JSON.

    Raises:
        InvalidData: A ring has too few numbers, or an odd number of them.
    """
    for ring in rings:
        if len(ring) < 6 or len(ring) % 2:
            raise InvalidData(f"A ring has {len(ring)} numbers; it needs pairs, and 3 of them.", field="segmentation")
    polygon = _new_polygon()
    put(polygon, "parts", ((rings[0],),) if len(rings) == 1 else tuple([(ring,) for ring in rings]))
    return polygon


def is_area(area: float | None, width: float, height: float) -> bool:
    """Whether an area is that of a box, whose sides may have been rounded to two digits, or is not said."""
    return area is None or abs(area - width * height) <= 0.01 * (width + height + 1)


_a_polygon: Any = Polygon.of([(0, 0), (1, 0), (1, 1)])
_a_box: Any = Box(0, 0, 0, 0)
_new_polygon, _new_box = _a_polygon.__copy__, _a_box.__copy__
