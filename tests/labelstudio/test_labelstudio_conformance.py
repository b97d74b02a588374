"""What was recorded of Label Studio, held to the conformance kit. tests/live holds the server itself to it.

Faults cannot act on a recording, so tests of lost answers and failures are skipped here and run there.
`make record PLATFORM=labelstudio` records anew; these are among the tests that it runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import labelstudio_subject
import pytest
from labelstudio_recorded import CASSETTES, RECORDING, taped
from memory import open_memory

from dragoman import Model, conformance
from dragoman.emulate import Live
from dragoman.serving import serving
from dragoman_labelstudio.serving import application

PORT = 19191
"""Where a served model is while it is recorded; its address is in what is sent."""


class Recorded(labelstudio_subject.LabelStudio):
    @pytest.fixture(autouse=True)
    def _cassette(self, request: pytest.FixtureRequest, recorded: tuple[str, str]) -> Iterator[None]:
        """The test's own cassette; what earlier tests have left on a server that is recorded is removed first."""
        self.server = recorded
        if RECORDING:
            _clear(*recorded)
        about, test = type(self).__name__.removeprefix("TestCassette"), request.node.name.removeprefix("test_")
        name = re.sub(r"\W+", "_", f"{about}_{test}").strip("_").lower()
        with taped(CASSETTES / "kit" / f"{name}.json", recorded):
            yield

    @pytest.fixture
    def live(self, _cassette: None) -> None:
        """Nothing that faults could act on."""

    def settings(self, live: Live[Any] | None, folder: Path) -> dict[str, Any]:
        url, token = self.server
        return {"endpoint": url, "token": token, "concurrency": 1}


def _clear(url: str, token: str) -> None:
    with httpx.Client(base_url=url, headers={"Authorization": f"Token {token}"}, timeout=60, trust_env=False) as client:
        for project in client.get("/api/projects/", params={"page_size": 1000}).json()["results"]:
            client.delete(f"/api/projects/{project['id']}/").raise_for_status()


class TestCassetteContract(Recorded, conformance.BaseContract): ...


class TestCassetteModels(Recorded, conformance.BaseModels): ...


class TestCassetteVersions(Recorded, conformance.BaseVersions): ...


class TestCassettePredictions(Recorded, conformance.BasePredictions): ...


class TestCassetteEvaluations(Recorded, conformance.BaseEvaluations): ...


class TestCassetteDatasets(Recorded, conformance.BaseDatasets): ...


class TestCassetteLabels(Recorded, conformance.BaseLabels): ...


class TestCassetteOntologies(Recorded, conformance.BaseOntologies): ...


class TestCassetteFidelity(Recorded, conformance.BaseFidelity): ...


class TestCassetteFailures(Recorded, conformance.BaseFailures): ...


class TestCassetteSecrets(Recorded, conformance.BaseSecrets): ...


class TestCassetteHandoff(Recorded, labelstudio_subject.Handoff, conformance.BaseHandoff): ...


class TestCassetteAttachments(Recorded, labelstudio_subject.Attachments, conformance.BaseAttachments):
    @pytest.fixture
    def model(self) -> Iterator[Model]:
        """The address of a machine-learning backend, which is there while it is recorded."""
        with ExitStack() as stack:
            if RECORDING:
                backend = open_memory()
                made = backend.models.create("detector", task="object_detection", features=["a box"])
                stack.enter_context(serving(application(backend, made, None), port=PORT))
            yield Model(id=f"http://127.0.0.1:{PORT}", name="detector")
