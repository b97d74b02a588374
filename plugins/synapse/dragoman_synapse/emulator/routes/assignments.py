"""Assignments: tasks in the hands of annotators. The SDK reads and tags them; the platform hands them out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from dragoman_synapse.emulator.answers import only_fields, page, v1
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.records import Assignment
from dragoman_synapse.emulator.routes.tagging import set_tags
from dragoman_synapse.emulator.shown import file_list, files_of
from dragoman_synapse.emulator.tenant import tenant_of

Json = dict[str, Any]
READERS: dict[str, Callable[[Assignment], Any]] = {
    "id": lambda one: one.id,
    "project": lambda one: one.task.project,
    "tasks": lambda one: one.task.id,
    "users": lambda one: one.user,
    "tags": lambda one: one.tags,
    "task_tags": lambda one: one.task.tags,
    "status_label": lambda one: one.status_label,
    "status_review": lambda one: one.status_review,
    "is_discarded": lambda one: one.task.is_discarded,
    "created": lambda one: one.created,
}


class AssignmentRoutes:
    """The handlers of the assignments of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        return [
            v1("GET", "/assignments/{assignment}/", self.assignment),
            v1("POST", "/assignments/set_tags/", self.set_tags),
            v1("GET", "/sdk/assignments/", self.listed),
            v1("GET", "/sdk/assignments/data/", self.listed_data),
            v1("GET", "/sdk/assignments/files/", self.listed_files),
        ]

    async def assignment(self, request: Request) -> object:
        held = tenant_of(request).assignment(request.path_params["assignment"])
        return only_fields(request, self._show(request, held))

    async def listed(self, request: Request) -> object:
        return self._page(request, lambda one: self._show(request, one))

    async def listed_data(self, request: Request) -> object:
        return self._page(request, lambda one: {"id": one.id, "data": one.data})

    async def listed_files(self, request: Request) -> object:
        return self._page(request, lambda one: {"id": one.id, "files": file_list(self._files(request, one))})

    async def set_tags(self, request: Request) -> object:
        tenant = tenant_of(request)
        return await set_tags(request, tenant.assignments, tenant)

    def _page(self, request: Request, show: Callable[[Assignment], Json]) -> Json:
        rows = chosen(request, tenant_of(request).assignments.values(), READERS)
        return page(request, rows, self._platform.settings, show)

    def _files(self, request: Request, held: Assignment) -> Json:
        return files_of(request, self._platform.media, held.task.unit)

    def _show(self, request: Request, held: Assignment) -> Json:
        files = file_list(self._files(request, held))
        return {
            "id": held.id,
            "project": held.task.project,
            "task": held.task.id,
            "user": held.user,
            "data": held.data,
            # One file, not all by their names: the SDK's export takes it for the original.
            "file": next((file for file in files if file["is_primary"]), {}),
            "status_label": held.status_label,
            "status_review": held.status_review,
            "tags": sorted(held.tags),
            "created": held.created.isoformat(),
        }
