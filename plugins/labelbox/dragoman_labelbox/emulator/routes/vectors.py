"""Vectors of custom embeddings: imported as NDJSON, 1000 lines at a time, and counted."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response, route
from dragoman_labelbox.emulator.state import State

# The SDK writes `adv` twice.
BASE = "/adv/adv/v1/embeddings/{embedding}"


class Vector(msgspec.Struct):
    """One line: a data row and its vector."""

    id: str
    vector: list[float]


_LINES = msgspec.json.Decoder(Vector)


def _refuse(refusal: ApiError) -> Response:
    return json_response({"message": refusal.message}, refusal.status, refusal.headers)


class Vectors:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            route("PUT", f"{BASE}/_import_ndjson", self.take, _refuse),
            route("GET", f"{BASE}/vectors/_count", self.count, _refuse),
        ]

    def _embedding(self, request: Request) -> dict[str, Any]:
        known = self._state.embeddings.get(request.path_params["embedding"])
        if known is None:
            raise ApiError(404, "There is no such embedding.")
        return known

    async def take(self, request: Request) -> object:
        """Keep the vectors of data rows that are there; the others are passed over."""
        embedding = self._embedding(request)
        try:
            lines = _LINES.decode_lines(await request.body())
        except msgspec.MsgspecError as error:
            raise ApiError(400, f"The body is no NDJSON of vectors: {error}") from error
        if wrong := [line.id for line in lines if len(line.vector) != embedding["dims"]]:
            raise ApiError(400, f"The vector of {wrong[0]} does not have {embedding['dims']} dimensions.")
        known = [line for line in lines if line.id in self._state.rows]
        for line in known:
            self._state.rows[line.id].vectors[embedding["id"]] = line.vector
        return {"count": len(known)}

    async def count(self, request: Request) -> object:
        key = self._embedding(request)["id"]
        return {"count": sum(key in row.vectors for row in self._state.rows.values())}
