"""A model of any backend as a machine-learning backend of Label Studio: what it asks, and what is answered.

Label Studio calls us: `GET /health` and `POST /setup` again and again, `POST /predict` for tasks, and `POST /webhook`
to have a training started. It waits for one second for the first and three for the second, so those look nothing up
that may take longer. Source: label_studio/ml/api_connector.py and models.py of release 1.23.2.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.adapter import Adapter
from dragoman.errors import DragomanError, InvalidData
from dragoman.schema import Model, Version
from dragoman_labelstudio.learning import Learning
from dragoman_labelstudio.predicting import Asked, Predicting, Studio
from dragoman_labelstudio.settings import LabelStudioSettings

START = "START_TRAINING"


class Setup(msgspec.Struct):
    """Label Studio introduces itself; `project` is its number and the time at which it was made.

    `extra_params` are what stands in the connection's settings: the hyper-parameters of trainings.
    """

    project: str
    hostname: str = ""
    access_token: str = ""
    extra_params: dict[str, Any] | str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The hyper-parameters; what is given as text is JSON.

        Raises:
            InvalidData: They are no object.
        """
        given = self.extra_params or {}
        return _read(given.encode(), dict[str, Any]) if isinstance(given, str) else given

    @property
    def studio(self) -> Studio | None:
        """Where it is, and what trainings are given; None if it does not say where, or gives no token.

        Raises:
            InvalidData: What it says is no address, no token, or no hyper-parameters.
        """
        found = Studio(self.hostname, self.access_token, self.parameters)
        if not (self.hostname and self.access_token):
            return None
        try:
            LabelStudioSettings(**found.settings())
        except ValidationError as error:
            # The error itself repeats the token.
            wrong = " and ".join(str(one["loc"][0]) for one in error.errors(include_input=False))
            raise InvalidData(
                f"Label Studio says as its {wrong} what is none; its hostname is {self.hostname!r}."
            ) from None
        return found


class Project(msgspec.Struct):
    """The project that an event is about."""

    id: int


class Event(msgspec.Struct):
    """Something that has happened in a project."""

    action: str
    project: Project | None = None


def application(backend: Adapter, model: Model, version: Version | None) -> Starlette:
    """Return the application that serves a model; see `dragoman.serving.ServedProtocol`."""
    predicting = Predicting(backend, model, version)
    learning = Learning(backend, model)
    studios: dict[str, Studio | None] = {}

    def health() -> dict[str, Any]:
        return {"status": "UP", "model_class": model.name}

    def versions() -> dict[str, Any]:
        return {"versions": predicting.versions()}

    def setup(body: bytes) -> dict[str, Any]:
        told = _read(body, Setup)
        studios[_number(told.project)] = told.studio
        return {"model_version": predicting.name()}

    def predict(body: bytes) -> dict[str, Any]:
        asked = _read(body, Asked)
        return {"results": predicting.predict(asked, studios.get(_number(asked.project)))}

    def webhook(body: bytes) -> dict[str, Any]:
        event = _read(body, Event)
        if event.action != START or event.project is None:
            return {"status": "ignored"}
        number = str(event.project.id)
        learning.start(number, studios.get(number))
        return {"status": "started"}

    routes = [
        Route("/", _without_body(health)),
        Route("/health", _without_body(health)),
        Route("/versions", _without_body(versions)),
        Route("/setup", _with_body(setup), methods=["POST"]),
        Route("/predict", _with_body(predict), methods=["POST"]),
        Route("/webhook", _with_body(webhook), methods=["POST"]),
    ]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        learning.close()

    return Starlette(routes=routes, lifespan=lifespan)


def _without_body(answer: Callable[[], dict[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await _answered(answer)

    return endpoint


def _with_body(answer: Callable[[bytes], dict[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await _answered(answer, await request.body())

    return endpoint


async def _answered(answer: Callable[..., dict[str, Any]], *body: bytes) -> Response:
    """Answer in a thread. What is wrong with a request is told with 400, all else with 500; Label Studio logs it."""
    status = 200
    try:
        content = await run_in_threadpool(answer, *body)
    except InvalidData as error:
        status, content = 400, {"error": str(error)}
    except DragomanError as error:
        status, content = 500, {"error": str(error)}
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _read(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidData(f"The request is not what Label Studio sends: {error}") from error


def _number(project: str) -> str:
    return project.partition(".")[0]
