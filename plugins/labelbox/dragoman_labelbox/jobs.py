"""Waiting for what Labelbox does by itself: registrations, imports, tasks. Pauses grow; the core's sleep makes them.

The SDK's own waits rest for fixed seconds, return silently when time is up, and hide why a job failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from dragoman.errors import InvalidData, PlatformError, Timeout
from dragoman_labelbox.sdk import AnnotationImportState

T = TypeVar("T")

SHORTEST_PAUSE = 0.05


def until(
    look: Callable[[], T], going: Callable[[T], bool], *, what: str, rest: float, timeout: float,
    sleep: Callable[[float], None],
) -> T:  # fmt: skip
    """Return what `look` gives as soon as it is not `going` any more.

    Args:
        look: Asks for the state of a job.
        going: Whether a state means that the job has not ended.
        what: Name of the job, for the error.
        rest: Longest pause in seconds; the first pauses are shorter.
        timeout: Seconds after which the job counts as stuck.
        sleep: Pauses.

    Raises:
        Timeout: The job has not ended in time.
    """
    deadline = time.monotonic() + timeout
    pause = min(rest, SHORTEST_PAUSE)
    while going(state := look()):
        if time.monotonic() > deadline:
            raise Timeout(f"Labelbox's {what} has not ended after {timeout:.0f} s.", maybe_applied=True)
        sleep(pause)
        pause = min(rest, pause * 2)
    return state


class Waiter:
    """Waits on behalf of one adapter."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def until(self, look: Callable[[], T], going: Callable[[T], bool], what: str) -> T:
        """Return what `look` gives once the job has ended; see `until` of this module."""
        settings = self._adapter.settings
        rest, timeout = settings.poll_seconds, settings.job_timeout
        return until(look, going, what=what, rest=rest, timeout=timeout, sleep=self._adapter.sleep)

    def ended(self, job: Any) -> Any:
        """Wait for an import of annotations of the SDK and return it, however it ended."""
        running = AnnotationImportState.RUNNING

        def look() -> Any:
            if job.state is running:
                job.refresh()
            return job.state

        self.until(look, lambda state: state is running, f"import {job.name}")
        return job

    def registration(self, query: str, variables: dict[str, Any], what: str, *, experimental: bool = False) -> None:
        """Wait for a registration of a model run.

        Raises:
            InvalidData: It failed; the message says what Labelbox says.
        """

        def look() -> dict[str, Any]:
            answer = self._adapter.client.execute(query, variables, experimental=experimental)
            state: dict[str, Any] = next(iter(answer.values()))
            return state

        state = self.until(look, lambda state: state["status"] not in ("COMPLETE", "FAILED"), what)
        if state["status"] == "FAILED":
            raise InvalidData(f"Labelbox's {what} failed: {state.get('errorMessage') or 'it does not say why'}")

    def task(self, task: Any, what: str) -> Any:
        """Wait for a task of the SDK and return it.

        Raises:
            PlatformError: It failed.
        """

        def look() -> str:
            # The first look is at what came with the answer that made the task.
            status = str(task.status)
            if status == "IN_PROGRESS":
                task.refresh()
                status = str(task.status)
            return status

        status = self.until(look, lambda status: status == "IN_PROGRESS", what)
        if status != "COMPLETE":
            raise PlatformError(f"Labelbox's {what} {task.uid} ended as {status}: {task.result_url}")
        return task
