"""Routes about the workflow of a project: its tasks by stage, what is done with them, and their priorities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.filters import snake
from dragoman_encord.emulator.routes.names import get, page, post, read, read_list
from dragoman_encord.emulator.routes.reviews import review_all
from dragoman_encord.emulator.state import Project, State
from dragoman_encord.emulator.workflow import Task, act, move


class Priorities(msgspec.Struct):
    priorities: list[tuple[str, float]]


class Move(msgspec.Struct):
    task_uuids: list[str]
    destination_stage_uuid: str


class Workflows:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        stage = "projects/{project}/workflow/stages/{stage}"
        return [
            get(f"{stage}/tasks", self.tasks),
            post(f"{stage}/actions", self.act),
            post(f"{stage}/move-tasks", self.move),
            post("projects/{project}/priorities", self.prioritise),
        ]

    def _stage(self, request: Request) -> tuple[Project, str]:
        project = self._state.project(request.path_params["project"])
        return project, project.workflow.stage(request.path_params["stage"])

    async def tasks(self, request: Request) -> object:
        project, stage = self._stage(request)
        query = request.query_params
        shown: list[dict[str, Any] | None] = []
        for dataset in map(self._state.dataset, project.datasets):
            if (wanted := query.getlist("datasetHashes")) and dataset.id not in wanted:
                continue
            for data_hash, item in dataset.rows.items():
                title = self._state.items[item].name
                task = self._state.task(project, data_hash)
                asked = task.stage == stage and _asked(task, data_hash, title, query)
                # Clients move the tasks of one page on before they ask for the next.
                shown.append(_shown(task, data_hash, title) if asked else None)
        return page(request, shown, self._state.settings.page_limit)

    async def act(self, request: Request) -> object:
        project, stage = self._stage(request)
        wanted = await read_list(request)
        tasks = self._named(project, stage, [str(action.get("taskUuid")) for action in wanted])
        # On copies first, so that all actions are done or none.
        after = {task.id: replace(task) for task in tasks}
        now = self._state.clock.now()
        for task, action in zip(tasks, wanted, strict=True):
            act(after[task.id], action, now)
        for task, action in zip(tasks, wanted, strict=True):
            project.workflow.note(task, action["action"].lower(), now)
            review_all(project, task, action)
        project.workflow.tasks |= {task.data_hash: task for task in after.values()}
        return Response(status_code=204)

    async def move(self, request: Request) -> object:
        project, stage = self._stage(request)
        wanted = await read(request, Move)
        to = project.workflow.stage(wanted.destination_stage_uuid)
        now = self._state.clock.now()
        for task in self._named(project, stage, wanted.task_uuids):
            project.workflow.note(task, "move", now)
            move(task, to, now)
        return Response(status_code=204)

    def _named(self, project: Project, stage: str, keys: list[str]) -> list[Task]:
        there = {task.id: task for task in project.workflow.tasks.values() if task.stage == stage}
        if missing := [key for key in keys if key not in there]:
            raise ApiError(404, f"The stage has no task {missing[0]}.")
        return [there[key] for key in keys]

    async def prioritise(self, request: Request) -> object:
        project = self._state.project(request.path_params["project"])
        wanted = (await read(request, Priorities)).priorities
        for data_hash, priority in wanted:
            self._state.place(project, data_hash)
            if not 0 <= priority <= 1:
                raise ApiError(400, "A priority lies between 0 and 1.")
        for data_hash, priority in wanted:
            self._state.task(project, data_hash).priority = priority
        return Response(status_code=204)


def _asked(task: Task, data_hash: str, title: str, query: Any) -> bool:
    values = {"data_hashes": data_hash, "user_emails": task.assignee, "statuses": task.status}
    for name in query:
        value = values.get(snake(name))
        if snake(name) in values and value not in query.getlist(name):
            return False
    return query.get("dataTitleContains", "") in title


def _shown(task: Task, data_hash: str, title: str) -> dict[str, Any]:
    return {
        "uuid": task.id,
        "createdAt": task.created.isoformat(),
        "updatedAt": task.updated.isoformat(),
        "status": task.status,
        "dataHash": data_hash,
        "dataTitle": title,
        "labelBranchName": "main",
        "assignee": task.assignee,
    }
