"""Data: files, and data units, which are files that belong together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response, read_json
from dragoman_synapse.emulator.answers import (
    ANY,
    FieldErrors,
    body_of,
    check,
    number,
    only_fields,
    page,
    v1,
)
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.records import DataUnit
from dragoman_synapse.emulator.shown import unit_of
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
READERS: dict[str, Callable[[DataUnit], Any]] = {
    "id": lambda unit: unit.id,
    "data_collection": lambda unit: unit.collection,
    "groups": lambda unit: set(unit.groups),
    "created": lambda unit: unit.created,
}


class DataRoutes:
    """The handlers of the data of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._uploads = platform.uploads

    def routes(self) -> list[Route]:
        return [
            v1("POST", "/data_files/", self.add_file),
            v1("POST", "/data_files/verify_checksums/", self.verify),
            v1("POST", "/data_units/", self.add_units),
            v1("GET", "/data_units/", self.units),
            v1("GET", "/data_units/{unit}/", self.unit),
        ]

    async def add_file(self, request: Request) -> object:
        tenant = tenant_of(request)
        if request.headers.get("content-type", "").startswith("multipart/"):
            form = await self._uploads.form(request)
            content = form.taken()
            if not form.filename:
                raise FieldErrors(file="No file was submitted.")
            stored = self._platform.media.add(form.filename, content)
        else:
            given = await body_of(request, ["chunked_upload"])
            stored = self._uploads.taken(tenant, given["chunked_upload"])
            content = stored.read()
        key, checksum = tenant.add_file(stored, content)
        now = tenant.now().isoformat()
        answer = {"id": key, "checksum": checksum, "size": stored.size, "file": stored.name, "created_at": now}
        return json_response(answer, 201)

    async def verify(self, request: Request) -> object:
        given = await body_of(request)
        if not isinstance(given.get("checksums"), list):
            raise FieldErrors(checksums="This field is required.")
        held = tenant_of(request).data_files
        return {"existing_checksums": [one for one in given["checksums"] if isinstance(one, str) and one in held]}

    async def add_units(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await read_json(request, ANY)
        wanted = given if isinstance(given, list) else [given]
        files = [_files(tenant, one) for one in wanted]
        made = [_added(tenant, one, found) for one, found in zip(wanted, files, strict=True)]
        shown = [unit_of(request, self._platform.media, unit) for unit in made]
        return json_response({"results": shown} if isinstance(given, list) else shown[0], 201)

    async def units(self, request: Request) -> object:
        rows = chosen(request, tenant_of(request).units.values(), READERS)
        return page(request, rows, self._platform.settings, lambda unit: unit_of(request, self._platform.media, unit))

    async def unit(self, request: Request) -> object:
        unit = tenant_of(request).unit(request.path_params["unit"])
        return only_fields(request, unit_of(request, self._platform.media, unit))


def _files(tenant: Tenant, given: Any) -> Json:
    """Return the files of a data unit that is wanted, or refuse it."""
    if not isinstance(given, dict):
        raise ApiError(400, "Invalid data. Expected a dictionary.")
    if number(given.get("data_collection"), "data_collection") not in tenant.collections:
        raise FieldErrors(data_collection=f'Invalid pk "{given.get("data_collection")}" - object does not exist.')
    return files_given(tenant, given)


def files_given(tenant: Tenant, given: Json) -> Json:
    """Return the files that a data unit is to have, which are named by their checksums, or refuse them."""
    check(given, files=dict, meta=dict, groups=list)
    files = {}
    for name, info in (given.get("files") or {}).items():
        checksum = info.get("checksum") if isinstance(info, dict) else None
        if not isinstance(checksum, str) or checksum not in tenant.data_files:
            raise FieldErrors(files=f"There is no data file of the checksum {checksum}.")
        files[name] = tenant.data_files[checksum]
    return files


def _added(tenant: Tenant, given: Json, files: Json) -> DataUnit:
    return tenant.add_unit(
        files, given.get("meta"), collection=int(given["data_collection"]), groups=given.get("groups")
    )
