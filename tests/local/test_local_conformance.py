"""The local backend, held to the conformance kit."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman import Adapter, Dataset, Model, Version, conformance
from dragoman.conformance import Subject
from dragoman.conformance.subject import FEATURES
from dragoman_local.engine.architectures import build
from dragoman_local.engine.weights import save


class Local(Subject):
    platform = "local"

    def weights(self, model: Model, folder: Path) -> Path:
        path = folder / "weights.safetensors"
        save(build("detection", "compact", len(model.features), (64, 64), {"width": 8}), model.features, path)
        return path


class TestContract(Local, conformance.BaseContract): ...


class TestModels(Local, conformance.BaseModels): ...


class TestVersions(Local, conformance.BaseVersions): ...


@pytest.mark.slow
class TestTraining(Local, conformance.BaseTraining):
    # The kit's model has a feature for each kind of geometry, and its labels have one.
    training_parameters = {"steps": 2, "image_size": 64, "device": "cpu", "unseen_features": "allow"}


class TestInference(Local, conformance.BaseInference):
    @pytest.fixture
    def ready(self, backend: Adapter, model: Model, version: Version, tmp_path: Path) -> Version:
        backend.versions.upload_weights(version, self.weights(model, tmp_path))
        return version


class TestPredictions(Local, conformance.BasePredictions): ...


class TestEvaluations(Local, conformance.BaseEvaluations): ...


class TestDatasets(Local, conformance.BaseDatasets): ...


class TestLabels(Local, conformance.BaseLabels): ...


class TestOntologies(Local, conformance.BaseOntologies): ...


class TestAttachments(Local, conformance.BaseAttachments):
    project_features = (FEATURES[0], FEATURES[0])

    @pytest.fixture
    def project(self, dataset: Dataset) -> str:
        return dataset.id


class TestFidelity(Local, conformance.BaseFidelity): ...


class TestFailures(Local, conformance.BaseFailures): ...


class TestSecrets(Local, conformance.BaseSecrets): ...
