"""Data units in the second interface: made of files that were sent before, many at once, changed and deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import json_response
from dragoman_synapse.emulator.answers import FieldErrors, body_of, check, number, objects, page_v2, v2
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.records import Collection, DataUnit
from dragoman_synapse.emulator.routes.data import files_given
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
READERS: dict[str, Callable[[DataUnit], Any]] = {
    "id": lambda unit: unit.id,
    "data_collection": lambda unit: unit.collection,
    "created": lambda unit: unit.created,
}
BULK = 1000
"""Most data units that one request makes."""


class UnitRecordRoutes:
    """The handlers of the data units of a platform in the second interface."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        all_of_them, one = "/v2/data-units/", "/v2/data-units/{unit}/"
        return [
            v2("GET", all_of_them, self.listed),
            v2("POST", all_of_them, self.create),
            v2("POST", f"{all_of_them}bulk-create/", self.create_many),
            v2("GET", one, self.get),
            v2("PUT", one, self.change),
            v2("PATCH", one, self.change),
            v2("DELETE", one, self.delete),
        ]

    async def listed(self, request: Request) -> object:
        rows = chosen(request, tenant_of(request).units.values(), READERS)
        return page_v2(request, rows, self._platform.settings, _brief)

    async def get(self, request: Request) -> object:
        return _detailed(_held(request))

    async def create(self, request: Request) -> object:
        """Make a data unit without files."""
        tenant = tenant_of(request)
        given = await body_of(request, ["data_collection"])
        check(given, meta=dict)
        made = tenant.add_unit({}, given.get("meta"), collection=_collection(tenant, given).id)
        return json_response({"data": _detailed(made), "meta": {}}, 201)

    async def create_many(self, request: Request) -> object:
        """Make data units of files, all or none; one of the same files that is there already is taken again."""
        tenant = tenant_of(request)
        given = await body_of(request, ["data_collection", "units"])
        collection, wanted = _collection(tenant, given), objects(given, "units")
        if len(wanted) > BULK:
            raise FieldErrors(units=f"Ensure this field has no more than {BULK} elements.")
        files = [files_given(tenant, one) for one in wanted]
        for found in files:
            _check_names(collection, found)
        there = {unit.checksum: unit for unit in tenant.units.values() if unit.collection == collection.id}
        results: list[Json] = []
        for one, found in zip(wanted, files, strict=True):
            made = tenant.add_unit(found, one.get("meta"), collection=collection.id, groups=one.get("groups"))
            held = there.setdefault(made.checksum, made)
            if held is not made:
                del tenant.units[made.id]
            results.append({"data_unit_id": held.id, "checksum": held.checksum, "created": held is made})
        created = sum(result["created"] for result in results)
        counts = {"created_count": created, "reused_count": len(results) - created}
        return json_response({"data": {"results": results, **counts}, "meta": {}}, 201)

    async def change(self, request: Request) -> object:
        tenant, held = tenant_of(request), _held(request)
        given = await body_of(request, ["data_collection"] if request.method == "PUT" else [])
        check(given, meta=dict)
        if given.get("data_collection") is not None:
            held.collection = _collection(tenant, given).id
        if given.get("meta") is not None:
            held.meta = given["meta"]
        return _detailed(held)

    async def delete(self, request: Request) -> object:
        del tenant_of(request).units[_held(request).id]
        return Response(status_code=204)


def _held(request: Request) -> DataUnit:
    return tenant_of(request).unit(request.path_params["unit"])


def _collection(tenant: Tenant, given: Json) -> Collection:
    key = number(given["data_collection"], "data_collection")
    if key not in tenant.collections:
        raise FieldErrors(data_collection=f'Invalid pk "{key}" - object does not exist.')
    return tenant.collections[key]


def _check_names(collection: Collection, files: Json) -> None:
    known = {one.get("name"): one for one in collection.specifications}
    if unknown := [name for name in files if name not in known]:
        raise FieldErrors(files=f"There is no file specification {unknown[0]}.")
    if missing := [name for name, one in known.items() if one.get("is_required") and name not in files]:
        raise FieldErrors(files=f"The file of {missing[0]} is required.")


def _brief(unit: DataUnit) -> Json:
    return {
        "id": unit.id,
        "data_collection_id": unit.collection,
        "checksum": unit.checksum,
        "created": unit.created.isoformat(),
    }


def _detailed(unit: DataUnit) -> Json:
    """Return a data unit as the SDK's own class wants to read it; there are no objects of groups."""
    return {**_brief(unit), "group_id": 0, "meta": unit.meta}
