"""The platform's real SDK judges the emulator: whatever it sends is answered so that it is content.

It needs Python 3.12, which Dragoman does not. `make test-synapse-sdk` builds an environment for it, where there is such
an interpreter, and names it in `SYNAPSE_SDK_PYTHON`.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dragoman.emulate import running
from dragoman_synapse.emulator import create

DRIVE = Path(__file__).parent / "sdk" / "drive.py"
INTERPRETER = os.environ.get("SYNAPSE_SDK_PYTHON")


@pytest.mark.skipif(
    not INTERPRETER,
    reason="SYNAPSE_SDK_PYTHON names no Python 3.12 with synapse-sdk; `make test-synapse-sdk` builds it",
)
def test_the_real_sdk_is_content() -> None:
    with running(create()) as live:
        live.state.home.review_automatically = True
        command = [str(INTERPRETER), str(DRIVE), live.url, live.credentials["access_token"]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok  ") == 6
