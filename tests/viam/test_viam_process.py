"""The emulator as a process of its own: one line of JSON, then service until a signal."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import dragoman
from dragoman import Conflict, RateLimited
from dragoman.emulate import Live, running
from dragoman_viam.emulator import create


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start the emulator and yield the process with its announcement; it must have ended afterwards."""
    started = subprocess.Popen(
        [sys.executable, "-m", "dragoman", "emulate", "viam", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    try:
        yield started, json.loads(started.stdout.readline())
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate(timeout=30)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_announces_itself_serves_and_stops_cleanly(stop: signal.Signals) -> None:
    with process("--port", "0") as (started, announced):
        assert announced["platform"] == "viam"
        with dragoman.connect("viam", endpoint=announced["url"], **announced["credentials"]) as backend:
            assert backend.datasets.create("street").id
        started.send_signal(stop)
        rest, complaints = started.communicate(timeout=30)
        assert (started.returncode, rest) == (0, "")
        assert complaints.startswith("Emulating viam")


def test_it_listens_where_it_is_told_and_on_loopback_only() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with running(create(), port=port) as live:
        assert live.url == f"http://127.0.0.1:{port}"
        with socket.socket() as probe:
            # The whole of 127/8 reaches this machine; only a server bound to 127.0.0.1 alone refuses 127.0.0.2.
            assert probe.connect_ex(("127.0.0.2", port)) != 0
        with pytest.raises(Conflict, match=str(port)), running(create(), port=port):
            pass


def test_faults_are_scripted_over_http(emulated: Live[Any], backend: Any) -> None:
    rule = {"path": "*/ListDatasetsByOrganizationID", "times": None, "action": {"kind": "answer", "status": 8}}
    url = f"{emulated.state.files_url}/_emulator/faults"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(rule).encode())) as answer:
        assert answer.status == 201
    with pytest.raises(RateLimited):
        list(backend.datasets.list())


def test_importing_it_imports_no_sdk_and_no_server() -> None:
    program = (
        "import sys, dragoman_viam.emulator;"
        "print([name for name in ('viam', 'grpclib', 'uvicorn', 'torch') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_two_emulators_share_nothing() -> None:
    with running(create()) as first, running(create()) as second:
        assert first.credentials != second.credentials
        assert first.state.organization.id != second.state.organization.id
        backend = dragoman.connect("viam", endpoint=second.url, **first.credentials)
        with backend, pytest.raises(dragoman.AuthenticationError):
            list(backend.datasets.list())
