"""The sides of the benchmark of Labelbox, each run in a process of its own: `benchmarks.labelbox` compares them.

Nothing is imported before a side needs it: the SDK's objects run where there is no Dragoman.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import uuid4

from benchmarks.measure import peak_mib

ITEMS = 2_000
FEATURES = tuple("abcdefghij")
STREAMED = "dragoman streamed"
"""The side whose rows are made as they are sent, for the memory."""

Order = dict[str, Any]
Result = dict[str, float]
Plain = tuple[str, str, float, float, float, float, float]
"""Item, feature, left, top, width, height and confidence."""


def _plain(count: int) -> Iterator[Plain]:
    """Yield the rows: deterministic, from nothing held. No confidence is 0, which the SDK's converter drops."""
    for n in range(count):
        corner, size = (float(n % 613), float(n % 411)), (10.0 + n % 37, 5.0 + n % 53)
        yield f"item-{n // 100 % ITEMS}", FEATURES[n % 10], *corner, *size, (n % 999 + 1) / 1000


# -- Dragoman ---------------------------------------------------------------------------------------------------------


def _predictions(rows: Iterable[Plain]) -> Iterator[Any]:
    from dragoman import Box, Prediction

    for item, feature, left, top, width, height, confidence in rows:
        yield Prediction(item, feature, Box(left, top, width, height), confidence=confidence)


def _dragoman(order: Order, rows: Iterable[Plain]) -> Result:
    import dragoman

    with dragoman.connect("labelbox", **order["access"]) as backend:
        target = {"version": order["run"], "dataset": order["dataset"]}
        start = time.process_time()
        written = backend.predictions.write(_predictions(rows), **target)
        write = time.process_time() - start
        assert written.counts == {"created": order["rows"]}, written
        peak_written = peak_mib()
        start = time.process_time()
        count, total = 0, 0.0
        for row in backend.predictions.read(order["run"], dataset=order["dataset"]):
            box: Any = row.geometry
            count, total = count + 1, total + box.x + box.y + box.width + box.height + (row.confidence or 0)
        read = time.process_time() - start
    peaks = {"peak_written": peak_written, "peak_read": peak_mib()}
    return {"write": write, "read": read, "boxes": count, "sum": total, **peaks}


def _dragoman_conversion(order: Order) -> Result:
    import msgspec

    from dragoman_labelbox.codec import bare_out
    from dragoman_labelbox.nodes import Known

    rows = list(_predictions(_plain(order["rows"])))
    known = Known({}, keeps=False)
    start = time.process_time()
    made = [row for row in bare_out(rows, lambda feature, kind: known, str) if row is not None]
    assert len(made) == len(rows)
    content = msgspec.json.Encoder().encode_lines(made)
    return {"convert": time.process_time() - start, "bytes": len(content)}


# -- the SDK ----------------------------------------------------------------------------------------------------------


def _sdk_run(order: Order) -> Any:
    from labelbox import Client

    return Client(**order["access"], enable_experimental=True).get_model_run(order["run"])


def _labels(rows: list[Plain]) -> list[Any]:
    """Build the SDK's objects: a label for each item."""
    from labelbox.data.annotation_types import Label, ObjectAnnotation, Point, Rectangle

    by_item: dict[str, list[Any]] = {}
    for item, feature, left, top, width, height, confidence in rows:
        shape = Rectangle(start=Point(x=left, y=top), end=Point(x=left + width, y=top + height))
        by_item.setdefault(item, []).append(ObjectAnnotation(name=feature, value=shape, confidence=confidence))
    return [Label(data={"global_key": item}, annotations=found) for item, found in by_item.items()]


def _dict(row: Plain) -> dict[str, Any]:
    """Build a row by hand; without a uuid no status could be told whose it is."""
    item, feature, left, top, width, height, confidence = row
    box = {"left": left, "top": top, "width": width, "height": height}
    common = {"uuid": str(uuid4()), "dataRow": {"globalKey": item}, "name": feature}
    return {**common, "bbox": box, "confidence": confidence}


def _sdk(order: Order, made_of: Callable[[list[Plain]], list[Any]]) -> Result:
    run = _sdk_run(order)
    # What the SDK imports late is not counted.
    made_of(list(_plain(1)))
    rows = list(_plain(order["rows"]))
    start = time.process_time()
    job = run.add_predictions("bench", made_of(rows))
    statuses = job.statuses
    write = time.process_time() - start
    assert sum(status["status"] == "SUCCESS" for status in statuses) == order["rows"]
    return {"write": write, **_streamed(run)}


def _streamed(run: Any) -> Result:
    """Read an export of a run as the SDK streams it."""
    start = time.process_time()
    count, total = 0, 0.0
    task = run.export(params={"predictions": True})
    task.wait_till_done()
    for line in task.get_buffered_stream():
        for model in line.json["experiments"].values():
            for label in (label for held in model["runs"].values() for label in held["predictions"]):
                for shown in label["annotations"]["objects"]:
                    box = shown["bounding_box"]
                    count += 1
                    total += box["left"] + box["top"] + box["width"] + box["height"] + shown["confidence"]
    return {"read": time.process_time() - start, "boxes": count, "sum": total}


def _objects_conversion(order: Order) -> Result:
    from labelbox import parser
    from labelbox.data.serialization import NDJsonConverter

    rows = list(_plain(order["rows"]))
    list(NDJsonConverter.serialize(_labels(rows[:1])))
    start = time.process_time()
    content = parser.dumps(list(NDJsonConverter.serialize(_labels(rows)))).encode()
    return {"convert": time.process_time() - start, "bytes": len(content)}


SIDES: dict[str, Callable[[Order], Result]] = {
    "dragoman": lambda order: _dragoman(order, list(_plain(order["rows"]))),
    STREAMED: lambda order: _dragoman(order, _plain(order["rows"])),
    "objects": lambda order: _sdk(order, _labels),
    "dicts": lambda order: _sdk(order, lambda rows: [_dict(row) for row in rows]),
    "stream": lambda order: _streamed(_sdk_run(order)),
    "dragoman conversion": _dragoman_conversion,
    "objects conversion": _objects_conversion,
}

if __name__ == "__main__":
    given = json.load(sys.stdin)
    print(json.dumps(SIDES[given["side"]](given)))
