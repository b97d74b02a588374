"""A COCO file to a vendor's rows: Dragoman against the vendor's own objects, whole way, CPU time.

200 000 boxes and 50 000 polygons become the lines of JSON that Nucleus takes. The SDK's side loads the file with the
standard library, as one would, and makes the SDK's objects. What both send is compared. Encord's and Labelbox's routes
go through their emulators, in `encord` and `labelbox`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks.formats import BOXES, POLYGONS, write_coco
from benchmarks.measure import report

RUNS, BATCH = 5, 5000
Lines = Iterator[list[bytes]]


def run() -> None:
    """Print the ratios of CPU time."""
    with tempfile.TemporaryDirectory() as folder:
        for kind, count in (("boxes", BOXES), ("polygons", POLYGONS)):
            write_coco(Path(folder) / kind, kind, count)
            found = [{side: _child(side, Path(folder) / kind) for side in SIDES} for _ in range(RUNS)]
            assert all(one["dragoman"]["sent"] == one["sdk"]["sent"] for one in found), found[0]
            ours, theirs = (median(one[side]["cpu"] for one in found) for side in ("dragoman", "sdk"))
            report(f"COCO to Nucleus's rows, {count} {kind} / SDK's objects", ours, theirs, limit=0.3, unit="s")


def _child(side: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", __name__, side, str(folder)]
    result: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return result


def _dragoman(folder: Path) -> Lines:
    from dragoman.formats.coco import CocoReader
    from dragoman_nucleus.codec import row_out

    encode, rows = msgspec.json.Encoder().encode, CocoReader(folder).rows()
    while batch := [encode(row_out(row)) for row in islice(rows, BATCH)]:
        yield batch


def _sdk(folder: Path) -> Lines:
    content = json.loads((folder / "annotations" / "instances_train.json").read_bytes())
    images = {image["id"]: image["file_name"] for image in content["images"]}
    names = {category["id"]: category["name"] for category in content["categories"]}
    found = iter(content["annotations"])
    while batch := [json.dumps(_object(one, images, names).to_payload()).encode() for one in islice(found, BATCH)]:
        yield batch


def _object(one: dict[str, Any], images: dict[int, str], names: dict[int, str]) -> Any:
    from nucleus import BoxAnnotation, PolygonAnnotation
    from nucleus.annotation import Point

    what, item, name = names[one["category_id"]], images[one["image_id"]], str(one["id"])
    if one["segmentation"]:
        ring = one["segmentation"][0]
        vertices = [Point(x, y) for x, y in zip(ring[::2], ring[1::2], strict=True)]
        return PolygonAnnotation(what, vertices, reference_id=item, annotation_id=name)
    return BoxAnnotation(what, *one["bbox"], reference_id=item, annotation_id=name)


SIDES: dict[str, Callable[[Path], Lines]] = {"dragoman": _dragoman, "sdk": _sdk}


def _facts(line: bytes) -> tuple[str, str, str, int, float]:
    """Return what is compared of a row: its names, how many numbers its shape has, and their sum."""
    row = json.loads(line)
    shape = row["geometry"]
    points = shape.get("vertices", [shape])
    numbers = [value for point in points for value in point.values()]
    return row["label"], row["reference_id"], row["annotation_id"], len(numbers), round(sum(numbers), 3)


if __name__ == "__main__":
    made, path = SIDES[sys.argv[1]], Path(sys.argv[2])
    for module in ("dragoman.formats.coco", "dragoman_nucleus.codec", "nucleus"):
        __import__(module)  # `benchmarks.imports` is about imports
    start = time.process_time()
    count = sum(map(len, made(path)))
    taken = time.process_time() - start
    sent = [count, *(_facts(batch[0]) for batch in made(path))]
    print(json.dumps({"cpu": taken, "sent": sent}))
