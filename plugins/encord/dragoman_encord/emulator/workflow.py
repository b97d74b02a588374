"""Workflows: each project's data units go from being annotated over review to completion, one task each."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.people import OWNER

ANNOTATION, REVIEW, DONE = "ANNOTATION", "REVIEW", "DONE"
TITLES = {ANNOTATION: "Annotate", REVIEW: "Review", DONE: "Complete"}
"""Types of stages in their order, and what they are called."""
VERDICTS = {"APPROVE": "APPROVED", "REJECT": "REJECTED", "REOPEN": "REOPENED"}
"""What is done with a label that is reviewed, and what the label is then."""
_LEADS = {(ANNOTATION, "SUBMIT"): REVIEW, (REVIEW, "APPROVE"): DONE, (REVIEW, "REJECT"): ANNOTATION}


@dataclass
class Review:
    """What a reviewer says of one label."""

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "NEW"


@dataclass(frozen=True)
class Event:
    """Something that was done with a task; `stage` is the id of the one where it was then."""

    time: datetime
    kind: str
    stage: str
    task: str
    data_hash: str


@dataclass
class Task:
    """Where one data unit stands. `stage` is a stage's type, `reviews` are by the label's hash."""

    id: str
    data_hash: str
    created: datetime
    updated: datetime
    stage: str = ANNOTATION
    status: str = "NEW"
    assignee: str | None = None
    actor: str | None = None
    """Who did something with it last."""
    priority: float = 0.5
    reviews: dict[str, Review] = field(default_factory=dict)

    @property
    def approval(self) -> str:
        """What reviewers say of the data unit as a whole."""
        if self.stage == DONE:
            return "APPROVED"
        return "REJECTED" if (self.stage, self.status) == (ANNOTATION, "REOPENED") else "PENDING"


@dataclass
class Workflow:
    """The stages of a project, type to id, its tasks by data hash, and what was done with them."""

    stages: dict[str, str] = field(default_factory=lambda: {kind: str(uuid.uuid4()) for kind in TITLES})
    tasks: dict[str, Task] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def stage(self, key: str) -> str:
        """Return the type of the stage of an id.

        Raises:
            ApiError: 404, there is none.
        """
        for kind, stage in self.stages.items():
            if stage == key:
                return kind
        raise ApiError(404, f"There is no stage {key}.")

    def task(self, data_hash: str, now: datetime) -> Task:
        """Return the task of a data unit, which begins with being annotated."""
        return self.tasks.setdefault(data_hash, Task(str(uuid.uuid4()), data_hash, now, now))

    def note(self, task: Task, kind: str, now: datetime) -> None:
        """Remember what is done with a task, which is still in its stage."""
        self.events.append(Event(now, kind, self.stages[task.stage], task.id, task.data_hash))

    def node(self, task: Task) -> dict[str, str]:
        """Return the stage of a task as rows of labels name it."""
        return {"uuid": self.stages[task.stage], "title": TITLES[task.stage]}

    def to_json(self) -> dict[str, Any]:
        return {
            "stages": [{"stageType": kind, "uuid": key, "title": TITLES[kind]} for kind, key in self.stages.items()]
        }


def move(task: Task, stage: str, now: datetime, status: str = "NEW") -> None:
    """Put a task into a stage, where nobody has it yet."""
    task.stage, task.status, task.assignee, task.actor, task.updated = stage, status, None, OWNER, now


def act(task: Task, action: dict[str, Any], now: datetime) -> None:
    """Do with a task what a client asks for.

    Raises:
        ApiError: 400, the task's stage knows no such action; or the assignee is to be kept, and there is none.
    """
    kind = action.get("action")
    if kind in ("ASSIGN", "RELEASE"):
        task.assignee, task.actor = action.get("assignee"), OWNER
        task.status, task.updated = ("ASSIGNED" if kind == "ASSIGN" else "RELEASED"), now
        return
    to = _LEADS.get((task.stage, str(kind)))
    if to is None:
        raise ApiError(400, f"A task of the stage {TITLES[task.stage]} takes no action {kind}.")
    kept = action.get("assignee") or (task.assignee if action.get("retainAssignee") else None)
    if action.get("retainAssignee") and kept is None:
        raise ApiError(400, "The task has no assignee to be retained.")
    move(task, to, now, "REOPENED" if kind == "REJECT" else "NEW")
    if kept is not None:
        task.assignee, task.status = kept, "ASSIGNED"
