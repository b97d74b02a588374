"""Log entries of jobs in the second interface: sent one by one or many at once, listed, and looked up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response
from dragoman_synapse.emulator.answers import FieldErrors, body_of, check, instant, number, objects, page_v2, v2
from dragoman_synapse.emulator.jobs import Job
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.routes.logs import lines_of
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
LEVELS = ("debug", "info", "success", "warning", "danger", "error", "critical")
BULK = 1000
"""Most entries of one request."""
READERS: dict[str, Callable[[Json], Any]] = {
    "id": lambda entry: entry["id"],
    "job": lambda entry: str(entry["job"]),
    "event": lambda entry: _event(entry),
    "level": lambda entry: _level(entry),
    "created": lambda entry: entry["created"],
}


class JobLogRoutes:
    """The handlers of the log entries of jobs of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        return [
            v2("POST", "/v2/jobs/{job}/logs/", self.create),
            v2("POST", "/v2/jobs/{job}/logs/bulk/", self.create_many),
            v2("GET", "/v2/job-logs/", self.listed),
            v2("GET", "/v2/job-logs/{log}/", self.log),
        ]

    async def create(self, request: Request) -> object:
        job = tenant_of(request).job(request.path_params["job"])
        given = await body_of(request)
        _check(given)
        return json_response({"data": self._add(request, job, given), "meta": {}}, 201)

    async def create_many(self, request: Request) -> object:
        job = tenant_of(request).job(request.path_params["job"])
        entries = objects(await body_of(request, ["logs"]), "logs")
        if len(entries) > BULK:
            raise FieldErrors(logs=f"Ensure this field has no more than {BULK} elements.")
        for entry in entries:
            _check(entry)
        return json_response({"data": [self._add(request, job, entry) for entry in entries], "meta": {}}, 201)

    async def listed(self, request: Request) -> object:
        rows = chosen(request, _entries(tenant_of(request)), READERS)
        return page_v2(request, rows, self._platform.settings, _brief)

    async def log(self, request: Request) -> object:
        key = number(request.path_params["log"], "id")
        for entry in _entries(tenant_of(request)):
            if entry["id"] == key:
                return self._detailed(request, entry)
        raise ApiError(404, "Not found.")

    def _add(self, request: Request, job: Job, given: Json) -> Json:
        tenant = tenant_of(request)
        made = {**given, "job": job.id, "id": tenant.new_id(), "created": tenant.now().isoformat()}
        tenant.logs.append(made)
        job.logs.extend(lines_of(made))
        return self._detailed(request, made)

    def _detailed(self, request: Request, entry: Json) -> Json:
        said = {name: entry[name] for name in ("message", "context") if name in entry}
        media = self._platform.media
        # The SDK wants an address: that of an empty file, where an entry has none.
        file = entry.get("file") or media.url(request, media.nothing)
        return {**_brief(entry), "data": entry.get("data", said), "file": file}


def _entries(tenant: Tenant) -> list[Json]:
    """Return the entries of jobs, oldest first; those of no job are the first interface's own."""
    return [entry for entry in tenant.logs if entry.get("job") is not None]


def _check(given: Json) -> None:
    check(given, event=str, step=str, level=str)
    missing = {name: "This field is required." for name in ("event", "data", "datetime") if given.get(name) is None}
    if missing:
        raise FieldErrors(**missing)
    if given.get("level", LEVELS[0]) not in LEVELS:
        raise FieldErrors(level=f'"{given["level"]}" is not a valid choice.')
    instant(given["datetime"], "datetime")


def _event(entry: Json) -> str:
    return str(entry.get("event") or "message")


def _level(entry: Json) -> str:
    # The first interface takes any word.
    return entry["level"] if entry.get("level") in LEVELS else "info"


def _brief(entry: Json) -> Json:
    return {
        "id": entry["id"],
        "job_id": str(entry["job"]),
        "event": _event(entry),
        "step": entry.get("step") or "",
        "level": _level(entry),
        "datetime": entry.get("datetime") or entry["created"],
        "created": entry["created"],
    }
