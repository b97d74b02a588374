"""Pure translation of what is said of a shape's row: attributes, occlusion, depth, groups, and what CVAT has not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dragoman.errors import InvalidData
from dragoman.formats.common.extras import KEY, Extras, extras_of, from_json, to_json, value_of, value_text
from dragoman.formats.common.markup import Node, element, number, whole_number, writable
from dragoman.formats.common.stretches import Moment
from dragoman.formats.cvat.shapes import ELLIPSE, Drawn, Edges, Size, ellipse_of
from dragoman.schema import AnyGeometry, Label, Prediction
from dragoman.schema.rows import AttributeValue

DEPTH = ("z_order", "group_id")
"""Whole numbers of a shape that are kept in the row's metadata where they are not 0."""
_SOURCE = "manual"


class Beside(Extras, frozen=True, omit_defaults=True):
    """What stands in the attribute `dragoman` of a shape.

    `copy` marks a keyframe that is there for CVAT's sake alone and is no row.
    """

    moment: Moment | None = None
    edges: Edges | None = None
    size: Size | None = None
    copy: bool = False


def beside_of(row: Label, drawn: Drawn) -> Beside:
    """Return what CVAT has no place for, less what `marks_of` finds a place for."""
    extras = extras_of(row)
    said = {ELLIPSE} if drawn.tag == "ellipse" else set()
    metadata = {name: value for name, value in extras.metadata.items() if not (name in said or _native(name, value))}
    return Beside(extras.id, metadata, extras.provenance, edges=drawn.edges, size=drawn.size)


def marks_of(row: Label) -> tuple[dict[str, str], str]:
    """Return a shape's XML attributes and its <attribute> elements."""
    metadata, others = row.metadata, dict(row.attributes)
    source = metadata.get("source", _SOURCE)
    marks = {"source": source if _native("source", source) else _SOURCE, "occluded": "0"}
    if others.get("occluded") is True:
        del others["occluded"]
        marks["occluded"] = "1"
    marks |= {name: str(metadata[name]) for name in DEPTH if _native(name, metadata.get(name))}
    if isinstance(row, Prediction):
        marks["confidence"] = "" if row.confidence is None else repr(row.confidence)
    return marks, "".join(_attribute(name, value) for name, value in others.items())


def attribute_of(beside: Beside) -> dict[str, str]:
    """Return the attribute `dragoman`, if there is anything to say."""
    return {} if beside == Beside() else {KEY: to_json(beside)}


def read_beside(node: Node) -> Beside:
    """Return what stands in a shape's attribute `dragoman`."""
    return from_json(node.attributes[KEY], Beside) if KEY in node.attributes else Beside()


def row_of(
    node: Node, item: str, feature: str, geometry: AnyGeometry, types: dict[tuple[str, str], str], **when: Any
) -> Label:
    """Return the row of a shape.

    Raises:
        InvalidData: A value makes no sense.
    """
    beside = read_beside(node)
    if beside.moment is not None:
        when |= {name: getattr(beside.moment, name) for name in Moment.__struct_fields__}
    values: dict[str, Any] = {
        "item": item,
        "feature": feature,
        "geometry": geometry,
        "id": beside.id,
        "attributes": dict(_attributes(node, feature, types)),
        "metadata": {**_metadata(node), **beside.metadata},
        "provenance": beside.provenance,
        **when,
    }
    confidence = node.attributes.get("confidence")
    if confidence is None:
        return Label(**values)
    return Prediction(**values, confidence=number(confidence, "confidence") if confidence else None)


def _native(name: str, value: object) -> bool:
    """Whether a value of the metadata has its own attribute in CVAT and comes back from it."""
    if name == "source":
        return isinstance(value, str) and value not in ("", _SOURCE) and writable(value)
    return name in DEPTH and type(value) is int and value != 0


def _metadata(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {ELLIPSE: ellipse_of(node)} if node.tag == "ellipse" else {}
    if node.attributes.get("source", _SOURCE) not in ("", _SOURCE):
        found["source"] = node.attributes["source"]
    for name in DEPTH:
        if node.attributes.get(name) and (value := whole_number(node.attributes[name], name)):
            found[name] = value
    return found


def _attribute(name: str, value: AttributeValue) -> str:
    text, kind = value_text(value)
    if writable(name):
        return element("attribute", text, name=name, type=kind or "text")
    return element("attribute", text, name=to_json(name), type=kind or "text", name_type="json")


def _attributes(node: Node, feature: str, types: dict[tuple[str, str], str]) -> Iterator[tuple[str, AttributeValue]]:
    if node.attributes.get("occluded") == "1":
        yield "occluded", True
    for attribute in node.all("attribute"):
        name = str(value_of(attribute.attribute("name"), attribute.attributes.get("name_type")))
        kind = attribute.attributes.get("type")
        if kind is None:
            yield name, _declared(attribute.text, types.get((feature, name)), name)
        else:
            yield name, value_of(attribute.text, None if kind == "text" else kind)


def _declared(text: str, kind: str | None, name: str) -> AttributeValue:
    """Return a value as the type that its label declares."""
    if kind == "checkbox":
        if text.strip().lower() not in ("true", "false", ""):
            raise InvalidData(f"the attribute {name!r} is {text!r}; it is true or false.", field=f"attributes.{name}")
        return text.strip().lower() == "true"
    if kind == "number" and text.strip():
        return number(text, f"attributes.{name}")
    return text
