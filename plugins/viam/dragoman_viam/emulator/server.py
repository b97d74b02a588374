"""The gRPC server of the emulator: who may call, scripted faults, the journal, and the routes behind them.

Faults are those of `dragoman.emulate`. Every call is a POST to `/package.Service/Method`; the number of an `Answer` is
a gRPC status code. `/package.Service/Method/messages/N` is the N-th message of a client's stream, counted from one,
so that a stream can be broken in its middle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from dragoman.emulate import Answer as FaultyAnswer
from dragoman.emulate import Delay, DropAfter, DropBefore, Seen
from dragoman.errors import Conflict
from dragoman_viam.emulator.refusals import Refusal
from dragoman_viam.emulator.routes import Routes
from dragoman_viam.messages import Method, method

THREADS = 32
BROKEN = "Socket closed"
"""What gRPC's core says when a connection breaks. A server cannot cut one connection, so the emulator says it."""
UNGUARDED = "/proto.rpc.v1.AuthService/"
MESSAGES = "/messages/"
Handler = Callable[[Any], Any]


class Services(grpc.GenericRpcHandler):  # type: ignore[misc]
    """All methods of the emulator.

    Args:
        emulation: The emulation with its faults, journal and clock.
        routes: The services.
    """

    def __init__(self, emulation: Any, routes: Iterable[Routes]) -> None:
        self._emulation = emulation
        self._handlers: dict[str, grpc.RpcMethodHandler] = {}
        for subject in routes:
            for name, handler in subject.methods().items():
                target = method(f"{subject.service}.{name}")
                self._handlers[target.path] = self._made(subject, name)(target, handler)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return the handler of a method; gRPC answers UNIMPLEMENTED where there is none."""
        return self._handlers.get(details.method)

    def _made(self, subject: Routes, name: str) -> Callable[[Method, Handler], grpc.RpcMethodHandler]:
        """Return what makes the handler of a method."""
        if name in subject.streams:
            return self._streamed
        return self._listed if name in subject.lists else self._unary

    def _unary(self, target: Method, handler: Handler) -> grpc.RpcMethodHandler:
        lock = self._emulation.state.lock

        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            with self._call(target, context):
                self._measure(request)
                with lock:
                    # Built under the lock, which copies what another call may change.
                    made = target.response(**handler(request))
            return made

        return grpc.unary_unary_rpc_method_handler(answer, target.request.FromString, target.response.SerializeToString)

    def _streamed(self, target: Method, handler: Handler) -> grpc.RpcMethodHandler:
        # A stream that breaks off ends like any other to a handler. To a caller, the one answer of a stream of answers
        # is a single one; but gRPC goes on behind it only if it went out, on a call that lives.
        def answer(frames: Iterator[Any], context: grpc.ServicerContext) -> Any:
            with self._call(target, context):
                for made in handler(self._watched(target, frames)):
                    yield target.response(**made)

        return grpc.stream_stream_rpc_method_handler(
            answer, target.request.FromString, target.response.SerializeToString
        )

    def _listed(self, target: Method, handler: Handler) -> grpc.RpcMethodHandler:
        lock = self._emulation.state.lock

        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            with self._call(target, context):
                self._measure(request)
                with lock:
                    made = [target.response(**one) for one in handler(request)]
            yield from made

        return grpc.unary_stream_rpc_method_handler(
            answer, target.request.FromString, target.response.SerializeToString
        )

    @contextmanager
    def _call(self, target: Method, context: grpc.ServicerContext) -> Iterator[None]:
        """Note a call, let scripted faults and tokens have their say, and tell the caller what is refused."""
        seen = Seen("POST", target.path)
        self._emulation.journal.note(seen)
        try:
            after = self._disturbed(target.path)
            if not target.path.startswith(UNGUARDED):
                headers = dict(context.invocation_metadata())
                self._emulation.state.check_token(headers.get("authorization", ""))
            yield
            if after is not None:
                raise after
        except Refusal as refusal:
            seen.status = refusal.code.value[0]
            context.set_trailing_metadata(refusal.trailing())
            context.abort(refusal.code, refusal.message)
        seen.status = 0

    def _disturbed(self, path: str) -> Refusal | None:
        """Do what a scripted fault says before a call; return what is to happen after it."""
        match self._emulation.faults.take("POST", path):
            case Delay(seconds):
                asyncio.run(self._emulation.clock.sleep(seconds))
            case FaultyAnswer() as scripted:
                raise _Scripted(scripted)
            case DropBefore():
                raise Refusal(grpc.StatusCode.UNAVAILABLE, BROKEN)
            case DropAfter():
                return Refusal(grpc.StatusCode.UNAVAILABLE, BROKEN)
        return None

    def _watched(self, target: Method, frames: Iterator[Any]) -> Iterator[Any]:
        for number, frame in enumerate(frames, 1):
            if any(MESSAGES in fault.path for fault in self._emulation.faults.pending()):
                self._disturbed(f"{target.path}{MESSAGES}{number}")
            self._measure(frame)
            yield frame

    def _measure(self, message: Any) -> None:
        """Refuse a message that is too large, in gRPC's own words.

        gRPC itself would end a stream there as if it were whole.
        """
        size, most = message.ByteSize(), self._emulation.message_bytes
        if size > most:
            text = f"SERVER: Received message larger than max ({size} vs. {most})"
            raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, text)


class _Scripted(Refusal):
    """A status that a fault says, with its headers as trailing metadata."""

    def __init__(self, scripted: FaultyAnswer) -> None:
        known = {code.value[0]: code for code in grpc.StatusCode}
        super().__init__(known.get(scripted.status, grpc.StatusCode.UNKNOWN), scripted.body or "scripted")
        self._headers = tuple((name.lower(), value.encode()) for name, value in scripted.headers.items())

    def trailing(self) -> Any:
        return tuple((name, value.decode()) for name, value in self._headers)


def start(services: Services, port: int, *, certificate: tuple[bytes, bytes] | None = None) -> tuple[grpc.Server, int]:
    """Start a server on loopback and return it with its port.

    Args:
        services: What it serves.
        port: Port on 127.0.0.1; 0 picks a free one.
        certificate: Key and certificate chain in PEM, for TLS.

    Raises:
        Conflict: The port is taken.
    """
    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.server(ThreadPoolExecutor(THREADS, "viam-emulator"), (services,), options=options)
    address = f"127.0.0.1:{port}"
    try:
        if certificate is None:
            bound = server.add_insecure_port(address)
        else:
            bound = server.add_secure_port(address, grpc.ssl_server_credentials([certificate]))
    except RuntimeError as error:
        raise Conflict(
            f"Port {port} of 127.0.0.1 cannot be used.", hint="Choose another port, or 0 for any."
        ) from error
    server.start()
    return server, bound
