"""Box predictions on Nucleus: 200 000 written and read back, through Dragoman and through the SDK's own objects.

Both sides work on one emulator, each in a process of its own, and are given the same plain values in a list. What they
send is compared, and so is what they read; of several turns the median counts. `python -m benchmarks.nucleus 20000`
does it with fewer rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import nucleus
import requests

import dragoman
from benchmarks.measure import emulator, medians, peak_mib, report
from dragoman import Box, Item, Prediction

ROWS = 200_000
ITEMS = 1000
RUNS = 5
FEATURES = tuple("abcdefghij")

Row = tuple[str, str, str, float, float, float, float, float]
"""Id, item, feature, x, y, width, height, confidence."""
Result = dict[str, float]


def run(rows: int = ROWS) -> None:
    """Print the ratios of client CPU and wall time of writing and of reading, and how memory grows with the rows."""
    os.environ["TQDM_DISABLE"] = "1"
    results: dict[str, list[Result]] = {side: [] for side in SIDES}
    with emulator("nucleus") as ready:
        target = _prepared(ready)
        _check_bodies(ready, target)
        for turn in range(RUNS):
            for side, found in results.items():
                found.append(_child(ready, target, side, f"{side} {turn}", rows))
            last = {side: found[-1] for side, found in results.items()}
            assert last["dragoman"]["rows"] == last["sdk"]["rows"] == rows, last
            assert abs(last["dragoman"]["sum"] - last["sdk"]["sum"]) < 1e-6 * rows, last
        few, all_of_them = (_child(ready, target, "stream", f"{n}", n) for n in (rows // 5, rows))
    sides = {side: medians(found) for side, found in results.items()}
    for what, limits in (("write", (0.25, 0.5)), ("read", (0.5, 1.0))):
        for figure, limit in zip(("cpu", "wall"), limits, strict=True):
            ours, theirs = (sides[side][f"{what}_{figure}"] for side in ("dragoman", "sdk"))
            name = "client CPU" if figure == "cpu" else "wall time"
            report(f"Nucleus: {what} {rows} boxes / SDK's objects, {name}", ours, theirs, limit=limit, unit="s")
    report(
        f"Nucleus: peak memory, {rows} boxes written / a fifth",
        all_of_them["peak_mib"],
        few["peak_mib"],
        limit=1.1,
        unit="MiB",
    )


def _rows(count: int) -> Iterator[Row]:
    """Yield the rows: deterministic, from nothing held."""
    for n in range(count):
        x, y, width, height = float(n % 613), float(n % 411), 10.0 + n % 37, 5.0 + n % 53
        yield f"row-{n}", f"item-{n % ITEMS}", FEATURES[n % 10], x, y, width, height, (n % 1000) / 1000


def _prepared(ready: dict[str, Any]) -> dict[str, str]:
    """Make a dataset of items and a model, and return their ids."""
    with dragoman.connect("nucleus", endpoint=ready["url"], **ready["credentials"]) as backend:
        dataset = backend.datasets.create("bench")
        items = (Item(f"item-{n}", uri=f"https://example.com/{n}.jpg", width=640, height=480) for n in range(ITEMS))
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
        model = backend.models.create("bench", task="object_detection", features=FEATURES)
        return {"dataset": dataset.id, "model": model.id}


def _child(ready: dict[str, Any], target: dict[str, str], side: str, name: str, rows: int) -> Result:
    """Write the rows to a new run, and read them, in a fresh process."""
    order = {"url": ready["url"], "key": ready["credentials"]["api_key"], "rows": rows, "side": side}
    order |= {"dataset": target["dataset"], "run": _run(ready, target, name)}
    command = [sys.executable, "-m", "benchmarks.nucleus", json.dumps(order)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: Result = json.loads(done.stdout)
    return result


def _run(ready: dict[str, Any], target: dict[str, str], name: str) -> str:
    with dragoman.connect("nucleus", endpoint=ready["url"], **ready["credentials"]) as backend:
        return backend.versions.create(target["model"], name=name, dataset=target["dataset"]).id


class _Clock:
    """Measures what passes between two marks."""

    def __init__(self) -> None:
        self.result: Result = {}
        self._start()

    def _start(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def mark(self, what: str) -> None:
        self.result |= {
            f"{what}_wall": time.perf_counter() - self._wall,
            f"{what}_cpu": time.process_time() - self._cpu,
        }
        self._start()


def _ours(rows: Iterable[Row]) -> Iterator[Prediction]:
    for row_id, item, feature, x, y, width, height, confidence in rows:
        yield Prediction(item, feature, Box(x, y, width, height), row_id, confidence=confidence)


def _theirs(rows: Iterable[Row]) -> list[nucleus.BoxPrediction]:
    return [
        nucleus.BoxPrediction(
            label=feature,
            x=x,
            y=y,
            width=width,
            height=height,
            reference_id=item,
            confidence=confidence,
            annotation_id=row_id,
        )
        for row_id, item, feature, x, y, width, height, confidence in rows
    ]


def _dragoman(order: dict[str, Any]) -> Result:
    rows = list(_rows(order["rows"]))
    with dragoman.connect("nucleus", endpoint=order["url"], api_key=order["key"]) as backend:
        assert backend.versions.get(order["run"])  # connects, and imports what is imported when it is needed
        clock = _Clock()
        outcome = backend.predictions.write(_ours(rows), version=order["run"], dataset=order["dataset"])
        assert outcome.counts == {"created": len(rows)}, outcome
        clock.mark("write")
        count, total = 0, 0.0
        for row in backend.predictions.read(order["run"], dataset=order["dataset"]):
            assert isinstance(row.geometry, Box)
            count, total = count + 1, total + row.geometry.x + (row.confidence or 0.0)
        clock.mark("read")
    return {**clock.result, "rows": count, "sum": total}


def _sdk(order: dict[str, Any]) -> Result:
    warnings.simplefilter("ignore", DeprecationWarning)
    rows = list(_rows(order["rows"]))
    client = nucleus.NucleusClient(api_key=order["key"], endpoint=order["url"])
    target = client.get_dataset(order["dataset"])
    made = client.get_model_run(order["run"], order["dataset"])
    assert made.info()
    clock = _Clock()
    answer = target.upload_predictions_for_model_run(order["run"], _theirs(rows))
    assert answer["predictions_processed"] == len(rows), answer
    clock.mark("write")
    count, total = 0, 0.0
    for box in made.ungrouped_export()["box"]:
        count, total = count + 1, total + box.x + (box.confidence or 0.0)
    clock.mark("read")
    return {**clock.result, "rows": count, "sum": total}


def _stream(order: dict[str, Any]) -> Result:
    """Write rows of which none is held."""
    with dragoman.connect("nucleus", endpoint=order["url"], api_key=order["key"]) as backend:
        rows = _ours(_rows(order["rows"]))
        backend.predictions.write(rows, version=order["run"], dataset=order["dataset"]).raise_for_problems()
    return {}


SIDES = {"dragoman": _dragoman, "sdk": _sdk}


def _check_bodies(ready: dict[str, Any], target: dict[str, str]) -> None:
    """Make sure that both sides send the same rows, at once and as a file."""
    with dragoman.connect("nucleus", endpoint=ready["url"], **ready["credentials"]) as backend:
        client = nucleus.NucleusClient(api_key=ready["credentials"]["api_key"], endpoint=ready["url"])
        for asynchronous in (False, True):
            rows = list(_rows(6000 if asynchronous else 600))
            runs = [_run(ready, target, f"body {side} {asynchronous}") for side in SIDES]
            with _Caught(requests.Session, "send") as sent:
                backend.predictions.write(_ours(rows), version=runs[0], dataset=target["dataset"])
                ours = sent.rows()
            with _Caught(requests.Session, "send") as sent:
                sdk = client.get_dataset(target["dataset"])
                sdk.upload_predictions_for_model_run(runs[1], _theirs(rows), asynchronous=asynchronous)
                theirs = sent.rows()
            assert len(ours) == len(rows)
            assert ours == theirs, "the two sides do not send the same"


class _Caught:
    """Notes what is sent while it is entered."""

    def __init__(self, owner: Any, name: str) -> None:
        self._owner, self._name, self._original = owner, name, getattr(owner, name)
        self._bodies: list[bytes] = []

    def __enter__(self) -> _Caught:
        def send(session: Any, request: Any, **options: Any) -> Any:
            body = getattr(request.body, "getvalue", lambda: request.body)()  # the SDK sends a file from memory
            self._bodies.append(body.encode() if isinstance(body, str) else body or b"")
            return self._original(session, request, **options)

        setattr(self._owner, self._name, send)
        return self

    def __exit__(self, *_: object) -> None:
        setattr(self._owner, self._name, self._original)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows that were sent; the SDK also says which of their fields are null."""
        found: list[dict[str, Any]] = []
        for body in self._bodies:
            for line in body.splitlines():
                sent = json.loads(line)
                found += sent.get("annotations") or ([sent] if "geometry" in sent else [])
        return [{name: value for name, value in row.items() if value is not None} for row in found]


if __name__ == "__main__":
    if sys.argv[1:] and not sys.argv[1].isdigit():
        order = json.loads(sys.argv[1])
        result = {**SIDES, "stream": _stream}[order["side"]](order)
        print(json.dumps({**result, "peak_mib": peak_mib()}))
    else:
        run(*map(int, sys.argv[1:]))
