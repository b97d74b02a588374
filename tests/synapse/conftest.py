"""A Synapse backend over its emulator. Helpers of these tests are importable by name: `synapse_ground`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman.emulate import Live, running
from dragoman_synapse.emulator import create

sys.path.append(str(Path(__file__).parent))


@pytest.fixture
def emulated() -> Iterator[Live[Any]]:
    """A fresh emulator; its jobs are done when they are first looked at."""
    with running(create()) as live:
        live.settings.job_polls = 0
        yield live


@pytest.fixture
def backend(emulated: Live[Any]) -> Iterator[Any]:
    """Dragoman connected to the emulator; waits are recorded in `backend.waited`, not made."""
    with dragoman.connect("synapse", endpoint=emulated.url, plugin="detector", **emulated.credentials) as backend:
        backend.waited = []
        backend.sleep = backend.waited.append
        yield backend
