"""Routes about what was done with tasks, and about work in the editor, where nobody is."""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.filters import moment
from dragoman_encord.emulator.people import OWNER
from dragoman_encord.emulator.routes.names import get, page
from dragoman_encord.emulator.state import State

LONGEST = timedelta(days=30)
"""How much of the editor's log may be asked for at once."""


class Analytics:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("analytics/task-actions", self.task_actions),
            get("analytics/collaborators/timers", self.timers),
            get("analytics/time-spent", self.timers),
            get("projects/{project}/editor-logs", self.editor_log),
        ]

    async def task_actions(self, request: Request) -> object:
        query = request.query_params
        project = self._state.project(query.get("projectUuid", ""))
        after, before = _time(request, "after"), _time(request, "before")
        shown = [
            {
                "timestamp": event.time.isoformat(),
                "actionType": event.kind,
                "projectUuid": project.id,
                "workflowStageUuid": event.stage,
                "taskUuid": event.task,
                "dataUnitUuid": event.data_hash,
                "actorEmail": OWNER,
            }
            for event in project.workflow.events
            if after <= event.time < before
            and OWNER in (query.getlist("actorEmails") or [OWNER])
            and event.kind in (query.getlist("eventTypes") or [event.kind])
            and event.stage in (query.getlist("workflowStageUuids") or [event.stage])
            and event.data_hash in (query.getlist("dataUnitUuids") or [event.data_hash])
        ]
        return page(request, shown, self._state.settings.page_limit)

    async def timers(self, request: Request) -> object:
        query = request.query_params
        self._state.project(query.get("projectUuid", query.get("projectHash", "")))
        _time(request, "after")
        return page(request, [], None)

    async def editor_log(self, request: Request) -> object:
        self._state.project(request.path_params["project"])
        if _time(request, "endTime") - _time(request, "startTime") > LONGEST:
            raise ApiError(400, f"The log is told for at most {LONGEST.days} days at once.")
        return page(request, [], None)


def _time(request: Request, name: str) -> datetime:
    time = moment(request.query_params.get(name))
    if time is None:
        raise ApiError(400, f"The query names no {name}.")
    return time
