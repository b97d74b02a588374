"""Asynchronous jobs: queued work that is done after its status was asked a number of times, and the routes to
ask.

A job that waits has had no effect yet, as on the real platform. No time passes: `Settings.job_polls` says
how many status answers are `Running` before the work is done, and 0 means that it is done on submission.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import msgspec
from dateutil.parser import ParserError, parse
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json, route
from dragoman.emulate.clock import Clock
from dragoman.emulate.emulation import Settings
from dragoman_nucleus.emulator.ids import Ids

ERRORS_KEPT = 10_000
RUNNING = "Running"
COMPLETED = "Completed"
CANCELLED = "Cancelled"
ERRORED = "Errored"


@dataclass(frozen=True)
class Outcome:
    """How a job ended; `errors` are the rows that were lost, which does not make the job fail."""

    message: dict[str, object]
    errors: list[str] = field(default_factory=list)
    status: str = COMPLETED
    steps: tuple[int, int] = (1, 1)
    """Steps that were completed, and all steps; those of an upload are its rows."""


Work = Callable[[], Outcome]


@dataclass
class Job:
    """One job. `work` is gone once it was done."""

    id: str
    type: str
    dataset_id: str | None
    created: datetime
    work: Work | None
    polls: int
    """How often its status is asked in vain."""
    polls_left: int
    outcome: Outcome = field(default_factory=lambda: Outcome({}, status=RUNNING))

    def info(self) -> dict[str, str]:
        return {
            "job_id": self.id,
            "job_last_known_status": self.outcome.status,
            "job_type": self.type,
            "job_creation_time": self.created.isoformat(),
        }

    def status(self) -> dict[str, object]:
        completed, total = self.outcome.steps if self.work is None else (0, 1)
        progress = self._waited() if self.work is not None else completed / total if total else 1.0
        return {
            "job_id": self.id,
            "status": self.outcome.status,
            "message": self.outcome.message,
            "job_progress": f"{progress:.2f}",
            "completed_steps": completed,
            "total_steps": total,
        }

    def _waited(self) -> float:
        """Return how much of its waiting the job had behind it when it was last asked, 0 to 1."""
        return max(self.polls - self.polls_left - 1, 0) / self.polls if self.polls else 0.0

    def poll(self) -> None:
        """Do what a question for the status does: bring the end nearer, or do the work."""
        if self.polls_left == 0:
            self.finish()
        else:
            self.polls_left -= 1

    def cancel(self) -> None:
        """End without doing the work, if it was not done before."""
        if self.work is not None:
            self.work = None
            self.outcome = Outcome({}, status=CANCELLED)

    def finish(self) -> None:
        """Do the work now, if it was not done before."""
        if self.work is None:
            return
        work, self.work = self.work, None
        try:
            self.outcome = work()
        except ApiError as error:
            self.outcome = Outcome({"final_error": error.message}, [error.message], ERRORED)


class JobFilter(msgspec.Struct):
    """Body of the job list request."""

    dataset_id: str | None = None
    job_types: list[str] | None = None
    from_date: str | None = None
    to_date: str | None = None
    limit: int | None = None
    show_completed: bool = False

    def select(self, jobs: Iterable[Job]) -> list[Job]:
        """Return the jobs that pass, at most `limit`, in the order given."""
        start, end = _moment(self.from_date), _moment(self.to_date)
        passing = (
            job
            for job in jobs
            if self.dataset_id in (None, job.dataset_id)
            and (not self.job_types or job.type in self.job_types)
            and (start is None or job.created >= start)
            and (end is None or job.created <= end)
            and (self.show_completed or job.outcome.status != COMPLETED)
        )
        return list(itertools.islice(passing, self.limit))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        # The SDK sends what this parser understands, `Nov 5 2021` too.
        moment = parse(text)
    except (ParserError, OverflowError) as error:
        raise ApiError(400, f"{text} is no date.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


FILTER = msgspec.json.Decoder(JobFilter)


def _end_with(outcome: Outcome) -> Outcome:
    """Be the work of a job that was scripted to end in a given way."""
    return outcome


class Jobs:
    """All jobs of one emulation, oldest first."""

    def __init__(self, ids: Ids, settings: Settings, clock: Clock) -> None:
        self._ids = ids
        self._settings = settings
        self._clock = clock
        self._scripted: deque[Outcome] = deque()
        self.by_id: dict[str, Job] = {}

    def submit(self, job_type: str, dataset_id: str | None, work: Work) -> dict[str, str]:
        """Queue work and return the job object that the client gets."""
        return self.start(job_type, dataset_id, work).info()

    def start(self, job_type: str, dataset_id: str | None, work: Work) -> Job:
        """Queue work."""
        if self._scripted:
            work = partial(_end_with, self._scripted.popleft())
        polls = self._settings.job_polls
        job = Job(self._ids.new("job"), job_type, dataset_id, self._clock.now(), work, polls, polls)
        self.by_id[job.id] = job
        if polls == 0:
            job.finish()
        return job

    def fail_next(self, status: str = ERRORED, reason: str = "Scripted failure.") -> None:
        """Let the next job that is submitted end with `status` without doing its work."""
        self._scripted.append(Outcome({"final_error": reason}, [reason], status))

    def finish_all(self) -> None:
        """Do the work of all waiting jobs now, in the order of submission."""
        for job in list(self.by_id.values()):
            job.finish()

    def routes(self, base: str) -> list[Route]:
        return [
            route("POST", f"{base}/jobs/", self._list),
            route("GET", f"{base}/job/{{job}}", self._status),
            route("GET", f"{base}/job/{{job}}/info", self._info),
            route("GET", f"{base}/job/{{job}}/errors", self._errors),
        ]

    def _named(self, request: Request) -> Job:
        job = self.by_id.get(request.path_params["job"])
        if job is None:
            raise ApiError(404, f"Job {request.path_params['job']} does not exist.")
        return job

    async def _list(self, request: Request) -> object:
        wanted = await read_json(request, FILTER)
        return [job.info() for job in wanted.select(reversed(self.by_id.values()))]

    async def _status(self, request: Request) -> object:
        job = self._named(request)
        job.poll()
        return job.status()

    async def _info(self, request: Request) -> object:
        return self._named(request).info()

    async def _errors(self, request: Request) -> object:
        return self._named(request).outcome.errors[-ERRORS_KEPT:]
