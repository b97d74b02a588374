"""Cassettes: what is replayed is what was recorded, to the byte; what differs, or is left unsent, fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from vcr.errors import CannotOverwriteExistingCassetteException

from dragoman.conformance.cassettes import HOST, cassette
from dragoman.emulate import Emulation, Live, running

KEY = "s3cr3t-key"
BINARY = bytes(range(256))


async def echo(request: Request) -> Response:
    """Send the body back."""
    return Response(await request.body(), media_type="application/octet-stream")


@pytest.fixture
def live() -> Iterator[Live[Any]]:
    app = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST", "PUT"])])
    with running(Emulation(platform="echo", app=app, credentials={}, state=None)) as live:
        yield live


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "tape.json"


def sent(url: str, **body: Any) -> bytes:
    return httpx.post(f"{url}/things", **body).content


def test_a_replay_needs_no_server_and_no_host(live: Live[Any], tape: Path) -> None:
    with cassette(tape, against="a test"):
        assert sent(live.url, json={"a": 1}) == b'{"a":1}'
    assert live.url not in tape.read_text()
    with cassette(tape):
        assert sent(HOST, json={"a": 1}) == b'{"a":1}'


def test_bodies_that_are_no_text_come_back_to_the_byte(live: Live[Any], tape: Path) -> None:
    with cassette(tape, against="a test"):
        assert sent(live.url, content=BINARY) == BINARY
    with cassette(tape):
        assert sent(HOST, content=BINARY) == BINARY
    with pytest.raises(CannotOverwriteExistingCassetteException), cassette(tape):
        sent(HOST, content=BINARY[1:])


def test_a_streamed_body_is_compared_as_a_whole(live: Live[Any], tape: Path, tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(BINARY)
    with cassette(tape, against="a test"), file.open("rb") as body:
        assert requests.put(f"{live.url}/file", data=body, timeout=5).content == BINARY
    with cassette(tape), file.open("rb") as body:
        assert requests.put(f"{HOST}/file", data=body, timeout=5).content == BINARY


def test_no_secret_is_kept(live: Live[Any], tape: Path) -> None:
    with cassette(tape, against="a test", secrets=[KEY]):
        httpx.post(f"{live.url}/login", json={"key": KEY}, headers={"Authorization": KEY})
    assert KEY not in tape.read_text()


def test_what_was_not_recorded_is_refused(live: Live[Any], tape: Path) -> None:
    with cassette(tape, against="a test"):
        sent(live.url, json={"a": 1})
    with pytest.raises(CannotOverwriteExistingCassetteException), cassette(tape):
        sent(HOST, json={"a": 2})


def test_what_was_recorded_and_is_not_sent_fails(live: Live[Any], tape: Path) -> None:
    with cassette(tape, against="a test"):
        sent(live.url, json={"a": 1})
        sent(live.url, json={"a": 2})
    with pytest.raises(AssertionError, match="1 of 2 recorded calls were not sent"), cassette(tape):
        sent(HOST, json={"a": 1})
