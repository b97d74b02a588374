"""Geometries of the data plane: frozen msgspec structs, told apart by the tag `type`.

Coordinates are absolute pixels, origin top-left, x right, y down, continuous: a box that covers a whole image of
width W and height H is `Box(0, 0, W, H)`. Bad numbers never get in: NaN, infinity and negative sizes raise
`InvalidData`, whether a geometry is built in Python or decoded from JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any, ClassVar

from dragoman.errors import InvalidData
from dragoman.schema.base import Data
from dragoman.schema.coerce import listed, put, real, text, whole


class Geometry(Data, frozen=True, gc=False, tag_field="type"):
    """Base of all geometries. `kind` is the tag that JSON carries in `type`."""

    kind: ClassVar[str]

    @property
    def form(self) -> str:
        """The kind, told apart further where platforms differ: such as `"polygon with holes"`."""
        return self.kind


def _coerce(struct: Geometry, name: str) -> None:
    """Store the field as a plain finite float, so that 10, 10.0 and numpy's 10.0 are one value."""
    put(struct, name, real(getattr(struct, name), f"{struct.kind} {name}", f"geometry.{name}"))


def _coerce_size(struct: Geometry, name: str) -> None:
    _coerce(struct, name)
    if getattr(struct, name) < 0:
        raise InvalidData(
            f"{struct.kind} {name} is {getattr(struct, name)}; sizes are not negative.", field=f"geometry.{name}"
        )


def _coerce_run(
    struct: Geometry, name: str, values: Iterable[float], *, multiple: int, minimum: int
) -> tuple[float, ...]:
    """Return a flat run of finite floats whose length is a multiple of `multiple` and at least `minimum`."""
    run = listed(values, f"{struct.kind} {name}", f"geometry.{name}")
    if len(run) < minimum or len(run) % multiple:
        raise InvalidData(
            f"{struct.kind} {name} has {len(run)} numbers; it needs at least {minimum}, in groups of {multiple}.",
            field=f"geometry.{name}",
        )
    numbers = _floats(run)
    # One look for the common case: the sum is finite unless a number is not, or the finite ones overflow.
    if numbers is not None and isfinite(sum(numbers)):
        return numbers
    return tuple(
        real(number, f"{struct.kind} {name}[{position}]", f"geometry.{name}[{position}]")
        for position, number in enumerate(run)
    )


def _floats(run: tuple[Any, ...]) -> tuple[float, ...] | None:
    """Return numbers of any kind as floats; None if something among them is no number."""
    kinds = set(map(type, run))
    if kinds == {float}:
        return run
    if any(issubclass(kind, bool | str) for kind in kinds):
        return None
    try:
        return tuple(map(float, run))
    except (TypeError, ValueError, OverflowError):
        return None


class Box(Geometry, frozen=True, gc=False, tag="box"):
    """Axis-parallel box: top-left corner and size, in pixels."""

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        x, y, width, height = self.x, self.y, self.width, self.height
        # One look for the common case: the sum is finite unless a number is not, or the finite ones overflow.
        if (
            type(x) is type(y) is type(width) is type(height) is float
            and width >= 0.0 <= height
            and isfinite(x + y + width + height)
        ):
            return
        _coerce(self, "x")
        _coerce(self, "y")
        _coerce_size(self, "width")
        _coerce_size(self, "height")


class RotatedBox(Geometry, frozen=True, gc=False, tag="rotated_box"):
    """Box turned about its centre: centre and size in pixels, angle in degrees clockwise."""

    cx: float
    cy: float
    width: float
    height: float
    angle: float

    def __post_init__(self) -> None:
        for name in ("cx", "cy", "angle"):
            _coerce(self, name)
        for name in ("width", "height"):
            _coerce_size(self, name)


Ring = tuple[float, ...]
"""Vertices of an open ring, flat as in COCO: x0, y0, x1, y1, ... in pixels. The last vertex joins the first."""


class Polygon(Geometry, frozen=True, gc=False, tag="polygon"):
    """One or more parts; each part is its outer ring followed by the rings of its holes."""

    parts: tuple[tuple[Ring, ...], ...]

    @classmethod
    def of(cls, vertices: Iterable[tuple[float, float]]) -> Polygon:
        """Build a polygon of one ring from (x, y) pairs in pixels."""
        return cls(((tuple(number for vertex in vertices for number in vertex),),))

    def __post_init__(self) -> None:
        if not self.parts or not all(self.parts):
            raise InvalidData("polygon has no ring; it needs one outer ring per part.", field="geometry.parts")
        parts = tuple(
            tuple(_coerce_run(self, f"parts[{p}][{r}]", ring, multiple=2, minimum=6) for r, ring in enumerate(rings))
            for p, rings in enumerate(self.parts)
        )
        put(self, "parts", parts)

    @property
    def form(self) -> str:
        """`"polygon"` for one ring, `"polygon with holes"`, or `"polygon of parts"`."""
        if len(self.parts) > 1:
            return "polygon of parts"
        return "polygon with holes" if len(self.parts[0]) > 1 else "polygon"


