"""Routes about projects: listing, reading, their datasets, branches, and copying labels between branches."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman_encord.emulator.routes.names import get, page, post, read
from dragoman_encord.emulator.state import OWNER, Project, State

PER_COPY = 50


class Copy(msgspec.Struct):
    source_branch_name: str
    target_branch_name: str
    label_uuids: list[str]
    overwrite: bool = False


class Priorities(msgspec.Struct):
    priorities: list[tuple[str, float]]


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
            post("projects/{project}/priorities", self.prioritise),
        ]

    def _named(self, request: Request) -> Project:
        return self._state.project(request.path_params["project"])

    async def list(self, request: Request) -> object:
        title = request.query_params.get("titleEq")
        shown = [self._shown(p) for p in self._state.projects.values() if title in (None, p.title)]
        return page(request, shown, self._state.settings.page_limit)

    async def get(self, request: Request) -> object:
        return self._shown(self._named(request))

    def _shown(self, project: Project) -> dict[str, Any]:
        return {
            "projectHash": project.id,
            "projectType": "workflow",
            "status": "inProgress",
            "title": project.title,
            "description": project.description,
            "createdAt": project.created.isoformat(),
            "creatorEmail": OWNER,
            "lastEditedAt": project.edited.isoformat(),
            "ontologyHash": project.ontology,
            "editorOntology": self._state.ontology(project.ontology).editor,
            "userRole": 0,
            "workflow": {"stages": []},
        }

    async def datasets(self, request: Request) -> object:
        found = [self._state.datasets[key] for key in self._named(request).datasets]
        results = [{"datasetHash": d.id, "title": d.title, "description": d.description} for d in found]
        return {"results": results, "nextPageToken": None}

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

    async def prioritise(self, request: Request) -> object:
        project = self._named(request)
        for data_hash, _ in (await read(request, Priorities)).priorities:
            self._state.place(project, data_hash)
        return Response(status_code=204)
