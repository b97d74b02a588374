"""Projects in the older protocol: making, copying and reading them, their datasets, users, and single files."""

from __future__ import annotations

import copy
from typing import Any

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.errors import Refusal
from dragoman_encord.emulator.filters import chosen
from dragoman_encord.emulator.legacy.metadata import listed
from dragoman_encord.emulator.legacy.query import Handlers, Json, Query
from dragoman_encord.emulator.state import Dataset, Item, Ontology, Project, State

STAMP = "%Y-%m-%d %H:%M:%S"
EMPTY: Json = {"objects": [], "classifications": []}


class Projects:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def handlers(self) -> Handlers:
        return {
            ("project", "POST"): self.save,
            ("project", "GET"): self.project,
            ("projectwithuserrole", "GET"): self.list_projects,
            ("projectcopy", "POST"): self.copy,
            ("projectdataset", "POST"): self.add_datasets,
            ("projectdataset", "DELETE"): self.remove_datasets,
            ("projectusers", "POST"): self.add_users,
            ("datasetdata", "GET"): self.data,
        }

    def _named(self, query: Query) -> Project:
        return self._state.project(query.resource)

    # -- projects -----------------------------------------------------------------------------------------------------

    def save(self, query: Query) -> Any:
        """Make a project; or, where a request names one, change its ontology."""
        if query.resource:
            ontology = self._state.ontology(self._named(query).ontology)
            ontology.editor, ontology.edited = query.payload["editor"], self._state.clock.now()
            return True
        title, wanted = query.payload["title"], query.payload
        datasets = [self._state.dataset(key).id for key in wanted["dataset_hashes"]]
        ontology = self._state.ontology(wanted["ontology_hash"]) if "ontology_hash" in wanted else self._ontology(title)
        made = self._made(title, wanted.get("description") or "", ontology.id, datasets)
        if "source_projects" in wanted:
            made.sources = [self._state.project(key).id for key in wanted["source_projects"]]
        return made.id

    def _ontology(self, title: str) -> Ontology:
        now = self._state.clock.now()
        key = self._state.new_id()
        made = Ontology(id=key, title=title, description="", editor=copy.deepcopy(EMPTY), created=now, edited=now)
        self._state.ontologies[key] = made
        return made

    def _made(self, title: str, description: str, ontology: str, datasets: list[str]) -> Project:
        now = self._state.clock.now()
        project = Project(
            id=self._state.new_id(),
            title=title,
            description=description,
            ontology=ontology,
            datasets=datasets,
            created=now,
            edited=now,
        )
        self._state.projects[project.id] = project
        return project

    def project(self, query: Query) -> Any:
        project = self._named(query)
        shown = self._shown(project)
        if query.payload.get("include_labels_metadata", True):
            shown["label_rows"] = listed(self._state, project, {"include_uninitialised_labels": True}, query.base)
        return shown

    def list_projects(self, query: Query) -> Any:
        found = chosen(self._state.projects.values(), query.payload.get("filter") or {})
        return [{"project": self._shown(project), "user_role": 0} for project in found]

    def _shown(self, project: Project) -> Json:
        datasets = (self._state.datasets[key] for key in project.datasets)
        return {
            "project_hash": project.id,
            "title": project.title,
            "description": project.description,
            "created_at": project.created.strftime(STAMP),
            "last_edited_at": project.edited.strftime(STAMP),
            "editor_ontology": self._state.ontology(project.ontology).editor,
            "ontology_hash": project.ontology,
            "datasets": [
                {"dataset_hash": one.id, "title": one.title, "description": one.description} for one in datasets
            ],
        }

    # -- copying ------------------------------------------------------------------------------------------------------

    def copy(self, query: Query) -> Any:
        project, wanted = self._named(query), query.payload
        options = wanted.get("copy_project_options") or []
        named = wanted.get("project_copy_metadata") or {}
        title = named.get("project_title") or f"Copy of {project.title}"
        made = self._made(title, named.get("project_description") or project.description, project.ontology, [])
        of_labels = wanted.get("copy_labels_options") or {}
        places = {}
        if "datasets" in options:
            made.datasets = list(project.datasets)
            places = {key: key for dataset in project.datasets for key in self._state.dataset(dataset).rows}
        elif of_labels.get("create_new_dataset"):
            places = self._cloned(project, made, named, of_labels.get("datasets_to_data_hashes_map") or {})
        if "labels" in options:
            self._copy_labels(project, made, places, of_labels)
        if "collaborators" in options:
            made.access.users = dict(project.access.users)
        if "models" in options:
            made.attachments = copy.deepcopy(project.attachments)
        return made.id

    def _cloned(self, project: Project, made: Project, named: Json, only: dict[str, Any]) -> dict[str, str]:
        """Make a dataset of a project's data and return the new data hashes by the old ones."""
        now = self._state.clock.now()
        clone = Dataset(
            id=self._state.new_id(),
            title=named.get("dataset_title") or f"Copy of {project.title}",
            description=named.get("dataset_description") or "",
            folder=None,
            created=now,
            edited=now,
        )
        self._state.datasets[clone.id] = clone
        made.datasets = [clone.id]
        places = {}
        for key in only if only else project.datasets:
            for data_hash, item in self._state.dataset(key).rows.items():
                if not only or data_hash in only[key]:
                    places[data_hash] = self._state.link(clone, item)
        return places

    def _copy_labels(self, project: Project, made: Project, places: dict[str, str], wanted: Json) -> None:
        hashes, statuses = wanted.get("accepted_label_hashes"), wanted.get("accepted_label_statuses")
        for row in project.rows.values():
            if row.data_hash not in places or (hashes is not None and row.label_hash not in hashes):
                continue
            if statuses is not None and self._state.task(project, row.data_hash).approval not in statuses:
                continue
            fresh = copy.deepcopy(row)
            fresh.label_hash, fresh.data_hash = self._state.new_id(), places[row.data_hash]
            if row.data_hash in fresh.units:
                fresh.units = {fresh.data_hash: fresh.units[row.data_hash]}
            made.rows[row.branch, fresh.data_hash] = fresh

    # -- datasets and users -------------------------------------------------------------------------------------------

    def add_datasets(self, query: Query) -> Any:
        project = self._named(query)
        more = [self._state.dataset(key).id for key in query.payload["dataset_hashes"]]
        project.datasets = list(dict.fromkeys([*project.datasets, *more]))
        project.edited = self._state.clock.now()
        return True

    def remove_datasets(self, query: Query) -> Any:
        project = self._named(query)
        gone = [self._state.dataset(key).id for key in query.uid]
        project.datasets = [key for key in project.datasets if key not in gone]
        project.edited = self._state.clock.now()
        return True

    def add_users(self, query: Query) -> Any:
        project = self._named(query)
        if query.payload["user_role"] not in range(6):
            raise Refusal("INVALID_ARGUMENTS_ERROR", "There is no such role.")
        users = project.access.add_users(query.payload["user_emails"], query.payload["user_role"])
        return [{"user_email": email, "user_role": role, "project_hash": project.id} for email, role in users.items()]

    # -- single files -------------------------------------------------------------------------------------------------

    def data(self, query: Query) -> Any:
        data_hash = query.uid["data_hash"]
        _, item = self._state.place(self._named(query), data_hash)
        base = query.base if query.uid.get("get_signed_url") else None
        if item.type == "video":
            return {"data_hash": data_hash, "video": self._file(item, data_hash, base), "images": None}
        images = [(image, image.id) for image in self._state.images(item)] or [(item, data_hash)]
        return {"data_hash": data_hash, "video": None, "images": [self._file(*image, base) for image in images]}

    def _file(self, item: Item, key: str, base: str | None) -> Json:
        link = self._state.signed(item, base) if base else item.url or item.object_key
        if link is None:
            raise ApiError(404, f"There is no file of {item.name}.")
        return {"data_hash": key, "image_hash": key, "title": item.name, "file_link": link}
