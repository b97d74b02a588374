"""The vendor's own client (grpclib, asyncio), connected to an emulator for as long as a test uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from grpclib.exceptions import GRPCError
from viam.app.viam_client import ViamClient
from viam.rpc.dial import DialOptions

from dragoman.emulate import Live

Use = Callable[[ViamClient], Awaitable[Any]]


def driven(live: Live[Any], use: Use, *, key: str | None = None, key_id: str | None = None) -> Any:
    """Connect the vendor's client, use it, and close it."""

    async def run() -> Any:
        options = DialOptions.with_api_key(key or live.credentials["api_key"], key_id or live.credentials["api_key_id"])
        options.insecure = True
        client = await ViamClient.create_from_dial_options(options, app_url=live.url)
        try:
            return await use(client)
        finally:
            client.close()

    return asyncio.run(run())


def refused(live: Live[Any], use: Use, **options: Any) -> GRPCError:
    """Use the vendor's client for what is refused."""
    with pytest.raises(GRPCError) as refusal:
        driven(live, use, **options)
    return refusal.value
