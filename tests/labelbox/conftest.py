"""A Labelbox backend over its emulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import labelbox.pagination
import lbox.request_client
import pytest
from PIL import Image

import dragoman
from dragoman import Item
from dragoman.emulate import Live, running
from dragoman_labelbox.emulator import create


@pytest.fixture(autouse=True)
def incurious_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the SDK from reading through the call stack, deep in a test run, to say in a header who called."""
    for module in (labelbox.pagination, lbox.request_client):
        monkeypatch.setattr(module, "call_info_as_str", lambda: "test")


@pytest.fixture
def emulated() -> Iterator[Live[Any]]:
    """A fresh emulator; its jobs are done when they are submitted."""
    with running(create()) as live:
        yield live


@pytest.fixture
def backend(emulated: Live[Any]) -> Iterator[Any]:
    """Dragoman connected to the emulator; waits are recorded in `backend.waited`, not made."""
    settings = {"endpoint": f"{emulated.url}/graphql", "rest_endpoint": f"{emulated.url}/api/v1"}
    with dragoman.connect("labelbox", **settings, **emulated.credentials) as backend:
        backend.waited = []
        backend.sleep = backend.waited.append
        yield backend


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    """Three small images as items."""
    made = []
    for number in range(3):
        path = tmp_path / f"image-{number}.png"
        Image.new("RGB", (50, 40), (60 * number, 0, 0)).save(path)
        made.append(Item(f"folder/image {number}.png", uri=str(path), width=50, height=40, split="train"))
    return made


@pytest.fixture
def dataset(backend: Any) -> Any:
    """A dataset of two images, `a` and `b`, and a video, `v`."""
    dataset = backend.datasets.create("street")
    sent = [Item(key, uri=f"https://example.com/{key}.jpg", width=64, height=48) for key in ("a", "b")]
    sent.append(
        Item("v", uri="https://example.com/v.mp4", media="video", width=64, height=48, frames=100, frame_rate=25.0)
    )
    backend.datasets.write_items(sent, dataset=dataset).raise_for_problems()
    return dataset


@pytest.fixture
def model(backend: Any) -> Any:
    """A model that knows cars and people."""
    return backend.models.create("detector", task="object_detection", features=["car", "person"], key="det-1")


@pytest.fixture
def version(backend: Any, model: Any, dataset: Any) -> Any:
    """A run of the model over the dataset."""
    return backend.versions.create(model, name="first", dataset=dataset, tags=["night"], config={"batch_size": 8})
