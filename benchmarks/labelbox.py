"""200 000 box predictions on Labelbox: Dragoman against the SDK, through its annotation objects and through plain rows.

All sides write to and read from one emulator, each to a model run of its own and in a process of its own, and are given
the same plain values in a list. What they hand back is compared, and of several turns the median counts. The SDK's
objects need more packages than the SDK, and run in an environment of their own (`measure.peers`). Two parts more:
canonical rows to the bytes of an import, without the network; and the memory of rows that are made as they are sent.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dragoman
from benchmarks.labelbox_sides import FEATURES, ITEMS, SIDES, STREAMED, Result
from benchmarks.measure import emulator, medians, peers, report
from dragoman import Item

ROWS, RUNS = 200_000, 3
PEERS = ("labelbox[data]==7.17.0",)


def run(rows: int = ROWS) -> None:
    """Print the ratios of client CPU time, and the growth of memory with the rows."""
    python = peers("labelbox", PEERS)
    results: dict[str, list[Result]] = {side: [] for side in SIDES if side != STREAMED}
    with emulator("labelbox") as ready:
        target = _prepared(ready)
        for _ in range(RUNS):
            # The SDK's stream reads what Dragoman wrote, so that both read the same bytes.
            runs = {side: _new_run(target) for side in ("dragoman", "objects", "dicts")}
            runs["stream"] = runs["dragoman"]
            for side, found in results.items():
                found.append(_child(python, side, target, runs.get(side, ""), rows))
            _check_equal([found[-1] for found in results.values() if "boxes" in found[-1]])
        many, few = (_child(python, STREAMED, target, _new_run(target), count) for count in (rows, rows // 10))
    _report({side: medians(found) for side, found in results.items()}, rows)
    for figure in ("peak_written", "peak_read"):
        name = f"Labelbox: peak memory {figure[5:]}, {rows} rows / a tenth"
        report(name, many[figure], few[figure], limit=1.15, unit="MiB")


def _report(sides: dict[str, Result], rows: int) -> None:
    ours = sides["dragoman"]
    objects, dicts, stream = sides["objects"]["write"], sides["dicts"]["write"], sides["stream"]["read"]
    report(f"Labelbox: write {rows} boxes / Label objects", ours["write"], objects, limit=0.1, unit="s")
    report(f"Labelbox: write {rows} boxes / SDK's list of dicts", ours["write"], dicts, limit=1.0, unit="s")
    report(f"Labelbox: read {rows} boxes / SDK's stream", ours["read"], stream, limit=1.0, unit="s")
    convert = sides["dragoman conversion"]["convert"], sides["objects conversion"]["convert"]
    report(f"Labelbox: convert {rows} boxes / Label objects", *convert, limit=1 / 15, unit="s")


def _prepared(ready: dict[str, Any]) -> dict[str, Any]:
    """Make a dataset of images and a model, and return where they are."""
    root = ready["url"]
    access = {"endpoint": f"{root}/graphql", "rest_endpoint": f"{root}/api/v1", **ready["credentials"]}
    with dragoman.connect("labelbox", **access) as backend:
        dataset = backend.datasets.create("bench")
        items = (Item(f"item-{n}", uri=f"https://example.com/{n}.jpg", width=640, height=480) for n in range(ITEMS))
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
        model = backend.models.create("bench", task="object_detection", features=FEATURES)
        return {"access": access, "dataset": dataset.id, "model": model.id}


def _new_run(target: dict[str, Any]) -> str:
    """Make a model run over all images and return its id."""
    with dragoman.connect("labelbox", **target["access"]) as backend:
        return backend.versions.create(target["model"], name="run", dataset=target["dataset"]).id


def _child(python: str, side: str, target: dict[str, Any], model_run: str, rows: int) -> Result:
    """Let a side do its work in a fresh process and return what it measured."""
    order = {**target, "side": side, "run": model_run, "rows": rows}
    interpreter = python if side.startswith("objects") else sys.executable
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "NO_PROXY": "127.0.0.1"}
    command = [interpreter, "-m", "benchmarks.labelbox_sides"]
    done = subprocess.run(command, input=json.dumps(order), capture_output=True, check=True, text=True, env=environment)
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def _check_equal(found: list[Result]) -> None:
    for other in found[1:]:
        for what in ("boxes", "sum"):
            assert math.isclose(found[0][what], other[what], rel_tol=1e-9), (what, found[0], other)
