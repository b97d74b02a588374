"""Scripted faults: a queue of rules, each of which spoils some of the requests that reach an emulator.

A rule names the requests it is for and how often it acts; the first rule that fits a request is used, and
only that one. Rules are values, so that they can also be sent over HTTP (`dragoman.emulate.control`) by
another process.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from dragoman.errors import Unsupported

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from dragoman.emulate.clock import Clock

DROP = "dragoman.drop"
"""Name of the ASGI extension by which our server lets an application cut the connection."""


class Answer(msgspec.Struct, frozen=True, tag_field="kind", tag="answer"):
    """Answer in place of the handler, which does not run."""

    status: int
    headers: dict[str, str] = {}
    body: str = ""


class DropBefore(msgspec.Struct, frozen=True, tag_field="kind", tag="drop_before"):
    """Cut the connection; the handler does not run."""


class DropAfter(msgspec.Struct, frozen=True, tag_field="kind", tag="drop_after"):
    """Let the handler do its work, then cut the connection instead of sending the answer."""


class Delay(msgspec.Struct, frozen=True, tag_field="kind", tag="delay"):
    """Wait `seconds` on the clock of the emulation, then let the handler run."""

    seconds: float


Action = Answer | DropBefore | DropAfter | Delay


class Fault(msgspec.Struct, frozen=True):
    """One rule.

    `path` is a glob over the whole path, in which `*` also matches slashes: `"*/uploadPredictions"`.
    `times` is how often the rule acts (`None`: always); before that it lets `skip` fitting requests pass.
    """

    action: Action
    method: str = "*"
    path: str = "*"
    times: int | None = 1
    skip: int = 0

    def fits(self, method: str, path: str) -> bool:
        """Say whether this rule is for a request, regardless of `times` and `skip`."""
        return fnmatchcase(method, self.method.upper()) and fnmatchcase(path, self.path)


class Faults:
    """The queue of rules of one emulation. Rules may be added from any thread, at any time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[Fault] = []

    def add(self, action: Action, *, method: str = "*", path: str = "*", times: int | None = 1, skip: int = 0) -> None:
        """Append a rule to the queue; the arguments are the fields of `Fault`."""
        self.append(Fault(action, method, path, times, skip))

    def append(self, fault: Fault) -> None:
        """Append a rule to the queue."""
        with self._lock:
            self._queue.append(fault)

    def pending(self) -> list[Fault]:
        """Return the rules that can still act, with what is left of `times` and `skip`."""
        with self._lock:
            return list(self._queue)

    def clear(self) -> None:
        """Remove all rules."""
        with self._lock:
            self._queue.clear()

    def take(self, method: str, path: str) -> Action | None:
        """Return what to do to this request, and count it against the rule that says so."""
        with self._lock:
            for position, fault in enumerate(self._queue):
                if not fault.fits(method, path):
                    continue
                if fault.skip:
                    self._queue[position] = msgspec.structs.replace(fault, skip=fault.skip - 1)
                    return None
                if fault.times is not None:
                    left = [msgspec.structs.replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                    self._queue[position : position + 1] = left
                return fault.action
        return None

    def wrap(self, app: ASGIApp, clock: Clock) -> ASGIApp:
        """Return an application in which these rules act on the requests to `app`."""

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            match self.take(scope["method"], scope["path"]):
                case None:
                    await app(scope, receive, send)
                case Delay(seconds):
                    await clock.sleep(seconds)
                    await app(scope, receive, send)
                case Answer() as answer:
                    await _drain(receive)
                    await _send_answer(answer, send)
                case DropBefore():
                    await _drop(scope)
                case DropAfter():
                    await app(scope, receive, _discard)
                    await _drop(scope)

        return faulty


async def _drain(receive: Receive) -> None:
    """Read the body to its end: a client that is still sending would see a reset instead of the answer."""
    while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
        pass


async def _send_answer(answer: Answer, send: Send) -> None:
    body = answer.body.encode()
    headers = {"content-type": "application/json", **{k.lower(): v for k, v in answer.headers.items()}}
    headers["content-length"] = str(len(body))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def _discard(message: Message) -> None:
    """Take the place of `send` for an answer that nobody gets."""


async def _drop(scope: Scope) -> None:
    drop: Callable[[], None] | None = scope.get("extensions", {}).get(DROP)
    if drop is None:
        raise Unsupported(
            "This server cannot cut a connection.",
            hint="Serve the emulation with dragoman.emulate.running or dragoman.emulate.serve.",
        )
    drop()
    # One turn of the loop lets the server notice that the connection is gone; else it would answer 500.
    await asyncio.sleep(0)
