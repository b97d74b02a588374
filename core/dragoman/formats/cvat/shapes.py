"""Pure translation of one shape element to a geometry and back: points, turns, crops of masks, skeletons, cuboids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.common.ellipses import outline
from dragoman.formats.common.markup import Node, element, number, parent, whole_number
from dragoman.formats.common.numbers import pixel, pixels, plain
from dragoman.schema import (
    AnyGeometry,
    Box,
    Keypoint,
    Keypoints,
    Mask,
    Point,
    Polygon,
    Polyline,
    RotatedBox,
    Whole,
)

Size = tuple[int, int]
"""Width and height of the image in pixels."""
Edges = tuple[tuple[int, int], ...]
TAGS = frozenset({"box", "polygon", "polyline", "points", "ellipse", "mask", "cuboid", "skeleton", "tag"})
CORNERS = tuple(f"{side}{face}" for face in "12" for side in ("tl", "bl", "tr", "br"))
"""Names of the corners of CVAT's flat cuboid, here keypoints: face 1 and face 2, each from its top left."""
ELLIPSE = "ellipse"
"""Key of the metadata of a polygon that was an ellipse: its own numbers, in pixels and degrees."""
_ELLIPSE = ("cx", "cy", "rx", "ry", "rotation")


class Drawn(msgspec.Struct, frozen=True, omit_defaults=True):
    """A shape element without what is said of its row: its tag, its attributes, and what is in it.

    `edges` and `size` are what the element does not say: the lines of a skeleton, and the size of the whole mask.
    """

    tag: str
    attributes: dict[str, str] = {}
    inner: str = ""
    edges: Edges | None = None
    size: Size | None = None


def draw(geometry: AnyGeometry, size: Size | None, metadata: Mapping[str, Any]) -> Drawn:
    """Return the element of a geometry.

    Args:
        geometry: Its shape.
        size: The image's size, which a mask is cropped from.
        metadata: The row's, which says of a polygon whether it was an ellipse.

    Raises:
        InvalidData: CVAT has no such shape.
    """
    match geometry:
        case Box(x, y, width, height):
            return Drawn("box", _corners(x, y, x + width, y + height))
        case RotatedBox(cx, cy, width, height, angle):
            ends = (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)
            return Drawn("box", {**_corners(*ends), "rotation": plain(angle)})
        case Polygon(parts=((ring,),)):
            known = _known_ellipse(metadata.get(ELLIPSE))
            if known is not None and _outline(known) == geometry:
                return Drawn("ellipse", {name: plain(value) for name, value in known.items()})
            return Drawn("polygon", {"points": _points(ring)})
        case Polyline(vertices):
            return Drawn("polyline", {"points": _points(vertices)})
        case Point(x, y):
            return Drawn("points", {"points": _points((x, y))})
        case Keypoints():
            return _draw_keypoints(geometry)
        case Mask():
            return _draw_mask(geometry, size)
        case Whole():
            return Drawn("tag")
    raise InvalidData(f"a {geometry.form} has no place in CVAT's XML.", field="geometry")


def read(node: Node, size: Size | None, edges: Edges, whole_size: Size | None) -> AnyGeometry:
    """Return the geometry of a shape element.

    Args:
        node: The element.
        size: The image's size.
        edges: The lines of the feature's skeleton.
        whole_size: The size of the whole mask, where it is not the image's.

    Raises:
        InvalidData: A value is missing or makes no sense.
    """
    match node.tag:
        case "box":
            return _read_box(node)
        case "polygon":
            return Polygon(((_vertices(node),),))
        case "polyline":
            return Polyline(_vertices(node))
        case "points":
            return _read_points(_vertices(node))
        case "ellipse":
            return _outline(ellipse_of(node))
        case "mask":
            return _read_mask(node, whole_size or size)
        case "cuboid":
            return Keypoints(
                tuple(Keypoint(name, _corner(node, "x" + name), _corner(node, "y" + name)) for name in CORNERS)
            )
        case "skeleton":
            found = tuple(map(_read_keypoint, node.all("points")))
            return Keypoints(found, tuple(pair for pair in edges if max(pair) < len(found)))
        case "tag":
            return Whole()
    raise InvalidData(f"<{node.tag}> is no shape that is known.", hint=f"Known are: {', '.join(sorted(TAGS))}.")


def ellipse_of(node: Node) -> dict[str, float]:
    """Return what is kept of an ellipse beside its outline: its centre and radii in pixels, and its angle.

    Raises:
        InvalidData: A number is missing, or is none.
    """
    texts = {name: node.attribute(name) for name in _ELLIPSE[:-1]}
    ellipse = {
        name: number(text, name) for name, text in {**texts, "rotation": node.attributes.get("rotation", "0")}.items()
    }
    for name, value in ellipse.items():
        if not isfinite(value):
            raise InvalidData(f"{name} is {value}; it must be finite.", field=name)
    return ellipse


def _outline(ellipse: Mapping[str, float]) -> Polygon:
    return outline(*(ellipse[name] for name in _ELLIPSE))


def _known_ellipse(kept: Any) -> dict[str, float] | None:
    """Return the numbers of an ellipse that a row's metadata has, unless they are another format's or none."""
    if not isinstance(kept, dict) or kept.keys() != set(_ELLIPSE):
        return None
    floats = all(isinstance(value, float) for value in kept.values())
    return {name: kept[name] for name in _ELLIPSE} if floats else None


