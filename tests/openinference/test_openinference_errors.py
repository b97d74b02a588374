"""Refusals of servers as our errors, and what the settings take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import dragoman
from dragoman import InvalidData, NotFound, PlatformError, Unsupported
from dragoman.calls.binding import bind
from dragoman.calls.scrub import Scrubber
from dragoman.conformance.difficult import png
from dragoman.errors import AuthenticationError, DragomanError, RateLimited, Unavailable
from dragoman_openinference.errors import ERRORS
from dragoman_openinference.refusals import GrpcRefused
from dragoman_openinference.rest import RestServer, said

Answered = Callable[..., Any]
FACTS = {
    "name": "m",
    "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, -1, 3]}],
    "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1]}],
}


@pytest.fixture
def answered_by() -> Iterator[Answered]:
    """Make a backend whose requests are answered by a function."""
    opened: list[Any] = []

    def make(answer: Callable[[httpx.Request], httpx.Response], **settings: Any) -> Any:
        backend: Any = dragoman.connect("openinference", **{"endpoint": "http://server.test", **settings})
        backend.server = RestServer(backend.settings, httpx.MockTransport(answer))
        backend.slept = []
        backend.sleep = backend.slept.append
        opened.append(backend)
        return backend

    yield make
    for backend in opened:
        backend.close()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"error": "Request for unknown model: 'm' is not found"}, NotFound),
        (400, {"error": "unexpected shape"}, InvalidData),
        (422, {"detail": [{"loc": ["body"], "msg": "Field required"}]}, InvalidData),
        (500, {"error": "the model fails"}, PlatformError),
        (500, {"error": "failed to load 'm', failed to poll from model repository"}, NotFound),
        (503, {}, Unavailable),
        (429, {}, RateLimited),
        (401, {}, AuthenticationError),
    ],
)
def test_a_refusal_over_rest_is_one_of_our_errors(
    answered_by: Answered, status: int, body: Any, kind: type[DragomanError]
) -> None:
    with pytest.raises(DragomanError) as caught:
        answered_by(lambda request: httpx.Response(status, json=body)).models.get("m")
    assert type(caught.value) is kind
    assert (caught.value.platform, caught.value.operation) == ("openinference", "models.get")


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("NOT_FOUND", "no", NotFound),
        ("INVALID_ARGUMENT", "unexpected shape", InvalidData),
        ("INVALID_ARGUMENT", "failed to get model version from specified version string 'x'", NotFound),
        ("UNKNOWN", "Unexpected <class 'mlserver.errors.ModelNotFound'>: Model m not found", NotFound),
        ("UNKNOWN", "Unexpected", PlatformError),
        ("UNAVAILABLE", "failed to connect", Unavailable),
        ("UNIMPLEMENTED", "", Unsupported),
    ],
)
def test_a_refusal_over_grpc_is_one_of_our_errors(code: str, message: str, kind: type[DragomanError]) -> None:
    assert type(bind(GrpcRefused(code, message), ERRORS, Scrubber([]))) is kind


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": "a"}, "a"),
        ({"detail": "b"}, "b"),
        ({"detail": [{"msg": "c"}, "d"]}, "c; d"),
        (None, ""),
        ([1], ""),
    ],
)
def test_what_an_error_says_is_found_in_every_body(body: Any, text: str) -> None:
    assert said(body) == text


def test_a_server_that_is_not_there_is_unavailable_over_grpc() -> None:
    with dragoman.connect("openinference", endpoint="grpc://127.0.0.1:1", timeout=5) as backend:
        backend.sleep = lambda seconds: None
        with pytest.raises(Unavailable):
            backend.models.get("m")


def test_a_server_without_a_repository_lists_no_models_and_still_has_versions(answered_by: Answered) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v2/repository/index":
            return httpx.Response(404, json={"detail": "Not Found"})
        return httpx.Response(200, json={**FACTS, "versions": ["1", "2"]})

    backend = answered_by(answer)
    with pytest.raises(Unsupported, match="does not list"):
        list(backend.models.list())
    assert [version.id for version in backend.versions.list("m")] == ["m/1", "m/2"]


def test_a_passing_failure_of_one_item_is_not_seen(answered_by: Answered, tmp_path: Path) -> None:
    failures = [httpx.Response(503)]

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/infer"):
            return httpx.Response(200, json={**FACTS, "extensions": []})
        scores = {"name": "scores", "datatype": "FP32", "shape": [1], "data": [0.5]}
        return failures.pop() if failures else httpx.Response(200, json={"outputs": [scores]})

    (tmp_path / "a.png").write_bytes(png(0))
    backend = answered_by(answer)
    (found,) = backend.inference.predict("m", [tmp_path / "a.png"])
    assert (found.confidence, len(backend.slept)) == (0.5, 1)


def test_a_redirect_is_not_followed_with_the_token(answered_by: Answered) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(307, headers={"Location": "http://elsewhere.test"})

    with pytest.raises(PlatformError, match="leads elsewhere"):
        answered_by(answer, token="t0ken").models.get("m")
    assert [(one.url.host, one.headers["Authorization"]) for one in asked] == [("server.test", "Bearer t0ken")]


@pytest.mark.parametrize("endpoint", ["http://server.test", "grpc://server.test"])
@pytest.mark.parametrize("token", ["t0ken\n", "t0ken ", " t0ken", "\0t0ken", "Größe-t0ken"])
def test_a_token_that_no_header_holds_is_refused_and_not_shown(endpoint: str, token: str) -> None:
    with pytest.raises(InvalidData, match="header cannot hold") as caught:
        dragoman.connect("openinference", endpoint=endpoint, token=token)
    assert "t0ken" not in f"{caught.value} {caught.value.__cause__!r}"


@pytest.mark.parametrize("endpoint", ["server:8000", "ftp://server", "http://user:pw@server", "grpc://server/path"])
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(InvalidData, match="endpoint"):
        dragoman.connect("openinference", endpoint=endpoint)


def test_layouts_may_be_given_as_json() -> None:
    layout, layouts = '{"features": ["a"]}', '{"m": {"corners": "xywh"}}'
    with dragoman.connect("openinference", endpoint="http://s", layout=layout, layouts=layouts) as backend:
        settings: Any = backend.settings
        assert settings.layout_of("other").features == ("a",)
        assert settings.layout_of("m").corners == "xywh"


@pytest.mark.parametrize("layout", ["{", '{"box": "b"}', '{"size": [0, 5]}', '{"task": "instance_segmentation"}'])
def test_a_layout_that_is_none_is_refused(layout: str) -> None:
    with pytest.raises(InvalidData):
        dragoman.connect("openinference", endpoint="http://s", layout=layout)
