"""The log of the requests that reached an emulator: verb, path and status, nothing that holds secrets.

Headers, query strings and bodies are never recorded. The log keeps the latest entries; the count covers
all.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEPT = 10_000


class Seen(msgspec.Struct):
    """One request, in the order of arrival."""

    method: str
    path: str
    status: int | None = None
    """Status that was sent; `None` while there is no answer, and for good when the connection was dropped."""


class Journal:
    """Requests seen by one emulation."""

    def __init__(self) -> None:
        self.count = 0
        self._latest: deque[Seen] = deque(maxlen=KEPT)

    def entries(self) -> list[Seen]:
        """Return the latest entries, oldest first."""
        return list(self._latest)

    def clear(self) -> None:
        """Forget all entries and count from zero again."""
        self.count = 0
        self._latest.clear()

    def note(self, entry: Seen) -> None:
        """Write a request down."""
        self.count += 1
        self._latest.append(entry)

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return an application that writes every request of `app` into this journal."""

        async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
            entry = Seen(scope["method"], scope["path"])
            self.note(entry)

            async def note_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    entry.status = message["status"]
                await send(message)

            await app(scope, receive, note_status)

        return recorded
