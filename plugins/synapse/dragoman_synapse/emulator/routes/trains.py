"""The records of trainings, which the second interface has beside their jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_synapse.emulator.answers import boolean, moment, page_v2, v2
from dragoman_synapse.emulator.jobs import Job
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
READERS: dict[str, Callable[[Job], Any]] = {
    "id": lambda job: job.number,
    "experiment": lambda job: _experiment(job),
    "dataset": lambda job: job.params.get("dataset"),
    "job__status": lambda job: job.status,
    "job__completed": lambda job: job.completed,
    "created": lambda job: job.created,
}


class TrainRoutes:
    """The handlers of the records of trainings of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        return [v2("GET", "/v2/trains/", self.trains), v2("GET", "/v2/trains/{train}/", self.train)]

    async def trains(self, request: Request) -> object:
        rows = [job for job in reversed(_trainings(tenant_of(request))) if _passes(request, job)]
        return page_v2(request, chosen(request, rows, READERS), self._platform.settings, _brief)

    async def train(self, request: Request) -> object:
        tenant, key = tenant_of(request), request.path_params["train"]
        for job in _trainings(tenant):
            if str(job.number) == key:
                job.look(tenant.now())
                return _detailed(job)
        raise ApiError(404, "Not found.")


def _trainings(tenant: Tenant) -> list[Job]:
    """Return the jobs that train, oldest first."""
    return [job for job in tenant.jobs.values() if job.action == "train"]


def _passes(request: Request, job: Job) -> bool:
    """Return whether a training passes the filters that are no fields of it."""
    has_model, words = boolean(request, "has_model"), request.query_params.get("search", "").casefold()
    after, before = moment(request, "created_after"), moment(request, "created_before")
    return (
        has_model in (None, "model_id" in (job.result or {}))
        and words in str(job.params.get("name") or "").casefold()
        and (after is None or job.created >= after)
        and (before is None or job.created <= before)
    )


def _experiment(job: Job) -> Any:
    return job.params.get("experiment") or 0


def _brief(job: Job) -> Json:
    return {
        "id": job.number,
        "job_id": job.id,
        "job_status": job.status,
        "experiment": _experiment(job),
        "is_tune": bool(job.params.get("is_tune")),
        "created": job.created.isoformat(),
    }


def _detailed(job: Job) -> Json:
    return {
        **_brief(job),
        "job": job.to_json(),
        "neural_net": None,
        "ground_truth_dataset_version": job.params.get("dataset"),
        "checkpoint": job.params.get("checkpoint"),
        "name": job.params.get("name") or "",
        "description": job.params.get("description") or "",
        "tune_config": job.params.get("tune_config"),
        "best_trial": None,
    }
