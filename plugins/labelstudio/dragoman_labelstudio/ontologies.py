"""Ontologies on Label Studio: a project's labelling configuration, translated both ways by the format."""

from __future__ import annotations

from typing import Any

from dragoman.errors import NotFound
from dragoman.formats.labelstudio.config import MEDIA
from dragoman.formats.labelstudio.tasks import item_of
from dragoman.interface import Ontologies
from dragoman.schema import Ontology
from dragoman_labelstudio.configuration import written
from dragoman_labelstudio.projects import OfProject, configure, project_of
from dragoman_labelstudio.tasks import LIGHT, bare, page


class LabelStudioOntologies(Ontologies):
    """Configurations as ontologies. A configuration of ours is for the one medium that the project's tasks have."""

    _adapter: Any

    def _create(self, ontology: Ontology, dataset: str) -> Ontology:
        project = project_of(self._adapter.client, dataset)
        configure(self._adapter.client, dataset, written(ontology, self._medium(project)))
        return ontology.model_copy(update={"id": dataset})

    def _get(self, dataset: str) -> Ontology:
        project = project_of(self._adapter.client, dataset)
        if not project.configured:
            raise NotFound(f"Project {dataset} has no labelling configuration.")
        return project.ontology

    def _medium(self, project: OfProject) -> str:
        """Return what the project's tasks are; Label Studio wants every task to have all media of a configuration."""
        for task in page(self._adapter.client, str(project.id), 0, 1, LIGHT):
            return item_of(bare(task), project.config).media
        return next((tag for tag, _ in project.config.media.values() if tag in MEDIA), MEDIA[0])
