"""Ontologies on Encord: each of one project, which holds the labels of its datasets."""

from __future__ import annotations

from typing import Any

from encord.orm.ontology import CreateOrUpdateOntologyPayload
from encord.utilities.ontology_user import OntologiesFilterParams, OntologyWithUserRole

from dragoman.interface import Ontologies
from dragoman.schema import Ontology
from dragoman_encord.editor import editor_out, ontology_in


class EncordOntologies(Ontologies):
    """Ontologies through their v2 routes; a dataset that is in no project gets one."""

    _adapter: Any

    def _create(self, ontology: Ontology, dataset: str) -> Ontology:
        projects = self._adapter.projects
        there = projects.find(dataset)
        if there:
            return self._replace(projects.of(dataset), ontology)
        editor = editor_out(ontology)
        # Looked up first, so that a creation whose answer was lost is not made twice: hashes follow from the names.
        found = self._same(ontology.name, editor) or self._new(ontology.name, editor)
        title = self._adapter.client.dataset(dataset).get_dataset(fetch_rows=False).title
        project = self._adapter.client.user.create_project(
            title, dataset_hashes=[dataset], ontology_hash=str(found.ontology_uuid)
        )
        projects.created(dataset, project)
        return ontology_in(found.editor, found.title, str(found.ontology_uuid))

    def _new(self, title: str, editor: dict[str, Any]) -> OntologyWithUserRole:
        return self._adapter.client.api.post(
            "ontologies",
            params=None,
            payload=CreateOrUpdateOntologyPayload(title=title, description="", editor=editor),
            result_type=OntologyWithUserRole,
            allow_retries=False,
        )

    def _same(self, title: str, editor: dict[str, Any]) -> OntologyWithUserRole | None:
        params = OntologiesFilterParams(title_eq=title)
        found, _ = self._adapter.client.page("ontologies", params, OntologyWithUserRole)
        parts = ("objects", "classifications")
        same = (one for one in found if all(one.editor.get(part) == editor[part] for part in parts))
        return next(same, None)

    def _replace(self, project: str, ontology: Ontology) -> Ontology:
        held = self._adapter.projects.ontology(project)
        editor = editor_out(ontology, held.editor)
        key = str(held.ontology_uuid)
        self._adapter.client.api.put(
            f"ontologies/{key}",
            params=None,
            payload=CreateOrUpdateOntologyPayload(title=ontology.name, description=held.description, editor=editor),
        )
        return ontology_in(editor, ontology.name, key)

    def _get(self, dataset: str) -> Ontology:
        projects = self._adapter.projects
        held = projects.ontology(projects.of(dataset))
        return ontology_in(held.editor, held.title, str(held.ontology_uuid))
