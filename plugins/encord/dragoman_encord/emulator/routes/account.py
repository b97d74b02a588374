"""Routes about the account as such: tokens, and what the organisation says of clients' metadata."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman_encord.emulator.routes.names import get, post, read_plain
from dragoman_encord.emulator.state import State

SCHEMA = "organisation/client-metadata-schema-v2"


class Account:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("user/bearer-token", self.token),
            get(SCHEMA, self.schema),
            post(SCHEMA, self.set_schema),
        ]

    async def token(self, request: Request) -> object:
        token = secrets.token_hex(16)
        self._state.tokens.add(token)
        return {"token": token}

    async def schema(self, request: Request) -> object:
        return self._state.organisation.metadata_schema

    async def set_schema(self, request: Request) -> object:
        wanted: dict[str, Any] = await read_plain(request)
        self._state.organisation.metadata_schema = wanted
        return Response(status_code=204)
