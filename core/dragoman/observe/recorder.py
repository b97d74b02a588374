"""What was called, in which order, and how it ended: for a bug report, without rows and without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from dragoman.calls.pipeline import Call
from dragoman.hookspecs import hookimpl
from dragoman.plugins import installed


class Recorder:
    """A plugin that writes a line of JSON for each call that has ended.

    Errors are written as they are shown: secrets are scrubbed from them before anybody sees them.

    Args:
        path: Where to write; lines are added to what is there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._encode = msgspec.json.Encoder().encode

    @hookimpl
    def dragoman_after_call(self, call: Call) -> None:
        """Write the call down, at once, so that nothing is missing after a crash."""
        line: dict[str, Any] = {
            "platform": call.platform,
            "operation": str(call.operation),
            "attempts": call.attempts,
            "seconds": round(call.seconds or 0.0, 6),
        }
        if call.error is not None:
            line["error"] = call.error.to_dict()
        with self._path.open("ab") as file:
            file.write(self._encode(line) + b"\n")


@contextmanager
def recording(path: str | Path) -> Iterator[Recorder]:
    """Record the calls of all backends for as long as the block lasts."""
    recorder = Recorder(Path(path))
    hooks = installed().hooks
    hooks.register(recorder)
    try:
        yield recorder
    finally:
        hooks.unregister(recorder)
