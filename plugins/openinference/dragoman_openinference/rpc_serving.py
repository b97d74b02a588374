"""`dragoman serve openinference --grpc-port`: the model that `serving` offers over REST, over gRPC.

Metadata, readiness, the repository's index and inference are answered, outputs always as bytes; nothing is loaded or
unloaded. The backend is asked in one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import grpc

import dragoman
from dragoman.adapter import Adapter
from dragoman.errors import (
    Conflict,
    DragomanError,
    InvalidData,
    NotFound,
    RateLimited,
    Timeout,
    Unavailable,
    Unsupported,
)
from dragoman.schema import Model, Version
from dragoman_openinference.messages import MESSAGES, METHODS, SERVICE, described, tensors_in
from dragoman_openinference.offering import Offering, chosen
from dragoman_openinference.rpc import OPTIONS
from dragoman_openinference.tensors import raw

Code = grpc.StatusCode
CODES: dict[type[DragomanError], grpc.StatusCode] = {
    NotFound: Code.NOT_FOUND,
    InvalidData: Code.INVALID_ARGUMENT,
    Unsupported: Code.INVALID_ARGUMENT,
    RateLimited: Code.RESOURCE_EXHAUSTED,
    Unavailable: Code.UNAVAILABLE,
    Timeout: Code.DEADLINE_EXCEEDED,
}
"""The code of each error; all others are INTERNAL."""
GRACE = 1.0
"""Seconds that requests in progress get when the server stops."""


@contextmanager
def serving(backend: Adapter, model: Model, version: Version | None, host: str, port: int) -> Iterator[str]:
    """Serve a model for as long as the context lasts, and give the address.

    Args:
        backend: The open backend.
        model: Its model.
        version: The only version that is served; all, if not given.
        host: Address to listen on.
        port: Port of that address; 0 picks a free one.

    Raises:
        Conflict: The address cannot be listened on.
    """
    # Without the option, a second server on the same port would take turns with the first.
    server = grpc.server(ThreadPoolExecutor(1), options=[*OPTIONS, ("grpc.so_reuseport", 0)])
    service = _Service(Offering(backend, model, version))
    handlers = {name: _handler(name, getattr(service, name)) for name in METHODS if hasattr(service, name)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    name = f"[{host}]" if ":" in host else host
    try:
        bound = server.add_insecure_port(f"{name}:{port}")
    except RuntimeError as error:
        raise Conflict(f"Port {port} of {host} cannot be used.", hint="Choose another port, or 0 for any.") from error
    server.start()
    try:
        yield f"grpc://{name}:{bound}"
    finally:
        server.stop(GRACE).wait()


class _Service:
    """The methods of the service, by the protocol's names; each takes a message and returns the fields of another."""

    def __init__(self, offering: Offering) -> None:
        self._offering = offering

    def ServerLive(self, request: Any) -> dict[str, Any]:
        return {"ready": True}

    def ServerReady(self, request: Any) -> dict[str, Any]:
        return {"ready": True}

    def ServerMetadata(self, request: Any) -> dict[str, Any]:
        return {"name": "dragoman", "version": dragoman.__version__}

    def ModelReady(self, request: Any) -> dict[str, Any]:
        self._offering.facts(request.name, request.version or None)
        return {"ready": True}

    def ModelMetadata(self, request: Any) -> dict[str, Any]:
        facts = self._offering.facts(request.name, request.version or None)
        tensors = {
            field: [MESSAGES["TensorFacts"](name=one.name, datatype=one.datatype, shape=one.shape) for one in every]
            for field, every in (("inputs", facts.inputs), ("outputs", facts.outputs))
        }
        return {"name": facts.name, "versions": facts.versions, "platform": facts.platform, **tensors}

    def RepositoryIndex(self, request: Any) -> dict[str, Any]:
        entries = self._offering.index()
        return {"models": [MESSAGES["Entry"](name=one.name, version=one.version, state=one.state) for one in entries]}

    def ModelInfer(self, request: Any) -> dict[str, Any]:
        inputs = tensors_in(request.inputs, request.raw_input_contents)
        parameters = {one.key: _value(one.value) for one in request.parameters}
        version, found = self._offering.answer(request.model_name, request.model_version or None, inputs, parameters)
        outputs = chosen(found, [one.name for one in request.outputs])
        return {
            "model_name": request.model_name,
            "model_version": version,
            "id": request.id,
            "outputs": described(outputs),
            "raw_output_contents": list(map(raw, outputs)),
        }


def _handler(name: str, answer: Callable[[Any], dict[str, Any]]) -> Any:
    takes, gives = (MESSAGES[message] for message in METHODS[name])
    return grpc.unary_unary_rpc_method_handler(
        partial(_answered, answer, gives), takes.FromString, gives.SerializeToString
    )


def _answered(answer: Callable[[Any], dict[str, Any]], gives: Any, request: Any, context: Any) -> Any:
    try:
        return gives(**answer(request))
    except DragomanError as error:
        known = (CODES[kind] for kind in type(error).__mro__ if kind in CODES)
        context.abort(next(known, Code.INTERNAL), str(error))


def _value(value: Any) -> Any:
    """Return a parameter. The one that is set cannot be told from those that are not if it is nothing."""
    found = (value.double_param, value.int64_param, value.uint64_param, value.bool_param, value.string_param)
    return next((one for one in found if one), 0)
