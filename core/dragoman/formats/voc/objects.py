"""Pure translation of one <object>, or one <part> of it, to a row and back."""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, degrees, radians, sin
from typing import Any, Literal

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.common.extras import KEY, pack, unpack, value_of, value_text
from dragoman.formats.common.markup import Node, element, number, parent, writable
from dragoman.formats.common.numbers import pixel, plain
from dragoman.schema import AnyGeometry, Box, Label, Polygon, Prediction, RotatedBox
from dragoman.schema.rows import AttributeValue

Convention = Literal["devkit", "corners"]
"""What a bndbox holds: indices of its first and last pixel counted from 1, or the continuous corners from 0."""
FLAGS = ("truncated", "occluded", "difficult")
PART_OF = "part_of"
"""Key of the metadata of a part: the id of the object that it is part of."""
_ASSUMED = {"pose": "Unspecified", "truncated": "0", "difficult": "0"}
"""Elements that readers of VOC rely on. Where a row does not say them, they are marked as assumed and not read back."""


def rows(node: Node, item: str, convention: Convention) -> Iterator[Label]:
    """Yield the row of an object, then those of its parts.

    Raises:
        InvalidData: A value is missing or makes no sense.
    """
    whole = _row(node, item, convention)
    yield whole
    for part in node.all("part"):
        row = _row(part, item, convention)
        yield msgspec.structs.replace(row, metadata={**row.metadata, PART_OF: whole.id})


def write(row: Label, tag: str, convention: Convention) -> str:
    """Return a row as an element.

    Args:
        row: The row; its geometry is a box, a turned box or a polygon of one ring.
        tag: `"object"` or `"part"`.
        convention: What a bndbox holds.

    Raises:
        InvalidData: XML cannot hold one of its texts, or VOC its geometry.
    """
    children = [element("name", row.feature)]
    others = dict(row.attributes)
    for name in ("pose", *FLAGS):
        value = others.get(name)
        if (isinstance(value, str) and value and writable(value)) if name == "pose" else isinstance(value, bool):
            children.append(element(name, value if isinstance(value, str) else "1" if value else "0"))
            del others[name]
        elif name in _ASSUMED and tag == "object":
            children.append(element(name, _ASSUMED[name], assumed="1"))
    children += _geometry(row.geometry, convention)
    if isinstance(row, Prediction):
        children.append(element("confidence", None if row.confidence is None else repr(row.confidence)))
    if others:
        children.append(parent("attributes", map(_attribute, others, others.values())))
    if (extras := pack(row)) is not None:
        children.append(element(KEY, extras))
    return parent(tag, children)


def _row(node: Node, item: str, convention: Convention) -> Label:
    extras = unpack(node.text_of(KEY))
    named = node.child("name")
    feature = named.text if named is not None else ""
    if not feature:
        raise InvalidData(f"<{node.tag}> has no name.", field="name")
    values: dict[str, Any] = {
        "item": item,
        "feature": feature,
        "geometry": _read_geometry(node, convention),
        "id": extras.id,
        "attributes": dict(_attributes(node)),
        "metadata": extras.metadata,
        "provenance": extras.provenance,
    }
    confidence = node.child("confidence")
    if confidence is None:
        return Label(**values)
    return Prediction(**values, confidence=number(confidence.text, "confidence") if confidence.text.strip() else None)


def _attributes(node: Node) -> Iterator[tuple[str, AttributeValue]]:
    pose = node.child("pose")
    if pose is not None and pose.text and "assumed" not in pose.attributes:
        yield "pose", pose.text
    for name in FLAGS:
        flag = node.child(name)
        if flag is not None and flag.text.strip() and "assumed" not in flag.attributes:
            if flag.text.strip() not in ("0", "1"):
                raise InvalidData(f"{name} is {flag.text!r}; it is 0 or 1.", field=name)
            yield name, flag.text.strip() == "1"
    for group in node.all("attributes"):
        for attribute in group.all("attribute"):
            name_node, value = attribute.child("name"), attribute.child("value")
            if name_node is None or value is None:
                raise InvalidData("an attribute has no name or no value.", field="attributes")
            yield (
                str(value_of(name_node.text, name_node.attributes.get("type"))),
                value_of(value.text, value.attributes.get("type")),
            )


def _attribute(name: str, value: AttributeValue) -> str:
    return parent("attribute", (_typed("name", name), _typed("value", value)))


def _typed(tag: str, value: AttributeValue) -> str:
    text, kind = value_text(value)
    return element(tag, text) if kind is None else element(tag, text, type=kind)


def _read_geometry(node: Node, convention: Convention) -> AnyGeometry:
    turned, polygon, box = node.child("robndbox"), node.child("polygon"), node.child("bndbox")
    if turned is not None:
        cx, cy, width, height, angle = (number(turned.text_of(name), name) for name in ("cx", "cy", "w", "h", "angle"))
        return RotatedBox(cx, cy, width, height, pixel(degrees(angle)))
    shift = 1 if convention == "devkit" else 0
    if polygon is not None:
        return Polygon(((tuple(pixel(value - shift) for value in _vertices(polygon)),),))
    if box is None:
        raise InvalidData(f"<{node.tag}> has no bndbox.", field="bndbox")
    left, top, right, bottom = (number(box.text_of(name), name) for name in ("xmin", "ymin", "xmax", "ymax"))
    width, height = pixel(right - left + shift), pixel(bottom - top + shift)
    if width < 0 or height < 0:
        raise InvalidData(f"the box from {left}, {top} to {right}, {bottom} ends before it begins.", field="bndbox")
    return Box(pixel(left - shift), pixel(top - shift), width, height)


def _vertices(polygon: Node) -> Iterator[float]:
    for position in range(1, len(polygon.children) // 2 + 1):
        for axis in "xy":
            yield number(polygon.text_of(f"{axis}{position}"), f"polygon.{axis}{position}")


def _geometry(geometry: AnyGeometry, convention: Convention) -> list[str]:
    shift = 1 if convention == "devkit" else 0
    match geometry:
        case Box():
            return [_bounds(geometry, shift)]
        case RotatedBox(cx, cy, width, height, angle):
            texts = zip(("cx", "cy", "w", "h", "angle"), (cx, cy, width, height, radians(angle)), strict=True)
            return [
                _bounds(_around_turned(geometry), shift),
                parent("robndbox", (element(name, plain(value)) for name, value in texts)),
            ]
        case Polygon(parts=((ring,),)):
            x, y = ring[0::2], ring[1::2]
            vertices = enumerate((value + shift for value in ring), 2)
            return [
                _bounds(Box(min(x), min(y), max(x) - min(x), max(y) - min(y)), shift),
                parent("polygon", (element(f"{'xy'[at % 2]}{at // 2}", plain(value)) for at, value in vertices)),
            ]
    raise InvalidData(f"a {geometry.form} has no place in Pascal VOC.", field="geometry")


def _bounds(box: Box, shift: int) -> str:
    corners = (box.x + shift, box.y + shift, box.x + box.width, box.y + box.height)
    names = ("xmin", "ymin", "xmax", "ymax")
    return parent("bndbox", (element(name, plain(value)) for name, value in zip(names, corners, strict=True)))


def _around_turned(box: RotatedBox) -> Box:
    turn = radians(box.angle)
    width = abs(box.width * cos(turn)) + abs(box.height * sin(turn))
    height = abs(box.width * sin(turn)) + abs(box.height * cos(turn))
    return Box(pixel(box.cx - width / 2), pixel(box.cy - height / 2), pixel(width), pixel(height))
