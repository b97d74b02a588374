"""A real MLflow, held to the conformance kit. Faults are scripted in a relay before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mlflow_server import PASSWORD, USER, emptied
from servers import Server

from dragoman import Adapter, Model, Version, conformance
from dragoman.conformance import Subject
from dragoman.emulate import Live, running
from dragoman.emulate.relay import relay

# The kit over recordings is in every run; over the server itself it takes minutes.
pytestmark = [pytest.mark.live_mlflow, pytest.mark.slow]


class Mlflow(Subject):
    platform = "mlflow"
    probe = "models.list"

    @pytest.fixture
    def live(self, mlflow_server: Server) -> Iterator[Live[Any]]:
        """The session's MLflow, without models, behind a relay."""
        emptied(mlflow_server)
        with running(relay("mlflow", mlflow_server.url, credentials={"password": PASSWORD})) as live:
            yield live

    def settings(self, live: Live[Any] | None, folder: Any) -> dict[str, Any]:
        assert live is not None
        return {"endpoint": live.url, "username": USER, **live.credentials}

    @pytest.fixture
    def dataset(self) -> str:
        """The name of a dataset, which is all that MLflow knows of one."""
        return "kit data"

    @pytest.fixture
    def version(self, backend: Adapter, model: Model, dataset: str) -> Version:
        """A version of the kit's model."""
        return backend.versions.create(model, name="kit version", dataset=dataset)


class TestContract(Mlflow, conformance.BaseContract): ...


class TestModels(Mlflow, conformance.BaseModels): ...


class TestVersions(Mlflow, conformance.BaseVersions): ...


class TestTraining(Mlflow, conformance.BaseTraining): ...


class TestFidelity(Mlflow, conformance.BaseFidelity): ...


class TestFailures(Mlflow, conformance.BaseFailures): ...


class TestSecrets(Mlflow, conformance.BaseSecrets): ...
