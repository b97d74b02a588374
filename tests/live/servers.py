"""Real servers that others wrote, started on loopback for the time of a test session.

A `Server` is one process group with ports, a home folder and a log of its own. What is started, and with which
settings, is said by the module of each server (`labelstudio_server`, `mlflow_server`, ...).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import pytest

ROOT = Path(__file__).parents[2]
LOOPBACK = "127.0.0.1"
QUIET = {
    "COLLECT_ANALYTICS": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "LATEST_VERSION_CHECK": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}
"""What keeps servers from telling their makers about themselves."""
GRACE = 15.0
"""Seconds that a process group gets to end by itself."""
POLL = 0.05


def environment(name: str) -> Path:
    """Return the folder of a server's own virtual environment, `.venv-NAME`.

    Where it is missing, the test is skipped on a developer's machine and fails under `CI=true`.
    """
    folder = ROOT / f".venv-{name}"
    if (folder / ".installed").exists():
        return folder
    reason = f"There is no {folder.name}; `make {folder.name}/.installed` makes it."
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def free_ports(count: int) -> tuple[int, ...]:
    """Return ports of the loopback interface that nothing listens on."""
    held = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    try:
        return tuple(one.getsockname()[1] for one in held)
    finally:
        for one in held:
            one.close()


@dataclass
class Server:
    """A server of its own session, started on entering and stopped on leaving. It can be started again.

    Args:
        name: What it is called in messages.
        command: The program and its arguments.
        ports: All ports that it listens on; the first is that of HTTP.
        folder: Where it works: its current folder and its home. The log is written there.
        health: Path that answers with a success once the server is ready.
        env: Its environment beyond a path, a home and `QUIET`; nothing is inherited.
        patience: Seconds in which it must be ready.
    """

    name: str
    command: Sequence[str | Path]
    ports: tuple[int, ...]
    folder: Path
    health: str
    env: Mapping[str, str] = field(default_factory=dict)
    patience: float = 180.0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The root of the server, without a trailing slash."""
        return f"http://{LOOPBACK}:{self.ports[0]}"

    @property
    def log(self) -> Path:
        """What it has printed so far."""
        return self.folder / f"{self.name}.log"

    def start(self) -> Self:
        """Start it, and return when it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        home = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(self.folder)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in self.command],
                cwd=self.folder,
                env={**home, **QUIET, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._await_health(self.process)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """End the whole group as an administrator would, then by force what is left of it."""
        self._signal(signal.SIGTERM)
        self._end()

    def kill(self) -> None:
        """End the whole group at once, as a crash would."""
        self._end()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _await_health(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            assert process.poll() is None, f"{self.name} ended with {process.returncode}:\n{self._last_words()}"
            if self._healthy():
                return
            time.sleep(POLL)
        raise AssertionError(f"{self.name} is not ready after {self.patience} s:\n{self._last_words()}")

    def _healthy(self) -> bool:
        try:
            return httpx.get(self.url + self.health, timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def _last_words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]

    def _end(self) -> None:
        if self.process is None:
            return
        self._signal(signal.SIGKILL)
        self.process.wait(GRACE)
        self.process = None
        left = [port for port in self.ports if _listens(port)]
        assert not left, f"{self.name} was stopped and something still listens on {left}"

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the group; after one that asks, wait until the group's leader has ended."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, number)
            self.process.wait(GRACE)
        except ProcessLookupError:
            # The whole group has ended already.
            return
        except subprocess.TimeoutExpired:
            return


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
