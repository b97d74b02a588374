"""Data collections, which say what files belong together: read in both interfaces, made and changed in the second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import json_response
from dragoman_synapse.emulator.answers import (
    FieldErrors,
    body_of,
    check,
    filled,
    objects,
    only_fields,
    page,
    page_v2,
    v1,
    v2,
)
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.records import Collection
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
READERS: dict[str, Callable[[Collection], Any]] = {
    "id": lambda held: held.id,
    "name": lambda held: held.name,
    "category": lambda held: held.category,
    "created": lambda held: held.created,
}
CATEGORIES = ("image", "video", "audio", "text", "pcd", "data")
CHANGED = {"name": str, "description": str, "category": str, "meta": dict, "access_level": str}


class CollectionRoutes:
    """The handlers of the data collections of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        all_of_them, one = "/v2/data-collections/", "/v2/data-collections/{collection}/"
        return [
            v1("GET", "/data_collections/", self.listed),
            v1("GET", "/data_collections/{collection}/", self.get),
            v2("GET", all_of_them, self.listed_v2),
            v2("POST", all_of_them, self.create),
            v2("GET", one, self.get_v2),
            v2("PUT", one, self.change),
            v2("PATCH", one, self.change),
            v2("DELETE", one, self.delete),
        ]

    async def listed(self, request: Request) -> object:
        return page(request, _chosen(request), self._platform.settings, _shown)

    async def get(self, request: Request) -> object:
        held = _held(request)
        return only_fields(request, {**_shown(held), "file_specifications": held.specifications})

    async def listed_v2(self, request: Request) -> object:
        tenant = tenant_of(request)
        return page_v2(request, _chosen(request), self._platform.settings, lambda held: _brief(tenant, held))

    async def get_v2(self, request: Request) -> object:
        return _detailed(tenant_of(request), _held(request))

    async def create(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await _given(request, ["name"])
        made = Collection(
            id=tenant.new_id(),
            name=given["name"],
            category=given.get("category") or "image",
            description=given.get("description") or "",
            meta=given.get("meta") or {},
            access_level=given.get("access_level") or "private",
            specifications=_specifications(tenant, given, ()),
            created=tenant.now(),
        )
        tenant.collections[made.id] = made
        return json_response({"data": _detailed(tenant, made), "meta": {}}, 201)

    async def change(self, request: Request) -> object:
        tenant, held = tenant_of(request), _held(request)
        given = await _given(request, ["name", "category"] if request.method == "PUT" else [])
        for name in CHANGED:
            if given.get(name) is not None:
                setattr(held, name, given[name])
        if given.get("file_specifications") is not None:
            held.specifications = _specifications(tenant, given, held.specifications)
        return _detailed(tenant, held)

    async def delete(self, request: Request) -> object:
        tenant, held = tenant_of(request), _held(request)
        del tenant.collections[held.id]
        for unit in [unit for unit in tenant.units.values() if unit.collection == held.id]:
            del tenant.units[unit.id]
        return Response(status_code=204)


def _held(request: Request) -> Collection:
    return tenant_of(request).collection(request.path_params["collection"])


def _chosen(request: Request) -> list[Collection]:
    return chosen(request, tenant_of(request).collections.values(), READERS)


async def _given(request: Request, required: Sequence[str]) -> Json:
    given = await body_of(request, required)
    check(given, **CHANGED)
    filled(given, "name")
    if given.get("category", CATEGORIES[0]) not in CATEGORIES:
        raise FieldErrors(category=f'"{given["category"]}" is not a valid choice.')
    return given


def _specifications(tenant: Tenant, given: Json, before: Sequence[Json]) -> list[Json]:
    """Return the specifications that are wanted; one that was there under its name keeps its id."""
    ids = {one.get("name"): one["id"] for one in before}
    return [
        {**one, "id": ids.get(one.get("name")) or tenant.new_id(), "file_type_display": one.get("file_type")}
        for one in objects(given, "file_specifications")
    ]


def _shown(held: Collection) -> Json:
    return {
        "id": held.id,
        "name": held.name,
        "category": held.category,
        "description": held.description,
        "created": held.created.isoformat(),
    }


def _brief(tenant: Tenant, held: Collection) -> Json:
    """Return a collection as the SDK's own class wants to read it in a listing."""
    return {
        "id": held.id,
        "name": held.name,
        "category": held.category,
        "category_display": held.category,
        "access_level": held.access_level,
        "is_archived": False,
        "created": held.created.isoformat(),
        "count_projects": sum(project.collection == held.id for project in tenant.projects.values()),
    }


def _detailed(tenant: Tenant, held: Collection) -> Json:
    return {
        **_brief(tenant, held),
        "tenant_id": 1,
        "description": held.description,
        "meta": held.meta,
        "caution": "sensitive_content",
        "file_specifications": held.specifications,
    }
