"""An Encord backend over its emulator, and the SDK's own client beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import encord
import numpy as np
import pytest
from encord.http.constants import RequestsSettings

import dragoman
from dragoman import Item
from dragoman.emulate import Live, running
from dragoman.schema import Attribute, AttributeOption, Feature, Ontology
from dragoman_encord.emulator import create


@pytest.fixture
def emulated() -> Iterator[Live[Any]]:
    """A fresh emulator; its jobs and trainings are done when they are submitted."""
    with running(create()) as live:
        live.settings.job_polls = 0
        yield live


@pytest.fixture
def backend(emulated: Live[Any]) -> Iterator[Any]:
    """Dragoman connected to the emulator; waits are recorded in `backend.waited`, not made. URLs are registered."""
    settings = {"domain": emulated.url, "integration": next(iter(emulated.state.integrations))}
    with dragoman.connect("encord", **settings, **emulated.credentials) as backend:
        backend.waited = []
        backend.sleep = backend.waited.append
        yield backend


@pytest.fixture
def sdk(emulated: Live[Any]) -> encord.EncordUserClient:
    """The vendor's own client, without its retries."""
    settings = RequestsSettings(max_retries=0, connection_retries=0)
    return encord.EncordUserClient.create_with_ssh_private_key(
        emulated.credentials["ssh_private_key"], domain=emulated.url, requests_settings=settings
    )


@pytest.fixture
def pictures(tmp_path: Path) -> list[Item]:
    """Two small images as files of this machine."""
    made = []
    for name, shade in (("a", 40), ("b", 160)):
        path = tmp_path / f"{name}.png"
        cv2.imwrite(str(path), np.full((48, 64, 3), shade, np.uint8))
        made.append(Item(name, uri=str(path), width=64, height=48, split="train", metadata={"city": "Bern"}))
    return made


@pytest.fixture
def clip() -> Item:
    """A video of ten frames behind a URL."""
    return Item(
        "clip", uri="https://example.com/clip.mp4", media="video", width=100, height=50, frames=10, frame_rate=5.0
    )


COLOUR = Attribute(
    name="colour",
    kind="radio",
    options=(
        AttributeOption(name="red"),
        AttributeOption(name="blue", attributes=(Attribute(name="shade", kind="text"),)),
    ),
)
SEEN = Attribute(name="seen", kind="checklist", options=(AttributeOption(name="left"), AttributeOption(name="right")))
AGE = Attribute(name="age", kind="number")
PLATE = Attribute(name="plate", kind="text")
WEATHER = Attribute(name="weather", kind="radio", options=(AttributeOption(name="sun"), AttributeOption(name="fog")))

_STREET = Ontology(
    name="street",
    features=(
        Feature(name="car", geometries=("box", "polygon"), color="#112233", attributes=(COLOUR, SEEN, AGE, PLATE)),
        Feature(name="anything"),
        Feature(name="rain", geometries=("whole",)),
        Feature(name="weather", geometries=("whole",), attributes=(WEATHER,)),
        Feature(name="damaged", geometries=("whole",), attributes=(PLATE,)),
    ),
)


@pytest.fixture
def street() -> Ontology:
    """An ontology with every kind of attribute, a feature of any geometry, and three classifications."""
    return _STREET


@pytest.fixture
def dataset(backend: Any, pictures: list[Item], clip: Item, street: Ontology) -> Any:
    """A dataset of two images and a video of ten frames, in a project with the ontology `street`."""
    dataset = backend.datasets.create("street")
    backend.datasets.write_items([*pictures, clip], dataset=dataset).raise_for_problems()
    backend.ontologies.create(street, dataset=dataset)
    return dataset


@pytest.fixture
def model(backend: Any) -> Any:
    """A detector that knows cars."""
    return backend.models.create("detector", task="object_detection", features=["car"])


@pytest.fixture
def version(backend: Any, dataset: Any, model: Any) -> Any:
    """A trained version of the detector."""
    backend.labels.write([dragoman.Label("a", "car", dragoman.Box(4, 8, 16, 12))], dataset=dataset)
    training = backend.training.wait(backend.training.submit(model, dataset=dataset, parameters={"epochs": 2}))
    return backend.versions.get(training.version)
