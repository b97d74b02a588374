"""Log entries that plugins send while they run. The messages of a job are also lines on its console."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response, read_json
from dragoman_synapse.emulator.answers import ANY, FieldErrors, check, v1
from dragoman_synapse.emulator.media import Stored
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
DATA_URI = re.compile(r"^data:(?P<kind>[\w.+-]+/[\w.+-]+)?[^,]*;base64,(?P<content>.*)$", re.DOTALL)


class LogRoutes:
    """The handlers of the log entries of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        return [v1("POST", "/logs/", self.create)]

    async def create(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await read_json(request, ANY)
        entries = given if isinstance(given, list) else [given]
        for entry in entries:
            _check(tenant, entry)
        made = [self._add(request, tenant, entry) for entry in entries]
        return json_response({"results": made} if isinstance(given, list) else made[0], 201)

    def _add(self, request: Request, tenant: Tenant, entry: Any) -> Json:
        made: Json = {**entry, "id": tenant.new_id(), "created": tenant.now().isoformat()}
        if entry.get("file"):
            made["file"] = self._platform.media.url(request, self._stored(entry["file"]))
        tenant.logs.append(made)
        if entry.get("job") is not None:
            tenant.jobs[str(entry["job"])].logs.extend(lines_of(entry))
        return made

    def _stored(self, uri: str) -> Stored:
        found = DATA_URI.match(uri)
        if found is None:
            raise FieldErrors(file="The submitted data was not a file.")
        try:
            content = base64.b64decode(found["content"], validate=True)
        except binascii.Error:
            raise FieldErrors(file="The submitted data was not a file.") from None
        return self._platform.media.add(f"log.{(found['kind'] or 'bin').rpartition('/')[2]}", content)


def lines_of(entry: Any) -> list[str]:
    """Return what a log entry says on a console: its message. One of another event, such as a metric, says nothing."""
    places = [place for place in (entry, entry.get("data")) if isinstance(place, dict)]
    said = (place.get(name) for place in places for name in ("message", "content"))
    return [text for text in said if isinstance(text, str)][:1]


def _check(tenant: Tenant, entry: Any) -> None:
    if not isinstance(entry, dict):
        raise ApiError(400, "Invalid data. Expected a dictionary.")
    check(entry, file=str)
    if entry.get("job") is not None and str(entry["job"]) not in tenant.jobs:
        raise FieldErrors(job=f'Invalid pk "{entry["job"]}" - object does not exist.')
