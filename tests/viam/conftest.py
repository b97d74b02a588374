"""A Viam backend over its emulator."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import Box, Item, Label
from dragoman.conformance.difficult import HEIGHT, WIDTH, png
from dragoman.emulate import Live, running
from dragoman_viam.emulator import create

sys.path.append(str(Path(__file__).parent))


@pytest.fixture
def emulated() -> Iterator[Live[Any]]:
    """A fresh emulator; its jobs are done when they are looked at."""
    with running(create()) as live:
        live.settings.job_polls = 0
        yield live


@pytest.fixture
def backend(emulated: Live[Any]) -> Iterator[Any]:
    """Dragoman connected to the emulator; waits are recorded in `backend.waited`, not made."""
    with dragoman.connect("viam", endpoint=emulated.url, **emulated.credentials) as backend:
        backend.waited = []
        backend.sleep = backend.waited.append
        yield backend


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    """Sixteen small images as items, enough to train on."""
    made = []
    for number in range(16):
        path = tmp_path / f"image-{number}.png"
        path.write_bytes(png(number))
        made.append(Item(f"image {number}", uri=str(path), width=WIDTH, height=HEIGHT))
    return made


@pytest.fixture
def dataset(backend: Any, items: list[Item]) -> Any:
    """A dataset that holds the items."""
    dataset = backend.datasets.create("street")
    backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
    return dataset


@pytest.fixture
def labelled(backend: Any, dataset: Any, items: list[Item]) -> Any:
    """The dataset with a box on every image."""
    boxes = [Label(item.key, "car", Box(1, 2, 30, 20)) for item in items]
    backend.labels.write(boxes, dataset=dataset).raise_for_problems()
    return dataset


@pytest.fixture
def model(backend: Any) -> Any:
    """A model that detects cars."""
    return backend.models.create("detector", task="object_detection", features=["car"], key="detector")
