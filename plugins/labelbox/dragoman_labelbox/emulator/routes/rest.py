"""The REST calls on ontologies and feature schemas, below `/api/v1`; errors are `{"message": ...}`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response, route
from dragoman_labelbox.emulator.graphql import GraphQLError
from dragoman_labelbox.emulator.objects import Ontology
from dragoman_labelbox.emulator.schemas import slug
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]
BASE = "/api/v1"
PAGE = 100


def _refuse(refusal: ApiError) -> Response:
    return json_response({"message": refusal.message}, refusal.status, refusal.headers)


def _served(method: str, path: str, handler: Callable[[Request], Awaitable[object]]) -> Route:
    """Return a route that refuses what its handler cannot read."""

    async def read(request: Request) -> object:
        try:
            return await handler(request)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ApiError(400, f"The request cannot be read: {error!r}.") from error

    return route(method, path, read, _refuse)


class Rest:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        on_schema = f"{BASE}/feature-schemas/{{schema}}"
        on_both = f"{BASE}/ontologies/{{ontology}}/feature-schemas/{{schema}}"
        return [
            _served("GET", f"{BASE}/ontologies/unused", self.unused_ontologies),
            _served("GET", f"{BASE}/feature-schemas/unused", self.unused_schemas),
            _served("GET", f"{BASE}/ontologies/{{ontology}}", self.nodes),
            _served("DELETE", f"{BASE}/ontologies/{{ontology}}", self.delete_ontology),
            _served("PUT", on_schema, self.upsert),
            _served("PATCH", f"{on_schema}/definition", self.rename),
            _served("DELETE", on_schema, self.delete_schema),
            _served("POST", on_both, self.insert),
            _served("DELETE", on_both, self.remove),
            _served("PATCH", f"{on_both}/unarchive", self.unarchive),
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
        return [each for each in self._state.ontologies.values() if any(node is schema for node in each.nodes())]

    async def nodes(self, request: Request) -> object:
        ontology = self._ontology(request)
        shown = {
            name: [{**node, "archived": node["featureSchemaId"] in ontology.archived} for node in listed]
            for name, listed in (("tools", ontology.tools), ("classifications", ontology.classifications))
        }
        return {"featureSchemaNodes": {**shown, "relationships": []}}

    async def unused_ontologies(self, request: Request) -> object:
        used = {project.ontology_id for project in self._state.projects.values()}
        used |= {model.ontology_id for model in self._state.models.values()}
        return await _page(request, [key for key in self._state.ontologies if key not in used])

    async def unused_schemas(self, request: Request) -> object:
        unused = [key for key, schema in self._state.schemas.roots.items() if not self._users(schema)]
        return await _page(request, unused)

    async def delete_ontology(self, request: Request) -> object:
        ontology = self._ontology(request)
        if any(project.ontology_id == ontology.id for project in self._state.projects.values()):
            raise ApiError(422, "The ontology is used by a project.")
        if any(model.ontology_id == ontology.id for model in self._state.models.values()):
            raise ApiError(422, "The ontology is used by a model.")
        del self._state.ontologies[ontology.id]
        return Response(status_code=204)

    async def upsert(self, request: Request) -> object:
        body = msgspec.json.decode(await request.body(), type=dict[str, str])
        try:
            made = self._state.schemas.node(msgspec.json.decode(body["normalized"]))
        except GraphQLError as refusal:
            raise ApiError(422, refusal.message) from refusal
        return {"schemaId": made["featureSchemaId"]}

    async def rename(self, request: Request) -> object:
        schema = self._schema(request)
        title = msgspec.json.decode(await request.body(), type=dict[str, str])["title"]
        if not title.strip():
            raise ApiError(422, "A feature schema needs a title.")
        schema["label" if "label" in schema else "name"] = title
        schema["value"] = slug(title)
        return {}

    async def delete_schema(self, request: Request) -> object:
        schema = self._schema(request)
        if self._users(schema):
            raise ApiError(422, "The feature schema is used by an ontology.")
        self._state.schemas.forget(schema["featureSchemaId"])
        return Response(status_code=204)

    async def insert(self, request: Request) -> object:
        ontology, schema = self._ontology(request), self._schema(request)
        position = msgspec.json.decode(await request.body(), type=dict[str, int]).get("position", 0)
        nodes = ontology.tools if "tool" in schema else ontology.classifications
        nodes[:] = [node for node in nodes if node is not schema]
        nodes.insert(position, schema)
        return json_response({}, 201)

    async def remove(self, request: Request) -> object:
        """Archive a root that labels use, delete another; a nested one is deleted unless labels use it."""
        ontology, schema = self._ontology(request), self._schema(request)
        key = schema["featureSchemaId"]
        root = any(node is schema for node in ontology.nodes())
        if not root and not _contains(ontology.nodes(), schema):
            raise ApiError(404, f"Feature schema {key} is not in the ontology.")
        if self._labeled(ontology, key):
            if not root:
                raise ApiError(422, f"Feature schema {key} is nested and labels use it.")
            ontology.archived.add(key)
            return {"archived": True, "deleted": False}
        for nodes in (ontology.tools, ontology.classifications):
            _remove(nodes, schema)
        return {"archived": False, "deleted": True}

    def _labeled(self, ontology: Ontology, key: str) -> bool:
        """Say whether annotations in a project with this ontology are of a feature schema."""
        return any(
            key.encode() in stored.raw
            for project, _, label in self._state.labels()
            if project.ontology_id == ontology.id
            for stored in label.rows
        )

    async def unarchive(self, request: Request) -> object:
        ontology, key = self._ontology(request), self._schema(request)["featureSchemaId"]
        if key not in ontology.archived:
            raise ApiError(422, f"Feature schema {key} is not archived.")
        ontology.archived.remove(key)
        return {"unarchived": True}


async def _page(request: Request, keys: list[str]) -> list[str]:
    """Return the page of ids that follows the one that the body names."""
    after = msgspec.json.decode(await request.body() or b"{}", type=dict[str, str | None]).get("after")
    start = keys.index(after) + 1 if after in keys else 0
    return keys[start : start + PAGE]


def _below(node: Json) -> list[list[Json]]:
    """Return the lists of nodes that hang directly on a node."""
    return [node[name] for name in ("classifications", "options") if node.get(name)]


def _contains(nodes: list[Json], wanted: Json) -> bool:
    return any(node is wanted or any(_contains(below, wanted) for below in _below(node)) for node in nodes)


def _remove(nodes: list[Json], unwanted: Json) -> None:
    """Take a node out of a list of nodes, or out of what hangs on them."""
    nodes[:] = [node for node in nodes if node is not unwanted]
    for node in nodes:
        for below in _below(node):
            _remove(below, unwanted)