class Polyline(Geometry, frozen=True, gc=False, tag="polyline"):
    """Open line through its vertices, flat: x0, y0, x1, y1, ... in pixels."""

    vertices: tuple[float, ...]

    def __post_init__(self) -> None:
        put(self, "vertices", _coerce_run(self, "vertices", self.vertices, multiple=2, minimum=4))


class Point(Geometry, frozen=True, gc=False, tag="point"):
    """One position, in pixels."""

    x: float
    y: float

    def __post_init__(self) -> None:
        _coerce(self, "x")
        _coerce(self, "y")


class Keypoint(Data, frozen=True, gc=False):
    """A named position. `x` and `y` are None where an unseen point has no position.

    `visibility` is COCO's flag: 0 not labelled, 1 labelled but hidden, 2 visible.
    """

    name: str
    x: float | None
    y: float | None
    visibility: int = 2

    def __post_init__(self) -> None:
        put(self, "name", text(self.name, "a keypoint's name", "name"))
        put(self, "visibility", whole(self.visibility, f"visibility of keypoint {self.name!r}", "visibility"))
        if self.visibility not in (0, 1, 2):
            raise InvalidData(
                f"keypoint {self.name!r} has visibility {self.visibility!r}; it is 0, 1 or 2.", field="visibility"
            )
        for name in ("x", "y"):
            value = getattr(self, name)
            if value is not None:
                put(self, name, real(value, f"{name} of keypoint {self.name!r}", name))


class Keypoints(Geometry, frozen=True, gc=False, tag="keypoints"):
    """Named points and the skeleton that joins them: pairs of zero-based positions in `points`."""

    points: tuple[Keypoint, ...]
    skeleton: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        put(self, "points", tuple(self.points))
        put(self, "skeleton", tuple((start, end) for start, end in self.skeleton))
        names = [point.name for point in self.points]
        if not names or len(set(names)) != len(names):
            raise InvalidData("keypoints need at least one point, and every name once.", field="geometry.points")
        for start, end in self.skeleton:
            if not (0 <= start < len(names) and 0 <= end < len(names)):
                raise InvalidData(
                    f"skeleton joins {start} and {end} of {len(names)} points.", field="geometry.skeleton"
                )


class Mask(Geometry, frozen=True, gc=False, tag="mask"):
    """Pixels of one object as COCO's run lengths: column-major, starting with background.

    `height` and `width` are the mask's size in pixels; the counts add up to `height * width`.
    Format: https://github.com/cocodataset/cocoapi (uncompressed RLE).
    """

    height: int
    width: int
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        for name in ("height", "width"):
            put(self, name, whole(getattr(self, name), f"mask {name}", f"geometry.{name}"))
        if self.height <= 0 or self.width <= 0:
            raise InvalidData(f"mask size is {self.width} x {self.height}.", field="geometry.height")
        counts = listed(self.counts, "run lengths of a mask", "geometry.counts")
        if set(map(type, counts)) != {int}:
            counts = tuple(whole(count, "a run length of a mask", "geometry.counts") for count in counts)
        if min(counts, default=0) < 0 or sum(counts) != self.height * self.width:
            raise InvalidData(
                f"mask run lengths cover {sum(counts)} pixels of {self.height * self.width}.", field="geometry.counts"
            )
        put(self, "counts", counts)


class Cuboid(Geometry, frozen=True, gc=False, tag="cuboid"):
    """3-D box: centre and size in the platform's length unit, orientation as a unit quaternion (w, x, y, z)."""

    center: tuple[float, float, float]
    size: tuple[float, float, float]
    quaternion: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        for name, length in (("center", 3), ("size", 3), ("quaternion", 4)):
            put(self, name, _coerce_run(self, name, getattr(self, name), multiple=length, minimum=length))
        if min(self.size) < 0:
            raise InvalidData("cuboid size is negative.", field="geometry.size")


class Whole(Geometry, frozen=True, gc=False, tag="whole"):
    """No shape: the annotation is about the whole item, frame or span (a classification)."""


AnyGeometry = Box | RotatedBox | Polygon | Polyline | Point | Keypoints | Mask | Cuboid | Whole
GEOMETRIES: tuple[type[Geometry], ...] = (Box, RotatedBox, Polygon, Polyline, Point, Keypoints, Mask, Cuboid, Whole)

for _geometry in GEOMETRIES:
    _geometry.kind = str(_geometry.__struct_config__.tag)
