"""Routes about models as such."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.ml import ARCHITECTURES, Model
from dragoman_encord.emulator.routes.names import delete, get, page, patch, post, read
from dragoman_encord.emulator.state import State


class NewModel(msgspec.Struct):
    features: list[str]
    model: str
    title: str
    description: str = ""


class ModelChanges(msgspec.Struct):
    title: str | None = None
    description: str | None = None


class Models:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("ml-models", self.create),
            get("ml-models", self.list),
            get("ml-models/{model}", self.get),
            patch("ml-models/{model}", self.update),
            delete("ml-models/{model}", self.delete),
        ]

    def _named(self, request: Request) -> Model:
        return self._state.model(request.path_params["model"])

    async def create(self, request: Request) -> object:
        wanted = await read(request, NewModel)
        if wanted.model not in ARCHITECTURES:
            raise ApiError(400, f"There is no architecture {wanted.model}.")
        model = Model(
            id=self._state.new_id(),
            title=wanted.title,
            description=wanted.description,
            features=wanted.features,
            architecture=wanted.model,
            created=self._state.clock.now(),
        )
        self._state.models[model.id] = model
        return model.to_json()

    async def list(self, request: Request) -> object:
        query = request.query_params
        words = query.get("query", "").casefold()
        found = [m for m in self._state.models.values() if words in f"{m.title}\n{m.description}".casefold()]
        if query.get("orderBy") == "title":
            found.sort(key=lambda model: model.title)
        if query.get("orderAsc", "True") == "False":
            found.reverse()
        return page(request, [model.to_json() for model in found], self._state.settings.page_limit)

    async def get(self, request: Request) -> object:
        return self._named(request).to_json()

    async def update(self, request: Request) -> object:
        model = self._named(request)
        changes = await read(request, ModelChanges)
        model.title = changes.title if changes.title is not None else model.title
        model.description = changes.description if changes.description is not None else model.description
        return model.to_json()

    async def delete(self, request: Request) -> object:
        model = self._named(request)
        del self._state.models[model.id]
        for project in self._state.projects.values():
            bound = [key for key, attachment in project.attachments.items() if attachment.model == model.id]
            for key in bound:
                del project.attachments[key]
        return Response(status_code=204)
