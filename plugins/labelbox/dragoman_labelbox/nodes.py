"""Ontologies: canonical features and the nodes of Labelbox's `normalized` form. Pure; no network.

A Labelbox feature has one tool, so a feature of several geometries is several tools of one name. A feature without a
geometry is a classification: of the kind of its attribute of the same name if it has one, else (the feature is the
answer) a radio whose only option has the feature's name.

Every tool and option of ours asks one free-text question named `dragoman`, which holds what Labelbox has no field for.
A radio of that name at the top of an ontology holds, as the label of its only option, what the ontology itself keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dragoman.schema import Attribute, AttributeOption, Feature, Ontology

Json = dict[str, Any]

KEEPER = "dragoman"
"""Name of the questions that hold what Labelbox has no field for."""

TOOLS = {
    "box": "rectangle",
    "polygon": "polygon",
    "polyline": "line",
    "point": "point",
    "mask": "raster-segmentation",
    "rotated_box": "polygon",
}
"""Kind of geometry to tool; kinds that are not here are written as classifications."""
_KINDS = {tool: kind for kind, tool in TOOLS.items() if kind != "rotated_box"}
_COLOR = "#1f77b4"


@dataclass(frozen=True, slots=True)
class Question:
    """What an ontology asks: radio, checklist or text, and its options by name, with their own questions."""

    kind: str
    options: Mapping[str, Mapping[str, Question]]


@dataclass(frozen=True, slots=True)
class Known:
    """What an ontology says of one feature of one kind.

    Args:
        questions: Nested questions of a tool, or of the one option of a feature that is its own answer.
        keeps: Whether annotations of it can hold what Labelbox has no field for.
        question: The question that a classification is; None for tools.
        alone: Whether the feature is its own answer.
    """

    questions: Mapping[str, Question]
    keeps: bool
    question: Question | None = None
    alone: bool = False


class Book:
    """One ontology, looked up by feature and kind of geometry.

    Args:
        ontology: Its id.
        normalized: Its nodes as Labelbox shows them.
    """

    def __init__(self, ontology: str, normalized: Mapping[str, Any]) -> None:
        self.id = ontology
        self.kept = kept_in(normalized)
        self._known: dict[tuple[str, str], Known] = {}
        self._names: dict[str, None] = {}
        for tool in normalized["tools"]:
            if tool["tool"] in _KINDS:
                questions = _questions(tool["classifications"])
                self._add(tool["name"], _KINDS[tool["tool"]], Known(questions, KEEPER in questions))
        for node in normalized["classifications"]:
            if node["name"] != KEEPER:
                self._add(node["name"], "whole", _classification(node))

    def _add(self, name: str, kind: str, known: Known) -> None:
        self._names[name] = None
        self._known[name, kind] = known

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features, each once."""
        return tuple(self._names)

    def find(self, feature: str, kind: str) -> Known | None:
        """Return what the ontology says of a feature of that kind, or None."""
        return self._known.get((feature, kind))


def _questions(nodes: Iterable[Json]) -> dict[str, Question]:
    return {node["name"]: _question(node) for node in nodes}


def _question(node: Json) -> Question:
    return Question(
        node["type"], {option["label"]: _questions(option.get("options") or ()) for option in node["options"]}
    )


def _classification(node: Json) -> Known:
    question = _question(node)
    keeps = bool(question.options) and all(KEEPER in nested for nested in question.options.values())
    alone = _is_alone(node)
    return Known(question.options[node["name"]] if alone else {}, keeps, question, alone)


def _is_alone(node: Json) -> bool:
    return node["type"] == "radio" and [option["label"] for option in node["options"]] == [node["name"]]


# -- out --------------------------------------------------------------------------------------------------------------


def ontology_out(features: Iterable[Feature], kept: Json) -> Json:
    """Return the `normalized` form of features, with what the ontology itself is to keep."""
    tools: list[Json] = []
    questions: list[Json] = []
    for feature in features:
        for kind in feature.geometries or ("box",):
            node = node_out(feature, kind)
            (tools if "tool" in node else questions).append(node)
    if kept:
        label = msgspec.json.encode(kept).decode()
        questions.append(_radio(KEEPER, [{"label": label, "value": KEEPER, "options": []}]))
    return {"tools": tools, "classifications": questions}


