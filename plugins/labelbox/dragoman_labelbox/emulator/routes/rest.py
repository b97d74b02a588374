"""The REST calls on ontologies and feature schemas, below `/api/v1`; errors are `{"message": ...}`."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response, route
from dragoman_labelbox.emulator.graphql import GraphQLError
from dragoman_labelbox.emulator.schemas import slug
from dragoman_labelbox.emulator.state import Ontology, State

Json = dict[str, Any]
BASE = "/api/v1"


def _refuse(refusal: ApiError) -> Response:
    return json_response({"message": refusal.message}, refusal.status, refusal.headers)


class Rest:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        on_schema = f"{BASE}/feature-schemas/{{schema}}"
        on_both = f"{BASE}/ontologies/{{ontology}}/feature-schemas/{{schema}}"
        return [
            route("GET", f"{BASE}/ontologies/unused", self.unused_ontologies, _refuse),
            route("GET", f"{BASE}/feature-schemas/unused", self.unused_schemas, _refuse),
            route("GET", f"{BASE}/ontologies/{{ontology}}", self.nodes, _refuse),
            route("DELETE", f"{BASE}/ontologies/{{ontology}}", self.delete_ontology, _refuse),
            route("PUT", on_schema, self.upsert, _refuse),
            route("PATCH", f"{on_schema}/definition", self.rename, _refuse),
            route("DELETE", on_schema, self.delete_schema, _refuse),
            route("POST", on_both, self.insert, _refuse),
            route("DELETE", on_both, self.remove, _refuse),
        ]

    def _ontology(self, request: Request) -> Ontology:
        key = request.path_params["ontology"]
        if key not in self._state.ontologies:
            raise ApiError(404, f"Ontology {key} does not exist.")
        return self._state.ontologies[key]

    def _schema(self, request: Request) -> Json:
        key = request.path_params["schema"]
        if key not in self._state.schemas.by_id:
            raise ApiError(404, f"Feature schema {key} does not exist.")
        return self._state.schemas.by_id[key]

    def _users(self, schema: Json) -> list[Ontology]:
        return [each for each in self._state.ontologies.values() if schema in (*each.tools, *each.classifications)]

    async def nodes(self, request: Request) -> object:
        ontology = self._ontology(request)
        nodes = {
            name: [{**node, "archived": False} for node in listed]
            for name, listed in (("tools", ontology.tools), ("classifications", ontology.classifications))
        }
        return {"featureSchemaNodes": {**nodes, "relationships": []}}

    async def unused_ontologies(self, request: Request) -> object:
        used = {project.ontology_id for project in self._state.projects.values()}
        used |= {model.ontology_id for model in self._state.models.values()}
        return [key for key in self._state.ontologies if key not in used]

    async def unused_schemas(self, request: Request) -> object:
        return [key for key, schema in self._state.schemas.by_id.items() if not self._users(schema)]

    async def delete_ontology(self, request: Request) -> object:
        ontology = self._ontology(request)
        if any(project.ontology_id == ontology.id for project in self._state.projects.values()):
            raise ApiError(422, "The ontology is used by a project.")
        del self._state.ontologies[ontology.id]
        return Response(status_code=204)

    async def upsert(self, request: Request) -> object:
        body = msgspec.json.decode(await request.body(), type=dict[str, str])
        key = request.path_params["schema"]
        node = msgspec.json.decode(body["normalized"])
        known = self._state.schemas.by_id.get(key)
        try:
            made = self._state.schemas.node(node)
        except GraphQLError as refusal:
            raise ApiError(422, refusal.message) from refusal
        if known is not None:
            # Ontologies that use the schema hold this very object.
            known |= made
            self._state.schemas.by_id[key] = known
            made = known
        return {"schemaId": made["featureSchemaId"]}

    async def rename(self, request: Request) -> object:
        schema = self._schema(request)
        title = msgspec.json.decode(await request.body(), type=dict[str, str])["title"]
        schema["label" if "label" in schema else "name"] = title
        schema["value"] = slug(title)
        return {}

    async def delete_schema(self, request: Request) -> object:
        schema = self._schema(request)
        if self._users(schema):
            raise ApiError(422, "The feature schema is used by an ontology.")
        del self._state.schemas.by_id[schema["featureSchemaId"]]
        return Response(status_code=204)

    async def insert(self, request: Request) -> object:
        ontology, schema = self._ontology(request), self._schema(request)
        position = msgspec.json.decode(await request.body(), type=dict[str, int]).get("position", 0)
        nodes = ontology.tools if "tool" in schema else ontology.classifications
        nodes[:] = [node for node in nodes if node is not schema]
        nodes.insert(position, schema)
        return json_response({}, 201)

    async def remove(self, request: Request) -> object:
        ontology, schema = self._ontology(request), self._schema(request)
        nodes = ontology.tools if "tool" in schema else ontology.classifications
        nodes[:] = [node for node in nodes if node is not schema]
        return {"archived": False, "deleted": True}
