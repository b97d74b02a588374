"""Feature schemas: the nodes of ontologies, with the ids that the platform fills in at every level."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from dragoman_labelbox.emulator.graphql import invalid
from dragoman_labelbox.emulator.ids import Ids

Json = dict[str, Any]

TOOLS = {
    "rectangle": "bbox",
    "polygon": "polygon",
    "line": "line",
    "point": "point",
    "raster-segmentation": "mask",
    "superpixel": "mask",
    "named-entity": "location",
    "edge": "relationship",
    **dict.fromkeys(
        (
            "message-single-selection",
            "message-multi-selection",
            "message-ranking",
            "marker",
            "step-reasoning",
            "fact-checking",
            "prompt-issue",
        ),
        "message",
    ),
}
"""Tool to the kind of annotation it makes; rows for messages are not emulated."""
CHOICES = ("radio", "checklist", "response-radio", "response-checklist")
CLASSIFICATIONS = (*CHOICES, "text", "group", "prompt", "response-text")


def slug(name: str) -> str:
    """Return the `value` that the platform derives from a name."""
    return re.sub(r"[^\w]+", "_", name.strip().lower()) or "_"


class Schemas:
    """All feature schemas of one emulation, by feature schema id."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self.by_id: dict[str, Json] = {}
        self.roots: dict[str, Json] = {}
        """Those that are tools or classifications by themselves, in the order in which they were made."""

    def fill(self, normalized: Json) -> tuple[list[Json], list[Json]]:
        """Return the tools and classifications of an ontology, completed as the platform does."""
        given = normalized.get("tools") or ()
        _refuse_twins(given)
        tools = [self.node(tool) for tool in given]
        ids = {tool.get("featureSchemaId"): made["featureSchemaId"] for tool, made in zip(given, tools, strict=True)}
        for tool in tools:
            _relate(tool, ids)
        return tools, [self.node(question) for question in normalized.get("classifications") or ()]

    def node(self, node: Json) -> Json:
        """Return one tool or classification with its ids and defaults, and remember it.

        A node that names a known feature schema id is that schema with the new content, in all ontologies that use it.
        Another id is one that a client made up, such as the builder does to relate two new tools; it is replaced.

        Raises:
            GraphQLError: The node is of an unknown type or has no name.
        """
        made = self._tool(node) if "tool" in node else self._question(node)
        self.roots[made["featureSchemaId"]] = made
        return made

    def _tool(self, tool: Json) -> Json:
        if tool["tool"] not in TOOLS:
            raise invalid(f"Unknown tool {tool['tool']!r}.")
        if not tool.get("name"):
            raise invalid("A tool needs a name.")
        made = {
            **tool,
            "required": tool.get("required", False),
            "color": tool.get("color") or "#ff0000",
            "classifications": [self._question(question) for question in tool.get("classifications") or ()],
            "attributes": tool.get("attributes"),
        }
        return self._known(tool, made)

    def _question(self, question: Json) -> Json:
        if question.get("type") not in CLASSIFICATIONS:
            raise invalid(f"Unknown classification {question.get('type')!r}.")
        name = question.get("name") or question.get("instructions")
        if not name:
            raise invalid("A classification needs a name.")
        options = [self._option(option) for option in question.get("options") or ()]
        if question["type"] in CHOICES and not options:
            raise invalid(f"The {question['type']} {name!r} has no options.")
        made = {
            **question,
            "instructions": question.get("instructions") or name,
            "name": name,
            "required": question.get("required", False),
            "options": options,
            "attributes": question.get("attributes"),
            "scope": question.get("scope") or "global",
        }
        return self._known(question, made)

    def _option(self, option: Json) -> Json:
        label = option.get("label") or option.get("value") or option.get("name")
        made = {
            **option,
            "label": label,
            "value": slug(str(option.get("value") or label)),
            "position": option.get("position", 0),
            "options": [self._question(question) for question in option.get("options") or ()],
        }
        return self._known(option, made)

    def _known(self, given: Json, made: Json) -> Json:
        held = self.by_id.get(given.get("featureSchemaId") or "")
        if held is None:
            held = {"featureSchemaId": self._ids.new(), "schemaNodeId": self._ids.new()}
            self.by_id[held["featureSchemaId"]] = held
        held |= {**made, "featureSchemaId": held["featureSchemaId"], "schemaNodeId": held["schemaNodeId"]}
        return held

    def forget(self, key: str) -> None:
        """Delete a feature schema."""
        del self.by_id[key]
        self.roots.pop(key, None)


def _refuse_twins(tools: Iterable[Json]) -> None:
    """Raise the refusal of two tools of one name that make the same kind of annotation: no row could tell them apart.

    Raises:
        GraphQLError: There are two.
    """
    seen = set()
    for tool in tools:
        made = (tool.get("name"), TOOLS.get(tool["tool"]))
        if made in seen:
            raise invalid(f"Two tools of the kind {tool['tool']!r} are named {tool.get('name')!r}.")
        seen.add(made)


def _relate(tool: Json, ids: dict[str | None, str]) -> None:
    """Let the constraints of a relationship name the tools of its ontology by the ids that they got."""
    definition = tool.get("definition") or {}
    if "constraints" in definition:
        pairs = [[ids.get(end, end) for end in pair] for pair in definition["constraints"]]
        tool["definition"] = {**definition, "constraints": pairs}


def named(nodes: list[Json], name: str | None, schema_id: str | None) -> Iterator[Json]:
    """Yield the nodes of a name or a feature schema id; none if neither is said."""
    for node in nodes:
        if schema_id is not None:
            if node["featureSchemaId"] == schema_id:
                yield node
        elif name is not None and name in (node.get("name"), node.get("label")):
            yield node
