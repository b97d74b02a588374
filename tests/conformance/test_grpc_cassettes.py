"""gRPC cassettes: what is recorded is played, nothing else is, and no secret is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.wrappers_pb2 import BytesValue, Int64Value, StringValue

from dragoman.conformance.grpc_cassettes import NotRecorded, grpc_cassette

AGAINST = "a server of this test"
NOWHERE = "127.0.0.1:9"


class Service(grpc.GenericRpcHandler):
    """Four methods, one of each kind, and one that refuses."""

    def service(self, details: Any) -> Any:
        text, number = StringValue.FromString, Int64Value.FromString
        out = StringValue.SerializeToString
        return {
            "/t.Test/Shout": grpc.unary_unary_rpc_method_handler(self.shout, text, out),
            "/t.Test/Refuse": grpc.unary_unary_rpc_method_handler(self.refuse, text, out),
            "/t.Test/Join": grpc.stream_unary_rpc_method_handler(self.join, text, out),
            "/t.Test/Count": grpc.unary_stream_rpc_method_handler(self.count, number, out),
            "/t.Test/Echo": grpc.stream_stream_rpc_method_handler(self.echo, text, out),
        }.get(details.method)

    def shout(self, request: Any, context: Any) -> Any:
        return StringValue(value=request.value.upper())

    def refuse(self, request: Any, context: Any) -> Any:
        context.set_trailing_metadata((("retry-after", "3"), ("why-bin", b"\x00\xff")))
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"no more of {request.value}")

    def join(self, requests: Iterator[Any], context: Any) -> Any:
        return StringValue(value="+".join(request.value for request in requests))

    def count(self, request: Any, context: Any) -> Iterator[Any]:
        yield from (StringValue(value=str(number)) for number in range(request.value))

    def echo(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        yield from requests


class Client:
    """A client as a plugin has one: it makes its channel when it is made."""

    def __init__(self, target: str) -> None:
        self.channel = grpc.insecure_channel(target)

    def stub(self, kind: str, name: str) -> Any:
        make = getattr(self.channel, kind)
        return make(f"/t.Test/{name}", lambda message: message.SerializeToString(), StringValue.FromString)

    def shout(self, text: str) -> str:
        return self.stub("unary_unary", "Shout")(StringValue(value=text)).value

    def join(self, *texts: str) -> str:
        return self.stub("stream_unary", "Join")(StringValue(value=text) for text in texts).value

    def count(self, number: int) -> list[str]:
        return [one.value for one in self.stub("unary_stream", "Count")(Int64Value(value=number))]

    def echo(self, *texts: str) -> list[str]:
        return [one.value for one in self.stub("stream_stream", "Echo")(StringValue(value=text) for text in texts)]

    def refuse(self, text: str) -> Any:
        with pytest.raises(grpc.RpcError) as refusal:
            self.stub("unary_unary", "Refuse")(StringValue(value=text))
        return refusal.value


@pytest.fixture
def target() -> Iterator[str]:
    """Where the service is."""
    server = grpc.server(ThreadPoolExecutor(4), (Service(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A cassette that is not there yet."""
    return tmp_path / "calls.json"


def recorded(path: Path, target: str, *texts: str, **options: Any) -> dict[str, Any]:
    """Record a shout for each text and return the cassette."""
    with grpc_cassette(path, against=AGAINST, **options):
        client = Client(target)
        for text in texts:
            assert client.shout(text) == text.upper()
    return json.loads(path.read_text())


class TestRecording:
    def test_a_call_is_readable_and_exact(self, path: Path, target: str) -> None:
        content = recorded(path, target, "hey")
        assert content["recorded_against"] == AGAINST
        (call,) = content["calls"]
        assert call["method"] == "/t.Test/Shout"
        assert call["requests"] == [{"type": "google.protobuf.StringValue", "json": "hey", "bytes": "CgNoZXk="}]
        assert call["responses"][0]["json"] == "HEY"
        assert call["status"]["code"] == "OK"

    def test_channels_made_before_and_after_are_left_alone(self, path: Path, target: str) -> None:
        before = Client(target)
        with grpc_cassette(path, against=AGAINST):
            before.shout("unheard")
        Client(target).shout("unheard")
        assert json.loads(path.read_text())["calls"] == []

    def test_what_fails_is_recorded_with_its_status(self, path: Path, target: str) -> None:
        with grpc_cassette(path, against=AGAINST):
            Client(target).refuse("x")
        assert json.loads(path.read_text())["calls"][0]["status"] == {
            "code": "RESOURCE_EXHAUSTED",
            "details": "no more of x",
            "trailing": [["retry-after", "3"], ["why-bin", "AP8="]],
        }


