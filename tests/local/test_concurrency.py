"""Several callers of one folder at the same time: threads of one backend, and processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dragoman
from dragoman import Box, Dataset, Item, Label, Report
from dragoman.adapter import Adapter

ROWS = 2000

_WRITE = """
import json, sys, dragoman
from dragoman import Box, Label
root, dataset, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
backend = dragoman.connect("local", root=root)
rows = (Label("abc"[n % 3], "x", Box(n, 0, 1, 1)) for n in range(first, first + 2000))
print(json.dumps(backend.labels.write(rows, dataset=dataset).to_dict()))
"""


def test_two_processes_write_side_by_side(local: Adapter, dataset: Dataset, tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITE, str(tmp_path / "home"), dataset.id, str(first)],
            stdout=subprocess.PIPE,
            text=True,
        )
        # The ranges overlap by half: each row is created by one of the two and ignored by the other.
        for first in (0, ROWS // 2)
    ]
    reports = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(report["created"] for report in reports) == ROWS + ROWS // 2
    assert sum(1 for _ in local.labels.read(dataset)) == ROWS + ROWS // 2


def test_threads_share_one_backend(local: Adapter, dataset: Dataset) -> None:
    def write(first: int) -> Report:
        return local.labels.write((Label("a", "x", Box(first + n, 0, 1, 1)) for n in range(ROWS)), dataset=dataset)

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(write, range(0, 4 * ROWS, ROWS)))
    assert all(report.ok for report in reports)
    assert len({label.id for label in local.labels.read(dataset)}) == 4 * ROWS


def test_two_backends_opening_one_empty_folder(tmp_path: Path, image: Callable[..., Path]) -> None:
    def fill(name: str) -> Report:
        with dragoman.connect("local", root=tmp_path / "fresh") as backend:
            made = backend.datasets.create(name)
            return backend.datasets.write_items([Item("k", uri=str(image(f"{name}.png")))], dataset=made)

    with ThreadPoolExecutor(4) as pool:
        assert all(report.ok for report in pool.map(fill, ["one", "two", "three", "four"]))
    with dragoman.connect("local", root=tmp_path / "fresh") as backend:
        assert {made.name for made in backend.datasets.list()} == {"one", "two", "three", "four"}
