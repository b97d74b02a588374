"""Routes about the reviews of single labels, which a task has while it is in its stage of review."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.routes.names import get, page, post, read_list
from dragoman_encord.emulator.state import Project, State, found
from dragoman_encord.emulator.workflow import REVIEW, TITLES, VERDICTS, Review, Task


class Reviews:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        reviews = "projects/{project}/workflow/stages/{stage}/tasks/{task}/reviews"
        return [get(reviews, self.listed), post(f"{reviews}/actions", self.act)]

    def _task(self, request: Request) -> tuple[Project, Task]:
        project = self._state.project(request.path_params["project"])
        stage = project.workflow.stage(request.path_params["stage"])
        if stage != REVIEW:
            raise ApiError(400, f"Tasks of the stage {TITLES[stage]} have no reviews.")
        there = {task.id: task for task in project.workflow.tasks.values() if task.stage == stage}
        return project, found(there, request.path_params["task"], "task in review")

    async def listed(self, request: Request) -> object:
        project, task = self._task(request)
        shown = [
            {"reviewUuid": review.id, "status": review.status, "labelType": kind, "labelId": label}
            for label, kind, review in _reviews(project, task)
        ]
        return page(request, shown, self._state.settings.page_limit)

    async def act(self, request: Request) -> object:
        project, task = self._task(request)
        there = {review.id: review for _, _, review in _reviews(project, task)}
        verdicts = [
            (found(there, str(action.get("reviewUuid")), "review"), _verdict(action))
            for action in await read_list(request)
        ]
        for review, verdict in verdicts:
            review.status = verdict
        return Response(status_code=204)


def review_all(project: Project, task: Task, action: dict[str, Any]) -> None:
    """Approve or reject every label of a task with the task itself, unless the client does not want that."""
    verb = action["action"]
    if verb in ("APPROVE", "REJECT") and action.get(f"{verb.lower()}LabelReviews", True):
        for _, _, review in _reviews(project, task):
            review.status = VERDICTS[verb]


def _reviews(project: Project, task: Task) -> list[tuple[str, str, Review]]:
    """Return the labels of a task with their kinds and reviews, which are made when they are first asked for."""
    row = project.rows.get(("main", task.data_hash))
    if row is None:
        return []
    labels = [*((key, "Object") for key in row.object_answers)]
    labels += [(key, "Classification") for key in row.classification_answers]
    return [(label, kind, task.reviews.setdefault(label, Review())) for label, kind in labels]


def _verdict(action: dict[str, Any]) -> str:
    verb = action.get("action")
    if verb not in VERDICTS:
        raise ApiError(400, f"A review takes no action {verb}.")
    return VERDICTS[verb]
