"""Model configs: models of chat projects with their parameters, and the projects that use them."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator.graphql import Handler, Query, invalid, not_found
from dragoman_labelbox.emulator.objects import Project
from dragoman_labelbox.emulator.state import State, found

Json = dict[str, Any]


class Configs:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateModelConfigPyApi": self.create,
            "DeleteModelConfigPyApi": self.delete,
            "CreateProjectModelConfigPyApi": self.add,
            "ProjectModelConfigsPyApi": self.of_project,
            "DeleteProjectModelConfigPyApi": self.remove,
            "SetProjectModelSetupCompletePyApi": self.complete,
        }

    def create(self, query: Query) -> Json:
        made = {name: query.get(name) for name in ("name", "modelId", "inferenceParams")} | {
            "id": self._state.ids.new()
        }
        self._state.configs[made["id"]] = made
        return made

    def delete(self, query: Query) -> Json:
        key = query.get("id")
        found(self._state.configs, key, "Model config")
        if any(key in project.configs.values() for project in self._state.projects.values()):
            raise invalid("The model config is used by a project.")
        del self._state.configs[key]
        return {"success": True}

    def _open(self, project: Project) -> Project:
        """Return a project whose model configs may be changed."""
        if project.settings.get("modelSetupComplete"):
            raise invalid("The setup of the models of this project is complete.")
        return project

    def add(self, query: Query) -> Json:
        project, key = self._open(self._state.project(query.get("projectId"))), query.get("modelConfigId")
        if found(self._state.configs, key, "Model config")["id"] in project.configs.values():
            raise invalid("The project has this model config already.")
        link = self._state.ids.new()
        project.configs[link] = key
        return {"projectModelConfigId": link}

    def of_project(self, query: Query) -> Json:
        project = self._state.project(query.subject())
        shown = [
            {"id": link, "modelConfigId": key, "modelConfig": self._state.configs[key], "projectId": project.id}
            for link, key in project.configs.items()
        ]
        return {"projectModelConfigs": shown}

    def remove(self, query: Query) -> Json:
        link = query.get("id")
        for project in self._state.projects.values():
            if link in project.configs:
                del self._open(project).configs[link]
                return {"success": True}
        raise not_found("Model config of a project", link)

    def complete(self, query: Query) -> Json:
        project = self._state.project(query.get("projectId"))
        if project.settings.get("editorTaskType") != "MODEL_CHAT_EVALUATION":
            raise invalid("Only live chat projects have models to set up.")
        project.settings["modelSetupComplete"] = True
        return {"modelSetupComplete": True}