class TestReplaying:
    def test_all_four_kinds_of_calls_are_played_without_a_server(self, path: Path, target: str) -> None:
        def use(client: Client) -> list[Any]:
            return [client.shout("a"), client.join("b", "c"), client.count(3), client.echo("d", "e")]

        with grpc_cassette(path, against=AGAINST):
            said = use(Client(target))
        with grpc_cassette(path):
            assert use(Client(NOWHERE)) == said == ["A", "b+c", ["0", "1", "2"], ["d", "e"]]

    def test_a_failure_is_played_as_it_was(self, path: Path, target: str) -> None:
        with grpc_cassette(path, against=AGAINST):
            Client(target).refuse("x")
        with grpc_cassette(path):
            error = Client(NOWHERE).refuse("x")
        assert (error.code(), error.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "no more of x")
        assert error.trailing_metadata() == (("retry-after", "3"), ("why-bin", b"\x00\xff"))

    def test_futures_are_played_in_any_order(self, path: Path, target: str) -> None:
        recorded(path, target, "a", "b", "c")
        with grpc_cassette(path):
            shout = Client(NOWHERE).stub("unary_unary", "Shout")
            calls = [shout.future(StringValue(value=text)) for text in "cab"]
            assert [call.result().value for call in calls] == ["C", "A", "B"]
            assert all(call.done() and call.exception() is None for call in calls)

    def test_a_call_is_played_as_often_as_it_was_recorded(self, path: Path, target: str) -> None:
        recorded(path, target, "a", "a")
        said: list[str] = []
        with pytest.raises(NotRecorded, match="not recorded"), grpc_cassette(path):
            said.extend(map(Client(NOWHERE).shout, "aaa"))
        assert said == ["A", "A"]

    @pytest.mark.parametrize("sent", [("b",), ("a", "b")])
    def test_another_request_is_refused(self, path: Path, target: str, sent: tuple[str, ...]) -> None:
        with grpc_cassette(path, against=AGAINST):
            Client(target).join("a")
        with pytest.raises(NotRecorded, match="This was not recorded"), grpc_cassette(path):
            Client(NOWHERE).join(*sent)

    def test_another_request_fails_the_test_even_if_it_was_swallowed(self, path: Path, target: str) -> None:
        recorded(path, target, "a")

        def swallow() -> None:
            client = Client(NOWHERE)
            client.shout("a")
            with pytest.raises(NotRecorded):
                client.shout("b")

        with pytest.raises(NotRecorded, match="1 calls were not recorded"), grpc_cassette(path):
            swallow()

    def test_a_call_that_is_not_played_fails_the_test(self, path: Path, target: str) -> None:
        recorded(path, target, "a", "b")
        with pytest.raises(AssertionError, match="1 of 2 recorded calls were not sent"), grpc_cassette(path):
            Client(NOWHERE).shout("a")

    def test_a_missing_cassette_is_said(self, path: Path) -> None:
        with pytest.raises(FileNotFoundError), grpc_cassette(path):
            Client(NOWHERE).shout("a")


class TestSecrets:
    def test_a_secret_is_masked_wherever_it_is_sent(self, path: Path, target: str) -> None:
        recorded(path, target, "key-1 please", secrets=["key-1"])
        assert "key-1" not in path.read_text()
        with grpc_cassette(path, secrets=["key-2"]):
            assert Client(NOWHERE).shout("key-2 please") == "KEY-1 PLEASE"

    def test_a_field_that_holds_secrets_is_masked_and_yet_answered(self, path: Path, target: str) -> None:
        masked = ["google.protobuf.StringValue.value"]
        content = recorded(path, target, "token", masked=masked)
        assert content["calls"][0]["responses"][0]["json"] == "***"
        with grpc_cassette(path, masked=masked):
            assert Client(NOWHERE).shout("whatever") == "***"

    def test_secrets_deep_inside_are_masked(self, path: Path) -> None:
        from dragoman.conformance.grpc_cassettes import _Masker

        deep = Struct(fields={"a": Value(list_value={"values": [Value(string_value="the key-1")]})})
        written = _Masker(["key-1"], ()).write(deep)
        assert written["json"] == {"a": ["the ***"]}
        assert _Masker(["key-1"], ()).write(BytesValue(value=b"\x00key-1"))["bytes"] == "CgQAKioq"
        packed = AnyMessage()
        packed.Pack(StringValue(value="plain"))
        assert _Masker(["key-1"], ()).write(packed)["json"]["value"] == "plain"

    def test_secrets_in_a_status_are_masked(self, path: Path, target: str) -> None:
        with grpc_cassette(path, against=AGAINST, secrets=["key-1"]):
            assert Client(target).refuse("key-1").details() == "no more of key-1"
        assert "key-1" not in path.read_text()
