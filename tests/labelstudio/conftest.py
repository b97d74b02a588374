"""Helpers of these tests are importable by name: `labelstudio_said`, `labelstudio_recorded`, `labelstudio_subject`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from labelstudio_recorded import server_to_record


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address and token of the server that is recorded, or of none where cassettes are replayed."""
    with server_to_record(tmp_path_factory) as server:
        yield server
