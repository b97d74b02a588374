"""Projects: making, listing, changing and deleting them; their ontology, members and settings."""

from __future__ import annotations

import copy
from typing import Any

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import Handler, Query, invalid, not_found
from dragoman_labelbox.emulator.objects import DataRow, Dataset, Project
from dragoman_labelbox.emulator.routes.batches import new_batch
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]

SETTINGS = (
    "autoAuditNumberOfLabels",
    "autoAuditPercentage",
    "editorTaskType",
    "isBenchmarkEnabled",
    "isConsensusEnabled",
)
"""What may be said of a project besides name, media type and description."""
EDITOR = {"description": "Editor", "iframeUrlPath": "https://editor.example", "name": "Editor", "id": "editor"}
CHAT = '{"type": "application/vnd.labelbox.conversational", "version": 1, "messages": []}'
"""What a data row shows that is made with a chat project."""


class Projects:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateProjectPyApi": self.create,
            "GetProjectPyApi": lambda query: wire.project(self._state.project(query.get("param_0"))),
            "GetProjectsPyApi": lambda query: query.paged(self._state.projects.values(), wire.project),
            "updateProjectPyApi": self.update,
            "deleteProjectPyApi": self.delete,
            "CloneProjectPyApi": self.clone,
            "GetProjectOntologyPyApi": self.ontology,
            "ConnectOntologyPyApi": self.connect,
            "GetProjectLabelingFrontendPyApi": self.frontend,
            "ConnectProjectAndLabelingFrontendPyApi": self.connect_frontend,
            "GetLabelingFrontendsPyApi": lambda query: query.paged([EDITOR], dict),
            "GetProjectLabelingFrontendOptionsPyApi": lambda _: {"labelingFrontendOptions": []},
            "setprojectinsructionsPyApi": self.instruct,
            "toggle_model_assisted_labelingPyApi": self.show_drafts,
            "ProjectMemberOverviewPyApi": self.members,
            "LabelerPerformancePyApi": lambda _: {"labelerPerformance": []},
            "GetProjectResourceTagsPyApi": self.tags,
            "UpdateProjectResourceTagsPyApi": self.tag,
        }

    def create(self, query: Query) -> Json:
        said = query.variables
        settings = {key: said[key] for key in SETTINGS if key in said}
        dataset = self._chats(said)
        made = self._state.new_project(said["name"], said.get("allowedMediaType"), settings=settings)
        made.description = said.get("description") or ""
        if dataset is not None:
            self._begin_chats(made, dataset, said["dataRowCount"])
        return wire.project(made)

    def _chats(self, said: Json) -> Dataset | None:
        """Return the dataset for the chats of a new project, an old one or a new one, if it shall begin with some."""
        wanted = said.get("datasetNameOrId")
        if not wanted or said.get("appendToExistingDataset"):
            return self._state.dataset(wanted) if wanted else None
        made = Dataset(**self._state.stamp(), name=wanted)
        self._state.datasets[made.id] = made
        return made

    def _begin_chats(self, project: Project, dataset: Dataset, count: int) -> None:
        """Put empty chats into a dataset and, as a batch, into a project."""
        rows = [
            DataRow(**self._state.stamp(), dataset_id=dataset.id, row_data=CHAT, media="CONVERSATIONAL")
            for _ in range(count)
        ]
        for row in rows:
            self._state.add_row(row)
        new_batch(self._state, project, dataset.name, rows, {})
        project.settings["uploadType"] = "AUTO"

    def update(self, query: Query) -> Json:
        project, said = self._state.project(query.get("ProjectId")), query.variables
        if "name" in said and not said["name"]:
            raise invalid("A project needs a name.")
        project.name = said.get("name", project.name)
        project.description = said.get("description", project.description)
        project.media_type = said.get("allowedMediaType", project.media_type)
        project.settings |= {key: said[key] for key in SETTINGS if key in said}
        project.updated = self._state.clock.now()
        return wire.project(project)

    def delete(self, query: Query) -> Json:
        project = self._state.project(query.get("ProjectId"))
        del self._state.projects[project.id]
        return {"id": project.id}

    def clone(self, query: Query) -> Json:
        """Copy what was decided about a project: no batches, no labels."""
        project = self._state.project(query.get("projectId"))
        settings = copy.deepcopy(project.settings)
        made = self._state.new_project(f"{project.name} (clone)", project.media_type, settings=settings)
        made.description, made.ontology_id = project.description, project.ontology_id
        made.tags = list(project.tags)
        return {"id": made.id}

    # -- ontology and editor ------------------------------------------------------------------------------------------

    def ontology(self, query: Query) -> Json:
        project = self._state.project(query.subject())
        ontology = self._state.ontologies.get(project.ontology_id or "")
        return {"ontology": wire.ontology(ontology) if ontology else None}

    def connect(self, query: Query) -> Json:
        project = self._state.project(query.get("projectId"))
        project.ontology_id = self._state.ontology(query.get("ontologyId")).id
        project.updated = self._state.clock.now()
        return {"connectOntology": {"id": project.ontology_id}}

    def frontend(self, query: Query) -> Json:
        self._state.project(query.subject())
        return {"labelingFrontend": EDITOR}

    def connect_frontend(self, query: Query) -> Json:
        project, key = self._state.project(query.get("projectId")), query.get("labelingFrontendId")
        if key != EDITOR["id"]:
            raise not_found("Labeling frontend", key)
        return {"id": project.id}

    def instruct(self, query: Query) -> Json:
        project = self._state.project(query.get("projectId"))
        project.instructions = query.get("instructions_url")
        return {"id": project.id, "ontology": None}

    def show_drafts(self, query: Query) -> Json:
        project = self._state.project(query.get("project_id"))
        project.shows_drafts = query.get("show")
        shown = {"id": project.id, "showingPredictionsToLabelers": project.shows_drafts}
        return {"showPredictionsToLabelers": shown}

    # -- members and tags ---------------------------------------------------------------------------------------------

    def members(self, query: Query) -> Json:
        project = self._state.project(query.subject())
        shown = (
            {
                "id": f"{project.id}-{user.id}",
                "user": wire.user(user),
                "role": wire.role(user.roles.get(project.id, user.role_id)),
                "accessFrom": "PROJECT_MEMBERSHIP" if project.id in user.roles else "ORGANIZATION",
            }
            for user in self._state.users.values()
            if project.id in user.roles or wire.role(user.role_id)["name"] != "None"
        )
        return {"id": project.id, "members": query.paged(shown, dict)}

    def tags(self, query: Query) -> Json:
        project = self._state.project(query.subject())
        return {"name": project.name, "resourceTags": [self._state.tags[key] for key in project.tags]}

    def tag(self, query: Query) -> Json:
        project, wanted = self._state.project(query.subject()), query.get("resourceTagIds") or []
        if unknown := [key for key in wanted if key not in self._state.tags]:
            raise invalid(f"There is no resource tag {unknown[0]}.")
        project.tags = list(wanted)
        return {"updateProjectResourceTags": [self._state.tags[key] for key in wanted]}
