"""Cassettes for gRPC: calls recorded by an interceptor and replayed without a server.

A cassette holds every message as readable JSON beside its exact bytes. What is sent must be what was recorded, and all
of it; calls are matched by method and request, in any order. No secret and no metadata of a request is kept. A cassette
says what it was recorded against. `dragoman.conformance.cassettes` does the same for HTTP.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.json_format import MessageToDict

MASK = "***"
Json = dict[str, Any]


class NotRecorded(AssertionError):
    """A replay sent what was not recorded, or what had been played already."""


@contextmanager
def grpc_cassette(
    path: Path, *, against: str | None = None, secrets: Sequence[str] = (), masked: Collection[str] = ()
) -> Iterator[None]:
    """Replay a cassette, or record it, for all channels that are made meanwhile.

    Args:
        path: The cassette, a JSON file.
        against: What it is recorded against, such as `"the emulator of viam"`; None replays.
        secrets: Values that must not be in the file; a replay masks those that it sends in the same way.
        masked: Full names of fields that hold secrets nobody knows beforehand, such as tokens in answers.

    Raises:
        AssertionError: A replay left some of the recorded calls unsent.
        NotRecorded: A replay sent something else, even if the code under test took that for a failure of its own.
    """
    fresh: Json = {"recorded_against": against, "calls": []}
    content = fresh if against else json.loads(path.read_text(encoding="utf-8"))
    tape = _Tape(content["calls"], _Masker(secrets, masked), recording=against is not None)
    with _intercepting(_Interceptor(tape)):
        yield
    if against:
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return
    tape.check(path.name)


class _Masker:
    """Takes secrets out of messages and writes them down."""

    def __init__(self, secrets: Sequence[str], masked: Collection[str]) -> None:
        # The longest first, so that a secret that contains another leaves no rest.
        self._secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)
        self._masked = frozenset(masked)

    def write(self, message: Any) -> Json:
        """Return a message as it stands in a cassette."""
        clean = type(message)()
        clean.CopyFrom(message)
        self._clean(clean)
        exact = clean.SerializeToString(deterministic=True)
        return {
            "type": clean.DESCRIPTOR.full_name,
            "json": MessageToDict(clean, preserving_proto_field_name=True),
            "bytes": base64.b64encode(exact).decode(),
        }

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def _clean(self, message: Any) -> None:
        for field, value in message.ListFields():
            if field.message_type is not None and field.message_type.GetOptions().map_entry:
                self._clean_map(value)
            elif field.is_repeated:
                for place, one in enumerate(value):
                    if field.message_type is not None:
                        self._clean(one)
                    else:
                        value[place] = self._cleaned(one)
            elif field.message_type is not None:
                self._clean(value)
            elif field.full_name in self._masked:
                setattr(message, field.name, MASK if isinstance(value, str) else MASK.encode())
            else:
                setattr(message, field.name, self._cleaned(value))

    def _clean_map(self, values: Any) -> None:
        for key in list(values):
            if hasattr(values[key], "ListFields"):
                self._clean(values[key])
            else:
                values[key] = self._cleaned(values[key])

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, bytes):
            for secret in self._secrets:
                value = value.replace(secret.encode(), MASK.encode())
            return value
        return self.text(value) if isinstance(value, str) else value


class _Tape:
    """The calls of one cassette; may be used by several threads."""

    def __init__(self, calls: list[Json], masker: _Masker, *, recording: bool) -> None:
        self.recording = recording
        self._calls = calls
        self._left = list(calls)
        self._masker = masker
        self._strange: list[str] = []
        self._lock = threading.Lock()

    def record(self, method: str, requests: Sequence[Any], responses: Sequence[Any], error: Any) -> Json:
        """Keep a call and return it as it is kept."""
        call = {
            "method": method,
            "requests": [self._masker.write(one) for one in requests],
            "responses": [self._masker.write(one) for one in responses],
            "status": _status(error, self._masker),
        }
        with self._lock:
            self._calls.append(call)
        return call

    def play(self, method: str, requests: Sequence[Any]) -> Json:
        """Return the first call that was recorded for these requests and has not been played.

        Raises:
            NotRecorded: There is none.
        """
        wanted = [self._masker.write(one) for one in requests]
        with self._lock:
            for place, call in enumerate(self._left):
                if call["method"] == method and _same(call["requests"], wanted):
                    return self._left.pop(place)
            self._strange.append(f"{method} {json.dumps([one['json'] for one in wanted])}")
            raise NotRecorded(f"This was not recorded: {self._strange[-1]}")

    def check(self, name: str) -> None:
        """Refuse what was sent and not recorded, and what was recorded and not sent."""
        if self._strange:
            raise NotRecorded(f"{name}: {len(self._strange)} calls were not recorded, the first: {self._strange[0]}")
        left = [call["method"] for call in self._left]
        assert not left, f"{name}: {len(left)} of {len(self._calls)} recorded calls were not sent: {', '.join(left)}"


class _Interceptor(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[misc]
    grpc.UnaryStreamClientInterceptor,  # type: ignore[misc]
    grpc.StreamUnaryClientInterceptor,  # type: ignore[misc]
    grpc.StreamStreamClientInterceptor,  # type: ignore[misc]
):
    """Stands between a client and its channel. Calls are recorded one by one, also those that were to overlap."""

    def __init__(self, tape: _Tape) -> None:
        self._tape = tape

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return self._one(details, [request], lambda sent: continuation(details, next(sent)))

    def intercept_stream_unary(self, continuation: Any, details: Any, request_iterator: Any) -> Any:
        return self._one(details, request_iterator, lambda sent: continuation(details, sent))

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return iter(self._many(details, [request], lambda sent: continuation(details, next(sent))))

    def intercept_stream_stream(self, continuation: Any, details: Any, request_iterator: Any) -> Any:
        return iter(self._many(details, request_iterator, lambda sent: continuation(details, sent)))

    def _one(self, details: Any, requests: Iterable[Any], send: Callable[[Iterator[Any]], Any]) -> _Played:
        return self._called(details.method, requests, lambda sent: [send(sent).result()])

    def _many(self, details: Any, requests: Iterable[Any], send: Callable[[Iterator[Any]], Any]) -> _Played:
        return self._called(details.method, requests, lambda sent: list(send(sent)))

    def _called(self, method: str, requests: Iterable[Any], send: Callable[[Iterator[Any]], list[Any]]) -> _Played:
        if not self._tape.recording:
            return _Played(self._tape.play(method, list(requests)))
        sent: list[Any] = []
        responses: list[Any] = []
        error: Any = None
        try:
            responses = send(_noted(requests, sent))
        except grpc.RpcError as failed:
            error = failed
        self._tape.record(method, sent, responses, error)
        # The client gets what it would have got: a token, say, and not the mask that the cassette has of it.
        return _Played({"responses": responses, "status": _status(error, _Masker((), ()))})


class _Played(grpc.Call, grpc.Future):  # type: ignore[misc]
    """A call that has ended: it gives what a cassette says, or what was just recorded."""

    def __init__(self, call: Json) -> None:
        status = call["status"]
        self._responses = [_read(one) if isinstance(one, dict) else one for one in call["responses"]]
        self._code = grpc.StatusCode[status["code"]]
        self._details = status["details"]
        self._trailing = tuple(
            (name, base64.b64decode(value) if name.endswith("-bin") else value) for name, value in status["trailing"]
        )

    def result(self, timeout: float | None = None) -> Any:
        if (error := self.exception()) is not None:
            raise error
        return self._responses[0]

    def exception(self, timeout: float | None = None) -> Any:
        return None if self._code is grpc.StatusCode.OK else _Failure(self)

    def __iter__(self) -> Iterator[Any]:
        yield from self._responses
        if (error := self.exception()) is not None:
            raise error

    def code(self) -> Any:
        return self._code

    def details(self) -> str:
        return str(self._details)

    def initial_metadata(self) -> Any:
        return ()

    def trailing_metadata(self) -> Any:
        return self._trailing

    def traceback(self, timeout: float | None = None) -> Any:
        return None

    def add_callback(self, callback: Any) -> bool:
        return False

    def add_done_callback(self, fn: Any) -> None:
        fn(self)

    def cancel(self) -> bool:
        return False

    def cancelled(self) -> bool:
        return False

    def is_active(self) -> bool:
        return False

    def running(self) -> bool:
        return False

    def done(self) -> bool:
        return True

    def time_remaining(self) -> float | None:
        return None


class _Failure(grpc.RpcError):  # type: ignore[misc]
    """What a client catches of a call that failed."""

    def __init__(self, call: _Played) -> None:
        super().__init__(f"{call.code().name}: {call.details()}")
        self.code, self.details, self.trailing_metadata = call.code, call.details, call.trailing_metadata


@contextmanager
def _intercepting(interceptor: _Interceptor) -> Iterator[None]:
    """Let every channel that is made pass through an interceptor. None connects before it is called."""

    def through(make: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments, **named: grpc.intercept_channel(make(*arguments, **named), interceptor)

    plain, secure = through(grpc.insecure_channel), through(grpc.secure_channel)
    with patch.object(grpc, "insecure_channel", plain), patch.object(grpc, "secure_channel", secure):
        yield


def _noted(requests: Iterable[Any], sent: list[Any]) -> Iterator[Any]:
    for request in requests:
        sent.append(request)
        yield request


def _read(written: Json) -> Any:
    kind = descriptor_pool.Default().FindMessageTypeByName(written["type"])
    return message_factory.GetMessageClass(kind).FromString(base64.b64decode(written["bytes"]))


def _same(recorded: Sequence[Json], sent: Sequence[Json]) -> bool:
    return [(one["type"], one["bytes"]) for one in recorded] == [(one["type"], one["bytes"]) for one in sent]


def _status(error: Any, masker: _Masker) -> Json:
    if error is None:
        return {"code": "OK", "details": "", "trailing": []}
    trailing = [
        [name, base64.b64encode(value).decode() if isinstance(value, bytes) else masker.text(value)]
        for name, value in error.trailing_metadata() or ()
    ]
    return {"code": error.code().name, "details": masker.text(error.details() or ""), "trailing": trailing}
