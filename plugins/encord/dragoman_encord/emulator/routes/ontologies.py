"""Routes about ontologies. An ontology is kept as the client sends it, and checked for what the SDK needs to read."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.filters import chosen
from dragoman_encord.emulator.routes.names import get, page, post, put, read
from dragoman_encord.emulator.state import Ontology, State


class Wanted(msgspec.Struct):
    title: str
    editor: dict[str, Any]
    description: str = ""


class Ontologies:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("ontologies", self.create),
            get("ontologies", self.list),
            get("ontologies/{ontology}", self.get),
            put("ontologies/{ontology}", self.replace),
        ]

    async def create(self, request: Request) -> object:
        wanted = _checked(await read(request, Wanted))
        now = self._state.clock.now()
        ontology = Ontology(
            id=self._state.new_id(),
            title=wanted.title,
            description=wanted.description,
            editor=wanted.editor,
            created=now,
            edited=now,
        )
        self._state.ontologies[ontology.id] = ontology
        return ontology.to_json()

    async def list(self, request: Request) -> object:
        shown = [o.to_json() for o in chosen(self._state.ontologies.values(), request.query_params)]
        return page(request, shown, self._state.settings.page_limit)

    async def get(self, request: Request) -> object:
        return self._state.ontology(request.path_params["ontology"]).to_json()

    async def replace(self, request: Request) -> object:
        ontology = self._state.ontology(request.path_params["ontology"])
        wanted = _checked(await read(request, Wanted))
        ontology.title, ontology.description, ontology.editor = wanted.title, wanted.description, wanted.editor
        ontology.edited = self._state.clock.now()
        return Response(status_code=204)


def _checked(wanted: Wanted) -> Wanted:
    objects, classifications = wanted.editor.get("objects"), wanted.editor.get("classifications")
    if objects is None or classifications is None:
        raise ApiError(400, "The editor needs objects and classifications.")
    hashes = [entry["featureNodeHash"] for entry in (*objects, *classifications)]
    if len(set(hashes)) != len(hashes):
        raise ApiError(400, "Two features have one hash.")
    if any(len(entry.get("attributes") or ()) != 1 for entry in classifications):
        raise ApiError(400, "A classification has exactly one attribute at its root.")
    return wanted
