"""Annotation: tasks of projects and the tags on these, and what became of tasks that were annotated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import json_response
from dragoman_synapse.emulator.answers import FieldErrors, body_of, check, number, objects, only_fields, page, v1
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen, expands
from dragoman_synapse.emulator.records import Tag, Task
from dragoman_synapse.emulator.routes.tagging import set_tags
from dragoman_synapse.emulator.shown import file_list, files_of, unit_of
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
READERS: dict[str, Callable[[Task], Any]] = {
    "id": lambda task: task.id,
    "project": lambda task: task.project,
    "data_unit": lambda task: task.unit.id,
    "schema": lambda task: task.schema,
    "is_discarded": lambda task: task.is_discarded,
    "tags": lambda task: task.tags,
    "created": lambda task: task.created,
}
TAG_READERS: dict[str, Callable[[Tag], Any]] = {
    "id": lambda tag: tag.id,
    "name": lambda tag: tag.name,
    "project": lambda tag: tag.project,
}


class TaskRoutes:
    """The handlers of the tasks of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        return [
            v1("POST", "/tasks/", self.create),
            v1("POST", "/tasks/set_tags/", self.set_tags),
            v1("GET", "/tasks/{task}/", self.task),
            v1("PUT", "/tasks/{task}/annotate_task_data/", self.annotate),
            v1("GET", "/sdk/tasks/", self.listed),
            v1("GET", "/sdk/tasks/data/", self.listed_data),
            v1("GET", "/sdk/tasks/files/", self.listed_files),
            v1("GET", "/task_tags/", self.tags),
            v1("GET", "/task_tags/{tag}/", self.tag),
        ]

    async def create(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await body_of(request, ["project", "data"])
        project, data = number(given["project"], "project"), objects(given, "data")
        if project not in tenant.projects:
            raise FieldErrors(project=f'Invalid pk "{project}" - object does not exist.')
        wanted = [number(one.get("data_unit"), "data_unit") for one in data]
        for key in wanted:
            if key not in tenant.units:
                raise FieldErrors(data_unit=f'Invalid pk "{key}" - object does not exist.')
        made = [tenant.add_task(project, tenant.units[key]) for key in wanted]
        return json_response({"results": [self._show(request, task) for task in made]}, 201)

    async def task(self, request: Request) -> object:
        task = tenant_of(request).task(request.path_params["task"])
        return only_fields(request, self._show(request, task))

    async def listed(self, request: Request) -> object:
        return self._page(request, lambda task: self._show(request, task))

    async def listed_data(self, request: Request) -> object:
        return self._page(request, lambda task: {"id": task.id, "data": task.data})

    async def listed_files(self, request: Request) -> object:
        media = self._platform.media
        return self._page(
            request, lambda task: {"id": task.id, "files": file_list(files_of(request, media, task.unit))}
        )

    async def annotate(self, request: Request) -> object:
        return self._show(request, await annotated(request))

    async def set_tags(self, request: Request) -> object:
        tenant = tenant_of(request)
        return await set_tags(request, tenant.tasks, tenant)

    async def tags(self, request: Request) -> object:
        rows = chosen(request, tenant_of(request).tags.values(), TAG_READERS)
        return page(request, rows, self._platform.settings, _tag)

    async def tag(self, request: Request) -> object:
        return _tag(tenant_of(request).tag(request.path_params["tag"]))

    def _page(self, request: Request, show: Callable[[Task], Json]) -> Json:
        rows = chosen(request, tenant_of(request).tasks.values(), READERS)
        return page(request, rows, self._platform.settings, show)

    def _show(self, request: Request, task: Task) -> Json:
        whole = expands(request, "data_unit")
        return {
            "id": task.id,
            "project": task.project,
            "data_unit": unit_of(request, self._platform.media, task.unit) if whole else task.unit.id,
            "data": task.data,
            "schema": task.schema,
            "tags": sorted(task.tags),
            "is_submitted": task.submitted,
            "is_discarded": task.is_discarded,
            "created": task.created.isoformat(),
        }


async def annotated(request: Request) -> Task:
    """Do what a request asks for with the annotations of its task, and return the task."""
    tenant = tenant_of(request)
    task = tenant.task(request.path_params["task"])
    given = await body_of(request)
    check(given, data=dict)
    action, data = given.get("action") or "submit", given.get("data") or {}
    if action not in ("save", "submit"):
        raise FieldErrors(action=f'"{action}" is not a valid choice.')
    schema = request.query_params.get("schema", task.schema)
    if schema != "any" and not _is_document(data):
        raise FieldErrors(data="The data does not match dm_schema_v1.")
    task.data, task.submitted = data, action == "submit"
    if task.submitted:
        _review(tenant, task)
    return task


def _review(tenant: Tenant, task: Task) -> None:
    dataset = tenant.projects[task.project].dataset
    if tenant.review_automatically and dataset is not None:
        tenant.add_truth(dataset, task.unit, task.data or {}, task.unit.meta.get("category", "train"))


def _is_document(data: Json) -> bool:
    parts = (data.get("annotations"), data.get("annotationsData"))
    return all(isinstance(part, dict) and all(isinstance(v, list) for v in part.values()) for part in parts)


def _tag(tag: Tag) -> Json:
    return {
        "id": tag.id,
        "name": tag.name,
        "project": tag.project,
        "color": tag.color,
        "description": tag.description,
    }
