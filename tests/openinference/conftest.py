"""A backend that looks at pictures, and a server of the protocol around it. Helpers are importable by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman.schema import Model
from dragoman.serving import announced, protocol, serving
from dragoman_openinference.serving import application

# The models of the real servers look at pictures in the same way.
sys.path.append(str(Path(__file__).parents[1] / "live" / "served"))
sys.path.append(str(Path(__file__).parent))

from looking_backend import FEATURES, open_looking


@pytest.fixture
def looking() -> Any:
    """A backend whose models look; see `looking`."""
    return open_looking()


@pytest.fixture
def detector(looking: Any) -> Model:
    """A detector with two versions."""
    model: Model = looking.models.create("detector", task="object_detection", features=FEATURES)
    for name in ("first", "second"):
        looking.versions.create(model, name=name)
    return model


@pytest.fixture
def served(looking: Any, detector: Model) -> Iterator[str]:
    """Address of a server of the detector."""
    with serving(application(looking, detector, None)) as server:
        yield server.url


@pytest.fixture(params=["http", "grpc"])
def backend(request: pytest.FixtureRequest, looking: Any, detector: Model) -> Iterator[Any]:
    """The detector again, as it is seen through the protocol, over REST and over gRPC."""
    with announced(protocol("openinference"), looking, detector, None, grpc_port=0) as facts:
        endpoint = facts["grpc"] if request.param == "grpc" else facts["url"]
        with dragoman.connect("openinference", endpoint=endpoint) as backend:
            yield backend