def node_out(feature: Feature, kind: str) -> Json:
    """Return the tool or classification of a feature for one kind of geometry."""
    if kind in TOOLS:
        return {
            "tool": TOOLS[kind],
            "name": feature.name,
            "required": False,
            "color": feature.color or _COLOR,
            "classifications": [*map(_attribute_out, feature.attributes), _keeper()],
        }
    own = next((attribute for attribute in feature.attributes if attribute.name == feature.name), None)
    if own is not None:
        return _attribute_out(own)
    nested = [*map(_attribute_out, feature.attributes), _keeper()]
    return _radio(feature.name, [{"label": feature.name, "value": feature.name, "options": nested}])


def _attribute_out(attribute: Attribute) -> Json:
    kind = "text" if attribute.kind == "number" else attribute.kind
    return {
        "type": kind,
        "name": attribute.name,
        "instructions": attribute.name,
        "required": attribute.required,
        "options": [
            {
                "label": option.name,
                "value": option.name,
                "options": [*map(_attribute_out, option.attributes), _keeper()],
            }
            for option in attribute.options
        ],
    }


def _keeper() -> Json:
    return {"type": "text", "name": KEEPER, "instructions": KEEPER, "required": False, "options": []}


def _radio(name: str, options: list[Json]) -> Json:
    return {"type": "radio", "name": name, "instructions": name, "required": False, "options": options}


# -- in ---------------------------------------------------------------------------------------------------------------


def kept_in(normalized: Mapping[str, Any]) -> Json:
    """Return what an ontology itself keeps; empty for one that Dragoman did not make."""
    for node in normalized["classifications"]:
        if node["name"] == KEEPER and node["type"] == "radio" and node["options"]:
            kept: Json = msgspec.json.decode(node["options"][0]["label"])
            return kept
    return {}


def ontology_in(ontology: str, name: str, normalized: Mapping[str, Any]) -> Ontology:
    """Return an ontology of Labelbox as ours."""
    return Ontology(id=ontology, name=name, features=tuple(features_in(normalized).values()))


def features_in(normalized: Mapping[str, Any]) -> dict[str, Feature]:
    """Return the features of an ontology by name; tools that have no counterpart are left out."""
    features: dict[str, Feature] = {}
    for node in (*normalized["tools"], *normalized["classifications"]):
        if (node["name"] == KEEPER) or ("tool" in node and node["tool"] not in _KINDS):
            continue
        found = _feature_in(node)
        known = features.get(found.name)
        if known is not None:
            found = known.model_copy(update={"geometries": (*known.geometries, *found.geometries)})
        features[found.name] = found
    return features


def _feature_in(node: Json) -> Feature:
    common = {"name": node["name"], "id": node["featureSchemaId"]}
    if "tool" in node:
        color = node.get("color")
        return Feature(
            **common,
            geometries=(_KINDS[node["tool"]],),
            color=color if color != _COLOR and _is_hex(color) else None,
            attributes=_attributes_in(node["classifications"]),
        )
    if _is_alone(node):
        return Feature(**common, geometries=("whole",), attributes=_attributes_in(node["options"][0]["options"]))
    return Feature(**common, geometries=("whole",), attributes=_attributes_in([node]))


def _is_hex(color: str | None) -> bool:
    return bool(color) and len(color or "") == 7 and (color or "").startswith("#")


def _attributes_in(nodes: Iterable[Json]) -> tuple[Attribute, ...]:
    return tuple(
        Attribute(
            name=node["name"],
            kind=node["type"],
            required=bool(node.get("required")),
            id=node["featureSchemaId"],
            options=tuple(
                AttributeOption(
                    name=option["label"],
                    id=option["featureSchemaId"],
                    attributes=_attributes_in(option.get("options") or ()),
                )
                for option in node["options"]
            ),
        )
        for node in nodes
        if node["name"] != KEEPER and node["type"] in ("radio", "checklist", "text")
    )
