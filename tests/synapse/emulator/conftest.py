"""Plain HTTP to the emulator that a test calls `live`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dragoman.emulate import Live


@pytest.fixture
def http(live: Live[Any]) -> Iterator[httpx.Client]:
    """A plain client with a token."""
    headers = {"Synapse-Access-Token": f"Token {live.credentials['access_token']}"}
    with httpx.Client(base_url=live.url, headers=headers) as client:
        yield client
