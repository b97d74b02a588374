"""Ontologies and feature schemas by GraphQL; the REST calls on them are in `rest.py`."""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.objects import Ontology
from dragoman_labelbox.emulator.state import State, found

Json = dict[str, Any]


class Ontologies:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "upsertRootSchemaNodePyApi": self.upsert,
            "GetOntologyPyApi": lambda query: wire.ontology(self._state.ontology(query.get("param_0"))),
            "getOntologiesPyApi": self.listing,
            "rootSchemaNodePyApi": self.schema,
            "rootSchemaNodesPyApi": self.schemas,
        }

    def upsert(self, query: Query) -> Json:
        # One operation name stands for two mutations; the root field tells them apart.
        data = query.get("data")
        normalized = msgspec.json.decode(data["normalized"])
        if query.root == "upsertRootSchemaNode":
            return wire.schema(self._state.schemas.node(normalized))
        if not data.get("name"):
            raise invalid("An ontology needs a name.")
        tools, questions = self._state.schemas.fill(normalized)
        made = Ontology(
            **self._state.stamp(),
            name=data["name"],
            media_type=data.get("mediaType"),
            tools=tools,
            classifications=questions,
        )
        self._state.ontologies[made.id] = made
        return wire.ontology(made)

    def listing(self, query: Query) -> Json:
        wanted = (query.variables.get("search") or "").lower()
        matching = [each for each in self._state.ontologies.values() if wanted in each.name.lower()]
        shown, following = query.cursor_page(matching, self._state.settings.page_limit)
        return {"nodes": list(map(wire.ontology, shown)), "nextCursor": following}

    def schemas(self, query: Query) -> Json:
        wanted = (query.variables.get("search") or "").lower()
        matching = [node for node in self._state.schemas.roots.values() if wanted in node["name"].lower()]
        shown, following = query.cursor_page(matching, self._state.settings.page_limit)
        return {"nodes": list(map(wire.schema, shown)), "nextCursor": following}

    def schema(self, query: Query) -> Json:
        schema_id = query.get("rootSchemaNodeWhere")["featureSchemaId"]
        return wire.schema(found(self._state.schemas.by_id, schema_id, "Feature schema"))
