"""Answers of a server that are none: they are the server's fault, and never said to be the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import httpx
import msgspec
import pytest

import dragoman
from dragoman import Item, PlatformError, Unsupported
from dragoman.conformance.difficult import png
from dragoman_openinference.bodies import LENGTH_HEADER
from dragoman_openinference.facts import Place
from dragoman_openinference.messages import MESSAGES, SERVICE
from dragoman_openinference.rest import RestServer

ITEM = Item("a", data=png(0))
IMAGE = {"name": "image", "datatype": "UINT8", "shape": [-1, -1, 3]}


def described(name: str, datatype: str, shape: list[Any], data: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


BOXES, SCORES = described("boxes", "FP32", [1, 4], [0, 0, 1, 1]), described("scores", "FP32", [1], [0.5])
LABELS = described("labels", "BYTES", [1], ["car"])


@pytest.fixture
def asked() -> Callable[..., Any]:
    """Ask a server that answers an inference with a body, for a prediction."""

    def ask(body: Any, headers: dict[str, str] | None = None, takes: dict[str, Any] = IMAGE) -> Any:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/infer"):
                return httpx.Response(200, content=msgspec.json.encode(body), headers=headers)
            return httpx.Response(200, json={"name": "m", "inputs": [takes], "outputs": [BOXES]})

        with dragoman.connect("openinference", endpoint="http://server.test") as backend:
            found: Any = backend
            found.server = RestServer(found.settings, httpx.MockTransport(answer))
            return list(found.inference.predict("m", [ITEM]))

    return ask


@pytest.mark.parametrize(
    "outputs",
    [
        None,
        [{"name": "boxes"}],
        [described("boxes", "FP32", [1, 4], [0, 0, 1]), SCORES, LABELS],
        [described("boxes", "FP32", [1, 4], ["a", 0, 1, 1]), SCORES, LABELS],
        [described("boxes", "FP32", [1, 4], [None, 0, 1, 1]), SCORES, LABELS],
        [BOXES, SCORES, described("labels", "BYTES", [1], [""])],
        [BOXES, SCORES, described("labels", "INT64", [1], [0.5])],
        [BOXES, SCORES, described("labels", "FP32", [1], [0.5])],
        [BOXES, SCORES, described("labels", "FP32", [1], ["inf"])],
    ],
    ids=[
        "no list",
        "a tensor without data",
        "too few numbers",
        "a text among numbers",
        "a box that is nowhere",
        "a class without a name",
        "half a class",
        "half a class in a tensor of fractions",
        "an endless class",
    ],
)
def test_tensors_that_do_not_fit_are_the_server_s_fault(asked: Callable[..., Any], outputs: Any) -> None:
    with pytest.raises(PlatformError) as caught:
        asked({"outputs": outputs})
    assert caught.value.row == 0


def test_a_length_that_does_not_fit_is_the_server_s_fault(asked: Callable[..., Any]) -> None:
    with pytest.raises(PlatformError, match="The server's answer is wrong"):
        asked({"outputs": []}, {LENGTH_HEADER: "9999"})


@pytest.fixture
def wrong_over_grpc() -> Iterator[str]:
    """Address of a server that answers every inference with two contents of one tensor."""
    outputs = [MESSAGES["Tensor"](name="boxes", datatype="FP32", shape=[1, 4])]
    wrong = MESSAGES["InferResponse"](outputs=outputs, raw_output_contents=[b"1234", b""])
    handler = grpc.unary_unary_rpc_method_handler(
        lambda request, context: wrong, response_serializer=MESSAGES["InferResponse"].SerializeToString
    )
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"ModelInfer": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"grpc://127.0.0.1:{port}"
    server.stop(None).wait()


def test_contents_that_do_not_fit_are_the_server_s_fault_over_grpc(wrong_over_grpc: str) -> None:
    with dragoman.connect("openinference", endpoint=wrong_over_grpc) as backend:
        server: Any = backend
        with pytest.raises(PlatformError, match="1 tensors have 2 contents"):
            server.server.infer(Place("m"), [])


@pytest.mark.parametrize("shape", [[0], [2, -1]])
def test_a_model_that_takes_another_number_of_files_than_one_is_not_asked(
    asked: Callable[..., Any], shape: list[int]
) -> None:
    with pytest.raises(Unsupported, match="not one file"):
        asked({"outputs": []}, takes={"name": "image", "datatype": "BYTES", "shape": shape})
