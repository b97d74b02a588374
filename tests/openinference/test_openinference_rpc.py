"""`dragoman serve openinference` over gRPC, message by message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest

from dragoman import Conflict
from dragoman.schema import Model
from dragoman_openinference.messages import MESSAGES, METHODS, SERVICE, described, tensors_in
from dragoman_openinference.rpc_serving import serving
from dragoman_openinference.tensors import Tensor, raw

PIXELS = np.zeros((6, 8, 3), np.uint8)
PIXELS[1:3, 2:7] = 200
IMAGE = Tensor("image", "UINT8", PIXELS)


@pytest.fixture
def address(looking: Any, detector: Model) -> Iterator[str]:
    with serving(looking, detector, None, "127.0.0.1", 0) as address:
        yield address.removeprefix("grpc://")


@pytest.fixture
def call(address: str) -> Iterator[Any]:
    """Call a method with the fields of its message."""
    with grpc.insecure_channel(address) as channel:

        def send(method: str, **fields: Any) -> Any:
            takes, gives = (MESSAGES[name] for name in METHODS[method])
            path, to_wire, from_wire = f"/{SERVICE}/{method}", takes.SerializeToString, gives.FromString
            stub = channel.unary_unary(path, request_serializer=to_wire, response_deserializer=from_wire)
            return stub(takes(**fields), timeout=20)

        yield send


def asked(call: Any, *tensors: Tensor, **fields: Any) -> Any:
    sent = {"inputs": described(tensors), "raw_input_contents": [raw(tensor) for tensor in tensors]}
    return call("ModelInfer", **{"model_name": "detector", **sent, **fields})


def parameter(name: str, **value: Any) -> Any:
    return MESSAGES["Parameter"](key=name, value=MESSAGES["Value"](**value))


def tensor(*shape: int, file: bytes | None = None) -> Any:
    """The message of an input of that shape: pixels that come beside it, or a file within it."""
    if file is None:
        return MESSAGES["Tensor"](name="image", datatype="UINT8", shape=shape)
    contents = MESSAGES["Contents"](bytes_contents=[file])
    return MESSAGES["Tensor"](name="image", datatype="BYTES", shape=shape, contents=contents)


def test_the_server_is_live_ready_and_says_what_it_is(call: Any) -> None:
    assert call("ServerLive").ready
    assert call("ServerReady").ready
    assert call("ModelReady", name="detector").ready
    assert call("ServerMetadata").name == "dragoman"
    facts = call("ModelMetadata", name="detector")
    assert [entry.version for entry in call("RepositoryIndex").models] == list(facts.versions)


def test_the_answer_names_request_version_and_outputs(call: Any) -> None:
    answer = asked(call, IMAGE, id="7", outputs=[MESSAGES["Named"](name="labels")])
    assert (answer.id, answer.model_name) == ("7", "detector")
    (labels,) = tensors_in(answer.outputs, answer.raw_output_contents)
    assert labels.texts() == ["dark", "bright"]


def test_inputs_may_come_as_lists(call: Any) -> None:
    contents = MESSAGES["Contents"](uint_contents=PIXELS.ravel().tolist())
    image = MESSAGES["Tensor"](name="image", datatype="UINT8", shape=PIXELS.shape, contents=contents)
    answer = call("ModelInfer", model_name="detector", inputs=[image])
    found = {tensor.name: tensor for tensor in tensors_in(answer.outputs, answer.raw_output_contents)}
    assert [2.0, 1.0, 7.0, 3.0] in found["boxes"].array.tolist()


def test_the_parameters_are_those_of_the_prediction(call: Any) -> None:
    for value in ({"double_param": 0.9}, {"int64_param": 1}):
        answer = asked(call, IMAGE, parameters=[parameter("confidence", **value)])
        assert tensors_in(answer.outputs, answer.raw_output_contents)[2].texts() == ["bright"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"model_name": "nobody"}, grpc.StatusCode.NOT_FOUND),
        ({"model_version": "99"}, grpc.StatusCode.NOT_FOUND),
        ({"raw_input_contents": [b"123"]}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"raw_input_contents": [b"1", b"2"]}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"inputs": [], "raw_input_contents": []}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"inputs": [tensor(-6, -8, 3)]}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"inputs": [tensor(*[1] * 80)], "raw_input_contents": [b"1"]}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"inputs": [tensor(-1, -1, file=b"1")], "raw_input_contents": []}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"parameters": [parameter("confidence", double_param=7.0)]}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"parameters": [parameter("iou", string_param="x")]}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"outputs": [MESSAGES["Named"](name="masks")]}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_a_bad_request_is_refused_with_its_code(call: Any, fields: dict[str, Any], code: grpc.StatusCode) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        asked(call, IMAGE, **fields)
    assert caught.value.code() is code
    assert caught.value.details()


def test_a_port_that_is_taken_is_a_conflict(address: str, looking: Any, detector: Model) -> None:
    again = serving(looking, detector, None, "127.0.0.1", int(address.rpartition(":")[2]))
    with pytest.raises(Conflict, match="cannot be used"), again:
        pass


def test_lists_that_do_not_fill_their_shape_are_refused(call: Any) -> None:
    contents = MESSAGES["Contents"](bytes_contents=[b"a", b"b"])
    image = MESSAGES["Tensor"](name="image", datatype="BYTES", shape=[3], contents=contents)
    with pytest.raises(grpc.RpcError, match="has 2 elements"):
        call("ModelInfer", model_name="detector", inputs=[image])
