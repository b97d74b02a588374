"""Labeling services of projects and their dashboards, and labels that were made elsewhere. Nobody labels here."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import msgspec

from dragoman_labelbox.emulator.filters import within
from dragoman_labelbox.emulator.graphql import GraphQLError, Handler, Query, invalid, not_found
from dragoman_labelbox.emulator.objects import Project, Service
from dragoman_labelbox.emulator.state import State, moment

Json = dict[str, Any]

_SEARCH = re.compile(r"searchQuery: (\[.*\]), size:", re.DOTALL)
_TEXT_OR_KEY = re.compile(r'"[^"]*"|(\w+)(?=:)')
_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "EQUALS": operator.eq,
    "GREATER_THAN_OR_EQUAL": operator.ge,
    "LESS_THAN_OR_EQUAL": operator.le,
}


class Services:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateProjectBoostWorkforcePyApi": self.start,
            "GetProjectBoostWorkforcePyApi": self.get,
            "ValidateAndRequestProjectBoostWorkforcePyApi": self.request,
            "GetProjectByIdPyApi": self.dashboard,
            "SearchProjectsPyApi": self.search,
            "syncExternalProjectPyApi": self.sync,
        }

    def _project(self, query: Query) -> Project:
        return self._state.project(query.get("projectId"))

    def start(self, query: Query) -> Json:
        project = self._project(query)
        project.service = project.service or Service(**self._state.stamp())
        return {"success": True}

    def get(self, query: Query) -> Json | None:
        project = self._project(query)
        service = project.service
        if service is None:
            return None
        return {
            "id": service.id,
            "projectId": project.id,
            "createdAt": moment(service.created),
            "updatedAt": moment(service.updated),
            "createdById": self._state.user.id,
            "status": service.status,
        }

    def request(self, query: Query) -> Json:
        project = self._project(query)
        if project.service is None:
            raise not_found("Labeling service of project", project.id)
        if project.ontology_id is None or not project.row_ids():
            lacking = "data rows" if project.ontology_id else "an ontology"
            raise GraphQLError("RESOURCE_NOT_FOUND", f"Project {project.id} needs {lacking} before it can be labeled.")
        project.service.status, project.service.updated = "REQUESTED", self._state.clock.now()
        return {"success": True}

    # -- dashboards ---------------------------------------------------------------------------------------------------

    def dashboard(self, query: Query) -> Json | None:
        # The SDK expects null in place of a project that is not there.
        project = self._state.projects.get(query.get("id"))
        return self._shown(project) if project is not None else None

    def _shown(self, project: Project) -> Json:
        """Show a project to those who label it; it has no work for them without a service."""
        service = project.service
        steps = [project.queue_of(row_id) for row_id in project.row_ids()] if service else []
        kinds = [step.kind if step else None for step in steps]
        done = kinds.count(None)
        return {
            "id": project.id,
            "name": project.name,
            "boostRequestedAt": service and moment(service.created),
            "boostUpdatedAt": service and moment(service.updated),
            "boostRequestedBy": service and self._state.user.id,
            "boostStatus": service and service.status,
            "dataRowsCount": len(kinds),
            "dataRowsDoneCount": done,
            "dataRowsInReviewCount": kinds.count("MANUAL_REVIEW_QUEUE"),
            "dataRowsInReworkCount": kinds.count("MANUAL_REWORK_QUEUE"),
            "tasksTotalCount": len(kinds),
            "tasksCompletedCount": done,
            "tasksRemainingCount": len(kinds) - done,
            "mediaType": project.media_type,
            "editorTaskType": project.settings.get("editorTaskType"),
            "tags": [{**self._state.tags[key], "type": "Default"} for key in project.tags],
        }

    def search(self, query: Query) -> Json:
        """Return the dashboards of those projects that pass the filters, which stand in the text of the query."""
        said = _SEARCH.search(query.text)
        filters = msgspec.json.decode(_TEXT_OR_KEY.sub(_quoted, said[1]), type=list[Json]) if said else []
        projects = [each for each in self._state.projects.values() if all(self._passes(each, part) for part in filters)]
        shown, following = query.cursor_page(projects, self._state.settings.page_limit)
        return {"nodes": list(map(self._shown, shown)), "pageInfo": {"endCursor": following}}

    def _passes(self, project: Project, part: Json) -> bool:
        service, kind = project.service, part["type"]
        owner = [self._state.organization_id]
        among: dict[str, list[str]] = {
            "organization_id": owner,
            "workspace": owner,
            "shared_with_organizations": [],
            "tag": project.tags,
            "stage": [service.status] if service else [],
        }
        if kind in among:
            return not set(part["values"]).isdisjoint(among[kind])
        if kind in ("workforce_requested_at", "workforce_stage_updated_at"):
            if service is None:
                return False
            return within(service.created if kind == "workforce_requested_at" else service.updated, part["value"])
        count = {"task_completed_count": "tasksCompletedCount", "task_remaining_count": "tasksRemainingCount"}.get(kind)
        if count is None:
            raise invalid(f"The filter {kind!r} is not emulated.")
        return _NUMBERS[part["value"]["operator"]](self._shown(project)[count], part["value"]["value"])

    # -- labels that were made elsewhere ------------------------------------------------------------------------------

    def sync(self, query: Query) -> Json:
        wanted = query.get("input")
        project, key = self._state.project(wanted["projectId"]), self._state.ids.new()
        project.submissions[key] = wanted["entries"]
        return {"submissionId": key}


def _quoted(found: re.Match[str]) -> str:
    """Return a part of a GraphQL literal as JSON has it: keys are quoted."""
    return f'"{found[1]}"' if found[1] else found[0]
