"""Label Studio itself, held to the conformance kit. Nothing here is emulated: faults act on the way to the server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from labelstudio_server import TOKEN, remove_projects
from memory import open_memory
from servers import Server

from dragoman import Model, conformance
from dragoman.emulate import Live, running
from dragoman.emulate.relay import relay
from dragoman.serving import serving
from dragoman_labelstudio.serving import application

sys.path.append(str(Path(__file__).parents[1] / "labelstudio"))

import labelstudio_subject

# The kit over recordings is in every run; over the server itself it takes minutes.
pytestmark = [pytest.mark.live_labelstudio, pytest.mark.slow]


class LabelStudio(labelstudio_subject.LabelStudio):
    @pytest.fixture
    def live(self, labelstudio_server: Server) -> Iterator[Live[Any]]:
        """The server, with no project, behind a relay."""
        remove_projects(labelstudio_server)
        with running(relay("labelstudio", labelstudio_server.url, credentials={"token": TOKEN})) as live:
            yield live


class TestContract(LabelStudio, conformance.BaseContract): ...


class TestModels(LabelStudio, conformance.BaseModels): ...


class TestVersions(LabelStudio, conformance.BaseVersions): ...


class TestPredictions(LabelStudio, conformance.BasePredictions): ...


class TestEvaluations(LabelStudio, conformance.BaseEvaluations): ...


class TestDatasets(LabelStudio, conformance.BaseDatasets): ...


class TestLabels(LabelStudio, conformance.BaseLabels): ...


class TestOntologies(LabelStudio, conformance.BaseOntologies): ...


class TestFidelity(LabelStudio, conformance.BaseFidelity): ...


class TestFailures(LabelStudio, conformance.BaseFailures): ...


class TestSecrets(LabelStudio, conformance.BaseSecrets): ...


class TestHandoff(LabelStudio, labelstudio_subject.Handoff, conformance.BaseHandoff): ...


class TestAttachments(LabelStudio, labelstudio_subject.Attachments, conformance.BaseAttachments):
    @pytest.fixture
    def model(self) -> Iterator[Model]:
        """The address of a machine-learning backend: a model of ours, served."""
        backend = open_memory()
        made = backend.models.create("detector", task="object_detection", features=["a box"])
        backend.versions.create(made, name="v1")
        with serving(application(backend, made, None)) as served:
            yield Model(id=served.url, name=made.name)
