"""Ontologies on Nucleus: geometry labels are free strings there; only classifications have a taxonomy."""

from __future__ import annotations

from typing import Any

from dragoman.errors import NotFound
from dragoman.interface import Ontologies
from dragoman.schema import Feature, Ontology
from dragoman_nucleus.taxonomies import taxonomies_of


class NucleusOntologies(Ontologies):
    """Taxonomies through `dataset.add_taxonomy`; features in use through `export_class_labels`."""

    _adapter: Any

    def _create(self, ontology: Ontology, dataset: str) -> Ontology:
        for name, labels in taxonomies_of(ontology).items():
            self._adapter.taxonomies.forget(dataset, name)
            self._adapter.taxonomies.add(dataset, name, labels)
        return ontology.model_copy(update={"id": ontology.name})

    def _get(self, dataset: str) -> Ontology:
        # Nucleus gives no taxonomy back; it knows which class names the dataset's annotations use.
        names = self._adapter.client.get_dataset(dataset).export_class_labels()
        if not names:
            raise NotFound(f"Dataset {dataset} has no annotations, and so no class names yet.")
        return Ontology(name="class labels", features=tuple(Feature(name=name) for name in names))
