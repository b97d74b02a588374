"""The projects that hold the labels of datasets, and their ontologies.

On Encord labels belong to a project, which has datasets and one ontology. A dataset's labels are those of the one
project that has it, or of the project that the settings name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

from encord.orm.ontology import CreateOrUpdateOntologyPayload
from encord.orm.project import ProjectDTO, ProjectFilterParams
from encord.utilities.ontology_user import OntologyWithUserRole

from dragoman.errors import Conflict, NotFound
from dragoman.schema import Label
from dragoman_encord.ids import checked
from dragoman_encord.places import Place
from dragoman_encord.skeletons import completed
from dragoman_encord.structure import Structure

KINDS = ("IMAGE", "VIDEO", "IMG_GROUP")


class Projects:
    """Look-ups of projects, remembered as long as the backend is open.

    Args:
        client: The SDK's clients.
        named: The project that the settings name.
    """

    def __init__(self, client: Any, named: str | None) -> None:
        self._client = client
        self._named = named
        self._of: dict[str, str] = {}
        self._ontologies: dict[str, str] = {}
        self._completing = Lock()
        """Held while an ontology gets the templates that it lacks, so that no other row of this backend's makes one."""

    def of(self, dataset: str) -> str:
        """Return the id of the project that holds a dataset's labels.

        Raises:
            NotFound: There is no such dataset, or no project has it.
            Conflict: Several projects have it and the settings name none of them.
        """
        if dataset not in self._of:
            found = self.find(dataset)
            if not found:
                self._client.dataset(dataset).get_dataset(fetch_rows=False)
                raise NotFound(
                    f"No project has the dataset {dataset}, and labels belong to projects.",
                    hint="ontologies.create makes one, with an ontology.",
                )
            if len(found) > 1:
                raise Conflict(
                    f"{len(found)} projects have the dataset {dataset}: {', '.join(found)}.",
                    hint="Name one in the setting `project`.",
                )
            self._of[dataset] = found[0]
        return self._of[dataset]

    def find(self, dataset: str) -> list[str]:
        """Return the ids of the projects that have a dataset; only the one that the settings name, if they do."""
        checked(dataset, "dataset")
        candidates = [self._named] if self._named else [str(project.project_hash) for project in self._all()]
        return [project for project in candidates if dataset in self.datasets(project)]

    def datasets(self, project: str) -> list[str]:
        """Return the ids of a project's datasets."""
        return [str(found.dataset_hash) for found in self._client.project(project).list_project_datasets(project)]

    def resolve(self, key: str) -> str:
        """Return the id of the project that a user means: a project's own, or the one that holds a dataset's labels."""
        checked(key, "project")
        known = {str(project.project_hash) for project in self._all()}
        return key if key in known else self.of(key)

    def all(self) -> list[str]:
        """Return the ids of all projects; only the one that the settings name, if they do."""
        return [self._named] if self._named else [str(project.project_hash) for project in self._all()]

    def _all(self) -> Iterator[ProjectDTO]:
        token: str | None = None
        while True:
            found, token = self._client.page("projects", ProjectFilterParams(page_token=token), ProjectDTO)
            yield from found
            if token is None:
                return

    def created(self, dataset: str, project: str) -> None:
        """Remember the project that was made for a dataset."""
        self._of[dataset] = project

    def ontology(self, project: str) -> OntologyWithUserRole:
        """Return a project's ontology as the platform has it now."""
        if project not in self._ontologies:
            found = self._client.api.get(f"projects/{project}", params=None, result_type=ProjectDTO)
            self._ontologies[project] = found.ontology_hash
        path = f"ontologies/{self._ontologies[project]}"
        return self._client.api.get(path, params=None, result_type=OntologyWithUserRole)

    def structure(self, project: str) -> Structure:
        """Return the index of a project's ontology."""
        return Structure(self.ontology(project).editor)

    def replace_ontology(self, held: OntologyWithUserRole, payload: CreateOrUpdateOntologyPayload) -> None:
        """Give an ontology another content; the last writer wins."""
        self._client.api.put(f"ontologies/{held.ontology_uuid}", params=None, payload=payload)

    def structure_for(self, project: str, rows: Sequence[Label]) -> Structure:
        """Return the index of a project's ontology, in which every skeleton that rows need has its template.

        Rows that are written together make a template together.
        """
        structure = self.structure(project)
        if not structure.untemplated(rows):
            return structure
        with self._completing:
            held = self.ontology(project)
            missing = Structure(held.editor).untemplated(rows)
            editor = completed(held.editor, missing)
            if missing:
                payload = CreateOrUpdateOntologyPayload(title=held.title, description=held.description, editor=editor)
                self.replace_ontology(held, payload)
        return Structure(editor)

    def places(self, project: str, dataset: str, branch: str, *, labels: list[str] | None = None) -> dict[str, Place]:
        """Return the data of a dataset with its label rows on a branch, by the item's key.

        Args:
            project: The project.
            dataset: The dataset.
            branch: The branch.
            labels: Only these label rows; by default all data, initialised or not.
        """
        rows = self._client.project(project).list_label_rows(
            include_uninitialised_labels=True, include_images_data=True, branch_name=branch, label_hashes=labels
        )
        mine = [row for row in rows if row.dataset_hash == dataset]
        keys = keyed((row.data_title, row.data_hash) for row in mine)
        return {key: _place(key, row) for key, row in zip(keys, mine, strict=True)}


def keyed(named: Any) -> list[str]:
    """Return a key for each (title, data hash): the title, or both where several have that title."""
    pairs = list(named)
    titles = [title for title, _ in pairs]
    twice = {title for title in titles if titles.count(title) > 1} if len(set(titles)) < len(titles) else set()
    return [f"{title} ({data_hash})" if title in twice else title for title, data_hash in pairs]


def _place(key: str, row: Any) -> Place:
    images = sorted(row.images_data or (), key=lambda image: image["index"])
    return Place(
        key=key,
        data_hash=row.data_hash,
        label_hash=row.label_hash,
        kind=row.data_type,
        frames=row.number_of_frames,
        width=row.width,
        height=row.height,
        images=tuple((image["image_hash"], image["width"], image["height"]) for image in images),
        edited=row.last_edited_at,
    )
