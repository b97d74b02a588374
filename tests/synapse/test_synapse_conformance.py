"""Synapse over its emulator, held to the conformance kit.

Nothing that a client sends makes ground truth on Synapse, so the kit's items stand in the emulator as if reviewed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from synapse_ground import add_picture

from dragoman import Adapter, Dataset, Item, Model, Training, Version, conformance
from dragoman.conformance import Subject
from dragoman.conformance.data import boxes
from dragoman.emulate import Live, running
from dragoman_synapse.emulator import create


class Synapse(Subject):
    platform = "synapse"

    @contextmanager
    def served(self, folder: Path) -> Iterator[Live[Any]]:
        with running(create()) as live:
            live.settings.job_polls = 0
            yield live

    def settings(self, live: Live[Any] | None, folder: Path) -> dict[str, Any]:
        assert live is not None
        return {"endpoint": live.url, "plugin": "detector", **live.credentials}

    @pytest.fixture
    def dataset(self, backend: Adapter, items: list[Item], live: Live[Any]) -> Dataset:
        """The kit's dataset: its items are there, each with a label, and frozen as a version."""
        home = live.state.home
        made = home.add_dataset("kit data")
        for item in items:
            add_picture(live, made.id, item.key, Path(item.uri or "").read_bytes(), boxes(1, item))
        home.add_version(made.id, "1")
        return backend.datasets.get(str(made.id))

    @pytest.fixture
    def job(self, backend: Adapter, model: Model, dataset: Dataset) -> Training:
        """A submitted training on the kit's dataset."""
        return backend.training.submit(model, dataset=dataset)


class TestContract(Synapse, conformance.BaseContract): ...


class TestModels(Synapse, conformance.BaseModels): ...


class TestVersions(Synapse, conformance.BaseVersions): ...


class TestTraining(Synapse, conformance.BaseTraining): ...


class TestInference(Synapse, conformance.BaseInference):
    @pytest.fixture
    def ready(self, backend: Any, job: Training) -> Version:
        """A trained version, whose plugin is deployed."""
        backend.deployments.serve()
        return backend.versions.get(backend.training.wait(job).version or "")


class TestEvaluations(Synapse, conformance.BaseEvaluations): ...


class TestDatasets(Synapse, conformance.BaseDatasets): ...


class TestLabels(Synapse, conformance.BaseLabels): ...


class TestOntologies(Synapse, conformance.BaseOntologies): ...


class TestFidelity(Synapse, conformance.BaseFidelity): ...


class TestFailures(Synapse, conformance.BaseFailures): ...


class TestSecrets(Synapse, conformance.BaseSecrets): ...


class TestHandoff(Synapse, conformance.BaseHandoff):
    @pytest.fixture
    def project(self, live: Live[Any], dataset: Dataset) -> str:
        """An annotation project that nothing was sent to yet."""
        return str(live.state.home.dataset(dataset.id).project)

    def received(self, backend: Any, live: Live[Any] | None, project: str) -> set[str]:
        assert live is not None
        tasks = live.state.home.tasks.values()
        return {task.unit.files["image_1"].name for task in tasks if str(task.project) == project}
