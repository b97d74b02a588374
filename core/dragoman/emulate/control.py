"""The control routes of a served emulator, under `/_emulator/`, and how an emulation is put together.

    GET    /_emulator/requests   {"count": n, "requests": [{"method", "path", "status"}, ...]}
    DELETE /_emulator/requests   forget them
    GET    /_emulator/faults     the rules that can still act
    POST   /_emulator/faults     one rule or a list of rules, shaped like `Fault`:
                                 {"path": "*/upload", "times": 2, "action": {"kind": "answer", "status": 429}}
    DELETE /_emulator/faults     remove all rules
    GET    /_emulator/settings   {"job_polls": n, "page_limit": n or null}
    PATCH  /_emulator/settings   change some of them

They take no credentials, never fail by a scripted fault and do not appear among the requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.requests import Request
from starlette.routing import Router

from dragoman.emulate.app import as_dict, decode, json_response, read_json, route
from dragoman.emulate.emulation import Emulation, Settings, State
from dragoman.emulate.faults import Fault

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/_emulator/"
FAULTS = msgspec.json.Decoder(Fault | list[Fault])
SETTINGS = msgspec.json.Decoder(Settings)
CHANGES = msgspec.json.Decoder(dict[str, object])


def application(emulation: Emulation[State]) -> ASGIApp:
    """Return the application to serve: control routes, and journal and faults around the platform's own."""
    control = Control(emulation).router
    platform = emulation.journal.wrap(emulation.faults.wrap(emulation.app, emulation.clock))

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        chosen = control if scope["path"].startswith(PREFIX) else platform
        await chosen(scope, receive, send)

    return dispatch


class Control:
    """The handlers of the control routes of one emulation."""

    def __init__(self, emulation: Emulation[State]) -> None:
        self._emulation = emulation
        self.router = Router(
            [
                route("GET", f"{PREFIX}requests", self.requests),
                route("DELETE", f"{PREFIX}requests", self.forget_requests),
                route("GET", f"{PREFIX}faults", self.faults),
                route("POST", f"{PREFIX}faults", self.add_faults),
                route("DELETE", f"{PREFIX}faults", self.clear_faults),
                route("GET", f"{PREFIX}settings", self.settings),
                route("PATCH", f"{PREFIX}settings", self.change_settings),
            ],
            redirect_slashes=False,
        )

    async def requests(self, request: Request) -> object:
        journal = self._emulation.journal
        return {"count": journal.count, "requests": journal.entries()}

    async def forget_requests(self, request: Request) -> object:
        self._emulation.journal.clear()
        return {}

    async def faults(self, request: Request) -> object:
        return self._emulation.faults.pending()

    async def add_faults(self, request: Request) -> object:
        given = await read_json(request, FAULTS)
        for fault in given if isinstance(given, list) else [given]:
            self._emulation.faults.append(fault)
        return json_response(self._emulation.faults.pending(), 201)

    async def clear_faults(self, request: Request) -> object:
        self._emulation.faults.clear()
        return {}

    async def settings(self, request: Request) -> object:
        return self._emulation.settings

    async def change_settings(self, request: Request) -> object:
        settings = self._emulation.settings
        changes = await read_json(request, CHANGES)
        merged = decode(msgspec.json.encode({**as_dict(settings), **changes}), SETTINGS)
        for name in Settings.__struct_fields__:
            setattr(settings, name, getattr(merged, name))
        return settings
