"""Routes about the account as such: tokens, and what the organisation says of clients' metadata."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.routes.names import get, post, read_plain
from dragoman_encord.emulator.state import State

SCHEMA, OLDER = "organisation/client-metadata-schema-v2", "organisation/client-metadata-schema"
HINTS = {"string": "varchar", "long_string": "text", "number": "number", "boolean": "boolean", "datetime": "datetime"}
"""The older schema's word for a plain value to that of the schema of today."""
WORDS = {hint: word for word, hint in HINTS.items()} | {"uuid": "string"}
SAME = ("geospatial", "enum", "embedding")
"""What both schemas call alike."""


class Account:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("user/bearer-token", self.token),
            get(SCHEMA, self.schema),
            post(SCHEMA, self.set_schema),
            get(OLDER, self.older_schema),
            post(OLDER, self.set_older_schema),
        ]

    async def token(self, request: Request) -> object:
        token = secrets.token_hex(16)
        self._state.tokens.add(token)
        return {"token": token}

    async def schema(self, request: Request) -> object:
        return self._state.organisation.metadata_schema

    async def set_schema(self, request: Request) -> object:
        return self._saved(await read_plain(request))

    async def older_schema(self, request: Request) -> object:
        organisation = self._state.organisation
        if organisation.metadata_schema is None:
            return None
        words = {key: _word(kind) for key, kind in organisation.metadata_schema.items()}
        return {
            "uuid": organisation.id,
            "metadataSchema": {key: word for key, word in words.items() if word is not None},
            "organisationId": 1,
            "createdAt": organisation.schema_saved.isoformat(),
            "updatedAt": organisation.schema_saved.isoformat(),
        }

    async def set_older_schema(self, request: Request) -> object:
        return self._saved({key: _kind(word) for key, word in (await read_plain(request)).items()})

    def _saved(self, schema: dict[str, Any]) -> Response:
        organisation = self._state.organisation
        organisation.metadata_schema, organisation.schema_saved = schema, self._state.clock.now()
        return Response(status_code=204)


def _word(kind: dict[str, Any]) -> str | None:
    """Return the older schema's word for a kind of value, None where it has none, as for what was deleted."""
    name = kind["ty"]
    return name if name in SAME else WORDS.get(kind.get("hint", "text") if name == "variant" else name)


def _kind(word: str) -> dict[str, Any]:
    """Return a kind of value of the older schema in the words of today's."""
    if word in HINTS:
        return {"ty": "variant", "hint": HINTS[word]}
    if word == "geospatial":
        return {"ty": word}
    raise ApiError(400, f"The older schema cannot say enough of {word}.")
