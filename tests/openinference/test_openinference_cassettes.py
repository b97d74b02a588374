"""What the plugin sends is exactly what real servers were sent. Replaying needs no server.

`make record PLATFORM=openinference` records anew, against the servers of the live tests.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dragoman
from dragoman import Item, NotFound, PlatformError
from dragoman.conformance.cassettes import HOST, cassette
from dragoman.conformance.grpc_cassettes import grpc_cassette
from dragoman.schema import Box
from dragoman_openinference.bodies import LENGTH_HEADER

TESTS = Path(__file__).parents[1]
CASSETTES = TESTS.parent / "cassettes" / "openinference"
RECORDING = bool(os.environ.get("DRAGOMAN_RECORD"))
SERVERS = {"triton": "Triton 2.51.0", "mlserver": "MLServer 1.7.1"}
WIDTH, HEIGHT = 8, 6
LAYOUT = {"features": ["dark", "bright"]}
LAYOUTS = {"squares": {**LAYOUT, "unit": "fraction"}}


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[int, ...]]]:
    """Ports of the started servers, by name; nothing is started where cassettes are replayed."""
    if not RECORDING:
        yield {}
        return
    sys.path.append(str(TESTS / "live"))
    import inference_servers

    with ExitStack() as stack:
        made = {name: getattr(inference_servers, name)(tmp_path_factory.mktemp(name)) for name in SERVERS}
        yield {name: stack.enter_context(server).ports for name, server in made.items()}


@pytest.fixture(params=[f"{server} {way}" for server in SERVERS for way in ("http", "grpc")])
def taped(request: pytest.FixtureRequest, ports: dict[str, tuple[int, ...]]) -> Iterator[Any]:
    """A backend whose calls are replayed from the cassette of test, server and way, or recorded into it."""
    server, way = request.param.split()
    name = request.node.originalname.removeprefix("test_cassette_")
    path = CASSETTES / f"{name}_{server}_{way}.json"
    endpoint = f"{way}://127.0.0.1:{ports[server][way == 'grpc']}" if RECORDING else HOST.replace("https", way)
    with ExitStack() as stack:
        tape = grpc_cassette if way == "grpc" else partial(cassette, headers=[LENGTH_HEADER])
        stack.enter_context(tape(path, against=SERVERS[server] if RECORDING else None))
        settings = {"endpoint": endpoint, "layout": LAYOUT, "layouts": LAYOUTS, "concurrency": 1}
        backend: Any = stack.enter_context(dragoman.connect("openinference", **settings))
        backend.sleep = lambda seconds: None
        yield backend


@pytest.fixture
def item(tmp_path: Path) -> Item:
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[1:3, 2:7] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return Item("a", uri=str(tmp_path / "a.png"))


def test_cassette_models(taped: Any) -> None:
    assert {"classifier", "detector"} <= {model.name for model in taped.models.list()}
    first, second = taped.versions.list("detector")
    assert taped.versions.get(first).metadata["state"] == "READY"
    assert taped.repository.ready(second)
    assert not taped.repository.ready("nobody")
    with pytest.raises(NotFound):
        taped.models.get("nobody")
    with pytest.raises(NotFound):
        taped.versions.get("detector/nobody")


def test_cassette_inference(taped: Any, item: Item) -> None:
    found = {row.feature: row.geometry for row in taped.inference.predict("detector", [item])}
    assert found == {"dark": Box(0, 0, WIDTH, HEIGHT), "bright": Box(2, 1, 5, 2)}
    (one,) = taped.inference.predict("classifier", [item])
    assert one.class_pdf == pytest.approx({"dark": 38 / 48, "bright": 10 / 48})


def test_cassette_repository(taped: Any, item: Item) -> None:
    taped.repository.unload("classifier")
    with pytest.raises(NotFound):
        list(taped.inference.predict("classifier", [item]))
    taped.repository.load("classifier")
    assert taped.repository.ready("classifier")
    with pytest.raises((NotFound, PlatformError)):
        taped.repository.load("nobody")
