"""The vendor's SDK, imported without its side effect, and given a connection that is pooled and does not retry.

The SDK opens a connection per call, encodes with the standard library, and sleeps between retries of its own, POSTs
included. `PooledConnection` takes the place of its `Connection` on one client: same requests, one session, msgspec's
encoder, no retry (the core decides that).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import requests

# Importing nucleus calls logging.basicConfig(), which would put a handler on the root logger of the caller's process.
# So the plugin's other modules take what they need of the SDK from here.
_handlers = list(logging.root.handlers)
import nucleus  # noqa: E402
from nucleus import errors as sdk_errors  # noqa: E402
from nucleus.async_job import JobError  # noqa: E402
from nucleus.connection import Connection  # noqa: E402
from nucleus.errors import NucleusAPIError  # noqa: E402

logging.root.handlers[:] = _handlers

__all__ = ["JobError", "NucleusAPIError", "PooledConnection", "open_client", "sdk_errors"]

_JSON = {"Content-Type": "application/json"}


class PooledConnection(Connection):  # type: ignore[misc]
    """The SDK's connection with one session; see the module's docstring."""

    def __init__(self, api_key: str, endpoint: str, timeout: float) -> None:
        super().__init__(api_key=api_key, endpoint=endpoint)
        self.timeout = timeout
        self.session = requests.Session()
        self.session.auth = (api_key, "")

    def make_request(
        self,
        payload: Any,
        route: str,
        requests_command: Callable[..., requests.Response] = requests.post,
        return_raw_response: bool = False,
    ) -> Any:
        """Send one request as the SDK would, and return the decoded JSON, or the response itself."""
        body = msgspec.json.encode(payload) if payload is not None else None
        return self._send(requests_command.__name__, route, return_raw_response, data=body, headers=_JSON)

    def upload_files(self, route: str, fields: dict[str, Any], field: str, paths: list[Path]) -> Any:
        """Send a multipart form: JSON fields, then the files, all under one field name and in order."""
        parts: list[tuple[str, Any]] = [
            (name, (None, msgspec.json.encode(value), "application/json")) for name, value in fields.items()
        ]
        # File names travel as the last component only: a path of this machine is nobody else's business.
        parts += [(field, (path.name, path.read_bytes(), f"image/{path.suffix[1:]}")) for path in paths]
        return self._send("post", route, False, files=parts)

    def _send(self, verb: str, route: str, raw: bool, **request: Any) -> Any:
        url = f"{self.endpoint}/{route}"
        response = self.session.request(verb, url, timeout=self.timeout, **request)
        if not response.ok:
            error = NucleusAPIError(url, getattr(requests, verb), response)
            error.response = response
            raise error
        return response if raw else msgspec.json.decode(response.content)


def open_client(api_key: str, endpoint: str, timeout: float) -> nucleus.NucleusClient:
    """Return the SDK's client on a pooled connection. Nothing is sent."""
    client = nucleus.NucleusClient(api_key=api_key, endpoint=endpoint)
    client.connection = PooledConnection(api_key, endpoint.rstrip("/"), timeout)
    return client
