"""Boxes and files on Viam: 50 000 boxes against the SDK's asyncio client, in turn and eight in flight; 1 GiB up.

All sides write to one emulator, each to a dataset of its own and in a process of its own; what is there afterwards is
read back and compared. `python -m benchmarks.viam BOXES MEBIBYTES` takes other sizes.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dragoman
from benchmarks.measure import emulator, peak_mib, report
from dragoman import Box, Item, Label
from dragoman.conformance.difficult import HEIGHT, WIDTH, png

BOXES, MEBIBYTES = 50_000, 1024
TURNS = 5
PER_IMAGE = 100
MEMORY_MIB = 100.0

Result = dict[str, float]
Numbered = tuple[int, float, float]


def run(boxes: int = BOXES, mebibytes: int = MEBIBYTES) -> None:
    """Print the ratios of wall time, and the peak memory of an upload."""
    found: dict[str, list[Result]] = {"sdk": [], "dragoman": [], "sdk in eight": []}
    with emulator("viam") as ready:
        access = {"endpoint": ready["url"], **ready["credentials"]}
        # In turns, so that all sides see the same load of the machine.
        turns = [(turn, side) for turn in range(TURNS) for side in found]
        for turn, side in turns:
            found[side].append(_written(access, side, turn, boxes // TURNS))
        upload = _child({"side": "upload", "access": access, "mebibytes": mebibytes})
    sums = {side: {name: sum(one[name] for one in turns) for name in turns[0]} for side, turns in found.items()}
    ours = sums["dragoman"]
    for side, name, limit in (("sdk", "one by one", 0.5), ("sdk in eight", "8 in flight", 1.0)):
        theirs = sums[side]
        report(f"Viam: write {boxes} boxes / SDK, {name}", ours["wall"], theirs["wall"], limit=limit, unit="s")
        report("Viam: its client CPU", ours["cpu"], theirs["cpu"], limit=1.0, unit="s")
    report(f"Viam: memory of uploading {mebibytes} MiB", upload["peak_mib"], MEMORY_MIB, limit=1.0, unit="MiB")


def _written(access: dict[str, str], side: str, turn: int, boxes: int) -> Result:
    """Let a side write its boxes into a dataset of its own, and check that they are there."""
    images = max(1, boxes // PER_IMAGE)
    with dragoman.connect("viam", **access) as backend:
        dataset = backend.datasets.create(f"{side} {turn}").id
        items = [Item(f"{number}.png", data=png(number)) for number in range(images)]
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
        ids = {item.key: item.id for item in backend.datasets.read_items(dataset)}
        order = {"access": access, "side": side, "boxes": boxes, "dataset": dataset}
        result = _child({**order, "ids": [ids[item.key] for item in items]})
        there = {(row.item, row.geometry) for row in backend.labels.read(dataset)}
        assert there == {(f"{n}.png", Box(x, y, 20, 10)) for n, x, y in _boxes(boxes)}, side
    return result


def _boxes(count: int) -> Iterator[Numbered]:
    """Yield image, x and y of boxes of 20 x 10 pixels, image after image."""
    return ((n // PER_IMAGE, n % PER_IMAGE * 0.25, n % PER_IMAGE * 0.125) for n in range(count))


def _child(order: dict[str, Any]) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.viam", "child"], input=json.dumps(order), stdout=subprocess.PIPE,
        text=True, check=True,
    )  # fmt: skip
    result: Result = json.loads(done.stdout)
    return result


def _dragoman(order: dict[str, Any]) -> float:
    with dragoman.connect("viam", **order["access"]) as backend:
        start = time.perf_counter()
        rows = (Label(f"{n}.png", "car", Box(x, y, 20, 10)) for n, x, y in _boxes(order["boxes"]))
        backend.labels.write(rows, dataset=order["dataset"]).raise_for_problems()
        return time.perf_counter() - start


def _upload(order: dict[str, Any]) -> float:
    with tempfile.TemporaryDirectory() as folder, dragoman.connect("viam", **order["access"]) as backend:
        path = Path(folder) / "large.bin"
        with path.open("wb") as file:
            file.truncate(order["mebibytes"] << 20)
        dataset = backend.datasets.create("large")
        start = time.perf_counter()
        backend.datasets.write_items([Item("large.bin", uri=str(path))], dataset=dataset).raise_for_problems()
        return time.perf_counter() - start


async def _sdk(order: dict[str, Any], flying: int) -> float:
    from viam.app.viam_client import ViamClient
    from viam.rpc.dial import DialOptions

    access, ids, boxes = order["access"], order["ids"], _boxes(order["boxes"])
    options = DialOptions.with_api_key(access["api_key"], access["api_key_id"])
    options.insecure = True
    client = await ViamClient.create_from_dial_options(options, access["endpoint"])
    data = client.data_client

    async def work() -> None:
        for n, x, y in boxes:
            right, bottom = (x + 20) / WIDTH, (y + 10) / HEIGHT
            await data.add_bounding_box_to_image_by_id(ids[n], "car", x / WIDTH, y / HEIGHT, right, bottom)

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(flying)))
    seconds = time.perf_counter() - start
    client.close()
    return seconds


SIDES = {
    "dragoman": _dragoman,
    "sdk": lambda order: asyncio.run(_sdk(order, 1)),
    "sdk in eight": lambda order: asyncio.run(_sdk(order, 8)),
    "upload": _upload,
}

if __name__ == "__main__":
    if sys.argv[1:] == ["child"]:
        order = json.load(sys.stdin)
        cpu = time.process_time()
        wall = SIDES[order["side"]](order)
        sys.stdout.write(json.dumps({"wall": wall, "cpu": time.process_time() - cpu, "peak_mib": peak_mib()}))
    else:
        run(*map(int, sys.argv[1:]))
