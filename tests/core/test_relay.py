"""The relay before a real server: it hands on what it gets, to the byte, and lets faults be scripted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dragoman.emulate import Answer, DropAfter, Live, running
from dragoman.emulate.relay import relay
from dragoman.serving import serving

BINARY = bytes(range(256)) * 5000


def mirror(seen: list[bytes]) -> Starlette:
    async def answer(request: Request) -> Response:
        body = await request.body()
        seen.append(body)
        if request.url.path == "/echo":
            return Response(body, 201, {"X-Kind": "echo"})
        path = request.scope["raw_path"].decode()
        headers = {name: request.headers.get(name) for name in ("authorization", "host", "content-length")}
        return JSONResponse({"path": path, "query": request.url.query, "method": request.method, **headers})

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "PUT", "DELETE"])])


@pytest.fixture
def seen() -> list[bytes]:
    return []


@pytest.fixture
def live(seen: list[bytes]) -> Iterator[Live[Any]]:
    with serving(mirror(seen)) as server, running(relay("mirror", server.url, state=server)) as live:
        yield live


def test_path_query_verb_and_headers_are_handed_on(live: Live[Any]) -> None:
    found = httpx.delete(f"{live.url}/a%2Fb%20c?x=1&x=%C3%BC", headers={"Authorization": "Token t"}).json()
    assert (found["path"], found["query"], found["method"]) == ("/a%2Fb%20c", "x=1&x=%C3%BC", "DELETE")
    assert found["authorization"] == "Token t"
    assert found["host"] == live.state.url.removeprefix("http://"), "a server may look at which host was asked"


@pytest.mark.parametrize("body", [b"", b"{}", BINARY])
def test_bodies_are_handed_on_to_the_byte(live: Live[Any], body: bytes) -> None:
    answer = httpx.post(f"{live.url}/echo", content=body)
    assert (answer.status_code, answer.headers["x-kind"], answer.content) == (201, "echo", body)


def test_a_body_of_unknown_length_is_handed_on(live: Live[Any]) -> None:
    assert httpx.put(f"{live.url}/echo", content=iter([BINARY, b"end"])).content == BINARY + b"end"


def test_faults_and_journal_stand_in_between(live: Live[Any], seen: list[bytes]) -> None:
    live.faults.add(Answer(503))
    assert httpx.get(f"{live.url}/x").status_code == 503
    assert seen == []
    live.faults.add(DropAfter())
    with pytest.raises(httpx.TransportError):
        httpx.post(f"{live.url}/x", content=b"once")
    assert seen == [b"once"]
    assert [entry.method for entry in live.journal.entries()] == ["GET", "POST"]
