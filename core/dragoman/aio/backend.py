"""Opening backends for asynchronous use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from anyio import CancelScope

from dragoman import connecting
from dragoman.adapter import Adapter
from dragoman.aio.facets import (
    AsyncAttachments,
    AsyncDatasets,
    AsyncEvaluations,
    AsyncHandoff,
    AsyncInference,
    AsyncLabels,
    AsyncModels,
    AsyncOntologies,
    AsyncPredictions,
    AsyncTrainings,
    AsyncVersions,
)
from dragoman.aio.threads import SafePoints, Workers, rest
from dragoman.capability import Capability
from dragoman.errors import InvalidData
from dragoman.plugins import installed
from dragoman.schema.coerce import whole

THREADS = 40
"""Most calls of one backend under way at once; a thread that waits for an answer costs little."""
SAFE_POINTS = SafePoints()


class AsyncBackend:
    """A connected backend for asynchronous use; its facets have the names that they have on the backend.

    Args:
        backend: The backend. It can be used synchronously at the same time, and whoever opened it closes it.
        threads: Most calls under way at once.

    Raises:
        InvalidData: `threads` is less than one, with which no call would ever begin, or no number.
    """

    def __init__(self, backend: Adapter, *, threads: int = THREADS) -> None:
        if whole(threads, "The number of threads", "threads") < 1:
            raise InvalidData(f"The number of threads is {threads}; it must be 1 at least.", field="threads")
        hooks = installed().hooks
        if not hooks.is_registered(SAFE_POINTS):
            hooks.register(SAFE_POINTS)
        self.backend = backend
        backend.sleep = rest
        workers = Workers(threads)
        self.models = AsyncModels(backend.models, workers)
        self.versions = AsyncVersions(backend.versions, workers)
        self.training = AsyncTrainings(backend.training, workers)
        self.inference = AsyncInference(backend.inference, workers)
        self.predictions = AsyncPredictions(backend.predictions, workers)
        self.evaluations = AsyncEvaluations(backend.evaluations, workers)
        self.attachments = AsyncAttachments(backend.attachments, workers)
        self.datasets = AsyncDatasets(backend.datasets, workers)
        self.labels = AsyncLabels(backend.labels, workers)
        self.ontologies = AsyncOntologies(backend.ontologies, workers)
        self.handoff = AsyncHandoff(backend.handoff, workers)

    @property
    def name(self) -> str:
        """Name of the platform."""
        return self.backend.name

    def capabilities(self) -> dict[str, Capability]:
        """Return what the backend says of every operation: `"facet.operation"` to capability."""
        return self.backend.capabilities()

    def __repr__(self) -> str:
        return f"<async {repr(self.backend)[1:]}"


@asynccontextmanager
async def connect(
    name: str, *, profile: str | None = None, threads: int = THREADS, **settings: Any
) -> AsyncIterator[AsyncBackend]:
    """Open the backend of that name for as long as the block lasts.

    Args:
        name: A name that `dragoman.backends()` lists.
        profile: Profile of the configuration file to take settings from.
        threads: Most calls under way at once.
        settings: Settings of the platform.

    Raises:
        DragomanError: As `dragoman.connect` does.
    """
    opening = Workers(1)
    backend = await opening.run(partial(connecting.connect, name, profile=profile, **settings))
    try:
        yield AsyncBackend(backend, threads=threads)
    finally:
        with CancelScope(shield=True):
            await opening.run(backend.close)