def _corners(left: float, top: float, right: float, bottom: float) -> dict[str, str]:
    return {"xtl": plain(left), "ytl": plain(top), "xbr": plain(right), "ybr": plain(bottom)}


def _points(flat: Iterable[float]) -> str:
    texts = list(map(plain, flat))
    return ";".join(f"{x},{y}" for x, y in zip(texts[0::2], texts[1::2], strict=True))


def _draw_keypoints(geometry: Keypoints) -> Drawn:
    points = geometry.points
    if tuple(point.name for point in points) == CORNERS and not geometry.skeleton:
        placed = {
            f"{axis}{point.name}": plain(value)
            for point in points
            for axis, value in (("x", point.x), ("y", point.y))
            if value is not None and point.visibility == 2
        }
        if len(placed) == 2 * len(CORNERS):
            return Drawn("cuboid", placed)
    return Drawn("skeleton", inner="".join(map(_draw_keypoint, points)), edges=geometry.skeleton)


def _draw_keypoint(point: Keypoint) -> str:
    placed = point.x is not None and point.y is not None
    if not placed and point.visibility:
        raise InvalidData(f"keypoint {point.name!r} is labelled and has no position.", field="geometry.points")
    return element(
        "points",
        label=point.name,
        outside=int(point.visibility == 0),
        occluded=int(point.visibility == 1),
        points=_points((point.x or 0.0, point.y or 0.0)),
    )


def _read_keypoint(node: Node) -> Keypoint:
    x, y = _vertices(node)[:2]
    outside, occluded = node.attributes.get("outside") == "1", node.attributes.get("occluded") == "1"
    if outside and x == y == 0:
        return Keypoint(node.attribute("label"), None, None, 0)
    return Keypoint(node.attribute("label"), x, y, 0 if outside else 1 if occluded else 2)


def _draw_mask(mask: Mask, size: Size | None) -> Drawn:
    import numpy as np

    from dragoman.geometry.rle import array_of_mask, encode

    array = array_of_mask(mask)
    rows, columns = np.flatnonzero(array.any(axis=1)), np.flatnonzero(array.any(axis=0))
    top, bottom = (int(rows[0]), int(rows[-1])) if len(rows) else (0, 0)
    left, right = (int(columns[0]), int(columns[-1])) if len(columns) else (0, 0)
    counts = encode(array[top : bottom + 1, left : right + 1], order="row")
    attributes: dict[str, int | str] = {
        "rle": ", ".join(map(str, counts.tolist())),
        "left": left,
        "top": top,
        "width": right - left + 1,
        "height": bottom - top + 1,
    }
    whole = None if size == (mask.width, mask.height) else (mask.width, mask.height)
    return Drawn("mask", {name: str(value) for name, value in attributes.items()}, size=whole)


def _read_mask(node: Node, size: Size | None) -> Mask:
    import numpy as np

    from dragoman.geometry.limits import check_pixels
    from dragoman.geometry.rle import decode, mask_of_array

    if size is None:
        raise InvalidData("the image has no size, so the mask has none.", field="width")
    left, top, width, height = (whole_number(node.attribute(name), name) for name in ("left", "top", "width", "height"))
    if left < 0 or top < 0 or width < 1 or height < 1 or left + width > size[0] or top + height > size[1]:
        raise InvalidData(
            f"the mask of {width} x {height} at {left}, {top} is not in the image of {size[0]} x {size[1]}.",
            field="rle",
        )
    counts = [whole_number(count, "rle") for count in node.attribute("rle").split(",")]
    check_pixels(*size)
    array = np.zeros((size[1], size[0]), np.bool_)
    array[top : top + height, left : left + width] = decode(counts, height, width, order="row")
    return mask_of_array(array)


def _read_box(node: Node) -> AnyGeometry:
    left, top, right, bottom = (number(node.attribute(name), name) for name in ("xtl", "ytl", "xbr", "ybr"))
    width, height = pixel(right - left), pixel(bottom - top)
    if "rotation" not in node.attributes:
        return Box(pixel(left), pixel(top), width, height)
    angle = number(node.attributes["rotation"], "rotation")
    return RotatedBox(pixel((left + right) / 2), pixel((top + bottom) / 2), width, height, angle)


def _read_points(flat: tuple[float, ...]) -> AnyGeometry:
    """Return one point, or points without names, which are numbered from 0."""
    if len(flat) == 2:
        return Point(*flat)
    pairs = enumerate(zip(flat[0::2], flat[1::2], strict=True))
    return Keypoints(tuple(Keypoint(str(position), x, y) for position, (x, y) in pairs))


def _corner(node: Node, name: str) -> float:
    return pixel(number(node.attribute(name), name))


def _vertices(node: Node) -> tuple[float, ...]:
    return pixels(_pairs(node.attribute("points")))


def _pairs(text: str) -> Iterator[float]:
    for pair in text.split(";"):
        x, comma, y = pair.partition(",")
        if not comma:
            raise InvalidData(f"points hold {pair[:40]!r}, which is no pair of numbers.", field="points")
        yield number(x, "points")
        yield number(y, "points")


def element_of(drawn: Drawn, attributes: Mapping[str, Any], inner: str = "") -> str:
    """Return a drawn shape as XML, with further attributes and elements."""
    return parent(drawn.tag, (drawn.inner, inner), **{**attributes, **drawn.attributes})
