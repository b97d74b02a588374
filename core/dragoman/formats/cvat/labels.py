"""Pure translation of <labels>, CVAT's list of classes with their attributes, to an ontology and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from dragoman.errors import InvalidData
from dragoman.formats.common.markup import Node, element, parent, writable
from dragoman.schema import Attribute, AttributeOption, Feature, Ontology

Skeleton = tuple[tuple[str, ...], tuple[tuple[int, int], ...]]
"""Names of a feature's points, and the pairs of them that are joined."""

_KINDS = {
    "rectangle": ("box", "rotated_box"),
    "polygon": ("polygon",),
    "polyline": ("polyline",),
    "points": ("point", "keypoints"),
    "mask": ("mask",),
    "ellipse": ("polygon",),
    "cuboid": ("keypoints",),
    "skeleton": ("keypoints",),
    "tag": ("whole",),
}
_TYPES = {kinds: name for name, kinds in _KINDS.items() if name not in ("cuboid", "ellipse")} | {
    ("box",): "rectangle",
    ("rotated_box",): "rectangle",
    ("point",): "points",
}
_EDGE = re.compile(r'data-node-from="(\d{1,5})"[^>]*data-node-to="(\d{1,5})"')
YES_AND_NO = ("true", "false")


def read_labels(labels: Iterator[Node], name: str) -> Ontology:
    """Return the ontology of <label> elements; the points of a skeleton are no features.

    Raises:
        InvalidData: A label makes no sense.
    """
    features: dict[str, Feature] = {}
    for label in labels:
        if label.text_of("parent") is not None:
            continue
        named = label.text_of("name")
        if named is None:
            raise InvalidData("a label has no name.", field="labels")
        color = label.text_of("color")
        try:
            features.setdefault(
                named,
                Feature(
                    name=named,
                    geometries=_KINDS.get(label.text_of("type") or "any", ()),
                    color=color if color and re.fullmatch(r"#[0-9a-fA-F]{6}", color) else None,
                    attributes=tuple(_attribute(node) for group in label.all("attributes") for node in group.children),
                ),
            )
        except ValidationError as error:
            raise InvalidData(f"the label {named!r} makes no sense: {error.errors()[0]['msg']}.") from error
    return Ontology(name=name, features=tuple(features.values()))


def input_types(labels: Iterator[Node]) -> dict[tuple[str, str], str]:
    """Return (label, attribute) to the kind of input, which says what type its values have."""
    return {
        (label.text_of("name") or "", node.text_of("name") or ""): node.text_of("input_type") or "text"
        for label in labels
        for group in label.all("attributes")
        for node in group.children
    }


def skeletons(labels: Iterator[Node]) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return feature to the pairs of points that its drawing joins; CVAT counts the points from 1."""
    drawn = {label.text_of("name") or "": label.text_of("svg") or "" for label in labels}
    return {
        name: tuple((int(start) - 1, int(end) - 1) for start, end in _EDGE.findall(svg))
        for name, svg in drawn.items()
        if svg
    }


def _attribute(node: Node) -> Attribute:
    name, kind = node.text_of("name") or "", node.text_of("input_type") or "text"
    values = [value for value in (node.text_of("values") or "").split("\n") if value]
    if kind == "checkbox":
        return Attribute(name=name, kind="radio", options=_options(YES_AND_NO))
    if kind in ("select", "radio") and values:
        return Attribute(name=name, kind="radio", options=_options(dict.fromkeys(values)))
    return Attribute(name=name, kind="number" if kind == "number" else "text")


def _options(names: Mapping[str, None] | tuple[str, ...]) -> tuple[AttributeOption, ...]:
    return tuple(AttributeOption(name=name) for name in names)


def write_labels(ontology: Ontology, drawn: Mapping[str, Skeleton]) -> str:
    """Return <labels>: each feature, and the points of those that have keypoints, as CVAT asks for them."""
    labels = []
    for feature in ontology.features:
        kind = "skeleton" if feature.name in drawn else _TYPES.get(feature.geometries, "any")
        children = [
            element("name", feature.name),
            element("color", feature.color or ""),
            element("type", kind),
            parent("attributes", map(_write_attribute, feature.attributes)),
        ]
        if feature.name not in drawn:
            labels.append(parent("label", children))
            continue
        names, joined = drawn[feature.name]
        labels.append(parent("label", [*children, element("svg", _svg(names, joined))]))
        labels += [
            parent("label", (element("name", name), element("type", "points"), element("parent", feature.name)))
            for name in names
        ]
    return parent("labels", labels)


def _write_attribute(attribute: Attribute) -> str:
    names = [option.name for option in attribute.options]
    listed = attribute.kind == "radio" and not any("\n" in name for name in names)
    boolean = listed and tuple(names) == YES_AND_NO
    kind = "checkbox" if boolean else "select" if listed else "number" if attribute.kind == "number" else "text"
    children = (
        element("name", attribute.name),
        element("mutable", "False"),
        element("input_type", kind),
        element("default_value", ""),
        element("values", "\n".join(names) if listed else ""),
    )
    return parent("attribute", children)


def _svg(names: tuple[str, ...], joined: tuple[tuple[int, int], ...]) -> str:
    """Return a drawing with the points in a row, which CVAT wants of a skeleton."""
    step = 100 / (len(names) + 1)
    places = [round(step * (number + 1), 3) for number in range(len(names))]
    lines = [
        element("line", x1=places[a], y1=50, x2=places[b], y2=50, **{"data-node-from": a + 1, "data-node-to": b + 1})
        for a, b in joined
    ]
    circles = [
        element("circle", r=1.5, cx=place, cy=50, **_node(number, name if writable(name) else str(number)))
        for number, (name, place) in enumerate(zip(names, places, strict=True), 1)
    ]
    return "".join((*lines, *circles))


def _node(number: int, name: str) -> dict[str, object]:
    return {"data-type": "element node", "data-element-id": number, "data-node-id": number, "data-label-name": name}
