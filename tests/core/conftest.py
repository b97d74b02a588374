"""Fixtures of the core's tests: a platform in memory with a little on it, and a pipeline on a clock of its own."""

from __future__ import annotations

import pytest
import tenacity
from calling import Clock, Observer, make
from memory import MemoryAdapter, items, open_memory

from dragoman import Dataset, Model, Version
from dragoman.calls.pipeline import Pipeline


@pytest.fixture
def backend() -> MemoryAdapter:
    return open_memory()


@pytest.fixture
def dataset(backend: MemoryAdapter) -> Dataset:
    """A dataset with the items `img-0` to `img-6`."""
    made = backend.datasets.create("street")
    backend.datasets.write_items(items(7), dataset=made)
    return made


@pytest.fixture
def model(backend: MemoryAdapter) -> Model:
    return backend.models.create("detector", task="object_detection", features=["cat", "dog"], key="det-1")


@pytest.fixture
def version(backend: MemoryAdapter, model: Model) -> Version:
    return backend.versions.create(model, name="v1")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(tenacity.time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def observer() -> Observer:
    return Observer()


@pytest.fixture
def pipeline(clock: Clock, observer: Observer) -> Pipeline:
    return make(clock, observer)
