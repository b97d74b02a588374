"""Tasks in the second interface: made one by one or many at once, listed, fetched in bulk, annotated and deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import json_response
from dragoman_synapse.emulator.answers import FieldErrors, body_of, check, number, page_v2, v2
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.records import Task
from dragoman_synapse.emulator.routes.tasks import annotated
from dragoman_synapse.emulator.shown import files_of
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
T = TypeVar("T")
READERS: dict[str, Callable[[Task], Any]] = {
    "id": lambda task: task.id,
    "project": lambda task: task.project,
    "schema": lambda task: task.schema,
    "is_discarded": lambda task: task.is_discarded,
    "has_data": lambda task: bool(task.data),
    "created": lambda task: task.created,
}
CREATED, FETCHED = 1000, 200
"""Most tasks that one request makes, and fetches."""


class TaskRecordRoutes:
    """The handlers of the tasks of a platform in the second interface."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        all_of_them, one = "/v2/tasks/", "/v2/tasks/{task}/"
        return [
            v2("GET", all_of_them, self.listed),
            v2("POST", all_of_them, self.create),
            v2("POST", f"{all_of_them}bulk-create/", self.create_many),
            v2("POST", f"{all_of_them}bulk-fetch/", self.fetch),
            v2("GET", one, self.get),
            v2("PUT", one, self.change),
            v2("PATCH", one, self.change),
            v2("DELETE", one, self.delete),
            v2("PUT", f"{one}annotate-task-data/", self.annotate),
        ]

    async def listed(self, request: Request) -> object:
        rows = chosen(request, tenant_of(request).tasks.values(), READERS)
        return page_v2(request, rows, self._platform.settings, _brief)

    async def get(self, request: Request) -> object:
        return _detailed(_held(request))

    async def create(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await body_of(request, ["project", "data_unit"])
        project, unit = _project(tenant, given["project"]), _unit(tenant, given["data_unit"], "data_unit")
        made = tenant.add_task(project, tenant.units[unit])
        made.meta = given.get("meta")
        return json_response({"data": _detailed(made), "meta": {}}, 201)

    async def create_many(self, request: Request) -> object:
        """Make a task of each data unit that the project has none of; all units are known, or none is taken."""
        tenant = tenant_of(request)
        given = await body_of(request, ["project", "data_unit_ids"])
        check(given, data_unit_ids=list)
        if len(given["data_unit_ids"]) > CREATED:
            raise FieldErrors(data_unit_ids=f"Ensure this field has no more than {CREATED} elements.")
        project = _project(tenant, given["project"])
        units = list(dict.fromkeys(_unit(tenant, key, "data_unit_ids") for key in given["data_unit_ids"]))
        wanted = tenant.projects[project].collection
        if any(wanted not in (None, tenant.units[key].collection) for key in units):
            raise FieldErrors(data_unit_ids="The data units are not of the project's collection.")
        there = {task.unit.id for task in tenant.tasks.values() if task.project == project}
        fresh = [key for key in units if key not in there]
        for key in fresh:
            tenant.add_task(project, tenant.units[key])
        counts = {"created_count": len(fresh), "skipped_count": len(units) - len(fresh)}
        return json_response({"data": counts, "meta": {}}, 201)

    async def fetch(self, request: Request) -> object:
        """Return tasks with their data, in the order that they are asked for; unknown ones are left out."""
        return [
            {
                "id": task.id,
                "project_id": task.project,
                "data_unit_id": task.unit.id,
                "data": task.data,
                "files_manifest": files_of(request, self._platform.media, task.unit),
            }
            for task in await asked_for(request, tenant_of(request).tasks)
        ]

    async def change(self, request: Request) -> object:
        tenant, task = tenant_of(request), _held(request)
        given = await body_of(request, ["project", "data_unit"] if request.method == "PUT" else [])
        if given.get("project") is not None:
            task.project = _project(tenant, given["project"])
        if given.get("data_unit") is not None:
            task.unit = tenant.units[_unit(tenant, given["data_unit"], "data_unit")]
        if "meta" in given:
            task.meta = given["meta"]
        return _detailed(task)

    async def delete(self, request: Request) -> object:
        tenant_of(request).forget_task(_held(request))
        return Response(status_code=204)

    async def annotate(self, request: Request) -> object:
        return _detailed(await annotated(request))


async def asked_for(request: Request, held: Mapping[int, T]) -> list[T]:
    """Return those of many things that a request for several names, in its order; unknown ones are left out."""
    given = await body_of(request, ["ids"])
    check(given, ids=list)
    if len(given["ids"]) > FETCHED:
        raise FieldErrors(ids=f"Ensure this field has no more than {FETCHED} elements.")
    keys = [number(key, "ids") for key in given["ids"]]
    return [held[key] for key in keys if key in held]


def _held(request: Request) -> Task:
    return tenant_of(request).task(request.path_params["task"])


def _project(tenant: Tenant, given: Any) -> int:
    key = number(given, "project")
    if key not in tenant.projects:
        raise FieldErrors(project=f'Invalid pk "{key}" - object does not exist.')
    return key


def _unit(tenant: Tenant, given: Any, name: str) -> int:
    key = number(given, name)
    if key not in tenant.units:
        raise FieldErrors(**{name: f'Invalid pk "{key}" - object does not exist.'})
    return key


def _brief(task: Task) -> Json:
    return {
        "id": task.id,
        "project_id": task.project,
        "data_unit_id": task.unit.id,
        "is_discarded": task.is_discarded,
        "has_data": bool(task.data),
        "created": task.created.isoformat(),
    }


def _detailed(task: Task) -> Json:
    """Return a task as the SDK's own class wants to read it; there are no workshops."""
    return {**_brief(task), "workshop_id": 0, "meta": task.meta, "data": task.data, "schema": task.schema}
