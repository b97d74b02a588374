"""Assignments in the second interface: listed, fetched in bulk, and what annotators made of them replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from dragoman_synapse.emulator.answers import body_of, check, page_v2, v2
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.records import Assignment
from dragoman_synapse.emulator.routes.task_records import asked_for
from dragoman_synapse.emulator.shown import files_of
from dragoman_synapse.emulator.tenant import tenant_of

Json = dict[str, Any]
READERS: dict[str, Callable[[Assignment], Any]] = {
    "id": lambda held: held.id,
    "task": lambda held: held.task.id,
    "project": lambda held: held.task.project,
    "status_label": lambda held: held.status_label,
    "status_review": lambda held: held.status_review,
    "is_confirmed": lambda held: _confirmed(held),
    "is_discarded": lambda held: held.task.is_discarded,
    "created": lambda held: held.created,
}


class AssignmentRecordRoutes:
    """The handlers of the assignments of a platform in the second interface."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        all_of_them, one = "/v2/assignments/", "/v2/assignments/{assignment}/"
        return [
            v2("GET", all_of_them, self.listed),
            v2("POST", f"{all_of_them}bulk-fetch/", self.fetch),
            v2("GET", one, self.get),
            v2("PUT", f"{one}data/", self.set_data),
        ]

    async def listed(self, request: Request) -> object:
        rows = chosen(request, tenant_of(request).assignments.values(), READERS)
        return page_v2(request, rows, self._platform.settings, _brief)

    async def get(self, request: Request) -> object:
        return _detailed(_held(request))

    async def fetch(self, request: Request) -> object:
        """Return assignments with their data, in the order that they are asked for; unknown ones are left out."""
        return [
            {
                "id": held.id,
                "project_id": held.task.project,
                "data_unit_id": held.task.unit.id,
                "data": held.data,
                "files_manifest": files_of(request, self._platform.media, held.task.unit),
            }
            for held in await asked_for(request, tenant_of(request).assignments)
        ]

    async def set_data(self, request: Request) -> object:
        """Replace the data; a body without any, as the SDK sends it for None, empties them."""
        held, given = _held(request), await body_of(request)
        check(given, data=dict)
        held.data = given.get("data") or None
        return _detailed(held)


def _held(request: Request) -> Assignment:
    return tenant_of(request).assignment(request.path_params["assignment"])


def _confirmed(held: Assignment) -> bool:
    return held.status_review == "completed"


def _brief(held: Assignment) -> Json:
    return {
        "id": held.id,
        "user_id": held.user,
        "task_id": held.task.id,
        "status_label": held.status_label,
        "status_review": held.status_review,
        "is_confirmed": _confirmed(held),
        "is_discarded": held.task.is_discarded,
        "created": held.created.isoformat(),
    }


def _detailed(held: Assignment) -> Json:
    """Return an assignment as the SDK's own class wants to read it; nobody in particular reviews it."""
    return {**_brief(held), "reviewer_id": 0, "data": held.data, "tags": sorted(held.tags)}
