"""Pure translation of a labelling configuration, Label Studio's XML of tags, to an ontology and back."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from dragoman.formats.common.markup import Node, document, element, parent
from dragoman.formats.labelstudio.answers import TAXONOMY, is_taxonomy, name_of, taxonomy_of, taxonomy_tag
from dragoman.schema import Attribute, AttributeOption, Feature, Ontology

SHAPES = {
    "rectanglelabels": ("box", "rotated_box"),
    "polygonlabels": ("polygon", "polyline"),
    "keypointlabels": ("point",),
    "brushlabels": ("mask",),
    "ellipselabels": ("polygon",),
    "timelinelabels": ("whole",),
}
"""Tags that draw and name at once, in lower case, and what they draw."""
BARE = {"rectangle": "rectanglelabels", "polygon": "polygonlabels", "keypoint": "keypointlabels"} | {
    "brush": "brushlabels",
    "ellipse": "ellipselabels",
    "videorectangle": "rectanglelabels",
}
"""Tags that only draw; a tag <Labels> beside them names."""
OF_REGIONS, OF_ITEMS = "dragoman_region_", "dragoman_item_"
"""What the name of a question's control begins with where another control has the question's own name."""
CLASS = "dragoman_class"
"""Name of our control whose choices are features; other choices are answers to the feature named like their control."""
CONTROLS = {
    "box": "RectangleLabels",
    "polygon": "PolygonLabels",
    "point": "KeyPointLabels",
    "mask": "BrushLabels",
    "ellipse": "EllipseLabels",
}
"""Names of our controls that draw on images, by the kind of geometry that they draw."""
KEPT_AS_WHOLE = ("keypoints", "cuboid")
"""Kinds of geometry that Label Studio cannot draw: a choice about the item, with the shape in its metadata."""
VIDEO, VIDEO_LABELS, TIMELINE = "video_box", "video_labels", "video_timeline"
MEDIA = ("image", "video")
_TAKEN = frozenset({*MEDIA, *CONTROLS, CLASS, VIDEO, VIDEO_LABELS, TIMELINE})
"""Names of our controls and media, which no question can have: Label Studio wants every name once."""
_QUESTIONS = {"choices": "radio", TAXONOMY: "checklist", "textarea": "text", "number": "number", "rating": "number"}
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Control:
    """One tag that makes results: its name, its tag in lower case, its labels with colours, and how it asks.

    A label or a choice with an alias is called by that, as results call it.
    """

    name: str
    tag: str
    to_name: str
    labels: dict[str, str | None] = field(default_factory=dict)
    multiple: bool = False
    required: bool = False
    per_region: bool = False
    when: frozenset[str] = frozenset()
    """Labels for whose regions it asks; empty for all."""
    options: tuple[AttributeOption, ...] = ()
    """What a taxonomy offers, nested."""


@dataclass(frozen=True, slots=True)
class Config:
    """A labelling configuration: controls by name, and (tag, key of the task's data) of each medium by name."""

    controls: dict[str, Control]
    media: dict[str, tuple[str, str]]

    def ontology(self, name: str) -> Ontology:
        """Return the features that can be labelled, with what is asked of them."""
        kinds: dict[str, dict[str, None]] = {}
        colors: dict[str, str | None] = {}
        bare = dict.fromkeys(
            kind for control in self.controls.values() if control.tag in BARE for kind in SHAPES[BARE[control.tag]]
        )
        for control in self.controls.values():
            drawn = bare if control.tag == "labels" else dict.fromkeys(SHAPES.get(control.tag, ()))
            classes = control.name == CLASS
            if control.tag in SHAPES or control.tag == "labels" or classes:
                for label, color in control.labels.items():
                    kinds.setdefault(label, {}).update(drawn or {"whole": None})
                    colors[label] = colors.get(label) or color
        features = [
            Feature(name=label, geometries=tuple(found), color=colors[label], attributes=tuple(self._asked(label)))
            for label, found in kinds.items()
        ]
        features += [feature for feature in self._questions() if feature.name not in kinds]
        return Ontology(name=name, features=tuple(features))

    def _asked(self, label: str) -> Iterator[Attribute]:
        for control in self.controls.values():
            if control.tag in _QUESTIONS and control.per_region and (not control.when or label in control.when):
                yield _attribute(control)

    def _questions(self) -> Iterator[Feature]:
        for control in self.controls.values():
            if control.tag in _QUESTIONS and not control.per_region and control.name != CLASS:
                name = question_of(control.name)
                yield Feature(name=name, geometries=("whole",), attributes=(_attribute(control),))


def read_config(content: bytes, shown: str = "the labelling configuration") -> Config:
    """Return what a labelling configuration says.

    Raises:
        InvalidData: It is not XML.
    """
    controls: dict[str, Control] = {}
    media: dict[str, tuple[str, str]] = {}
    for node in _all(document(content, shown)):
        tag, name = node.tag.lower(), node.attributes.get("name", "")
        if "toName" in node.attributes and name:
            controls[name] = _control(node, tag, name)
        elif name and node.attributes.get("value", "").startswith("$"):
            media[name] = (tag, node.attributes["value"][1:])
    return Config(controls, media)


def write_config(ontology: Ontology, media: tuple[str, ...] = ("image",)) -> str:
    """Return a labelling configuration for the media, as XML, with a control for all that the ontology can hold.

    Raises:
        InvalidData: XML cannot hold a name.
    """
    tags = []
    for medium in media:
        tags.append(element(medium.capitalize(), name=medium, value=f"${medium}"))
        tags += _drawn(ontology) if medium == "image" else _drawn_on_video(ontology)
    whole = [feature for feature in ontology.features if _draws(feature, ("whole", *KEPT_AS_WHOLE))]
    classes = [feature.name for feature in whole if not _is_question(feature)]
    if classes:
        tags.append(_choices(CLASS, classes, media[0], multiple=True))
    for feature in whole:
        if _is_question(feature):
            tags.append(_question(feature.attributes[0], control_of_item(feature.name), media[0]))
    taken = questions(ontology)
    asked: dict[str, tuple[Attribute, list[str]]] = {}
    for feature in ontology.features:
        for attribute in () if _is_question(feature) else feature.attributes:
            asked.setdefault(attribute.name, (attribute, []))[1].append(feature.name)
    for attribute, features in asked.values():
        when = {} if any("," in name for name in features) else {"whenLabelValue": ",".join(features)}
        tags.append(_question(attribute, control_of_region(attribute.name, taken), media[0], perRegion="true", **when))
    return parent("View", (f"\n{tag}" for tag in tags)) + "\n"


def questions(ontology: Ontology) -> frozenset[str]:
    """Return the features that are questions about the item, whose names no question about a region can have."""
    return frozenset(feature.name for feature in ontology.features if _is_question(feature))


def control_of_item(name: str) -> str:
    """Return the name of the control of a question about the item, which `question_of` makes the question's again."""
    return OF_ITEMS + name if _is_taken(name) else name


def control_of_region(name: str, taken: Container[str] = ()) -> str:
    """Return the name of the control of a question about regions; see `control_of_item`.

    Args:
        name: The question's.
        taken: Names of the questions about the item.
    """
    return OF_REGIONS + name if _is_taken(name) or name in taken else name


def question_of(control: str) -> str:
    """Return the name of the question that a control asks."""
    prefix = next((prefix for prefix in (OF_REGIONS, OF_ITEMS) if control.startswith(prefix)), "")
    return control[len(prefix) :] or control


def _is_taken(name: str) -> bool:
    return name in _TAKEN or question_of(name) != name


def _is_question(feature: Feature) -> bool:
    asked = feature.attributes
    return feature.geometries == ("whole",) and len(asked) == 1 and asked[0].name == feature.name


def _drawn(ontology: Ontology) -> Iterator[str]:
    for kind, tag in CONTROLS.items():
        features = [feature for feature in ontology.features if _draws(feature, SHAPES[tag.lower()])]
        if features:
            yield parent(tag, map(_label, features), name=kind, toName="image")


def _drawn_on_video(ontology: Ontology) -> Iterator[str]:
    boxes = [feature for feature in ontology.features if _draws(feature, ("box", "rotated_box"))]
    if boxes:
        yield element("VideoRectangle", name=VIDEO, toName="video")
        yield parent("Labels", map(_label, boxes), name=VIDEO_LABELS, toName="video")
    whole = [feature for feature in ontology.features if _draws(feature, ("whole",)) and not _is_question(feature)]
    if whole:
        yield parent("TimelineLabels", map(_label, whole), name=TIMELINE, toName="video")


def _draws(feature: Feature, kinds: tuple[str, ...]) -> bool:
    return not feature.geometries or bool(set(kinds) & set(feature.geometries))


def _label(feature: Feature) -> str:
    color = {"background": feature.color} if feature.color else {}
    return element("Label", value=feature.name, **color)


def _question(attribute: Attribute, control: str, medium: str, **more: str) -> str:
    if is_taxonomy(attribute):
        return taxonomy_tag(attribute, control, medium, **({"required": "true"} if attribute.required else {}), **more)
    if attribute.kind in ("radio", "checklist"):
        names = [option.name for option in attribute.options]
        required = {"required": "true"} if attribute.required else {}
        return _choices(control, names, medium, multiple=attribute.kind == "checklist", **required, **more)
    tag = "TextArea" if attribute.kind == "text" else "Number"
    return element(tag, name=control, toName=medium, **more)


def _choices(name: str, options: list[str], medium: str, *, multiple: bool, **more: str) -> str:
    listed = (element("Choice", value=option) for option in options)
    return parent("Choices", listed, name=name, toName=medium, choice="multiple" if multiple else "single", **more)


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _all(child)


def _control(node: Node, tag: str, name: str) -> Control:
    labels: dict[str, str | None] = {}
    for label in _all(node):
        if label.tag in ("Label", "Choice") and label.attributes.get("value"):
            color = label.attributes.get("background", "")
            labels[name_of(label)] = color if _COLOR.fullmatch(color) else None
    when = node.attributes.get("whenLabelValue", "")
    return Control(
        name,
        tag,
        node.attributes["toName"],
        labels,
        multiple=node.attributes.get("choice") == "multiple",
        required=node.attributes.get("required") == "true",
        per_region=node.attributes.get("perRegion") == "true",
        when=frozenset(filter(None, when.split(","))),
        options=taxonomy_of(node, question_of(name)) if tag == TAXONOMY else (),
    )


def _attribute(control: Control) -> Attribute:
    name = question_of(control.name)
    if control.options:
        return Attribute(name=name, kind="checklist", options=control.options, required=control.required)
    if control.tag == "choices" and control.labels:
        options = tuple(AttributeOption(name=label) for label in control.labels)
        kind = "checklist" if control.multiple else "radio"
        return Attribute(name=name, kind=kind, options=options, required=control.required)
    # A question whose options are not in the configuration can still be answered.
    kind = "text" if control.tag in ("choices", TAXONOMY) else _QUESTIONS[control.tag]
    return Attribute(name=name, kind=kind, required=control.required)
