"""A model as a machine-learning backend: what Label Studio asks is answered, and nothing else is opened."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from memory import MemoryAdapter, open_memory
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from dragoman import Box, Gap, Item, Prediction, facet, serving
from dragoman.conformance.difficult import HEIGHT, WIDTH, png
from dragoman.emulate import Emulation, Live, running
from dragoman.interface import Inference, Trainings
from dragoman.media import picture
from dragoman.schema import Model, Version
from dragoman_labelstudio.learning import media_folder
from dragoman_labelstudio.predicting import Studio
from dragoman_labelstudio.serving import application

TOKEN = "0123456789abcdef0123456789abcdef01234567"
CONFIG = """<View><Image name="photo" value="$url"/>
  <RectangleLabels name="tag" toName="photo"><Label value="car"/></RectangleLabels></View>"""

ODD = b'{"project": 5, "tasks": "x", "action": 7}'
DEEP = pytest.param(b'{"more": ' + b"[" * 100_000, id="too deep")


class Everywhere(Inference):
    """Finds a car on the whole of every image, and a ghost that no project labels."""

    def _predict(self, version: str, items: Iterable[Item], confidence: float, iou: float) -> Iterator[Prediction]:
        for item in items:
            size = picture(Path(item.uri or ""))
            shape = Box(0, 0, size.width / 2, size.height)
            yield Prediction(item.key, "car", shape, confidence=0.75)
            yield Prediction(item.key, "ghost", shape, confidence=0.5)


class Seeing(MemoryAdapter):
    """A platform in memory that predicts."""

    inference = facet(Everywhere)
    training = facet(Trainings, gap=Gap.impossible("Memory trains nothing.", instead="a backend that trains"))


@pytest.fixture
def backend() -> Any:
    backend = open_memory()
    backend.__class__ = Seeing
    return backend


@pytest.fixture
def model(backend: Any) -> Model:
    made = backend.models.create("detector", task="object_detection", features=["car", "ghost"])
    backend.versions.create(made, name="v1")
    return made


@pytest.fixture
def asked(backend: Any, model: Model) -> Iterator[TestClient]:
    """The served model, at its newest version."""
    with TestClient(application(backend, model, None)) as client:
        yield client


@pytest.fixture
def media() -> Iterator[Live[list[str]]]:
    """A server with pictures: open ones, and uploads that want the token. Its state is the paths that were asked."""
    seen: list[str] = []

    async def picture_of(request: Request) -> Response:
        seen.append(request.url.path)
        if request.url.path.startswith("/data/") and request.headers.get("Authorization") != f"Token {TOKEN}":
            return JSONResponse({"detail": "no"}, 401)
        return Response(b"no picture" if "broken" in request.url.path else png(3), media_type="image/png")

    app = Starlette(routes=[Route("/{path:path}", picture_of)])
    with running(Emulation(platform="media", app=app, credentials={}, state=seen)) as live:
        yield live


def introduce(asked: TestClient, live: Live[Any], **more: Any) -> dict[str, Any]:
    body = {"project": "5.1795295736", "schema": CONFIG, "hostname": live.url, "access_token": TOKEN, **more}
    answer = asked.post("/setup", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def predict(asked: TestClient, *uris: str) -> Any:
    tasks = [{"id": number, "data": {"url": uri}, "annotations": [{"result": None}]} for number, uri in enumerate(uris)]
    return asked.post("/predict", json={"tasks": tasks, "project": "5.1795295736", "label_config": CONFIG})


def test_it_is_found_as_a_protocol() -> None:
    assert serving.protocol("labelstudio").load() is application


def test_it_is_well(asked: TestClient) -> None:
    for path in ("/", "/health"):
        assert asked.get(path).json() == {"status": "UP", "model_class": "detector"}


def test_setup_and_versions_name_the_newest(
    asked: TestClient, backend: Any, model: Model, media: Live[list[str]]
) -> None:
    assert introduce(asked, media) == {"model_version": "v1"}
    backend.versions.create(model, name="v2")
    assert introduce(asked, media) == {"model_version": "v2"}
    assert asked.get("/versions").json() == {"versions": ["v1", "v2"]}


def test_a_version_that_was_chosen_stays(backend: Any, model: Model, media: Live[list[str]]) -> None:
    (chosen,) = backend.versions.list(model)
    backend.versions.create(model, name="v2")
    with TestClient(application(backend, model, chosen)) as client:
        assert introduce(client, media) == {"model_version": "v1"}
        assert client.get("/versions").json() == {"versions": ["v1"]}


def test_tasks_are_answered_in_order_in_the_project_s_own_labels(asked: TestClient, media: Live[list[str]]) -> None:
    answer = predict(asked, f"{media.url}/b.png", f"{media.url}/a.png")
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["results"]
    assert (first["model_version"], first["score"]) == ("v1", 0.75)
    (region,) = first["result"]
    assert (region["from_name"], region["to_name"], region["type"]) == ("tag", "photo", "rectanglelabels")
    assert region["value"] == {"x": 0, "y": 0, "width": 50, "height": 100, "rotation": 0, "rectanglelabels": ["car"]}
    assert (region["original_width"], region["original_height"]) == (WIDTH, HEIGHT)
    assert len(second["result"]) == 1
    assert media.state == ["/b.png", "/a.png"]


def test_what_the_project_does_not_label_is_left_out_and_logged(
    asked: TestClient, media: Live[list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="dragoman.labelstudio")
    predict(asked, f"{media.url}/a.png")
    assert "'ghost'" in caplog.text


def test_uploads_are_fetched_with_the_token_that_was_given(asked: TestClient, media: Live[list[str]]) -> None:
    introduce(asked, media)
    answer = predict(asked, "/data/upload/1/a.png")
    assert answer.status_code == 200, answer.text
    assert media.state == ["/data/upload/1/a.png"]


def test_uploads_of_a_label_studio_that_nobody_knows_are_refused(asked: TestClient) -> None:
    answer = predict(asked, "/data/upload/1/a.png")
    assert answer.status_code == 400
    assert "has not introduced itself" in answer.json()["error"]


@pytest.mark.parametrize("without", ["hostname", "access_token"])
def test_a_label_studio_that_does_not_say_where_or_who_it_is_has_not_introduced_itself(
    asked: TestClient, media: Live[list[str]], without: str
) -> None:
    introduce(asked, media, **{without: ""})
    assert predict(asked, f"{media.url}/a.png").status_code == 200
    answer = predict(asked, "/data/upload/1/a.png")
    assert answer.status_code == 400
    assert "has not introduced itself" in answer.json()["error"]


@pytest.mark.parametrize(
    ("said", "wrong"),
    [({"hostname": "studio.example"}, "endpoint"), ({"hostname": "http://a", "access_token": f"{TOKEN}\n"}, "token")],
)
def test_an_introduction_that_nothing_can_be_fetched_with_is_refused(
    asked: TestClient, said: dict[str, str], wrong: str
) -> None:
    answer = asked.post("/setup", json={"project": "5.1", "access_token": TOKEN, **said})
    assert answer.status_code == 400
    assert wrong in answer.json()["error"]
    assert TOKEN not in answer.text


def test_an_upload_at_a_path_that_is_none_is_told(asked: TestClient, media: Live[list[str]]) -> None:
    introduce(asked, media)
    assert "An address is none" in predict(asked, "/data/upload/1/\0.png").json()["error"]


def test_an_upload_whose_name_no_file_can_have_is_fetched(asked: TestClient, media: Live[list[str]]) -> None:
    introduce(asked, media)
    uri = f"/data/upload/1/{'a' * 400}.png"
    assert len(predict(asked, uri).json()["results"]) == 1
    assert media.state == [uri]


@pytest.mark.parametrize("uri", ["/data/upload/", "/data/upload/.", "/data/upload/.."])
def test_a_folder_of_uploads_is_none_of_them(asked: TestClient, media: Live[list[str]], uri: str) -> None:
    introduce(asked, media)
    answer = predict(asked, uri)
    assert answer.status_code == 400
    assert "Task 0" in answer.json()["error"]
    assert media.state == []


@pytest.mark.parametrize("uri", ["/etc/hostname", "file:///etc/hostname", "pyproject.toml", "ftp://host/a.png"])
def test_a_path_that_a_task_names_is_never_opened(asked: TestClient, media: Live[list[str]], uri: str) -> None:
    introduce(asked, media)
    answer = predict(asked, uri)
    assert answer.status_code == 400
    assert "Task 0" in answer.json()["error"]
    assert media.state == []


def test_a_picture_that_is_not_there_is_told(asked: TestClient, media: Live[list[str]]) -> None:
    introduce(asked, media, access_token="another")
    answer = predict(asked, "/data/upload/1/a.png")
    assert answer.status_code >= 400
    assert TOKEN not in answer.text


def test_a_picture_that_is_none_is_named_as_label_studio_knows_it(asked: TestClient, media: Live[list[str]]) -> None:
    uri = f"{media.url}/broken.png"
    answer = predict(asked, uri)
    assert answer.status_code == 400
    assert answer.json()["error"] == f"field data: Task 0: What is at {uri!r} is no image that can be read."


@pytest.mark.parametrize("path", ["/setup", "/predict", "/webhook"])
@pytest.mark.parametrize("body", [b"", b"[]", b"{not json", ODD, b"\xff", DEEP])
def test_what_label_studio_would_not_send_is_refused(asked: TestClient, path: str, body: bytes) -> None:
    answer = asked.post(path, content=body)
    assert answer.status_code == 400
    assert "error" in answer.json()


def test_a_backend_that_trains_nothing_says_so(asked: TestClient, media: Live[list[str]]) -> None:
    introduce(asked, media)
    answer = asked.post("/webhook", json={"action": "START_TRAINING", "project": {"id": 5}})
    assert answer.status_code == 500
    assert "Memory trains nothing" in answer.json()["error"]


def test_a_training_for_a_label_studio_that_nobody_knows_is_refused(asked: TestClient) -> None:
    answer = asked.post("/webhook", json={"action": "START_TRAINING", "project": {"id": 5}})
    assert answer.status_code == 400


@pytest.mark.parametrize("event", [{"action": "ANNOTATION_CREATED"}, {"action": "START_TRAINING"}])
def test_other_events_are_passed_over(asked: TestClient, event: dict[str, str]) -> None:
    assert asked.post("/webhook", json=event).json() == {"status": "ignored"}


@pytest.mark.parametrize("given", [{"epochs": 3}, '{"epochs": 3}', None, "", {}])
def test_hyper_parameters_stand_in_the_connection_s_settings(
    asked: TestClient, media: Live[list[str]], given: Any
) -> None:
    assert introduce(asked, media, extra_params=given) == {"model_version": "v1"}


def test_hyper_parameters_that_are_none_are_refused(asked: TestClient) -> None:
    answer = asked.post("/setup", json={"project": "5.1", "extra_params": "epochs=3"})
    assert answer.status_code == 400


def test_a_model_without_a_version_can_be_connected_and_trained_but_not_run(
    backend: Any, media: Live[list[str]]
) -> None:
    bare = backend.models.create("bare", task="object_detection", features=["car"])
    with TestClient(application(backend, bare, None)) as client:
        assert introduce(client, media) == {"model_version": ""}
        answer = predict(client, f"{media.url}/a.png")
    assert answer.status_code == 500
    assert "no version yet" in answer.json()["error"]


def test_the_token_is_in_no_repr() -> None:
    assert TOKEN not in repr(Studio("http://studio.example", TOKEN))


def test_media_of_trainings_are_kept_where_they_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DRAGOMAN_LABELSTUDIO_FOLDER", str(tmp_path))
    assert media_folder() == tmp_path
    monkeypatch.delenv("DRAGOMAN_LABELSTUDIO_FOLDER")
    assert media_folder().is_relative_to(Path.home())


def test_versions_of_no_name_are_called_by_their_id(backend: Any, model: Model) -> None:
    unnamed = Version(model=model.id, id="run-7")
    with TestClient(application(backend, model, unnamed)) as client:
        assert client.get("/versions").json() == {"versions": ["run-7"]}
