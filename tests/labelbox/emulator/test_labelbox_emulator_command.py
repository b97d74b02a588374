"""The emulator as a process of its own: `dragoman emulate labelbox` announces itself, serves, and stops cleanly."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import labelbox
import pytest


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_the_command_serves_until_it_is_stopped(stop: signal.Signals) -> None:
    command = [sys.executable, "-m", "dragoman", "emulate", "labelbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        try:
            assert started.stdout is not None
            announced = json.loads(started.stdout.readline())
            assert announced["platform"] == "labelbox"
            assert announced["url"].startswith("http://127.0.0.1:")
            client = labelbox.Client(announced["credentials"]["api_key"], endpoint=f"{announced['url']}/graphql")
            assert client.create_dataset(name="street", iam_integration=None).name == "street"
            started.send_signal(stop)
            rest, _ = started.communicate(timeout=30)
            assert (started.returncode, rest) == (0, "")
        finally:
            if started.poll() is None:
                started.kill()
