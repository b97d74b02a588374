"""Routes about presets: named filters of files, which are kept as the client writes them."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman_encord.emulator.curation import Changes, Preset
from dragoman_encord.emulator.routes.names import delete, get, page, page_size, patch, post, read
from dragoman_encord.emulator.state import State, found


class NewPreset(msgspec.Struct):
    name: str
    filter_preset_json: dict[str, Any]
    description: str | None = ""


class Presets:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("index/presets", self.listed),
            post("index/presets", self.create),
            get("index/presets/{preset}", self.filters),
            patch("index/presets/{preset}", self.update),
            delete("index/presets/{preset}", self.delete),
        ]

    def _named(self, request: Request) -> Preset:
        return found(self._state.presets, request.path_params["preset"], "preset")

    async def listed(self, request: Request) -> object:
        query = request.query_params
        keys, folder = query.getlist("uuids"), query.get("topLevelFolderUuid")
        shown = [
            one.to_json()
            for one in self._state.presets.values()
            if (not keys or one.id in keys) and folder in (None, one.folder)
        ]
        return page(request, shown, self._state.settings.page_limit, page_size(request))

    async def create(self, request: Request) -> object:
        wanted = await read(request, NewPreset)
        now = self._state.clock.now()
        preset = Preset(
            id=self._state.new_id(),
            folder=request.query_params.get("topLevelFolderUuid", ""),
            name=wanted.name,
            description=wanted.description or "",
            filters=wanted.filter_preset_json,
            created=now,
            edited=now,
        )
        self._state.presets[preset.id] = preset
        return preset.id

    async def filters(self, request: Request) -> object:
        return self._named(request).filters

    async def update(self, request: Request) -> object:
        (await read(request, Changes)).make(self._named(request), self._state.clock.now())
        return Response(status_code=204)

    async def delete(self, request: Request) -> object:
        self._state.presets.pop(request.path_params["preset"], None)
        return Response(status_code=204)
