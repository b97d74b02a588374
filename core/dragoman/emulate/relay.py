"""A relay to a real server: what an emulator offers to tests, for platforms that can be started for real.

Served like an emulation, it lets scripted faults and the journal stand between a client and the server. It answers
nothing by itself: every answer is the server's, or a fault's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from dragoman.emulate.emulation import Emulation

HOP_BY_HOP = {b"connection", b"host", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
"""Headers that are between two neighbours (RFC 9110, 7.6.1), and the name of the host that was asked."""
TIMEOUT = 300.0


def relay(
    platform: str, url: str, *, credentials: Mapping[str, str] | None = None, state: Any = None
) -> Emulation[Any]:
    """Return an emulation whose application hands every request on.

    Args:
        platform: Name of the backend.
        url: Root of the server. What it says of its own address is not changed.
        credentials: What it lets in.
        state: Whatever tests need of the server.
    """
    return Emulation(platform=platform, app=_to(url.rstrip("/")), credentials=dict(credentials or {}), state=state)


def _to(url: str) -> ASGIApp:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        target = httpx.URL(url).copy_with(raw_path=_raw_path(scope))
        kept = [(name, value) for name, value in request.headers.raw if name not in HOP_BY_HOP]
        # Loopback needs no certificates, and reading them takes longer than the call.
        async with httpx.AsyncClient(timeout=TIMEOUT, verify=False, trust_env=False) as client:
            body = request.stream() if _has_body(request) else None
            async with client.stream(request.method, target, headers=kept, content=body) as answer:
                headers = [(name.lower(), value) for name, value in answer.headers.raw]
                headers = [(name, value) for name, value in headers if name not in HOP_BY_HOP]
                await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
                async for piece in answer.aiter_raw():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return application


def _raw_path(scope: Scope) -> bytes:
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return path + b"?" + query if query else path


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"
