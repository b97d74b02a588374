"""The HTTP side of the emulator: signed URLs of images and exports, and packages for whoever has the key or a token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Router

from dragoman.emulate.app import ApiError, route
from dragoman_viam.emulator.blobs import Blob
from dragoman_viam.emulator.refusals import Refusal
from dragoman_viam.emulator.state import State

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_SECRET = secrets.token_bytes(32)


def signature(state: State, name: str, expires: int) -> str:
    """Return what makes a URL of an image or export valid until `expires`, in seconds since the epoch."""
    text = f"{state.organization.id} {name} {expires}"
    return hmac.new(_SECRET, text.encode(), hashlib.sha256).hexdigest()


def application(state: State) -> ASGIApp:
    """Return the application that serves the contents of a state."""

    async def image(request: Request) -> object:
        name = request.path_params["name"]
        _check(state, request, name)
        if name not in state.images:
            raise ApiError(404, "no such data")
        return _sent(state.images[name].content, state.images[name].metadata.capture_metadata.mime_type)

    async def export(request: Request) -> object:
        name = request.path_params["name"]
        _check(state, request, name)
        if name not in state.exports:
            raise ApiError(404, "no such export")
        return _sent(state.exports[name].content, "application/jsonl")

    async def package(request: Request) -> object:
        _admit(state, request)
        found = state.packages.get((request.path_params["package"], request.query_params.get("version", "")))
        if found is None:
            raise ApiError(404, "no such package")
        return _sent(found.content, "application/gzip")

    return Router(
        [
            route("GET", "/data/{name:path}", image),
            route("GET", "/exports/{name}", export),
            route("GET", "/packages/{package:path}", package),
        ],
        redirect_slashes=False,
    )


def _check(state: State, request: Request, name: str) -> None:
    """Refuse a URL that is not signed, or no more."""
    said = request.query_params.get("expires", "")
    expires = int(said) if said.isdecimal() else 0
    given = request.query_params.get("signature", "")
    if not hmac.compare_digest(given, signature(state, name, expires)) or expires < state.clock.now().timestamp():
        raise ApiError(403, "the signature is wrong or has expired")


def _admit(state: State, request: Request) -> None:
    if state.knows(request.headers.get("key_id", ""), request.headers.get("key", "")):
        return
    try:
        state.check_token(request.headers.get("authorization", ""))
    except Refusal as refusal:
        raise ApiError(401, refusal.message) from None


def _sent(content: Blob, kind: str) -> StreamingResponse:
    chunks: Iterator[bytes] = content.chunks()
    return StreamingResponse(chunks, headers={"content-length": str(content.size)}, media_type=kind or None)
