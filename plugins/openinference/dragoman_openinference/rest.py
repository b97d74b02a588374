"""A server over REST: one connection pool, one origin, no retry (the core decides that)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from dragoman.calls.over_http import trusted
from dragoman.errors import PlatformError
from dragoman_openinference.answers import answering
from dragoman_openinference.bodies import LENGTH_HEADER, read, written
from dragoman_openinference.facts import Entry, ModelFacts, Place, ServerFacts
from dragoman_openinference.refusals import RestRefused, lists_no_models
from dragoman_openinference.settings import OpenInferenceSettings
from dragoman_openinference.tensors import Tensor

T = TypeVar("T")
BINARY = "binary_tensor_data"
"""Extension that puts tensors behind the JSON. MLServer does not have it, and refuses bodies of that form."""
ABSENT = (404, 405, 501)
"""Statuses of a path that a server does not know."""


class RestServer:
    """A server of the protocol over REST.

    Args:
        settings: Where it is, and who asks.
        transport: What carries the requests; tests put their own here.
    """

    def __init__(self, settings: OpenInferenceSettings, transport: httpx.BaseTransport | None = None) -> None:
        self._base = settings.endpoint.rstrip("/") + "/v2"
        token = settings.token
        self._http = httpx.Client(
            timeout=httpx.Timeout(settings.timeout, connect=settings.connect_timeout),
            limits=httpx.Limits(max_connections=settings.concurrency + 4),
            # Tensors hardly shrink, and packing them takes longer than sending them.
            headers={
                "Accept-Encoding": "identity",
                **({"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}),
            },
            verify=trusted(),
            transport=transport,
        )

    def facts(self) -> ServerFacts:
        """Return what the server is."""
        return self._get("", ServerFacts)

    def ready(self, place: Place | None = None) -> bool:
        """Return whether the server, or a version on it, takes requests. Triton says no with 400, others with 404."""
        answer = self._http.get(self._base + ("/health/ready" if place is None else _path(place) + "/ready"))
        if answer.status_code in (400, 404, 503):
            return False
        _checked(answer)
        return True

    def model(self, place: Place) -> ModelFacts:
        """Return what a version takes and gives."""
        return self._get(_path(place), ModelFacts)

    def index(self) -> list[Entry]:
        """Return what is in the repository. MLServer wants a body, if an empty one."""
        try:
            return msgspec.json.decode(self._post("/repository/index", {}).content, type=list[Entry])
        except RestRefused as refusal:
            if refusal.status in ABSENT:
                raise lists_no_models() from refusal
            raise

    def load(self, model: str) -> None:
        """Load a model."""
        self._post(f"/repository/models/{_quoted(model)}/load", {})

    def unload(self, model: str) -> None:
        """Unload a model."""
        self._post(f"/repository/models/{_quoted(model)}/unload", {})

    def infer(self, place: Place, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Return what a version makes of its inputs; as bytes where the server takes and gives them."""
        rest = {"parameters": {"binary_data_output": True}} if self._binary else {}
        names = [tensor.name for tensor in inputs] if self._binary else []
        body, headers = written("inputs", inputs, names, **rest)
        answer = _checked(self._http.post(f"{self._base}{_path(place)}/infer", content=body, headers=headers))
        with answering():
            return read("outputs", answer.content, answer.headers.get(LENGTH_HEADER))[1]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __repr__(self) -> str:
        return f"<REST server {self._base}>"

    @cached_property
    def _binary(self) -> bool:
        return BINARY in self.facts().extensions

    def _get(self, path: str, kind: type[T]) -> T:
        return msgspec.json.decode(_checked(self._http.get(self._base + path)).content, type=kind)

    def _post(self, path: str, body: Any) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return _checked(self._http.post(self._base + path, content=msgspec.json.encode(body), headers=headers))


def _path(place: Place) -> str:
    model = f"/models/{_quoted(place.model)}"
    return f"{model}/versions/{_quoted(place.version)}" if place.version else model


def _quoted(name: str) -> str:
    """Return a name as a part of an address; one of dots alone would lead to the part above."""
    found = quote(name, safe="")
    return found if found.strip(".") else found.replace(".", "%2E")


def _checked(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        _refuse(answer)
    return answer


def _refuse(answer: httpx.Response) -> NoReturn:
    if answer.is_redirect:
        raise PlatformError(
            f"The server answered {answer.status_code}, which leads elsewhere; nothing is sent there.",
            hint="Check the endpoint, its scheme included.",
        )
    try:
        body = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    raise RestRefused(answer.status_code, said(body), answer.headers)


def said(body: Any) -> str:
    """Return what the body of an error says: `{"error": text}`, or what FastAPI answers before a server sees it."""
    if not isinstance(body, dict):
        return ""
    found = body.get("error", body.get("detail", ""))
    if isinstance(found, list):
        return "; ".join(str(one.get("msg", one)) if isinstance(one, dict) else str(one) for one in found)
    return str(found)
