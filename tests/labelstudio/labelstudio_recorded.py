"""Which server is recorded, and what is recorded or replayed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dragoman.conformance.cassettes import HOST, cassette

CASSETTES = Path(__file__).parents[2] / "cassettes" / "labelstudio"
RECORDING = bool(os.environ.get("DRAGOMAN_RECORD"))


@contextmanager
def server_to_record(factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Give address and token of the server that is recorded; of none where cassettes are replayed.

    It is the one that `LABEL_STUDIO_URL` and `LABEL_STUDIO_API_KEY` name, which should have no projects, or else one
    that the live tests' own environment starts.
    """
    if not RECORDING:
        yield HOST, "replayed"
    elif (url := os.environ.get("LABEL_STUDIO_URL")) and (token := os.environ.get("LABEL_STUDIO_API_KEY")):
        yield url, token
    else:
        sys.path.append(str(Path(__file__).parents[1] / "live"))
        from labelstudio_server import TOKEN, labelstudio

        with labelstudio(factory.mktemp("labelstudio")) as server:
            yield server.url, TOKEN


@contextmanager
def taped(path: Path, server: tuple[str, str]) -> Iterator[None]:
    """Replay a cassette, or record it: without the token, and without the server's address in its answers."""
    if not RECORDING:
        with cassette(path):
            yield
        return
    url, token = server
    path.parent.mkdir(exist_ok=True)
    with cassette(path, against="Label Studio 1.23.2", secrets=[token]):
        yield
    if path.exists():
        path.write_text(path.read_text(encoding="utf-8").replace(url, HOST), encoding="utf-8")
