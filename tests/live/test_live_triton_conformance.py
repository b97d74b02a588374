"""A real Triton, held to the conformance kit. Faults are scripted in a relay before it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import Server

from dragoman import conformance
from dragoman.emulate import Live, running
from dragoman.emulate.relay import relay

sys.path.append(str(Path(__file__).parents[1] / "openinference"))

from openinference_subject import Inference, OpenInference, Secrets

pytestmark = pytest.mark.live_triton


class Triton(OpenInference):
    @pytest.fixture
    def live(self, triton_server: Server) -> Iterator[Live[Any]]:
        """The session's Triton, behind a relay."""
        with running(relay("openinference", triton_server.url)) as live:
            yield live


class TestContract(Triton, conformance.BaseContract): ...


class TestModels(Triton, conformance.BaseModels): ...


class TestVersions(Triton, conformance.BaseVersions): ...


class TestInference(Triton, Inference): ...


class TestFidelity(Triton, conformance.BaseFidelity): ...


class TestFailures(Triton, conformance.BaseFailures): ...


class TestSecrets(Triton, Secrets): ...
