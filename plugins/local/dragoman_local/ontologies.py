"""Ontologies of the local backend: one per dataset, rows of its state."""

from __future__ import annotations

from dragoman.interface import Ontologies
from dragoman.schema import Ontology
from dragoman_local.home import home_of


class LocalOntologies(Ontologies):
    """Keeps ontologies in the state. They describe a dataset; labels are not checked against them."""

    def _create(self, ontology: Ontology, dataset: str) -> Ontology:
        return home_of(self).catalog.set_ontology(ontology, dataset)

    def _get(self, dataset: str) -> Ontology:
        return home_of(self).catalog.ontology(dataset)
