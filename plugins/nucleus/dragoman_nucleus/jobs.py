"""Asynchronous jobs of Nucleus: send the rows, wait for the job, and read what it says of them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import requests

from dragoman.errors import PlatformError, Timeout

# The SDK's own waiting takes every state but Running for success and sleeps five seconds first.
_GOING = ("Queued", "Running", "Retried")
IMAGES = "image_upload_step"
"""Key of an append's counts in the message of its job."""
SHORTEST_PAUSE = 0.02
"""Seconds between the first two looks; later ones are further apart."""

T = TypeVar("T")


def send_rows(client: Any, dataset: str, route: str, content: bytes | bytearray, *, update: bool) -> str:
    """Upload rows to a presigned URL, start the job that reads them, and return its id.

    Args:
        client: The SDK's client.
        dataset: Id of the dataset that the rows are for.
        route: Where the job is started.
        content: The rows as NDJSON.
        update: Whether rows that are there are overwritten.
    """
    # Named by what it does, so that a repeated upload is the same upload.
    digest = hashlib.sha256(f"{route} {update} ".encode())
    digest.update(content)
    request_id = digest.hexdigest()[:32]
    answer = client.make_request(None, f"dataset/{dataset}/signedUrl/{request_id}", requests.get)
    client.connection.store(answer["signed_url"], content)
    return started(client.make_request({"requestId": request_id, "update": update}, f"{route}?async=1"))


def started(answer: dict[str, Any]) -> str:
    """Return the id of the job that an answer tells of."""
    return str(answer["job_id"])


@contextmanager
def under_way(begun: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Say of every failure in here, once something was sent, that what was sent before it may have been carried out."""
    try:
        yield
    except Exception as error:
        if begun():
            error.maybe_applied = True  # type: ignore[attr-defined]
        raise


def ended(adapter: Any, job: str) -> dict[str, Any]:
    """Wait until a job has ended and return its message; errors as in `followed`."""
    return followed(adapter, [job])[job]


def followed(adapter: Any, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Wait until all jobs have ended and return their messages by id.

    Raises:
        PlatformError: A job failed.
        Timeout: A job has not ended in time.
    """
    pending = list(ids)
    messages: dict[str, dict[str, Any]] = {}

    def look() -> dict[str, dict[str, Any]] | None:
        for job in pending:
            state = adapter.client.make_request(None, f"job/{job}", requests.get)
            if state["status"] not in _GOING:
                messages[job] = _message(job, state)
        pending[:] = [job for job in pending if job not in messages]
        return None if pending else messages

    return until(adapter, look, "a job")


def until(adapter: Any, look: Callable[[], T | None], what: str) -> T:
    """Look again and again, at the pace that the settings of an adapter say, until there is something to return.

    Args:
        adapter: The connected adapter.
        look: Returns what is waited for, or None.
        what: What is waited for, in words.

    Raises:
        Timeout: There is nothing after the time that the settings allow.
    """
    settings = adapter.settings
    deadline = time.monotonic() + settings.job_timeout
    pause = min(settings.poll_seconds, SHORTEST_PAUSE)
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise Timeout(f"Nucleus has not ended {what} after {settings.job_timeout:.0f} s.", maybe_applied=True)
        adapter.sleep(pause)
        pause = min(settings.poll_seconds, pause * 2)
    return found


def _message(job: str, state: dict[str, Any]) -> dict[str, Any]:
    status, message = state["status"], state.get("message")
    # One image that cannot be read makes an append fail, whose message still counts those that could.
    counted = status.startswith("Errored") and isinstance(message, dict) and IMAGES in message
    if status not in ("Completed", "Errored_Partial") and not counted:
        raise PlatformError(f"Nucleus job {job} ended as {status}: {message}")
    return message if isinstance(message, dict) else {}


def errors(client: Any, job: str) -> list[str]:
    """Return what a job says of the rows that it lost; the newest ten thousand."""
    return list(client.make_request(None, f"job/{job}/errors", requests.get))
