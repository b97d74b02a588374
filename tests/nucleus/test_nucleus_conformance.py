"""Nucleus over its emulator, held to the conformance kit."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman import Adapter, Dataset, Item, conformance
from dragoman.conformance import Subject, overrides
from dragoman.conformance.data import BOX, EVERYTHING, boxes
from dragoman.emulate import Live
from dragoman.errors import WouldLose


class Nucleus(Subject):
    platform = "nucleus"


class TestContract(Nucleus, conformance.BaseContract): ...


class TestModels(Nucleus, conformance.BaseModels): ...


class TestVersions(Nucleus, conformance.BaseVersions): ...


class TestPredictions(Nucleus, conformance.BasePredictions): ...


class TestEvaluations(Nucleus, conformance.BaseEvaluations): ...


class TestDatasets(Nucleus, conformance.BaseDatasets): ...


class TestLabels(Nucleus, conformance.BaseLabels): ...


class TestOntologies(Nucleus, conformance.BaseOntologies):
    @overrides("Nucleus gives no taxonomy back, only the class names that annotations use")
    def test_an_ontology_comes_back(self, backend: Adapter, dataset: Dataset, items: list[Item]) -> None:
        backend.labels.write(boxes(1, items[0]), dataset=dataset).raise_for_problems()
        assert [feature.name for feature in backend.ontologies.get(dataset).features] == [BOX]

    @overrides("Nucleus gives no taxonomy back, only the class names that annotations use")
    def test_what_an_ontology_cannot_keep_is_as_declared(self, backend: Adapter, live: Any) -> None:
        dataset = backend.datasets.create("with everything")
        with pytest.raises(WouldLose, match="class names are free texts"):
            backend.ontologies.create(EVERYTHING, dataset=dataset)
        backend.ontologies.create(EVERYTHING, dataset=dataset, on_loss="drop")
        assert live.state.datasets[dataset.id].taxonomies == {}, "only classifications have one"


class TestHandoff(Nucleus, conformance.BaseHandoff):
    @pytest.fixture
    def project(self) -> str:
        return "a-project-of-scale"

    def received(self, backend: Any, live: Live[Any] | None, project: str) -> set[str]:
        assert live is not None
        state = live.state
        return {state.item(task.item_id).reference_id for task in state.tasks.values() if task.project_id == project}


class TestFidelity(Nucleus, conformance.BaseFidelity): ...


class TestFailures(Nucleus, conformance.BaseFailures): ...


class TestSecrets(Nucleus, conformance.BaseSecrets): ...
