"""Asynchronous jobs of Nucleus: send the rows, wait for the job, and read what it says of them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import requests

from dragoman.errors import PlatformError, Timeout

# The SDK's own waiting takes every state but Running for success and sleeps five seconds first.
_GOING = ("Queued", "Running", "Retried")
SHORTEST_PAUSE = 0.02


def send_rows(client: Any, dataset: str, route: str, rows: Iterable[Any], *, update: bool) -> str:
    """Upload rows as NDJSON to a presigned URL, start the job that reads them, and return its id."""
    content = msgspec.json.Encoder().encode_lines(rows)
    # Named by its content, so that a repeated upload is the same upload.
    request_id = hashlib.blake2b(content, digest_size=16).hexdigest()
    answer = client.make_request(None, f"dataset/{dataset}/signedUrl/{request_id}", requests.get)
    put = client.connection.session.put(answer["signed_url"], data=content, auth=_no_auth, timeout=None)
    put.raise_for_status()
    job = client.make_request({"requestId": request_id, "update": update}, f"{route}?async=1")
    return str(job["job_id"])


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request without the key: a presigned URL is another host's, and needs none."""
    return request


def finish(
    client: Any, jobs: Iterable[str], *, rest: float, timeout: float, sleep: Callable[[float], None]
) -> dict[str, dict[str, Any]]:
    """Wait until all jobs have ended and return their messages by id.

    Args:
        client: The SDK's client.
        jobs: Ids of the jobs.
        rest: Longest pause in seconds between two rounds; the first pauses are shorter.
        timeout: Seconds after which a job counts as stuck.
        sleep: Pauses.

    Raises:
        PlatformError: A job failed.
        Timeout: A job has not ended in time.
    """
    deadline = time.monotonic() + timeout
    pending = list(jobs)
    messages: dict[str, dict[str, Any]] = {}
    pause = min(rest, SHORTEST_PAUSE)
    while True:
        for job in pending:
            state = client.make_request(None, f"job/{job}", requests.get)
            if state["status"] not in _GOING:
                messages[job] = _message(job, state)
        pending = [job for job in pending if job not in messages]
        if not pending:
            return messages
        if time.monotonic() > deadline:
            raise Timeout(f"Nucleus job {pending[0]} has not ended after {timeout:.0f} s.", maybe_applied=True)
        sleep(pause)
        pause = min(rest, pause * 2)


def _message(job: str, state: dict[str, Any]) -> dict[str, Any]:
    message = state.get("message")
    if state["status"] not in ("Completed", "Errored_Partial"):
        raise PlatformError(f"Nucleus job {job} ended as {state['status']}: {message}")
    return message if isinstance(message, dict) else {}


def errors(client: Any, job: str) -> list[str]:
    """Return what a job says of the rows that it lost; the newest ten thousand."""
    return list(client.make_request(None, f"job/{job}/errors", requests.get))
