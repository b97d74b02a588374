"""One small call: through Dragoman, and the same through the raw SDK, on one emulator, taking turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import nucleus

import dragoman
from benchmarks.measure import emulator, report

CALLS = 1500
WARM_UP = 100


def run() -> None:
    """Print the ratio of the medians: neutral call to raw SDK, and to the raw SDK on Dragoman's pooled connection."""
    with emulator("nucleus") as ready:
        backend = dragoman.connect("nucleus", endpoint=ready["url"], **ready["credentials"])
        raw = nucleus.NucleusClient(api_key=ready["credentials"]["api_key"], endpoint=ready["url"])
        model = backend.models.create("bench", task="object_detection", features=["a", "b"])
        same = backend.client
        assert backend.models.get(model.id).key == raw.get_model(model.id).reference_id
        times = _take_turns(
            neutral=lambda: backend.models.get(model.id),
            raw=lambda: raw.get_model(model.id),
            pooled=lambda: same.get_model(model.id),
        )
    report("models.get / raw SDK's get_model", times["neutral"], times["raw"], limit=1.03, unit="ms")
    report("models.get / raw SDK on our connection", times["neutral"], times["pooled"], limit=1.25, unit="ms")


def _take_turns(**calls: Callable[[], object]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(CALLS + WARM_UP):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn >= WARM_UP:
                times[name].append((time.perf_counter() - start) * 1000)
    return {name: median(values) for name, values in times.items()}
