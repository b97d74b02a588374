"""A real Triton, over REST and over gRPC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openinference_checks import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, ServerChecks, picture
from servers import Server

from dragoman.schema import Box

pytestmark = pytest.mark.live_triton


class Triton(ServerChecks):
    versions = ["detector/1", "detector/2"]

    @pytest.fixture
    def server(self, triton_server: Server) -> Server:
        return triton_server

    def test_a_model_that_sees_small_planes_of_colour_finds_the_same(self, backend: Any, tmp_path: Path) -> None:
        found = {
            row.feature: row.geometry for row in backend.inference.predict("squares", [picture(tmp_path / "a.png")])
        }
        # A pixel of what it sees is one and a half of the picture's.
        near = {"abs": 2 * WIDTH / 32}
        box = found["bright"]
        assert isinstance(box, Box)
        assert (box.x, box.y) == (pytest.approx(LEFT, **near), pytest.approx(TOP, **near))
        assert (box.x + box.width, box.y + box.height) == (pytest.approx(RIGHT, **near), pytest.approx(BOTTOM, **near))
        assert found["dark"] == Box(0, 0, WIDTH, HEIGHT)


class TestRest(Triton):
    scheme = "http"


class TestGrpc(Triton):
    scheme = "grpc"
