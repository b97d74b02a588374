"""What a type checker knows of the asynchronous twins: everything that it knows of their methods."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """
from collections.abc import AsyncIterator
from typing import assert_type
from dragoman import Item, Label, Model, Report, Training, Whole
from dragoman.aio import connect

async def labels() -> AsyncIterator[Label]:
    yield Label("a", "cat", Whole())

async def use() -> None:
    async with connect("nucleus") as backend:
        assert_type(await backend.models.create("m", task="object_detection", features=["cat"]), Model)
        assert_type(await backend.labels.write(labels(), dataset="d", on_loss="drop"), Report)
        assert_type(await backend.labels.write([Label("a", "cat", Whole())], dataset="d"), Report)
        assert_type(await backend.training.wait("t", timeout=3), Training)
        async for item in backend.datasets.read_items("d"):
            assert_type(item, Item)
"""
BAD = """
from dragoman.aio import connect

async def use() -> None:
    async with connect("nucleus") as backend:
        await backend.models.create("m", task="object_detection")
        await backend.models.create("m", task="object_detection", features=["cat"], colour="red")
        await backend.labels.write([1], dataset="d")
        for item in backend.datasets.read_items("d"):
            pass
"""


@pytest.mark.slow
@pytest.mark.parametrize(("source", "wrong"), [(GOOD, set()), (BAD, {6, 7, 8, 9})], ids=["good", "bad"])
def test_twins_are_typed_like_their_methods(tmp_path: Path, source: str, wrong: set[int]) -> None:
    file = tmp_path / "use.py"
    file.write_text(source)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context", str(file)]

    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line} == wrong, done.stdout
