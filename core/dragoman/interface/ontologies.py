"""Ontologies: named lists of features that labels may have."""

from __future__ import annotations

from dragoman.fidelity import DatasetKeeper, LossPolicy
from dragoman.interface.base import Facet, operation, ref
from dragoman.schema import Dataset, Ontology


class Ontologies(Facet, name="ontologies"):
    """Create and read ontologies."""

    @operation()
    def create(self, ontology: Ontology, *, dataset: str | Dataset, on_loss: LossPolicy = "raise") -> Ontology:
        """Give a dataset its ontology and return it with the platform's id; one of the same name is replaced.

        Args:
            ontology: The ontology.
            dataset: The dataset or its id.
            on_loss: What to do with what the platform would not keep exactly of it: `raise`, `convert`, `store` or
                `drop`; see `dragoman.fidelity.DatasetKeeper`.

        Raises:
            WouldLose: It would lose something that `on_loss` does not allow; nothing was sent.
            NotFound: There is no such dataset.
        """
        # A gap comes before what would be lost.
        self._translation("create")
        kept = DatasetKeeper(self._adapter.dataset_fidelity, on_loss).ontology(ontology)
        return self._call("create", kept, ref(dataset))

    @operation()
    def get(self, dataset: str | Dataset) -> Ontology:
        """Return the ontology of a dataset.

        Raises:
            NotFound: There is no such dataset, or it has no ontology.
        """
        return self._call("get", ref(dataset))
