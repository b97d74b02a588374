"""Nucleus over its emulator, held to the conformance kit."""

from __future__ import annotations

from dragoman import Adapter, Dataset, Item, conformance
from dragoman.conformance import Subject, overrides
from dragoman.conformance.data import BOX, boxes


class Nucleus(Subject):
    platform = "nucleus"
    own_modules = ("nucleus",)


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


class TestFidelity(Nucleus, conformance.BaseFidelity): ...


class TestFailures(Nucleus, conformance.BaseFailures): ...


class TestSecrets(Nucleus, conformance.BaseSecrets): ...
