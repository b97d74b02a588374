"""Asynchronous twins of the facets, on asyncio and trio: the same names, to be awaited or iterated with `async for`.

    async with dragoman.aio.connect("nucleus") as backend:
        dataset = await backend.datasets.create("street")
        async for item in backend.datasets.read_items(dataset):
            ...

They run the synchronous facets on worker threads and add nothing to what those do. When the caller is cancelled, a
request that was sent is waited for, and nothing is sent after it: no page, no batch, no further attempt.
"""

from dragoman.aio.backend import AsyncBackend, connect
from dragoman.aio.facets import FACETS
from dragoman.aio.twins import AsyncFacet, Call, Stream, Write

__all__ = ["FACETS", "AsyncBackend", "AsyncFacet", "Call", "Stream", "Write", "connect"]
