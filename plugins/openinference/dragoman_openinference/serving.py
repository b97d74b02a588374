"""`dragoman serve openinference`: a model of any backend, served over REST to clients of the protocol.

Metadata, readiness, the repository's index and inference are answered, JSON and the extension for tensors as bytes;
nothing is loaded or unloaded. The backend is asked in threads, one request at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import dragoman
from dragoman.adapter import Adapter
from dragoman.emulate.app import json_response
from dragoman.errors import (
    DragomanError,
    InvalidData,
    NotFound,
    RateLimited,
    Timeout,
    Unavailable,
    Unsupported,
)
from dragoman.schema import Model, Version
from dragoman_openinference.bodies import LENGTH_HEADER, read, written
from dragoman_openinference.facts import ServerFacts
from dragoman_openinference.offering import Offering, chosen
from dragoman_openinference.rest import BINARY
from dragoman_openinference.tensors import Tensor

if TYPE_CHECKING:
    from starlette.types import ASGIApp

STATUSES: dict[type[DragomanError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    InvalidData: HTTPStatus.BAD_REQUEST,
    Unsupported: HTTPStatus.BAD_REQUEST,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Timeout: HTTPStatus.GATEWAY_TIMEOUT,
}
"""The status of each error; all others are 500."""
MODEL = "/v2/models/{model}"
VERSION = MODEL + "/versions/{version}"


def application(backend: Adapter, model: Model, version: Version | None) -> ASGIApp:
    """Return the application that serves a model.

    Args:
        backend: The open backend.
        model: Its model.
        version: The only version that is served; all, if not given.
    """
    service = _Service(Offering(backend, model, version))
    routes = [
        Route("/v2", service.server),
        Route("/v2/health/live", service.well),
        Route("/v2/health/ready", service.well),
        Route("/v2/repository/index", service.index, methods=["POST"]),
    ]
    for path in (MODEL, VERSION):
        routes += [
            Route(path, service.model),
            Route(path + "/ready", service.ready),
            Route(path + "/infer", service.infer, methods=["POST"]),
        ]
    return Starlette(routes=routes, exception_handlers={DragomanError: _refused, msgspec.DecodeError: _unread})


class _Output(msgspec.Struct):
    name: str
    parameters: dict[str, Any] = {}


class _Asked(msgspec.Struct):
    """What an inference request says besides its tensors."""

    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: list[_Output] = []


class _Service:
    def __init__(self, offering: Offering) -> None:
        self._offering = offering
        self._turns = anyio.CapacityLimiter(1)

    async def server(self, request: Request) -> Response:
        return json_response(ServerFacts("dragoman", dragoman.__version__, [BINARY]))

    async def well(self, request: Request) -> Response:
        return Response()

    async def index(self, request: Request) -> Response:
        return json_response(await self._backend(self._offering.index))

    async def model(self, request: Request) -> Response:
        return json_response(await self._backend(self._offering.facts, *_place(request)))

    async def ready(self, request: Request) -> Response:
        await self._backend(self._offering.facts, *_place(request))
        return Response()

    async def infer(self, request: Request) -> Response:
        body = await request.body()
        head, inputs = read("inputs", body, request.headers.get(LENGTH_HEADER))
        asked = msgspec.convert(head, _Asked)
        model, version = _place(request)
        number, outputs = await self._backend(self._offering.answer, model, version, inputs, asked.parameters)
        wanted = chosen(outputs, [one.name for one in asked.outputs])
        rest = {"model_name": model, "model_version": number, **({"id": asked.id} if asked.id else {})}
        content, headers = written("outputs", wanted, _binary(asked, wanted), **rest)
        return Response(content, headers=headers)

    async def _backend(self, call: Callable[..., Any], *arguments: Any) -> Any:
        return await anyio.to_thread.run_sync(call, *arguments, limiter=self._turns)


def _place(request: Request) -> tuple[str, str | None]:
    return request.path_params["model"], request.path_params.get("version")


def _binary(asked: _Asked, outputs: list[Tensor]) -> set[str]:
    """Return the names of the outputs that a request wants as bytes: those that it says so of, else all or none."""
    every = bool(asked.parameters.get("binary_data_output"))
    said = {one.name: one.parameters.get("binary_data", every) for one in asked.outputs}
    return {tensor.name for tensor in outputs if said.get(tensor.name, every)}


async def _refused(request: Request, error: Exception) -> Response:
    known = (STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    return json_response({"error": str(error)}, next(known, HTTPStatus.INTERNAL_SERVER_ERROR))


async def _unread(request: Request, error: Exception) -> Response:
    return json_response({"error": f"The body is not JSON of a request: {error}"}, HTTPStatus.BAD_REQUEST)
