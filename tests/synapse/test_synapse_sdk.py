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
from dragoman_synapse.emulator.tenant import Tenant

FOLDER = Path(__file__).parent / "sdk"
INTERPRETER = os.environ.get("SYNAPSE_SDK_PYTHON")


@pytest.mark.skipif(
    not INTERPRETER,
    reason="SYNAPSE_SDK_PYTHON names no Python 3.12 with synapse-sdk; `make test-synapse-sdk` builds it",
)
@pytest.mark.parametrize(("script", "steps"), [("drive.py", 6), ("backend.py", 12), ("second.py", 3)])
def test_the_real_sdk_is_content(script: str, steps: int) -> None:
    with running(create()) as live:
        home = live.state.home
        home.review_automatically = True
        if script != "drive.py":
            prepare(home)
        command = [str(INTERPRETER), str(FOLDER / script), live.url, live.credentials["access_token"]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok  ") == steps


def prepare(home: Tenant) -> None:
    """Do what people do on the platform and the SDK cannot: make tags, and give a task to an annotator."""
    home.add_tag("unclear")
    home.add_tag("dark")
    unit = home.add_unit({"image_1": home.media.add("a.png", b"picture")})
    home.add_dataset("other")
    (project,) = home.projects
    home.add_assignment(home.add_task(project, unit), data={"annotations": {}})
