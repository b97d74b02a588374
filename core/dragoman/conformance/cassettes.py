"""Cassettes: HTTP calls recorded by vcrpy and replayed without a server.

What is sent must be what was recorded, bodies included, and all of it; no secret and no host is kept. A cassette says
what it was recorded against.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import vcr
from vcr.request import Request

HOST = "https://recorded"
MASK = "***"
_ORIGIN = re.compile(r"https?://[^/\s\"']+")
_BOUNDARY = re.compile(r"boundary=([0-9a-fA-F-]+)")
_MATCHED = ("method", "uri", "body")
_BASE64 = "base64 of what is no text"
_KEPT_HEADERS = ("content-type", "retry-after")


@contextmanager
def cassette(
    path: Path, *, against: str | None = None, secrets: Sequence[str] = (), headers: Collection[str] = ()
) -> Iterator[None]:
    """Replay a cassette, or record it.

    Args:
        path: The cassette, a JSON file.
        against: What it is recorded against, such as `"the emulator of nucleus"`; None replays.
        secrets: Values that must not be in the file.
        headers: Names of headers of answers that mean something to the client, besides those that always do.

    Raises:
        AssertionError: A replay left some of the recorded calls unsent.
        vcr.errors.CannotOverwriteExistingCassetteException: A replay sent what was not recorded.
    """
    recorder = vcr.VCR(
        record_mode=vcr.mode.ALL if against else vcr.mode.NONE,
        match_on=_MATCHED,
        before_record_request=_neutral,
        before_record_response=partial(_lean, {*_KEPT_HEADERS, *(name.lower() for name in headers)}),
    )
    recorder.register_serializer("cassette", _Serializer(against, secrets))
    if against:
        path.unlink(missing_ok=True)
    with recorder.use_cassette(str(path), serializer="cassette") as tape:
        yield
    if not against:
        left = len(tape) - tape.play_count
        assert tape.all_played, f"{path.name}: {left} of {len(tape)} recorded calls were not sent"


class _Serializer:
    """Writes indented JSON, with what it was recorded against on top; bodies that are no text are base64."""

    def __init__(self, against: str | None, secrets: Sequence[str]) -> None:
        self._against = against
        self._secrets = [secret for secret in secrets if secret]

    def serialize(self, content: dict[str, Any]) -> str:
        text = json.dumps({"recorded_against": self._against, **content}, indent=1, default=_base64)
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text + "\n"

    def deserialize(self, text: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(text, object_hook=_from_base64)
        del content["recorded_against"]
        return content


def _base64(body: bytes) -> dict[str, str]:
    return {_BASE64: b64encode(body).decode()}


def _from_base64(value: dict[str, Any]) -> Any:
    return b64decode(value[_BASE64]) if value.keys() == {_BASE64} else value


def _neutral(request: Request) -> Request:
    """Return a request without the host, the credentials and the random boundary of a form; a stream is read whole."""
    body = request.body_bytes
    boundary = _BOUNDARY.search(str(request.headers.get("content-type", "")))
    if boundary and isinstance(body, bytes):
        body = b"boundary".join(map(_readable, body.split(boundary[1].encode())))
    return Request(request.method, _ORIGIN.sub(HOST, request.uri, count=1), body, {})


def _readable(part: bytes) -> bytes:
    """Return a part of a form as it is if it is text, else its headers and the digest of its content."""
    try:
        part.decode()
    except UnicodeDecodeError:
        headers, _, content = part.partition(b"\r\n\r\n")
        return headers + b"\r\n\r\nsha256:" + hashlib.sha256(content).hexdigest().encode() + b"\r\n--"
    return part


def _lean(kept: Collection[str], response: dict[str, Any]) -> dict[str, Any]:
    """Keep what a client looks at: status, body, and the headers that mean something."""
    headers = {name: value for name, value in response["headers"].items() if name.lower() in kept}
    return {**response, "headers": headers}
