"""Annotation projects: read in both interfaces, made and changed in the second; and the tenants that one may enter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response
from dragoman_synapse.emulator.answers import FieldErrors, body_of, check, filled, number, page_v2, v1, v2
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.records import Project
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
READERS: dict[str, Callable[[Project], Any]] = {
    "id": lambda project: project.id,
    "category": lambda project: project.category,
    "data_collection": lambda project: project.collection,
    "created": lambda project: project.created,
}
CATEGORIES = ("image", "video", "audio", "text", "pcd", "prompt", "time_series")
LINKS = {"data_collection": "collection", "ground_truth_dataset": "dataset"}
"""What a project can be linked to, and where it is kept."""
CHANGED = {"title": "name", "category": "category", "description": "description", "configuration": "configuration"}


class ProjectRoutes:
    """The handlers of the projects of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        all_of_them, one = "/v2/projects/", "/v2/projects/{project}/"
        return [
            v1("GET", "/projects/{project}/", self.get),
            v2("GET", all_of_them, self.listed),
            v2("POST", all_of_them, self.create),
            v2("GET", one, self.get_v2),
            v2("PUT", one, self.change),
            v2("PATCH", one, self.change),
            v2("DELETE", one, self.delete),
            v2("GET", "/v2/tenants/", self.tenants),
            v2("GET", "/v2/tenants/{code}/", self.tenant),
        ]

    async def get(self, request: Request) -> object:
        held = _held(request)
        return {
            "id": held.id,
            "name": held.name,
            "data_collection": held.collection,
            "ground_truth_dataset": held.dataset,
            "configuration": held.configuration,
        }

    async def listed(self, request: Request) -> object:
        tenant = tenant_of(request)
        rows = chosen(request, tenant.projects.values(), READERS)
        return page_v2(request, rows, self._platform.settings, lambda held: _brief(tenant, held))

    async def get_v2(self, request: Request) -> object:
        return _detailed(tenant_of(request), _held(request))

    async def create(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await _given(request, ["title"])
        links = _links(tenant, given)
        made = Project(id=tenant.new_id(), name=given["title"], created=tenant.now())
        tenant.projects[made.id] = _changed(made, given, links)
        return json_response({"data": _detailed(tenant, made), "meta": {}}, 201)

    async def change(self, request: Request) -> object:
        tenant, held = tenant_of(request), _held(request)
        given = await _given(request, ["title", "category"] if request.method == "PUT" else [])
        return _detailed(tenant, _changed(held, given, _links(tenant, given)))

    async def delete(self, request: Request) -> object:
        tenant, held = tenant_of(request), _held(request)
        del tenant.projects[held.id]
        for task in [task for task in tenant.tasks.values() if task.project == held.id]:
            tenant.forget_task(task)
        return Response(status_code=204)

    async def tenants(self, request: Request) -> object:
        return page_v2(request, [tenant_of(request)], self._platform.settings, _tenant)

    async def tenant(self, request: Request) -> object:
        tenant = tenant_of(request)
        if request.path_params["code"] != tenant.code:
            raise ApiError(404, "Not found.")
        return _tenant(tenant)


def _held(request: Request) -> Project:
    return tenant_of(request).project(request.path_params["project"])


async def _given(request: Request, required: Sequence[str]) -> Json:
    given = await body_of(request, required)
    check(given, title=str, category=str, description=str)
    filled(given, "title")
    if given.get("category", CATEGORIES[0]) not in CATEGORIES:
        raise FieldErrors(category=f'"{given["category"]}" is not a valid choice.')
    return given


def _links(tenant: Tenant, given: Json) -> dict[str, int]:
    """Return the ids of what a project is to be linked to, or refuse them."""
    known: dict[str, Mapping[int, Any]] = {
        "data_collection": tenant.collections,
        "ground_truth_dataset": tenant.datasets,
    }
    found = {name: number(given[name], name) for name in LINKS if given.get(name) is not None}
    for name, key in found.items():
        if key not in known[name]:
            raise FieldErrors(**{name: f'Invalid pk "{key}" - object does not exist.'})
    return {LINKS[name]: key for name, key in found.items()}


def _changed(project: Project, given: Json, links: dict[str, int]) -> Project:
    wanted = {kept: given[name] for name, kept in CHANGED.items() if given.get(name) is not None}
    for name, value in {**wanted, **links}.items():
        setattr(project, name, value)
    return project


def _brief(tenant: Tenant, held: Project) -> Json:
    return {
        "id": held.id,
        "title": held.name,
        "category": held.category,
        "category_display": held.category,
        "created": held.created.isoformat(),
        "is_archived": False,
        "task_count": sum(task.project == held.id for task in tenant.tasks.values()),
    }


def _detailed(tenant: Tenant, held: Project) -> Json:
    """Return a project as the SDK's own class wants to read it."""
    return {
        **_brief(tenant, held),
        "tenant_id": 1,
        "data_collection_id": held.collection or 0,
        "description": held.description,
        "configuration": held.configuration,
        "settings": {},
        "caution": "sensitive_content",
        "access_level": "private",
        "count_max_assignments_per_task": 1,
        "can_discard": True,
        "enable_workforce": False,
    }


def _tenant(tenant: Tenant) -> Json:
    return {"code": tenant.code, "name": tenant.code, "slug": tenant.code, "is_active": True}
