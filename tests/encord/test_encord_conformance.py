"""Encord over its emulator, held to the conformance kit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dragoman import Adapter, Dataset, Item, Model, Training, Version, conformance
from dragoman.conformance import Subject
from dragoman.conformance.data import BOX, boxes
from dragoman.emulate import Live


class Encord(Subject):
    platform = "encord"

    def settings(self, live: Live[Any] | None, folder: Path) -> dict[str, Any]:
        assert live is not None
        live.settings.job_polls = 0
        return {"domain": live.url, **live.credentials}


class TestContract(Encord, conformance.BaseContract): ...


class TestModels(Encord, conformance.BaseModels): ...


class TestVersions(Encord, conformance.BaseVersions): ...


class TestPredictions(Encord, conformance.BasePredictions): ...


class TestEvaluations(Encord, conformance.BaseEvaluations): ...


class TestDatasets(Encord, conformance.BaseDatasets): ...


class TestLabels(Encord, conformance.BaseLabels): ...


class TestOntologies(Encord, conformance.BaseOntologies): ...


class TestFidelity(Encord, conformance.BaseFidelity): ...


class TestFailures(Encord, conformance.BaseFailures): ...


class TestSecrets(Encord, conformance.BaseSecrets):
    def wrong_credentials(self, live: Live[Any]) -> dict[str, Any]:
        key = Ed25519PrivateKey.generate()
        return {"ssh_private_key": key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()}


class Trained(Encord):
    """A detector of boxes only: the kit's model has features that the ontology knows in other shapes."""

    @pytest.fixture
    def model(self, backend: Adapter) -> Model:
        """A model that knows the kit's boxes."""
        return backend.models.create("kit model", task="object_detection", features=[BOX])

    @pytest.fixture
    def project(self, backend: Any, dataset: Dataset) -> str:
        """The project that holds the kit's labels."""
        return str(backend.projects.of(dataset.id))


class TestTraining(Trained, conformance.BaseTraining):
    training_parameters = {"epochs": 1}


class TestAttachments(Trained, conformance.BaseAttachments):
    project_features = (BOX, BOX)


class TestInference(Trained, conformance.BaseInference):
    @pytest.fixture
    def ready(self, backend: Adapter, model: Model, dataset: Dataset, items: list[Item], project: str) -> Version:
        """A trained version whose model is attached to the project."""
        rows = [label for item in items for label in boxes(1, item)]
        backend.labels.write(rows, dataset=dataset).raise_for_problems()
        job: Training = backend.training.wait(backend.training.submit(model, dataset=dataset))
        backend.attachments.attach(model, project=project, features={BOX: BOX})
        return backend.versions.get(job.version or "")


class TestHandoff(Trained, conformance.BaseHandoff):
    def received(self, backend: Any, live: Live[Any] | None, project: str) -> set[str]:
        linked = backend.projects.datasets(project)
        return {item.key for dataset in linked for item in backend.datasets.read_items(dataset)}
