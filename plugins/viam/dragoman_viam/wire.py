"""The channel to Viam: who we are, deadlines, sizes. grpcio on the wire, with the SDK's messages.

A token comes from the key when the first call needs it, and again once when it is refused as expired. gRPC's own
retries are off: what may be repeated is the core's to say.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import grpc

from dragoman.errors import InvalidData
from dragoman_viam.errors import CallFailed
from dragoman_viam.messages import Method, method
from dragoman_viam.settings import ViamSettings, is_loopback

Fields = dict[str, Any]
Frames = Callable[[], Iterator[Fields]]
"""Begins a stream of messages, given by their fields, from its start; called again if the stream is sent again."""
RECONNECT_MS = 100


class Wire:
    """The calls of one backend; may be used by several threads.

    Args:
        settings: Where to call, as whom, and within which limits.
    """

    def __init__(self, settings: ViamSettings) -> None:
        self._settings = settings
        self._channel = _channel(settings)
        self._stubs: dict[str, Any] = {}
        self._token = ""
        self._renewing = threading.Lock()

    def call(self, name: str, /, **fields: Any) -> Any:
        """Make one unary call.

        Args:
            name: `"service.Method"`, see `dragoman_viam.messages`.
            fields: The fields of the request; messages inside it may be dictionaries.

        Raises:
            CallFailed: Its status was not OK.
            InvalidData: The request has no such field, or a field takes no such value.
        """
        (answer,) = self.many(name, (fields,))
        if isinstance(answer, CallFailed):
            raise answer
        return answer

    def many(self, name: str, requests: Iterable[Fields]) -> list[Any]:
        """Make unary calls of one method, several at a time, and return what `send` does.

        Raises:
            InvalidData: A request has no such field, or a field takes no such value.
        """
        target = method(name)
        return self.send(name, [_built(target, fields) for fields in requests])

    def send(self, name: str, built: list[Any]) -> list[Any]:
        """Make unary calls of one method with messages that are built already.

        Returns:
            For each request, in order, the answer or a `CallFailed`.
        """
        target = method(name)
        token = self.token()
        answers = self._send(target, built, token)
        refused = [place for place, answer in enumerate(answers) if _refused(answer)]
        if refused:
            token = self.token(stale=token)
            again = self._send(target, [built[place] for place in refused], token)
            for place, answer in zip(refused, again, strict=True):
                answers[place] = answer
        return answers

    def upload(self, name: str, frames: Frames) -> Any:
        """Send a stream of messages and return the one answer to it.

        Args:
            name: `"service.Method"`.
            frames: Begins the stream; begun a second time if the token has expired.

        Raises:
            CallFailed: Its status was not OK.
        """
        token = self.token()
        answer = self._stream(name, frames, token)
        if _refused(answer):
            answer = self._stream(name, frames, self.token(stale=token))
        if isinstance(answer, CallFailed):
            raise answer
        return answer

    def token(self, *, stale: str | None = None) -> str:
        """Return the access token, a new one if there is none or it is the `stale` one.

        Raises:
            CallFailed: The key is not accepted.
        """
        with self._renewing:
            if not self._token or self._token == stale:
                self._token = self._authenticated()
            return self._token

    def _authenticated(self) -> str:
        target = method("auth.Authenticate")
        settings = self._settings
        request = target.request(
            entity=settings.api_key_id.get_secret_value(),
            credentials={"type": "api-key", "payload": settings.api_key.get_secret_value()},
        )
        (answer,) = self._send(target, [request], None)
        if isinstance(answer, CallFailed):
            raise answer
        token: str = answer.access_token
        return token

    def _send(self, target: Method, requests: list[Any], token: str | None) -> list[Any]:
        stub = self._stub(target, "unary_unary")
        metadata = _metadata(token)
        timeout, window = self._settings.timeout, self._settings.concurrency
        if len(requests) == 1:
            return [_outcome(target, lambda: stub(requests[0], metadata=metadata, timeout=timeout))]
        answers: list[Any] = []
        flying: deque[Any] = deque()
        for request in requests:
            if len(flying) == window:
                answers.append(_outcome(target, flying.popleft().result))
            flying.append(stub.future(request, metadata=metadata, timeout=timeout))
        answers += [_outcome(target, call.result) for call in flying]
        return answers

    def _stream(self, name: str, frames: Frames, token: str) -> Any:
        target = method(name)
        stub = self._stub(target, "stream_unary")
        failure: list[Exception] = []

        def messages() -> Iterator[Any]:
            # gRPC reads this in a thread of its own, where an exception would only be logged.
            try:
                for fields in frames():
                    yield _built(target, fields)
            except Exception as error:
                failure.append(error)
                raise

        timeout = self._settings.transfer_timeout
        answer = _outcome(target, lambda: stub(messages(), metadata=_metadata(token), timeout=timeout))
        if failure:
            raise failure[0]
        return answer

    def _stub(self, target: Method, kind: str) -> Any:
        if target.path not in self._stubs:
            make = getattr(self._channel, kind)
            self._stubs[target.path] = make(
                target.path,
                request_serializer=target.request.SerializeToString,
                response_deserializer=target.response.FromString,
            )
        return self._stubs[target.path]

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def _built(target: Method, fields: Fields) -> Any:
    """Return a request; what it cannot hold comes from a caller, as protobuf says."""
    try:
        return target.request(**fields)
    except UnicodeEncodeError:
        # The table of errors has a word for it.
        raise
    except (TypeError, ValueError) as error:
        raise InvalidData(
            f"{target.request.DESCRIPTOR.name} does not take this: {str(error).rstrip('.')}.",
            hint="Its fields and their types are those of Viam's message.",
        ) from error


def _outcome(target: Method, make: Callable[[], Any]) -> Any:
    """Return what a call answers, or how it failed. gRPC's error is not kept: see `CallFailed`."""
    try:
        return make()
    except grpc.RpcError as error:
        return CallFailed.of(target.path, error)


def _refused(answer: Any) -> bool:
    return isinstance(answer, CallFailed) and answer.code is grpc.StatusCode.UNAUTHENTICATED


def _metadata(token: str | None) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),) if token else ()


def _channel(settings: ViamSettings) -> Any:
    largest = settings.message_mib << 20
    options = [
        ("grpc.max_receive_message_length", largest),
        ("grpc.max_send_message_length", largest),
        ("grpc.enable_retries", 0),
        ("grpc.initial_reconnect_backoff_ms", RECONNECT_MS),
        ("grpc.min_reconnect_backoff_ms", RECONNECT_MS),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    host = settings.target.rpartition(":")[0].strip("[]")
    if is_loopback(host):
        options.append(("grpc.enable_http_proxy", 0))
    if not settings.encrypted:
        return grpc.insecure_channel(settings.target, options)
    roots = settings.tls_roots.read_bytes() if settings.tls_roots else None
    return grpc.secure_channel(settings.target, grpc.ssl_channel_credentials(roots), options)
