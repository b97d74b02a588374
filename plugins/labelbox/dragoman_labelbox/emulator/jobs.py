"""Asynchronous jobs: work that is done after its status was asked a number of times.

No time passes: `Settings.job_polls` says how many looks are in vain before the work is done; 0 means that it is done
when the job is made, which spares the SDK its fixed sleeps of 2, 5, 10 and 30 seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dragoman.emulate.emulation import Settings
from dragoman_labelbox.emulator.graphql import GraphQLError

RUNNING, COMPLETE, FAILED, CANCELED = "IN_PROGRESS", "COMPLETE", "FAILED", "CANCELED"
NO_TASKS = ("import", "registration", "global-keys")
"""Types of jobs that are not among the tasks of a user."""


@dataclass(kw_only=True)
class Job:
    """One job: a task of a user, a registration, an import or a look-up."""

    id: str
    type: str
    created: datetime
    work: Callable[[], None]
    polls_left: int
    name: str = ""
    status: str = RUNNING
    error: str | None = None
    held: Any = None
    """What the work has made or needs; never shown."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """What a task says of itself besides its state."""

    def look(self) -> str:
        """Count one question after the status, do the work when it is time, and return the status."""
        if self.status == RUNNING:
            if self.polls_left == 0:
                self.finish()
            else:
                self.polls_left -= 1
        return self.status

    def finish(self) -> None:
        """Do the work now."""
        if self.status == RUNNING:
            self.status = COMPLETE
            try:
                self.work()
            except (JobFailed, GraphQLError) as failure:
                self.status, self.error = FAILED, str(failure)
            except KeyError as gone:
                # What the work is about was there when the job was made, and was deleted since.
                self.status, self.error = FAILED, f"{gone} is not there any more."

    def cancel(self) -> bool:
        """End the job without its work, and say whether there was still something to end."""
        running = self.status == RUNNING
        if running:
            self.status = CANCELED
        return running


class JobFailed(Exception):
    """Raised by the work of a job that cannot be done at all."""


class Jobs:
    """All jobs of one emulation, by id."""

    def __init__(self, settings: Settings) -> None:
        self.by_id: dict[str, Job] = {}
        self._settings = settings
        self._scripted: deque[tuple[str, str]] = deque()

    def tasks(self) -> list[Job]:
        """Return the jobs that a user sees."""
        return [job for job in self.by_id.values() if job.type not in NO_TASKS]

    def fail_next(self, type_: str, reason: str = "Scripted failure.") -> None:
        """Let the next job of a type fail without doing its work."""
        self._scripted.append((type_, reason))

    def start(self, job_id: str, type_: str, now: datetime, work: Callable[[], None], **fields: Any) -> Job:
        """Make a job; it is done at once if jobs take no looks."""
        if self._scripted and self._scripted[0][0] == type_:
            reason = self._scripted.popleft()[1]

            def work() -> None:
                raise JobFailed(reason)

        polls = self._settings.job_polls
        job = Job(id=job_id, type=type_, created=now, work=work, polls_left=polls, **fields)
        self.by_id[job_id] = job
        if polls == 0:
            job.finish()
        return job
