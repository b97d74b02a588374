"""Ontologies on Nucleus: geometry labels are free strings there; only classifications have a taxonomy."""

from __future__ import annotations

from typing import Any

from dragoman.errors import NotFound
from dragoman.interface import Ontologies
from dragoman.schema import Feature, Ontology


class NucleusOntologies(Ontologies):
    """Taxonomies through `dataset.add_taxonomy`; features in use through `export_class_labels`."""

    _adapter: Any

    def _create(self, ontology: Ontology, dataset: str) -> Ontology:
        target = self._adapter.client.get_dataset(dataset)
        for name, labels in taxonomies(ontology).items():
            target.add_taxonomy(name, "category", labels, update=True)
        return ontology.model_copy(update={"id": ontology.name})

    def _get(self, dataset: str) -> Ontology:
        # Nucleus gives no taxonomy back; it knows which class names the dataset's annotations use.
        names = self._adapter.client.get_dataset(dataset).export_class_labels()
        if not names:
            raise NotFound(f"Dataset {dataset} has no annotations, and so no class names yet.")
        return Ontology(name="class labels", features=tuple(Feature(name=name) for name in names))


def taxonomies(ontology: Ontology) -> dict[str, list[str]]:
    """Return the taxonomies of an ontology: one per question with options, one of all other classifications."""
    found: dict[str, list[str]] = {}
    for feature in ontology.features:
        if feature.geometries and "whole" not in feature.geometries:
            continue
        question = next((asked for asked in feature.attributes if asked.options), None)
        if question is not None:
            found[feature.name] = [option.name for option in question.options]
        else:
            found.setdefault(ontology.name, []).append(feature.name)
    return found
