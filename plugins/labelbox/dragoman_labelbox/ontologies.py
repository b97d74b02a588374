"""Ontologies on Labelbox: a dataset has that of its project."""

from __future__ import annotations

from typing import Any

from dragoman.errors import NotFound
from dragoman.interface import Ontologies
from dragoman.schema import Ontology
from dragoman_labelbox.nodes import ontology_in, ontology_out


class LabelboxOntologies(Ontologies):
    """Ontologies through `client.create_ontology` and `project.connect_ontology`."""

    _adapter: Any

    def _create(self, ontology: Ontology, dataset: str) -> Ontology:
        self._adapter.client.get_dataset(dataset)
        made = self.new(ontology)
        projects = self._adapter.projects
        for media in ("image", "video"):
            if media == "image" or projects.of(dataset, media) is not None:
                projects.make(dataset, media, made)
        return ontology.model_copy(update={"id": made.uid})

    def new(self, ontology: Ontology, *, is_open: bool = False) -> Any:
        """Return a new ontology as the SDK's object; an open one grows by the features that rows have."""
        normalized = ontology_out(ontology.features, {"open": True} if is_open else {})
        return self._adapter.client.create_ontology(ontology.name, normalized)

    def _get(self, dataset: str) -> Ontology:
        self._adapter.client.get_dataset(dataset)
        for project in self._adapter.projects.all(dataset):
            found = project.ontology()
            if found is not None:
                return ontology_in(found.uid, found.name, found.normalized)
        raise NotFound(f"Dataset {dataset} has no project of its own, and so no ontology.", hint="Make one.")
