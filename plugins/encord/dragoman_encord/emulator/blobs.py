"""Files behind signed links: uploaded media to be written and read back, and weights to be read.

A link holds a random signature and needs no other credentials. A name that a client sends is never used as a path.
"""

from __future__ import annotations

import hashlib
import secrets

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, route


class Blobs:
    """All files of one emulation, by object key."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.types: dict[str, str] = {}
        self._signatures: dict[str, str] = {}

    def sign(self, base: str, key: str) -> str:
        """Return a link by which whoever has it can write or read that file."""
        signature = self._signatures.setdefault(key, secrets.token_hex(16))
        return f"{base}/objects/{key}?signature={signature}"

    def digest(self, key: str) -> str:
        """Return the SHA-256 of a file, in hex."""
        return hashlib.sha256(self.content[key]).hexdigest()

    def routes(self) -> list[Route]:
        return [
            route("PUT", "/objects/{key}", self._receive),
            route("GET", "/objects/{key}", self._send),
        ]

    def _named(self, request: Request) -> str:
        key: str = request.path_params["key"]
        given = request.query_params.get("signature", "")
        if not given or not secrets.compare_digest(given, self._signatures.get(key, "")):
            raise ApiError(403, "The signature of this link is not valid.")
        return key

    async def _receive(self, request: Request) -> object:
        key = self._named(request)
        self.content[key] = await request.body()
        self.types[key] = request.headers.get("content-type", "application/octet-stream")
        return Response()

    async def _send(self, request: Request) -> object:
        key = self._named(request)
        if key not in self.content:
            raise ApiError(404, "There is no such file.")
        return Response(self.content[key], media_type=self.types.get(key, "application/octet-stream"))
