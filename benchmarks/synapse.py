"""Synapse: uploads against its own SDK, and annotation documents fetched several at a time against one by one.

    python -m benchmarks synapse
    python -m benchmarks.synapse [MiB of the upload] [ground truths]        0 leaves one out

The SDK needs Python 3.12; `make test-synapse-sdk` builds an environment for it and `SYNAPSE_SDK_PYTHON` names its
interpreter. Without one, the upload is measured alone. Both sides send to one emulator, in processes of their own, and
take turns; the best turn of each counts, since others work on the machine, too.

The file stores of real platforms answer after milliseconds, not microseconds: for the listing, the emulated one waits
`STORE_MS` before each file.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dragoman
from benchmarks.measure import emulator, peak_mib, report
from dragoman import Box, Label
from dragoman.emulate import running

UPLOAD_MIB, TRUTHS = 1024, 100_000
TURNS = 3
STORE_MS = 30
"""Milliseconds that a store takes for one small file; the ratio depends on it, since waiting is what is saved."""
ONE_BY_ONE = 2_000
"""Ground truths that are read one by one; the time for all of them follows."""
MEMORY_MIB = 150
SDK = os.environ.get("SYNAPSE_SDK_PYTHON")

SDK_UPLOAD = """
import sys, time
from synapse_sdk.clients.backend import BackendClient
url, token, path, name = sys.argv[1:]
client = BackendClient(url, access_token=token)
start, cpu = time.perf_counter(), time.process_time()
client.create_model({"name": name}, file=path)
print(time.perf_counter() - start, time.process_time() - cpu)
"""


def run(mib: int = UPLOAD_MIB, truths: int = TRUTHS) -> None:
    """Print the ratios of wall time, and the peak memory of an upload."""
    if mib:
        _uploads(mib)
    if truths:
        _listing(truths)


def _uploads(mib: int) -> None:
    with tempfile.TemporaryDirectory() as folder, emulator("synapse") as ready:
        path = Path(folder) / "weights.bin"
        piece = os.urandom(1 << 20)
        with path.open("wb") as file:
            for _ in range(mib):
                file.write(piece)
        ours: list[dict[str, float]] = []
        theirs: list[dict[str, float]] = []
        for turn in range(TURNS):
            ours.append(_child({"ready": ready, "path": str(path), "name": f"ours {turn}"}))
            if SDK:
                token = ready["credentials"]["access_token"]
                command = [SDK, "-c", SDK_UPLOAD, ready["url"], token, str(path), f"theirs {turn}"]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                seconds, cpu = map(float, done.stdout.split()[-2:])
                theirs.append({"seconds": seconds, "cpu": cpu})
    for fact, what in (("seconds", "wall time"), ("cpu", "CPU time of the sender")):
        mine = min(one[fact] for one in ours)
        if theirs:
            best = min(one[fact] for one in theirs)
            report(f"Synapse: {what}, upload of {mib} MiB / the SDK's", mine, best, limit=1.0, unit="s")
        else:
            print(f"Synapse: {what}, upload of {mib} MiB {mine:.3f} s; SYNAPSE_SDK_PYTHON names no SDK to compare with")
    peak = max(one["peak_mib"] for one in ours)
    report("Synapse: peak memory of an upload / allowed", peak, MEMORY_MIB, limit=1.0, unit="MiB")


def _child(order: dict[str, Any]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.synapse", "--send"]
    done = subprocess.run(command, input=json.dumps(order), capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _send(order: dict[str, Any]) -> dict[str, float]:
    """Make a version with its weights in one step, as the SDK does."""
    ready, path = order["ready"], Path(order["path"])
    with dragoman.connect("synapse", endpoint=ready["url"], **ready["credentials"]) as backend:
        model = backend.models.create(order["name"], task="classification", features=["a"])
        start, cpu = time.perf_counter(), time.process_time()
        synapse: Any = backend
        synapse.deployments.create(model, name="v", weights=path, replace=False)
        spent = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
        return {**spent, "peak_mib": peak_mib()}


def _listing(truths: int) -> None:
    with _ground_truth(truths) as live:
        settings = {"endpoint": live.url, **live.credentials}
        dataset = str(next(iter(live.state.home.datasets)))
        sample = min(ONE_BY_ONE, truths)
        with dragoman.connect("synapse", concurrency=1, **settings) as backend:
            one_by_one = _read(backend, dataset, sample) / sample
        with dragoman.connect("synapse", **settings) as backend:
            together = _read(backend, dataset, truths) / truths
    # Less is better: a third of the time is three times as fast.
    what = f"Synapse: {truths} documents, several at once / one by one"
    report(what, together * 1000, one_by_one * 1000, limit=1 / 3, unit="ms")


def _read(backend: Any, dataset: str, count: int) -> float:
    start = time.perf_counter()
    labels = backend.labels.read(dataset)
    seen = 0
    while seen < count:
        next(labels)
        seen += 1
    seconds = time.perf_counter() - start
    if count == backend.truths.count(dataset):
        assert next(labels, None) is None
    return seconds


def _ground_truth(truths: int) -> Any:
    """Serve ground truth with one box each, from a store that takes its time."""
    from dragoman_synapse.codec import marks_of, v1
    from dragoman_synapse.emulator import create

    emulation = create()
    home, media = emulation.state.home, emulation.state.media
    dataset = home.add_dataset("street")
    picture = media.add("picture.png", b"")
    for number in range(truths):
        name = f"{number}.png"
        unit = home.add_unit({"image_1": type(picture)(picture.key, name, b"")})
        home.add_truth(dataset.id, unit, v1.write(marks_of(Label(name, "car", Box(number % 600, 1, 20, 30)))))
    app = emulation.app

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith("/media/"):
            await asyncio.sleep(STORE_MS / 1000)
        await app(scope, receive, send)

    emulation.app = slow
    return running(emulation)


if __name__ == "__main__":
    if sys.argv[1:] == ["--send"]:
        print(json.dumps(_send(json.load(sys.stdin))))
    else:
        run(*map(int, sys.argv[1:]))
