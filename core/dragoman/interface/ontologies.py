"""Ontologies: named lists of features that labels may have."""

from __future__ import annotations

from dragoman.interface.base import Facet, operation, ref
from dragoman.schema import Dataset, Ontology


class Ontologies(Facet, name="ontologies"):
    """Create and read ontologies."""

    @operation()
    def create(self, ontology: Ontology, *, dataset: str | Dataset) -> Ontology:
        """Give a dataset its ontology and return it with the platform's id; one of the same name is replaced."""
        return self._call("create", ontology, ref(dataset))

    @operation()
    def get(self, dataset: str | Dataset) -> Ontology:
        """Return the ontology of a dataset.

        Raises:
            NotFound: There is no such dataset, or it has no ontology.
        """
        return self._call("get", ref(dataset))
