"""The HTTP client: one connection pool, one origin, no retry (the core decides that).

Redirects are not followed: the token goes to the endpoint only. Media that were uploaded to Label Studio are at its
own origin and want the token; all others are not fetched here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from dragoman.calls.over_http import save, trusted
from dragoman.errors import PlatformError
from dragoman_labelstudio.access import Access
from dragoman_labelstudio.settings import LabelStudioSettings

T = TypeVar("T")
Params = Mapping[str, str | int]
File = tuple[str, bytes]
"""Name and content of a file to upload."""
_PIECE = 1 << 20


class LabelStudioRefused(Exception):
    """Label Studio answered with an error status.

    Args:
        status: The HTTP status.
        detail: The decoded JSON body, or None where there is none: some of its errors are pages.
        headers: The headers of the answer.
    """

    def __init__(self, status: int, detail: Any, headers: Mapping[str, str]) -> None:
        super().__init__(f"Label Studio answered {status}.")
        self.status = status
        self.detail = detail
        self.headers = headers


class LabelStudioClient:
    """Sends requests to one Label Studio.

    Args:
        settings: Where it is, and who asks.
        transport: What carries the requests; tests put their own here.
    """

    def __init__(self, settings: LabelStudioSettings, transport: httpx.BaseTransport | None = None) -> None:
        self.base = settings.endpoint.rstrip("/")
        timeout = httpx.Timeout(settings.timeout, connect=settings.connect_timeout)
        self._http = httpx.Client(timeout=timeout, verify=trusted(), transport=transport, follow_redirects=False)
        self._access = Access(settings.token.get_secret_value(), self._exchange)

    @property
    def host(self) -> str:
        """The server's name, with its port where that is not the usual one, as a word."""
        return httpx.URL(self.base).netloc.decode().replace(":", "-")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __repr__(self) -> str:
        return f"<Label Studio client of {self.base}>"

    def get(self, path: str, kind: type[T], params: Params | None = None) -> T:
        """Return what a GET answers, as `kind`."""
        return decoded(self._send("GET", path, params=params), kind)

    def post(self, path: str, body: Any, kind: type[T], params: Params | None = None) -> T:
        """Return what a POST of a JSON body answers, as `kind`."""
        return decoded(self._send("POST", path, params=params, **_json(body)), kind)

    def post_files(self, path: str, files: Sequence[File], kind: type[T], params: Params | None = None) -> T:
        """Return what a POST of files as a form answers, as `kind`."""
        # Label Studio takes one file of each name of a field.
        form = {f"file{number}": file for number, file in enumerate(files)}
        return decoded(self._send("POST", path, params=params, files=form), kind)

    def patch(self, path: str, body: Any) -> None:
        """Send a PATCH of a JSON body."""
        self._send("PATCH", path, **_json(body))

    def delete(self, path: str, body: Any = None) -> None:
        """Send a DELETE."""
        self._send("DELETE", path, **({} if body is None else _json(body)))

    def download(self, path: str, file: Path, params: Params | None = None) -> Path:
        """Write what is at a path of the server to a file, which appears when it is whole."""
        header = self._access.header()
        with self._http.stream("GET", self._address(path), params=params, headers=header) as answer:
            if not answer.is_success:
                answer.read()
                _refuse(answer)
            return save(answer.iter_bytes(_PIECE), file)

    def _address(self, path: str) -> str:
        return f"{self.base}/{path.lstrip('/')}"

    def _send(self, verb: str, path: str, **options: Any) -> httpx.Response:
        headers = options.pop("headers", {})
        who = self._access.header()
        answer = self._http.request(verb, self._address(path), headers={**headers, **who}, **options)
        if answer.status_code == 401 and self._access.personal:
            # It may have ended on the way, or the server has been started anew. What is refused was not carried out.
            self._access.forget(who)
            who = self._access.header()
            answer = self._http.request(verb, self._address(path), headers={**headers, **who}, **options)
        if not answer.is_success:
            _refuse(answer)
        return answer

    def _exchange(self, token: str) -> str:
        answer = self._http.post(self._address("api/token/refresh/"), json={"refresh": token})
        if not answer.is_success:
            _refuse(answer)
        return decoded(answer, _Exchanged).access


class _Exchanged(msgspec.Struct):
    access: str


def decoded(answer: httpx.Response, kind: type[T]) -> T:
    """Return the JSON of an answer as `kind`.

    Raises:
        msgspec.DecodeError: It is not JSON.
        msgspec.ValidationError: It is something else.
    """
    return msgspec.json.decode(answer.content, type=kind)


def _refuse(answer: httpx.Response) -> None:
    if answer.is_redirect:
        raise PlatformError(
            f"Label Studio answered {answer.status_code}, which leads elsewhere; the token is not sent there.",
            hint="Check the endpoint, its scheme included.",
        )
    try:
        detail = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        detail = None
    raise LabelStudioRefused(answer.status_code, detail, answer.headers)


def _json(body: Any) -> dict[str, Any]:
    return {"content": msgspec.json.encode(body), "headers": {"Content-Type": "application/json"}}
