"""Plugins and what they run: jobs with progress and logs, serve applications, and the records of trainings."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response
from dragoman_synapse.emulator import work
from dragoman_synapse.emulator.access import tenant_of
from dragoman_synapse.emulator.answers import FieldErrors, body_of, boolean, number, page, page_v2, v1, v2
from dragoman_synapse.emulator.jobs import ENDED, Job, Plugin
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.tenant import Tenant

Json = dict[str, Any]
RUN_FIELDS = ("agent", "action", "params", "storage_id", "job_id", "debug", "version", "language")
STATUSES = ("PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED")
JOB_FIELDS = ("progress_record", "metrics_record", "console_logs", "result", "meta")


class RunRoutes:
    """The handlers of plugins and jobs of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        return [
            v1("GET", "/agents/", self.agents),
            v1("GET", "/plugins/{plugin}/", self.plugin),
            v1("GET", "/plugin_releases/", self.releases),
            v1("POST", "/plugins/{plugin}/run/", self.run),
            v1("GET", "/jobs/", self.jobs),
            v1("GET", "/jobs/{job}/", self.job),
            v1("PATCH", "/jobs/{job}/", self.change_job),
            v1("GET", "/jobs/{job}/console_logs/", self.logs),
            v1("GET", "/jobs/{job}/tail_console_logs/", self.tail),
            v1("GET", "/serve_applications/", self.applications),
            v2("GET", "/v2/jobs/", self.jobs_v2),
            v2("GET", "/v2/jobs/{job}/", self.job),
            v2("POST", "/v2/jobs/{job}/stop/", self.stop),
            v2("GET", "/v2/jobs/{job}/console_logs/", self.logs),
            v2("GET", "/v2/trains/", self.trains),
            v2("GET", "/v2/trains/{job}/", self.train),
        ]

    async def agents(self, request: Request) -> object:
        rows = list(tenant_of(request).agents.values())
        return page(request, rows, self._platform.settings, lambda a: {"id": a.id, "name": a.name, "status": a.status})

    async def plugin(self, request: Request) -> object:
        found = _plugin(tenant_of(request), request.path_params["plugin"])
        return {"id": found.id, "code": found.code, "name": found.code}

    async def releases(self, request: Request) -> object:
        rows = [p for p in tenant_of(request).plugins.values() if request.query_params.get("plugin") in (None, p.code)]
        return page(
            request,
            rows,
            self._platform.settings,
            lambda p: {"id": p.release, "version": p.version, "plugin": {"id": p.id, "code": p.code}},
        )

    async def run(self, request: Request) -> object:
        tenant = tenant_of(request)
        plugin = _plugin(tenant, request.path_params["plugin"])
        given = await body_of(request, ["action"])
        if unknown := [name for name in given if name not in RUN_FIELDS]:
            raise FieldErrors(**{unknown[0]: "Unknown field."})
        agent, params = given.get("agent"), given.get("params") or {}
        if agent is None or number(agent, "agent") not in tenant.agents:
            raise FieldErrors(agent=f'Invalid pk "{agent}" - object does not exist.')
        match given["action"]:
            case "train":
                _check_training(tenant, plugin, params)
                return json_response(self._start(tenant, plugin, given, plugin.train_seconds).to_json(), 201)
            case "deployment":
                job = self._start(tenant, plugin, given, plugin.deploy_seconds)
                work.announce(tenant, job)
                return json_response(job.to_json(), 201)
            case "inference":
                return self._infer(tenant, plugin, params)
        raise FieldErrors(action=f'"{given["action"]}" is not a valid choice.')

    def _start(self, tenant: Tenant, plugin: Plugin, given: Json, seconds: float) -> Job:
        does = {"train": work.train, "deployment": work.deploy}[given["action"]]
        job = Job(
            id=str(uuid.uuid4()),
            action=given["action"],
            plugin=plugin,
            agent=given["agent"],
            params=given.get("params") or {},
            created=tenant.now(),
            seconds=seconds,
            polls_left=self._platform.settings.job_polls,
            work=partial(does, tenant),
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
        return _looked_at(request).to_json()

    async def change_job(self, request: Request) -> object:
        job = tenant_of(request).job(request.path_params["job"])
        given = await body_of(request)
        if given.get("status", STATUSES[0]) not in STATUSES:
            raise FieldErrors(status=f'"{given["status"]}" is not a valid choice.')
        if "status" in given:
            # Only recorded: what runs goes on.
            job.status = given["status"]
        names = {"progress_record": "progress", "metrics_record": "metrics", "result": "result"}
        for name in JOB_FIELDS:
            if name in given and name in names:
                setattr(job, names[name], given[name])
        return job.to_json()

    async def logs(self, request: Request) -> object:
        return {"logs": tenant_of(request).job(request.path_params["job"]).logs}

    async def tail(self, request: Request) -> StreamingResponse:
        job = _looked_at(request)
        events = [{"type": "connected"}, *({"type": "log", "message": line} for line in job.logs), {"type": "complete"}]
        lines = (b"data: " + json_response(event).body + b"\n\n" for event in events)
        return StreamingResponse(lines, media_type="text/event-stream")

    async def applications(self, request: Request) -> object:
        tenant, query = tenant_of(request), request.query_params
        for held in tenant.applications.values():
            tenant.jobs[held.job].look(tenant.now())
            if tenant.jobs[held.job].status in ENDED and held.status == "DEPLOYING":
                held.status = "DEPLOY_FAILED"
        rows = [
            held
            for held in tenant.applications.values()
            if query.get("plugin_code") in (None, held.plugin) and query.get("job__agent") in (None, str(held.agent))
        ]
        return page(request, rows, self._platform.settings, lambda held: held.to_json())

    async def stop(self, request: Request) -> object:
        job = _looked_at(request)
        if job.status in ENDED:
            raise ApiError(409, "The job has ended.")
        job.stop(tenant_of(request).now())
        return job.to_json()

    async def trains(self, request: Request) -> object:
        wants_model = boolean(request, "has_model")
        rows = [
            job
            for job in _jobs(request)
            if job.action == "train" and wants_model in (None, "model_id" in (job.result or {}))
        ]
        return page_v2(request, rows, self._platform.settings, _train)

    async def train(self, request: Request) -> object:
        job = _looked_at(request)
        if job.action != "train":
            raise ApiError(404, "Not found.")
        return _train(job)


def _plugin(tenant: Tenant, key: str) -> Plugin:
    found = tenant.plugins.get(key) or next((p for p in tenant.plugins.values() if str(p.id) == key), None)
    if found is None:
        raise ApiError(404, "Not found.")
    return found


def _check_training(tenant: Tenant, plugin: Plugin, params: Json) -> None:
    if number(params.get("dataset"), "dataset") not in tenant.versions:
        raise FieldErrors(dataset=f'Invalid pk "{params.get("dataset")}" - object does not exist.')
    checkpoint = params.get("checkpoint")
    if checkpoint is not None and checkpoint not in tenant.models:
        raise FieldErrors(checkpoint=f'Invalid pk "{checkpoint}" - object does not exist.')
    given = (params.get("hyperparameters") or [{}])[0]
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
    query = request.query_params
    rows = [
        job
        for job in tenant_of(request).jobs.values()
        if query.get("status") in (None, job.status) and query.get("action") in (None, job.action)
    ]
    return rows[::-1]


def _train(job: Job) -> Json:
    return {
        "id": job.id,
        "job": job.to_json(),
        "ground_truth_dataset_version": job.params.get("dataset"),
        "checkpoint": job.params.get("checkpoint"),
        "name": job.params.get("name") or "",
        "description": job.params.get("description") or "",
        "is_tune": bool(job.params.get("is_tune")),
        "tune_config": job.params.get("tune_config"),
        "best_trial": None,
        "created": job.created.isoformat(),
    }
