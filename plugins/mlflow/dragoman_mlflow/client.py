"""The HTTP client: one connection pool, one origin, no retry (the core decides that).

Redirects are not followed, so credentials go to the endpoint only. Artifacts go through the server, which has the keys
of the store behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import httpx
import msgspec

from dragoman.calls.over_http import save, trusted
from dragoman.errors import PlatformError
from dragoman_mlflow.settings import MlflowSettings

Json = dict[str, Any]
REST = "api/2.0/mlflow/"
ARTIFACTS = "api/2.0/mlflow-artifacts/artifacts"
_PIECE = 1 << 20


class MlflowRefused(Exception):
    """MLflow answered with an error status.

    Args:
        status: The HTTP status.
        code: MLflow's own code, such as `RESOURCE_DOES_NOT_EXIST`; empty where it gives none.
        message: What it says.
        headers: The headers of the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(f"MLflow answered {status}.")
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


class MlflowClient:
    """Sends requests to one MLflow.

    Args:
        settings: Where it is, and who asks.
        transport: What carries the requests; tests put their own here.
    """

    def __init__(self, settings: MlflowSettings, transport: httpx.BaseTransport | None = None) -> None:
        self.base = settings.endpoint.rstrip("/") + "/"
        self._upload = httpx.Timeout(settings.upload_timeout, connect=settings.connect_timeout)
        self._http = httpx.Client(
            timeout=httpx.Timeout(settings.timeout, connect=settings.connect_timeout),
            auth=_auth(settings),
            headers=_token(settings),
            verify=trusted(),
            transport=transport,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __repr__(self) -> str:
        return f"<MLflow client of {self.base}>"

    # -- the API ---------------------------------------------------------------------------------------------------

    def get(self, path: str, **params: Any) -> Json:
        """Return what a GET below the REST API answers."""
        return _decoded(self._http.get(self.base + REST + path, params=params))

    def post(self, path: str, **body: Any) -> Json:
        """Return what a POST of a JSON body answers; fields that are None are left out."""
        return self._send("POST", path, body)

    def patch(self, path: str, **body: Any) -> Json:
        """Return what a PATCH of a JSON body answers."""
        return self._send("PATCH", path, body)

    def delete(self, path: str, **body: Any) -> Json:
        """Return what a DELETE with a JSON body answers."""
        return self._send("DELETE", path, body)

    def _send(self, verb: str, path: str, body: Json) -> Json:
        content = msgspec.json.encode({name: value for name, value in body.items() if value is not None})
        headers = {"Content-Type": "application/json"}
        return _decoded(self._http.request(verb, self.base + REST + path, content=content, headers=headers))

    # -- artifacts -------------------------------------------------------------------------------------------------

    def artifacts(self, folder: str) -> list[Json]:
        """Return what a folder of the artifact store holds: `path` (a name in the folder), `is_dir`, `file_size`."""
        found: list[Json] = _decoded(self._http.get(self.base + ARTIFACTS, params={"path": folder})).get("files", [])
        return found

    def put_artifact(self, path: str, file: Path) -> None:
        """Store a file."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.stat().st_size)}
        with file.open("rb") as content:
            pieces = iter(lambda: content.read(_PIECE), b"")
            _decoded(self._http.put(self._artifact(path), content=pieces, headers=headers, timeout=self._upload))

    def get_artifact(self, path: str, file: Path) -> Path:
        """Write a stored file to `file`, which appears when it is whole."""
        with self._http.stream("GET", self._artifact(path)) as answer:
            if not answer.is_success:
                answer.read()
                _refuse(answer)
            return save(answer.iter_bytes(_PIECE), file)

    def delete_artifact(self, path: str) -> None:
        """Delete a stored file; one that is gone already is no matter."""
        _decoded(self._http.delete(self._artifact(path)))

    def _artifact(self, path: str) -> str:
        return f"{self.base}{ARTIFACTS}/{quote(path)}"


def _auth(settings: MlflowSettings) -> httpx.BasicAuth | None:
    if settings.username is None or settings.password is None or settings.token:
        return None
    return httpx.BasicAuth(settings.username, settings.password.get_secret_value())


def _token(settings: MlflowSettings) -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.token.get_secret_value()}"} if settings.token else {}


def _decoded(answer: httpx.Response) -> Json:
    """Return the JSON object of an answer.

    Raises:
        MlflowRefused: Its status is an error.
        msgspec.DecodeError: It is not JSON.
    """
    if not answer.is_success:
        _refuse(answer)
    return msgspec.json.decode(answer.content or b"{}", type=Json)


def _refuse(answer: httpx.Response) -> NoReturn:
    if answer.is_redirect:
        raise PlatformError(
            f"MLflow answered {answer.status_code}, which leads elsewhere; credentials are not sent there.",
            hint="Check the endpoint, its scheme included.",
        )
    try:
        body = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    if isinstance(body, dict):
        code, message = str(body.get("error_code") or ""), str(body.get("message") or "")
    else:
        # Without credentials, and behind proxies, it answers a line of text or a page.
        code, message = "", ""
    raise MlflowRefused(answer.status_code, code, message, answer.headers)
