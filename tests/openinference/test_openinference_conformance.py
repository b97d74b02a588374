"""The backend of the protocol over the server that `dragoman serve` starts, held to the conformance kit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from looking_backend import FEATURES, open_looking
from openinference_subject import Inference, OpenInference, Secrets

from dragoman import conformance
from dragoman.emulate import Emulation, Live, running
from dragoman_openinference.serving import application


class Served(OpenInference):
    @contextmanager
    def served(self, folder: Path) -> Iterator[Live[Any]]:
        looking = open_looking()
        model = looking.models.create("detector", task="object_detection", features=FEATURES)
        looking.versions.create(model, name="first")
        app = application(looking, model, None)
        with running(Emulation(platform=self.platform, app=app, credentials={}, state=looking)) as live:
            yield live


class TestContract(Served, conformance.BaseContract): ...


class TestModels(Served, conformance.BaseModels): ...


class TestVersions(Served, conformance.BaseVersions): ...


class TestInference(Served, Inference): ...


class TestFidelity(Served, conformance.BaseFidelity): ...


class TestFailures(Served, conformance.BaseFailures): ...


class TestSecrets(Served, Secrets): ...
