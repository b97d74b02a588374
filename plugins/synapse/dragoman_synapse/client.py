"""The HTTP client: one connection pool, one origin, no retry (the core decides that).

Tokens go to the origin of the endpoint only. Synapse's answers name further addresses (`next`, the `url` of a chunk,
redirects); one on another origin is refused before anything is sent there. Files lie behind signed addresses on any
host and are fetched by a second client that has no tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from urllib.request import urlopen

import httpx
import msgspec

from dragoman.calls.over_http import save, trusted
from dragoman.errors import PlatformError
from dragoman_synapse.settings import SynapseSettings

Json = dict[str, Any]
Params = Mapping[str, Any]
REDIRECTS = 5
"""Redirects within the origin that a GET follows."""
_PIECE = 1 << 20


class SynapseRefused(Exception):
    """Synapse answered with an error status.

    Args:
        status: The HTTP status.
        detail: The decoded JSON body, or the first characters of another one.
        headers: The headers of the answer.
    """

    def __init__(self, status: int, detail: Any, headers: Mapping[str, str]) -> None:
        super().__init__(f"Synapse answered {status}.")
        self.status = status
        self.detail = detail
        self.headers = headers


class FileRefused(Exception):
    """The store behind a file's address answered with an error status."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"The file store answered {status}.")
        self.status = status
        self.headers = headers or {}


def wire_params(params: Params | None) -> httpx.QueryParams:
    """Return query parameters as Synapse reads them: booleans in lower case, a key per element, nothing for None."""
    pairs: list[tuple[str, str | int | float | bool | None]] = []
    for name, value in (params or {}).items():
        values = value if isinstance(value, list | tuple | set | frozenset) else [value]
        pairs += [(name, _spelled(one)) for one in values if one is not None]
    return httpx.QueryParams(pairs)


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


