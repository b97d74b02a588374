"""MLflow's refusals as our errors, and credentials that stay where they belong."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import dragoman
from dragoman import Conflict, InvalidData, NotFound, PlatformError, Unsupported
from dragoman.errors import (
    AuthenticationError,
    DragomanError,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    Unavailable,
)
from dragoman_mlflow.registry import folder_of

Answered = Callable[..., Any]
PASSWORD = "s3cr3t-password"


def refusal(status: int, code: str, message: str = "as it says") -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(status, json={"error_code": code, "message": message})


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "RESOURCE_DOES_NOT_EXIST", NotFound),
        (400, "RESOURCE_ALREADY_EXISTS", Conflict),
        (400, "INVALID_PARAMETER_VALUE", InvalidData),
        (403, "PERMISSION_DENIED", PermissionDenied),
        (429, "REQUEST_LIMIT_EXCEEDED", RateLimited),
        (503, "TEMPORARILY_UNAVAILABLE", Unavailable),
        (500, "INTERNAL_ERROR", Unavailable),
        (401, "", AuthenticationError),
    ],
)
def test_the_code_decides_and_then_the_status(
    answered_by: Answered, status: int, code: str, kind: type[DragomanError]
) -> None:
    with pytest.raises(kind, match="as it says") as caught:
        answered_by(refusal(status, code)).models.get("m")
    assert (caught.value.platform, caught.value.operation) == ("mlflow", "models.get")


def test_a_long_message_is_cut(answered_by: Answered) -> None:
    with pytest.raises(InvalidData) as caught:
        answered_by(refusal(400, "BAD_REQUEST", "SELECT " * 1000)).models.get("m")
    assert len(caught.value.message) < 600


def test_a_lost_answer_to_a_new_version_is_unknown(answered_by: Answered) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("cut", request=request)

    with pytest.raises(OutcomeUnknown):
        answered_by(answer).versions.create("m", name="v")


def test_a_version_that_is_refused_leaves_no_run_behind(answered_by: Answered) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.rpartition("/mlflow/")[2]
        asked.append(path)
        info = {"run_id": "r", "artifact_uri": "mlflow-artifacts:/1/r/artifacts"}
        answers = {
            "experiments/get-by-name": {"experiment": {"experiment_id": "1"}},
            "runs/create": {"run": {"info": info}},
        }
        if path == "model-versions/create":
            return refusal(404, "RESOURCE_DOES_NOT_EXIST")(request)
        return httpx.Response(200, json=answers.get(path, {}))

    with pytest.raises(NotFound):
        answered_by(answer).versions.create("nobody", name="v")
    assert asked[-1] == "runs/delete"


def test_credentials_are_sent_and_not_shown(answered_by: Answered) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(401, text=f"who is {PASSWORD}?")

    backend = answered_by(answer, username="ann", password=PASSWORD)
    with pytest.raises(AuthenticationError) as caught:
        backend.models.get("m")
    assert b64decode(seen[0].removeprefix("Basic ")) == f"ann:{PASSWORD}".encode()
    assert PASSWORD not in f"{caught.value} {caught.value.__cause__!r} {backend!r} {backend.settings!r}"


def test_a_token_goes_before_a_password(answered_by: Answered) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer t0ken"
        return httpx.Response(200, json={"registered_model": {"name": "m"}})

    backend = answered_by(answer, username="ann", password=PASSWORD, token="t0ken")
    assert backend.models.get("m").name == "m"


def test_an_empty_token_is_none(answered_by: Answered) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"].startswith("Basic ")
        return httpx.Response(200, json={"registered_model": {"name": "m"}})

    assert answered_by(answer, username="ann", password=PASSWORD, token="").models.get("m").name == "m"


@pytest.mark.parametrize("token", ["t0ken\n", "t0ken ", " t0ken", "\0t0ken", "Größe-t0ken"])
def test_a_token_that_no_header_holds_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(InvalidData, match="header cannot hold") as caught:
        dragoman.connect("mlflow", endpoint="http://mlflow.test", token=token)
    assert "t0ken" not in f"{caught.value} {caught.value.__cause__!r}"


def test_a_redirect_is_not_followed(answered_by: Answered) -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(302, headers={"Location": "http://elsewhere.test/"})

    with pytest.raises(PlatformError, match="leads elsewhere"):
        answered_by(answer, token="t0ken").models.get("m")
    assert {url.host for url in asked} == {"mlflow.test"}


def test_the_endpoint_may_have_a_path(answered_by: Answered) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/prefix/api/2.0/mlflow/registered-models/get"
        return httpx.Response(200, json={"registered_model": {"name": "m"}})

    assert answered_by(answer).models.get("m").id == "m"


@pytest.mark.parametrize(
    ("address", "folder"),
    [("mlflow-artifacts:/1/r/artifacts/m", "1/r/artifacts/m"), ("mlflow-artifacts://host:5000/1/r", "1/r")],
)
def test_files_behind_the_server_are_found(address: str, folder: str) -> None:
    assert folder_of(address) == folder


def test_files_in_a_store_of_their_own_are_left_to_its_tools() -> None:
    with pytest.raises(Unsupported, match="at s3:"):
        folder_of("s3://bucket/1/r")


def test_a_name_that_no_filter_can_say_is_refused(answered_by: Answered) -> None:
    backend = answered_by(lambda request: httpx.Response(200, json={"registered_model": {"name": "x"}}))
    with pytest.raises(Unsupported, match="both kinds of quotes"):
        list(backend.versions.list('it\'s "quoted"'))


def test_weights_that_break_off_leave_no_file(answered_by: Answered, tmp_path: Path) -> None:
    source = "mlflow-artifacts:/1/r/artifacts/dragoman"
    wire = {"name": "m", "version": "1", "source": source, "tags": [{"key": "dragoman.weights", "value": "w"}]}

    def pieces() -> Any:
        yield b"half"
        raise httpx.ReadError("cut")

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/w"):
            return httpx.Response(200, content=pieces())
        return httpx.Response(200, json={"model_version": wire, "artifact_uri": source})

    with pytest.raises(Unavailable):
        answered_by(answer).versions.download_weights("m/1", tmp_path / "w")
    assert list(tmp_path.iterdir()) == []
