"""A Label Studio that says what a test has it say, for tests of the client that need no server."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import httpx
import msgspec

from dragoman_labelstudio.client import LabelStudioClient
from dragoman_labelstudio.settings import LabelStudioSettings

ENDPOINT = "http://studio.example"
LEGACY = "0123456789abcdef0123456789abcdef01234567"


def jwt(**claims: Any) -> str:
    """A token of three parts; nobody here looks at its signature."""
    parts = ({"alg": "HS256"}, claims, {"not": "signed"})
    return ".".join(urlsafe_b64encode(msgspec.json.encode(part)).decode().rstrip("=") for part in parts)


PERSONAL = jwt(token_type="refresh", exp=8_000_000_000, iat=1_000_000_000)


def client_of(answer: Callable[[httpx.Request], httpx.Response], token: str = LEGACY) -> LabelStudioClient:
    """A client whose requests a function answers."""
    settings = LabelStudioSettings(endpoint=ENDPOINT, token=token)
    return LabelStudioClient(settings, httpx.MockTransport(answer))