class SynapseClient:
    """Sends requests to one Synapse.

    Args:
        settings: Where it is, and who asks.
    """

    def __init__(self, settings: SynapseSettings) -> None:
        self._settings = settings
        self.base = settings.endpoint.rstrip("/") + "/"
        self._origin = _origin(httpx.URL(self.base))
        limits = httpx.Limits(max_connections=settings.concurrency + 4, max_keepalive_connections=settings.concurrency)
        timeout = httpx.Timeout(settings.timeout, connect=settings.connect_timeout)
        self._api = httpx.Client(timeout=timeout, limits=limits, verify=trusted())
        self._files = httpx.Client(timeout=timeout, limits=limits, verify=trusted(), follow_redirects=True)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        self._files.close()

    def __repr__(self) -> str:
        return f"<Synapse client of {self.base}>"

    # -- the API ---------------------------------------------------------------------------------------------------

    def get(self, path: str, params: Params | None = None, *, at: str | None = None) -> Any:
        """Return what a GET answers.

        Args:
            path: Path below the endpoint, or an address that Synapse has given.
            params: Query; see `wire_params`.
            at: The address of the page that gave `path`, against which a relative one is read.
        """
        return self.send("GET", path, params=params, at=at)

    def post(self, path: str, body: Any = None, *, params: Params | None = None) -> Any:
        """Return what a POST of a JSON body answers."""
        return self.send("POST", path, body=body, params=params)

    def post_file(self, path: str, file: Path) -> Any:
        """Return what a POST of a small file as a form answers."""
        timeout = httpx.Timeout(self._settings.upload_timeout, connect=self._settings.connect_timeout)
        form = {"file": (file.name, file.read_bytes())}
        return decoded(self._answer("POST", self.address(path), files=form, timeout=timeout))

    def put(self, path: str, body: Any) -> Any:
        """Return what a PUT of a JSON body answers."""
        return self.send("PUT", path, body=body)

    def patch(self, path: str, body: Any) -> Any:
        """Return what a PATCH of a JSON body answers."""
        return self.send("PATCH", path, body=body)

    def delete(self, path: str) -> None:
        """Send a DELETE."""
        self.send("DELETE", path)

    def send(
        self, verb: str, path: str, *, body: Any = None, params: Params | None = None, at: str | None = None
    ) -> Any:
        """Send one request and return the decoded answer; None where there is no content."""
        content = msgspec.json.encode(body) if body is not None else None
        kind = {"Content-Type": "application/json"} if verb != "GET" else {}
        return decoded(self._answer(verb, self.address(path, at=at), params=params, content=content, headers=kind))

    def put_stream(self, path: str, pieces: Iterable[bytes], headers: Mapping[str, str]) -> Any:
        """Send a PUT whose body is made piece by piece; `headers` must have its length."""
        timeout = httpx.Timeout(self._settings.upload_timeout, connect=self._settings.connect_timeout)
        return decoded(self._answer("PUT", self.address(path), content=pieces, headers=headers, timeout=timeout))

    def lines(self, path: str) -> Iterable[str]:
        """Yield the lines of an answer as they come, without a limit of time between two of them."""
        address = self.address(path)
        timeout = httpx.Timeout(None, connect=self._settings.connect_timeout)
        with self._api.stream("GET", address, headers=self._tokens(address), timeout=timeout) as answer:
            if not answer.is_success:
                answer.read()
                decoded(answer)
            yield from answer.iter_lines()

    def address(self, reference: str, *, at: str | None = None) -> str:
        """Return the absolute address of a path, or of what Synapse has named.

        Raises:
            PlatformError: It is on another origin than the endpoint.
        """
        absolute = urljoin(at or self.base, reference)
        if _origin(httpx.URL(absolute)) != self._origin:
            raise PlatformError(
                f"Synapse names an address on {httpx.URL(absolute).host!r}, which is not where the endpoint is.",
                hint="Nothing was sent there. Check the endpoint, its scheme and port included.",
            )
        return absolute

    def _answer(self, verb: str, address: str, *, params: Params | None = None, **options: Any) -> httpx.Response:
        headers = {**self._tokens(address), **options.pop("headers", {})}
        query = wire_params(params)
        if self._settings.url_host:
            query = query.add("url_host", self._settings.url_host)
        for _ in range(REDIRECTS):
            url = httpx.URL(address)
            url = url.copy_merge_params(query) if query else url
            answer = self._api.request(verb, url, headers=headers, **options)
            if not answer.has_redirect_location:
                return answer
            address, query = self.address(answer.headers["location"], at=str(answer.url)), httpx.QueryParams()
            if verb != "GET":
                raise PlatformError(f"Synapse redirects a {verb}, which is not sent twice.", hint="Check the endpoint.")
        raise PlatformError(f"Synapse redirects a GET more than {REDIRECTS} times.")

    def _tokens(self, address: str) -> dict[str, str]:
        """Return the headers that say who asks. The two interfaces spell the values differently."""
        settings = self._settings
        second = address.startswith(f"{self.base}v2/")
        found = {}
        if access := settings.access_token.get_secret_value():
            found["Synapse-Access-Token"] = access if second else f"Token {access}"
        if settings.user_token is not None:
            found["Authorization"] = f"Token {settings.user_token.get_secret_value()}"
        if settings.tenant:
            found["Synapse-Tenant"] = f"Token {settings.tenant}"
        if settings.agent_token is not None:
            found["SYNAPSE-Agent"] = f"Token {settings.agent_token.get_secret_value()}"
        return found

    # -- files -----------------------------------------------------------------------------------------------------

    def fetch(self, url: str) -> bytes:
        """Return the content of a file behind its address, without showing who asks.

        Small files may be in their address themselves, as data URIs.
        """
        if url.startswith("data:"):
            with urlopen(url) as inside:
                content: bytes = inside.read()
            return content
        answer = self._files.get(urljoin(self.base, url))
        if not answer.is_success:
            raise FileRefused(answer.status_code, answer.headers)
        return answer.content

    def download(self, url: str, path: Path) -> Path:
        """Write a file behind its address to `path`, which appears when it is whole."""
        with self._files.stream("GET", urljoin(self.base, url)) as answer:
            if not answer.is_success:
                raise FileRefused(answer.status_code, answer.headers)
            return save(answer.iter_bytes(_PIECE), path)


def decoded(answer: httpx.Response) -> Any:
    """Return the JSON of an answer.

    Raises:
        SynapseRefused: Its status is an error.
        msgspec.DecodeError: It is not JSON.
    """
    if answer.is_success:
        return msgspec.json.decode(answer.content) if answer.content else None
    try:
        detail = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        detail = answer.text[:500]
    raise SynapseRefused(answer.status_code, detail, answer.headers)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    ports = {"http": 80, "https": 443}
    return url.scheme, url.host, url.port or ports.get(url.scheme)
