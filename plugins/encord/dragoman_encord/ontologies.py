"""Ontologies on Encord: each of one project, which holds the labels of its datasets."""

from __future__ import annotations

from typing import Any

from encord.orm.ontology import CreateOrUpdateOntologyPayload
from encord.utilities.ontology_user import OntologiesFilterParams, OntologyWithUserRole

from dragoman.interface import Ontologies
from dragoman.schema import Ontology
from dragoman_encord.editor import description_out, editor_out, ontology_in


class EncordOntologies(Ontologies):
    """Ontologies through their v2 routes; a dataset that is in no project gets one."""

    _adapter: Any

    def _create(self, ontology: Ontology, dataset: str) -> Ontology:
        projects = self._adapter.projects
        there = projects.find(dataset)
        if there:
            return self._replace(projects.of(dataset), ontology)
        payload = _payload(ontology)
        # Looked up first, so that a creation whose answer was lost is not made twice: hashes follow from the names.
        found = self._same(payload) or self._new(payload)
        title = self._adapter.client.dataset(dataset).get_dataset(fetch_rows=False).title
        project = self._adapter.client.user.create_project(
            title, dataset_hashes=[dataset], ontology_hash=str(found.ontology_uuid)
        )
        projects.created(dataset, project)
        return _read(found)

    def _new(self, payload: CreateOrUpdateOntologyPayload) -> OntologyWithUserRole:
        return self._adapter.client.api.post(
            "ontologies", params=None, payload=payload, result_type=OntologyWithUserRole, allow_retries=False
        )

    def _same(self, wanted: CreateOrUpdateOntologyPayload) -> OntologyWithUserRole | None:
        params = OntologiesFilterParams(title_eq=wanted.title)
        found, _ = self._adapter.client.page("ontologies", params, OntologyWithUserRole)
        parts = ("objects", "classifications", "skeleton_templates")
        for one in found:
            same = all((one.editor.get(part) or []) == wanted.editor[part] for part in parts)
            if same and one.description == wanted.description:
                return one
        return None

    def _replace(self, project: str, ontology: Ontology) -> Ontology:
        held = self._adapter.projects.ontology(project)
        payload = _payload(ontology, held)
        self._adapter.projects.replace_ontology(held, payload)
        return ontology_in(payload.editor, payload.title, str(held.ontology_uuid), payload.description)

    def _get(self, dataset: str) -> Ontology:
        projects = self._adapter.projects
        return _read(projects.ontology(projects.of(dataset)))


def _payload(ontology: Ontology, held: OntologyWithUserRole | None = None) -> CreateOrUpdateOntologyPayload:
    """Return an ontology as it is sent; `held` is what it takes the place of."""
    before = (held.editor, held.description) if held else (None, "")
    return CreateOrUpdateOntologyPayload(
        title=ontology.name,
        description=description_out(ontology, before[1]),
        editor=editor_out(ontology, before[0]),
    )


def _read(held: OntologyWithUserRole) -> Ontology:
    return ontology_in(held.editor, held.title, str(held.ontology_uuid), held.description)
