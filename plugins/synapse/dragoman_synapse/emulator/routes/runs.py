"""What plugins run: jobs with progress and logs, and serve applications."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response
from dragoman_synapse.emulator import work
from dragoman_synapse.emulator.answers import (
    FieldErrors,
    body_of,
    check,
    number,
    objects,
    only_fields,
    page,
    page_v2,
    v1,
    v2,
)
from dragoman_synapse.emulator.jobs import ENDED, Job, Plugin, Release
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.routes.logs import lines_of
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
RUN_FIELDS = ("agent", "action", "params", "storage_id", "job_id", "debug", "version", "language")
STATUSES = ("PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED")
JOB_FIELDS = {"progress_record": "progress", "metrics_record": "metrics", "result": "result", "meta": "meta"}
"""What a client may write of a job, and where it is kept."""
JOB_READERS: dict[str, Callable[[Job], Any]] = {
    "id": lambda job: job.id,
    "status": lambda job: job.status,
    "action": lambda job: job.action,
    "agent": lambda job: job.agent,
    "plugin": lambda job: {job.plugin.code, str(job.plugin.id)},
    "created": lambda job: job.created,
}


class RunRoutes:
    """The handlers of plugins and jobs of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        return [
            v1("POST", "/plugins/{plugin}/run/", self.run),
            v1("GET", "/jobs/", self.jobs),
            v1("GET", "/jobs/{job}/", self.job),
            v1("PATCH", "/jobs/{job}/", self.change_job),
            v1("GET", "/jobs/{job}/console_logs/", self.logs),
            v1("GET", "/jobs/{job}/tail_console_logs/", self.tail),
            v1("GET", "/serve_applications/", self.applications),
            v1("POST", "/serve_applications/", self.create_application),
            v2("GET", "/v2/jobs/", self.jobs_v2),
            v2("GET", "/v2/jobs/{job}/", self.job),
            v2("PATCH", "/v2/jobs/{job}/", self.change_job),
            v2("POST", "/v2/jobs/{job}/stop/", self.stop),
            v2("GET", "/v2/jobs/{job}/tail_console_logs/", self.tail),
            v2("GET", "/v2/jobs/{job}/console_logs/", self.logs),
        ]

    async def run(self, request: Request) -> object:
        tenant = tenant_of(request)
        plugin = tenant.plugin(request.path_params["plugin"])
        given = await body_of(request, ["action"])
        if unknown := [name for name in given if name not in RUN_FIELDS]:
            raise FieldErrors(**{unknown[0]: "Unknown field."})
        check(given, action=str, params=dict, version=str)
        agent, params = given.get("agent"), given.get("params") or {}
        if agent is None or number(agent, "agent") not in tenant.agents:
            raise FieldErrors(agent=f'Invalid pk "{agent}" - object does not exist.')
        release = _release(plugin, given.get("version"))
        if given["action"] in (release.config.get("actions") or ()):
            # The emulator runs no code of others: this job waits for what whoever runs it reports.
            return json_response(self._start(tenant, plugin, release, given).to_json(), 201)
        match given["action"]:
            case "train":
                _check_training(tenant, plugin, params)
                job = self._start(tenant, plugin, release, given, work.train, plugin.train_seconds)
                return json_response(job.to_json(), 201)
            case "deployment":
                job = self._start(tenant, plugin, release, given, work.deploy, plugin.deploy_seconds)
                work.announce(tenant, job)
                return json_response(job.to_json(), 201)
            case "inference":
                return self._infer(tenant, plugin, params)
        raise FieldErrors(action=f'"{given["action"]}" is not a valid choice.')

    def _start(
        self,
        tenant: Tenant,
        plugin: Plugin,
        release: Release,
        given: Json,
        does: Callable[[Tenant, Job], Json] | None = None,
        seconds: float = 0.0,
    ) -> Job:
        job = Job(
            id=str(uuid.uuid4()),
            number=tenant.new_id(),
            action=given["action"],
            plugin=plugin,
            release=release,
            agent=given["agent"],
            params=given.get("params") or {},
            created=tenant.now(),
            seconds=seconds,
            polls_left=self._platform.settings.job_polls,
            work=partial(does, tenant) if does else None,
        )
        tenant.jobs[job.id] = job
        return job

    def _infer(self, tenant: Tenant, plugin: Plugin, params: Json) -> object:
        for held in tenant.applications.values():
            tenant.jobs[held.job].look(tenant.now())
        if not any(held.plugin == plugin.code and held.status == "RUNNING" for held in tenant.applications.values()):
            raise ApiError(503, "No serve application of this plugin is running.")
        return work.infer(tenant, plugin, params)

    async def jobs(self, request: Request) -> object:
        return page(request, _jobs(request), self._platform.settings, Job.to_json)

    async def jobs_v2(self, request: Request) -> object:
        return page_v2(request, _jobs(request), self._platform.settings, Job.to_json)

    async def job(self, request: Request) -> object:
        return only_fields(request, _looked_at(request).to_json())

    async def change_job(self, request: Request) -> object:
        job = tenant_of(request).job(request.path_params["job"])
        given = await body_of(request)
        if given.get("status", STATUSES[0]) not in STATUSES:
            raise FieldErrors(status=f'"{given["status"]}" is not a valid choice.')
        check(given, progress_record=dict, metrics_record=dict, meta=dict)
        logs = given.get("console_logs") or []
        entries = objects({"console_logs": logs if isinstance(logs, list) else [logs]}, "console_logs")
        if "status" in given:
            # Only recorded: what runs goes on.
            job.status = given["status"]
            job.completed = tenant_of(request).now() if job.status in ENDED else None
        for name, attribute in JOB_FIELDS.items():
            if name in given:
                setattr(job, attribute, {} if given[name] is None else given[name])
        job.told |= "progress_record" in given
        for entry in entries:
            job.logs += lines_of(entry)
        return job.to_json()

    async def logs(self, request: Request) -> object:
        return {"logs": tenant_of(request).job(request.path_params["job"]).logs}

    async def tail(self, request: Request) -> StreamingResponse:
        job = _looked_at(request)
        events = [{"type": "connected"}, *({"type": "log", "message": line} for line in job.logs), {"type": "complete"}]
        lines = (b"data: " + json_response(event).body + b"\n\n" for event in events)
        return StreamingResponse(lines, media_type="text/event-stream")

    async def applications(self, request: Request) -> object:
        tenant = tenant_of(request)
        for held in tenant.applications.values():
            tenant.jobs[held.job].look(tenant.now())
            if tenant.jobs[held.job].status in ENDED and held.status == "DEPLOYING":
                held.status = "DEPLOY_FAILED"
        readers = {
            "id": lambda held: held.id,
            "created": lambda held: held.created,
            "plugin_code": lambda held: held.plugin,
            "job__agent": lambda held: held.agent,
            "job": lambda held: held.job,
            "status": lambda held: held.status,
        }
        rows = chosen(request, tenant.applications.values(), readers)
        return page(request, rows, self._platform.settings, lambda held: held.to_json())

    async def create_application(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await body_of(request, ["job"])
        check(given, status=str, data=dict)
        job = tenant.jobs.get(str(given["job"]))
        if job is None:
            raise FieldErrors(job=f'Invalid pk "{given["job"]}" - object does not exist.')
        held = next((one for one in tenant.applications.values() if one.job == job.id), None)
        if held is None:
            held = work.announce(tenant, job)
        held.status, held.data = given.get("status") or held.status, given.get("data") or {}
        return json_response(held.to_json(), 201)

    async def stop(self, request: Request) -> object:
        # Whoever stops a job does not ask how far it is: one that was seen running can be stopped.
        job = tenant_of(request).job(request.path_params["job"])
        if job.status in ENDED:
            raise ApiError(409, "The job has ended.")
        job.stop(tenant_of(request).now())
        return job.to_json()


def _release(plugin: Plugin, version: str | None) -> Release:
    """Return the release of a version, without one the latest."""
    found = next((held for held in reversed(plugin.releases) if version in (None, held.version)), None)
    if found is None:
        raise FieldErrors(version="There is no such release.")
    return found


def _check_training(tenant: Tenant, plugin: Plugin, params: Json) -> None:
    if number(params.get("dataset"), "dataset") not in tenant.versions:
        raise FieldErrors(dataset=f'Invalid pk "{params.get("dataset")}" - object does not exist.')
    checkpoint = params.get("checkpoint")
    if checkpoint is not None and number(checkpoint, "checkpoint") not in tenant.models:
        raise FieldErrors(checkpoint=f'Invalid pk "{checkpoint}" - object does not exist.')
    given = (objects(params, "hyperparameters") or [{}])[0]
    if unknown := [name for name in given if name not in plugin.hyperparameters]:
        known = ", ".join(plugin.hyperparameters)
        raise FieldErrors(hyperparameters=f"There is no hyperparameter {unknown[0]!r}; there are: {known}.")


def _looked_at(request: Request) -> Job:
    tenant = tenant_of(request)
    job = tenant.job(request.path_params["job"])
    job.look(tenant.now())
    return job


def _jobs(request: Request) -> list[Job]:
    """Return the jobs that a query asks for, newest first."""
    return chosen(request, reversed(tenant_of(request).jobs.values()), JOB_READERS)
