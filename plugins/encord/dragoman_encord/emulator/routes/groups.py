"""Routes about data groups: making them of files that are there."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.groups import SPACES
from dragoman_encord.emulator.routes.names import convert, post, read_list
from dragoman_encord.emulator.state import Folder, Item, State


class NewGroup(msgspec.Struct):
    layout_contents: list[str] | dict[str, str]
    name: str | None = None
    layout: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    timeline: list[str] = msgspec.field(default_factory=list)
    client_metadata: dict[str, Any] | None = None


class Groups:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [post("storage/folders/{folder}/create-group-items", self.create)]

    async def create(self, request: Request) -> object:
        folder = self._state.folder(request.path_params["folder"])
        made = [self._made(convert(wanted, NewGroup), folder) for wanted in await read_list(request)]
        for item in made:
            self._state.items[item.id] = item
            if folder.dataset is not None:
                self._state.link(self._state.dataset(folder.dataset), item.id)
        return [item.id for item in made]

    def _made(self, wanted: NewGroup, folder: Folder) -> Item:
        held = wanted.layout_contents
        contents = held if isinstance(held, dict) else {str(place): key for place, key in enumerate(held)}
        items = [self._state.item(key) for key in contents.values()]
        if len({item.id for item in items}) != len(items):
            raise ApiError(400, "A file is in a group only once.")
        if other := [item.kind for item in items if item.kind not in SPACES]:
            raise ApiError(400, f"The emulator puts nothing of the kind {other[0]} into a group.")
        return Item(
            id=self._state.new_id(),
            folder=folder.id,
            type="group",
            name=wanted.name or "data group",
            metadata=wanted.client_metadata or {},
            created=self._state.clock.now(),
            contents=contents,
            layout={"layout": wanted.layout, "layoutSettings": wanted.settings or {}, "timeline": wanted.timeline},
        )
