"""Routes between datasets and labelling projects: sending items as tasks, showing tasks, making datasets of projects.

Projects are no part of this API. Any id is taken for a project; it has the tasks that were sent to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.items import Item
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.labeling import Task
from dragoman_nucleus.emulator.routes.names import get, post
from dragoman_nucleus.emulator.state import State

SENDING_JOB = "sendToLabeling"


class Tasks(msgspec.Struct):
    tasks: list[str]


class FromProject(msgspec.Struct):
    project_id: str
    last_n_tasks: Annotated[str, Meta(pattern=r"^[1-9]\d{0,8}$")] | None = None
    name: str | None = None


TASKS = msgspec.json.Decoder(Tasks)
FROM_PROJECT = msgspec.json.Decoder(FromProject)


class Labeling:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("slice/{slice}/{project}/send_to_labeling", self.send),
            post("dataset/create_from_project", self.create_dataset),
            post("dataset/{dataset}/ingest_tasks", self.ingest),
            get("dataset/{dataset}/exportScaleTaskInfo", self.of_dataset),
            get("slice/{slice}/exportScaleTaskInfo", self.of_slice),
            get("task/{task}/frame/{frame:int}", self.frame),
        ]

    async def send(self, request: Request) -> object:
        part = self._state.slice(request.path_params["slice"])
        work = partial(self._send, part.id, request.path_params["project"])
        return self._state.jobs.submit(SENDING_JOB, part.dataset_id, work)

    def _send(self, slice_id: str, project_id: str) -> Outcome:
        part = self._state.slice(slice_id)
        items = self._state.slice_items(part)
        for item in items:
            task_id = self._state.ids.new("task")
            self._state.tasks[task_id] = Task(
                id=task_id,
                project_id=project_id,
                item_id=item.id,
                batch=part.name,
                created=self._state.clock.now(),
            )
        return Outcome({"project_id": project_id, "tasks_created": len(items)})

    async def create_dataset(self, request: Request) -> object:
        """Make a dataset of the items of a project's tasks."""
        wanted = await read_json(request, FROM_PROJECT)
        tasks = [task for task in self._state.tasks.values() if task.project_id == wanted.project_id]
        if not tasks:
            raise ApiError(404, f"Project {wanted.project_id} does not exist.")
        dataset = Dataset(id=self._state.ids.new("ds"), name=wanted.name or wanted.project_id)
        self._state.datasets[dataset.id] = dataset
        for task in tasks[-int(wanted.last_n_tasks or len(tasks)) :]:
            self._copy(self._state.item(task.item_id), dataset)
        return {"dataset_id": dataset.id}

    def _copy(self, item: Item, dataset: Dataset) -> None:
        if item.reference_id not in dataset.items.by_reference:
            self._state.add_item(
                dataset, reference_id=item.reference_id, image_url=item.image_url, metadata=dict(item.metadata)
            )

    async def ingest(self, request: Request) -> object:
        """Take tasks into a dataset; those that are known have no labels yet."""
        self._state.dataset(request.path_params["dataset"])
        tasks = (await read_json(request, TASKS)).tasks
        pending = sum(task_id in self._state.tasks for task_id in tasks)
        return {"ingested_tasks": 0, "ignored_tasks": len(tasks) - pending, "pending_tasks": pending}

    async def of_dataset(self, request: Request) -> object:
        return self._info(self._state.dataset(request.path_params["dataset"]).items)

    async def of_slice(self, request: Request) -> object:
        return self._info(self._state.slice_items(self._state.slice(request.path_params["slice"])))

    def _info(self, items: Iterable[Item]) -> object:
        tasks: dict[str, list[object]] = {}
        for task in self._state.tasks.values():
            tasks.setdefault(task.item_id, []).append(task.to_json())
        rows = [{"item": item.to_json(), "scale_task_info": tasks[item.id]} for item in items if item.id in tasks]
        return {"exportedScaleTaskInfoRows": rows}

    async def frame(self, request: Request) -> object:
        raise ApiError(404, f"Task {request.path_params['task']} has no point cloud.")
