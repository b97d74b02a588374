"""The emulator as a process of its own: one line of JSON, then service until a signal."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import nucleus
import pytest
import requests

PROGRAM = "from dragoman.emulate import serve; from dragoman_nucleus.emulator import create; serve(create())"


@contextmanager
def process():
    """Start the emulator and yield the process with its announcement; it must have ended afterwards."""
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield started, json.loads(started.stdout.readline())
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate(timeout=30)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_announces_itself_serves_and_stops_cleanly(stop):
    with process() as (started, announced):
        assert announced["platform"] == "nucleus"
        assert announced["url"].startswith("http://127.0.0.1:")
        client = nucleus.NucleusClient(announced["credentials"]["api_key"], endpoint=f"{announced['url']}/v1/nucleus")
        assert client.create_dataset("street", is_scene=False).size == 0
        started.send_signal(stop)
        rest, complaints = started.communicate(timeout=30)
        assert (started.returncode, rest, complaints) == (0, "", "")


def test_a_failing_request_writes_nothing_to_standard_output():
    with process() as (started, announced):
        url = announced["url"]
        requests.post(f"{url}/_emulator/faults", json={"action": {"kind": "drop_before"}}, timeout=10)
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{url}/v1/nucleus/models/", timeout=10)
        assert requests.get(f"{url}/v1/nucleus/models/", timeout=10).status_code == 401
        started.send_signal(signal.SIGTERM)
        rest, complaints = started.communicate(timeout=30)
        assert (started.returncode, rest, complaints) == (0, "", "")


def test_it_listens_on_loopback_only(live):
    port = int(live.url.rpartition(":")[2])
    with socket.socket() as probe:
        # The whole of 127/8 reaches this machine; only a server bound to 127.0.0.1 alone refuses 127.0.0.2.
        assert probe.connect_ex(("127.0.0.2", port)) != 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) == 0


def test_importing_it_imports_no_sdk_and_no_server():
    program = (
        "import sys, dragoman.emulate, dragoman_nucleus.emulator;"
        "print([name for name in ('nucleus', 'uvicorn', 'torch') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
