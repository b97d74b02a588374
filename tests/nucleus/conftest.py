"""A Nucleus backend over its emulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import dragoman
from dragoman import Item
from dragoman.emulate import Live, running
from dragoman_nucleus.emulator import create


@pytest.fixture
def emulated() -> Iterator[Live[Any]]:
    """A fresh emulator; its jobs are done when they are submitted."""
    with running(create()) as live:
        live.settings.job_polls = 0
        yield live


@pytest.fixture
def backend(emulated: Live[Any]) -> Iterator[Any]:
    """Dragoman connected to the emulator; waits are recorded in `backend.waited`, not made."""
    with dragoman.connect("nucleus", endpoint=f"{emulated.url}/v1/nucleus", **emulated.credentials) as backend:
        backend.waited = []
        backend.sleep = backend.waited.append
        yield backend


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    """Three small images as items."""
    made = []
    for number in range(3):
        path = tmp_path / f"image-{number}.png"
        cv2.imwrite(str(path), np.full((40, 50, 3), 60 * number, np.uint8))
        made.append(Item(f"folder/image {number}.png", uri=str(path), width=50, height=40, split="train"))
    return made


@pytest.fixture
def dataset(backend: Any) -> Any:
    """A dataset of two items, `a` and `b`."""
    dataset = backend.datasets.create("street")
    sent = [Item(key, uri=f"https://example.com/{key}.jpg", width=64, height=48) for key in ("a", "b")]
    backend.datasets.write_items(sent, dataset=dataset).raise_for_problems()
    return dataset


@pytest.fixture
def model(backend: Any) -> Any:
    """A model that knows cars and people."""
    return backend.models.create("detector", task="object_detection", features=["car", "person"], key="det-1")


@pytest.fixture
def version(backend: Any, model: Any, dataset: Any) -> Any:
    """A run of the model over the dataset."""
    return backend.versions.create(model, name="first", dataset=dataset, tags=["night"])
