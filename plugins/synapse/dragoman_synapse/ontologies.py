"""Ontologies on Synapse: the classes in use. What a project allows is known to its editor only."""

from __future__ import annotations

from typing import Any

from dragoman.capability import Gap
from dragoman.errors import NotFound
from dragoman.interface import Ontologies
from dragoman.schema import Feature, Label, Ontology


class SynapseOntologies(Ontologies):
    """Classes and their shapes, collected from all annotation documents of a dataset."""

    _adapter: Any

    _create = Gap.impossible("Synapse's classes are set up in its projects; its clients do not write them.")

    def _get(self, dataset: str) -> Ontology:
        name = self._adapter.datasets._get(dataset).name
        found = ClassesInUse()
        for label in self._adapter.labels.stream(dataset):
            found.add(label)
        if not found.kinds:
            raise NotFound(f"Dataset {dataset} has no annotations, and so no classes in use.")
        return found.ontology(name)


class ClassesInUse:
    """Collects the features of labels with the kinds of geometry that each has; `kinds` has them in order."""

    def __init__(self) -> None:
        self.kinds: dict[str, dict[str, None]] = {}

    def add(self, label: Label) -> None:
        """Take in the feature of a label."""
        self.kinds.setdefault(label.feature, {})[label.geometry.kind] = None

    def ontology(self, name: str) -> Ontology:
        """Return what was collected."""
        features = tuple(Feature(name=feature, geometries=tuple(kinds)) for feature, kinds in self.kinds.items())
        return Ontology(name=name, features=features)
