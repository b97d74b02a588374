"""Routes about projects: listing, reading, their status, datasets and branches, and labels apart from their rows."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.filters import chosen
from dragoman_encord.emulator.people import OWNER
from dragoman_encord.emulator.routes.names import get, page, post, put, read, whole
from dragoman_encord.emulator.state import Project, State, found

STATUSES = ("notStarted", "inProgress", "inReview", "paused", "completed", "cancelled", "archived")


class Copy(msgspec.Struct):
    source_branch_name: str
    target_branch_name: str
    label_uuids: list[str]
    overwrite: bool = False


class Status(msgspec.Struct):
    status: str


class Classified(msgspec.Struct):
    label_uuids: list[str]
    branch_name: str = "main"


class Projects:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("projects", self.list),
            get("projects/{project}", self.get),
            get("projects/{project}/datasets", self.datasets),
            get("projects/{project}/branches", self.branches),
            post("projects/{project}/labels/copy-branch", self.copy),
            post("projects/{project}/label-rows/classifications", self.classifications),
            get("projects/{project}/labels/{label}/validation-state", self.validation),
            put("projects/{project}/status", self.set_status),
        ]

    def _named(self, request: Request) -> Project:
        return self._state.project(request.path_params["project"])

    async def list(self, request: Request) -> object:
        named = set(request.query_params.getlist("tagsAnyof"))
        tags = self._state.organisation.tags
        listed = chosen(self._state.projects.values(), request.query_params)
        shown = [self._shown(p) for p in listed if not named or named & {tags[key] for key in p.tags}]
        return page(request, shown, self._state.settings.page_limit)

    async def get(self, request: Request) -> object:
        return self._shown(self._named(request))

    def _shown(self, project: Project) -> dict[str, Any]:
        return {
            "projectHash": project.id,
            "projectType": "workflow",
            "status": project.status,
            "title": project.title,
            "description": project.description,
            "createdAt": project.created.isoformat(),
            "creatorEmail": OWNER,
            "lastEditedAt": project.edited.isoformat(),
            "ontologyHash": project.ontology,
            "editorOntology": self._state.ontology(project.ontology).editor,
            "userRole": 0,
            "sourceProjects": project.sources,
            "workflow": project.workflow.to_json(),
        }

    async def datasets(self, request: Request) -> object:
        held = [self._state.datasets[key] for key in self._named(request).datasets]
        return whole({"datasetHash": d.id, "title": d.title, "description": d.description} for d in held)

    async def branches(self, request: Request) -> object:
        names = dict.fromkeys(["main", *(branch for branch, _ in self._named(request).rows)])
        return page(request, [{"name": name} for name in names], self._state.settings.page_limit)

    async def copy(self, request: Request) -> object:
        project = self._named(request)
        wanted = await read(request, Copy)
        rows = project.by_label()
        copied = 0
        for key in wanted.label_uuids:
            row = rows.get(key)
            if row is None or row.branch != wanted.source_branch_name:
                continue
            place = (wanted.target_branch_name, row.data_hash)
            there = project.rows.get(place)
            if there is not None and not wanted.overwrite:
                continue
            fresh = copy.deepcopy(row)
            fresh.label_hash = there.label_hash if there else self._state.new_id()
            fresh.branch, fresh.edited = wanted.target_branch_name, self._state.clock.now()
            project.rows[place] = fresh
            copied += 1
        return {"copiedCount": copied}

    async def classifications(self, request: Request) -> object:
        project, wanted = self._named(request), await read(request, Classified)
        rows = project.by_label()
        shown = []
        for key in wanted.label_uuids:
            row = found(rows, key, "label row")
            if row.branch == wanted.branch_name:
                _, item = self._state.place(project, row.data_hash)
                shown.append(
                    {
                        "labelUuid": key,
                        "dataUuid": row.data_hash,
                        "dataTitle": item.name,
                        "branchName": row.branch,
                        "classificationAnswers": row.classification_answers,
                    }
                )
        return {"labels": shown}

    async def validation(self, request: Request) -> object:
        row = found(self._named(request).by_label(), request.path_params["label"], "label row")
        # What is not valid is refused when it is saved.
        return {"labelHash": row.label_hash, "branchName": row.branch, "version": 1, "isValid": True, "errors": []}

    async def set_status(self, request: Request) -> object:
        project = self._named(request)
        wanted = (await read(request, Status)).status
        if wanted not in STATUSES:
            raise ApiError(400, f"There is no status {wanted}.")
        project.status = wanted
        project.edited = self._state.clock.now()
        return Response(status_code=204)
