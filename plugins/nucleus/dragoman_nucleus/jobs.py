"""Asynchronous jobs of Nucleus: send the rows, wait for the job, and read what it says of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import requests

from dragoman.errors import PlatformError, Timeout

# The SDK's own waiting takes every state but Running for success and sleeps five seconds first.
_GOING = ("Queued", "Running", "Retried")


def send_rows(client: Any, dataset: str, route: str, rows: Iterable[Any], *, update: bool) -> str:
    """Upload rows as NDJSON to a presigned URL, start the job that reads them, and return its id."""
    request_id = uuid.uuid4().hex
    answer = client.make_request(None, f"dataset/{dataset}/signedUrl/{request_id}", requests.get)
    put = client.connection.session.put(
        answer["signed_url"], data=msgspec.json.Encoder().encode_lines(rows), auth=_no_auth, timeout=None
    )
    put.raise_for_status()
    job = client.make_request({"requestId": request_id, "update": update}, f"{route}?async=1")
    return str(job["job_id"])


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request without the key: a presigned URL is another host's, and needs none."""
    return request


def finish(client: Any, job: str, *, rest: float, timeout: float, sleep: Callable[[float], None]) -> dict[str, Any]:
    """Wait until a job has ended and return its message.

    Raises:
        PlatformError: It failed.
        Timeout: It has not ended in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        state = client.make_request(None, f"job/{job}", requests.get)
        status = state["status"]
        if status not in _GOING:
            break
        if time.monotonic() > deadline:
            raise Timeout(f"Nucleus job {job} is still {status}.", maybe_applied=True)
        sleep(rest)
    if status not in ("Completed", "Errored_Partial"):
        raise PlatformError(f"Nucleus job {job} ended as {status}: {state.get('message')}")
    message = state.get("message")
    return message if isinstance(message, dict) else {}


def errors(client: Any, job: str) -> list[str]:
    """Return what a job says of the rows that it lost; the newest ten thousand."""
    return list(client.make_request(None, f"job/{job}/errors", requests.get))
