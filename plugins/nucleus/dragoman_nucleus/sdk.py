"""The vendor's SDK, imported without its side effect, and given a connection that is pooled and does not retry.

The SDK opens a connection per call, encodes with the standard library, and sleeps between retries of its own, POSTs
included. `PooledConnection` takes the place of its `Connection` on one client: same requests, one session, msgspec's
encoder, no retry (the core decides that).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
import requests

from dragoman.errors import PlatformError, Unavailable

# Importing nucleus calls logging.basicConfig(), which would put a handler on the root logger of the caller's process.
# So the plugin's other modules take what they need of the SDK from here.
_handlers = list(logging.root.handlers)
import nucleus  # noqa: E402
from nucleus import errors as sdk_errors  # noqa: E402
from nucleus.async_job import JobError  # noqa: E402
from nucleus.connection import Connection  # noqa: E402
from nucleus.errors import NucleusAPIError  # noqa: E402

logging.root.handlers[:] = _handlers

__all__ = ["File", "JobError", "NucleusAPIError", "PooledConnection", "open_client", "sdk_errors"]

_JSON = {"Content-Type": "application/json"}

T = TypeVar("T")


class File(NamedTuple):
    """A file of a form. Its name is never a path: those of this machine are nobody else's business."""

    name: str
    content: bytes

    @property
    def suffix(self) -> str:
        """What follows the last dot of its name."""
        return self.name.rpartition(".")[2]


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

    def read(self, kind: type[T], route: str, payload: Any = None) -> T:
        """Return an answer decoded as `kind`: of a GET, or of a POST if there is a payload."""
        verb = requests.get if payload is None else requests.post
        return msgspec.json.decode(self.make_request(payload, route, verb, True).content, type=kind)

    def upload_files(self, route: str, field: str, value: Any, files: str, contents: Sequence[File]) -> Any:
        """Send a multipart form: one JSON field, then the files, all under one name and in order.

        Args:
            route: Where to.
            field: Name of the JSON field.
            value: What is in it.
            files: Name that all the files have.
            contents: The files.
        """
        parts: list[tuple[str, Any]] = [(field, (None, msgspec.json.encode(value), "application/json"))]
        parts += [(files, (file.name, file.content, f"image/{file.suffix}")) for file in contents]
        return self._send("post", route, False, files=parts)

    def store(self, url: str, content: bytes | bytearray) -> None:
        """Store bytes at a presigned URL."""
        body: Any = content  # any buffer will do, but requests' stubs know bytes alone
        self.session.put(url, data=body, auth=_no_auth, timeout=self.timeout).raise_for_status()

    def fetch(self, url: str) -> bytes:
        """Return what is at a public or presigned URL, whose host need not be Nucleus's.

        Raises:
            Unavailable: The host cannot be reached.
            PlatformError: It is no URL of the web.
        """
        # What follows the place may be a signature, which is a secret; the causes would tell it.
        place = url.partition("?")[0]
        try:
            response = self.session.get(url, auth=_no_auth, timeout=self.timeout)
        except requests.exceptions.InvalidSchema:
            raise PlatformError(f"{place} cannot be fetched: it is no URL of the web.") from None
        except requests.ConnectionError:
            # A write that looks at what is there may have sent something before.
            raise Unavailable(f"{place} cannot be fetched: its host does not answer.", maybe_applied=True) from None
        response.raise_for_status()
        return response.content

    def __repr__(self) -> str:
        return f"<connection to {self.endpoint}>"

    def _send(self, verb: str, route: str, raw: bool, **request: Any) -> Any:
        url = f"{self.endpoint}/{route}"
        response = self.session.request(verb, url, timeout=self.timeout, **request)
        if not response.ok:
            error = NucleusAPIError(url, getattr(requests, verb), response)
            # Whoever looks into the error finds the request, in whose headers the key would be.
            response.request.headers.pop("Authorization", None)
            error.response = response
            raise error
        return response if raw else msgspec.json.decode(response.content)


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request without the key: a presigned URL is another host's, and needs none."""
    return request


class Client(nucleus.NucleusClient):  # type: ignore[misc]
    """The SDK's client, whose own repr shows the key, and is part of those of models, runs and jobs."""

    def __repr__(self) -> str:
        return f"<client of {self.endpoint}>"


def open_client(api_key: str, endpoint: str, timeout: float) -> Client:
    """Return the SDK's client on a pooled connection. Nothing is sent."""
    client = Client(api_key=api_key, endpoint=endpoint)
    client.connection = PooledConnection(api_key, endpoint.rstrip("/"), timeout)
    return client
