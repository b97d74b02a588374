"""COCO files to rows: Dragoman against labelformat and datumaro, in turns, each in processes of its own, CPU time.

200 000 boxes and 50 000 polygons of 20 to 60 vertices, over 20 000 images each. The peers run in an environment of
their own (`measure.peers`), so that their pins bind nobody else. Each side hands back counts and sums over its own
objects, which are compared.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import peak_mib, peers, report

IMAGES, BOXES, POLYGONS, CATEGORIES = 20_000, 200_000, 50_000, 80
RUNS = 5
PEERS = ("labelformat==0.1.17", "datumaro==1.13.12")
LIMIT = 0.2
"""Dragoman takes at most a fifth of the time of either."""

Result = dict[str, float]


def run() -> None:
    """Print the ratios of CPU time, and the growth of memory with the annotations."""
    python = peers("formats", PEERS)
    with tempfile.TemporaryDirectory() as folder:
        for kind, count in (("boxes", BOXES), ("polygons", POLYGONS)):
            write_coco(Path(folder) / kind, kind, count)
        totals: dict[str, list[float]] = {side: [] for side in SIDES}
        for _ in range(RUNS):
            found = {side: [_child(python, side, kind, folder) for kind in ("boxes", "polygons")] for side in SIDES}
            _check_equal(found)
            for side, results in found.items():
                totals[side].append(sum(result["cpu"] for result in results))
        small = write_coco(Path(folder) / "small", "boxes", BOXES // 10)
        grown = [_child(python, "dragoman", kind, folder)["peak_mib"] for kind in ("boxes", small)]
    best = {side: median(times) for side, times in totals.items()}
    for peer in ("labelformat", "datumaro"):
        report(f"COCO to rows, {BOXES + POLYGONS} rows / {peer}", best["dragoman"], best[peer], limit=LIMIT, unit="s")
    report(f"peak memory, {BOXES} rows / {BOXES // 10} rows", *grown, limit=1.15, unit="MiB")


def write_coco(folder: Path, kind: str, count: int) -> str:
    """Write a COCO dataset of boxes or polygons, and return the folder's name."""
    chance = random.Random(1)
    images = [{"id": n + 1, "file_name": f"{n:06d}.jpg", "width": 640, "height": 480} for n in range(IMAGES)]
    draw = _box if kind == "boxes" else _polygon
    annotations = [
        {"id": n + 1, "image_id": n % IMAGES + 1, "category_id": n % CATEGORIES + 1, "iscrowd": 0, **draw(chance)}
        for n in range(count)
    ]
    categories = [{"id": n + 1, "name": f"class {n}", "supercategory": "thing"} for n in range(CATEGORIES)]
    (folder / "annotations").mkdir(parents=True)
    (folder / "images").mkdir()
    content = {"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations" / "instances_train.json").write_text(json.dumps(content))
    return folder.name


def _box(chance: random.Random) -> dict[str, Any]:
    x, y, width, height = (round(chance.uniform(5, high), 2) for high in (500, 400, 100, 70))
    return {"bbox": [x, y, width, height], "area": width * height, "segmentation": []}


def _polygon(chance: random.Random) -> dict[str, Any]:
    corners, radius = chance.randint(20, 60), chance.uniform(9, 90)
    x, y = chance.uniform(100, 500), chance.uniform(100, 380)
    turns = [math.tau * n / corners for n in range(corners)]
    ring = [round(v, 2) for turn in turns for v in (x + radius * math.cos(turn), y + radius * math.sin(turn))]
    box = [min(ring[::2]), min(ring[1::2]), max(ring[::2]) - min(ring[::2]), max(ring[1::2]) - min(ring[1::2])]
    return {"bbox": box, "area": round(math.pi * radius**2, 2), "segmentation": [ring]}


def _child(python: str, side: str, kind: str, folder: str) -> Result:
    """Read one dataset in a fresh process; return its CPU seconds, peak MiB, and what it counted."""
    interpreter = sys.executable if side == "dragoman" else python
    command = [interpreter, str(Path(__file__)), side, kind, folder]
    # Only ours needs the repository in its path; to the peers it would be a stranger's `benchmarks`.
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=environment)
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def _check_equal(found: dict[str, list[Result]]) -> None:
    for side, results in found.items():
        for ours, theirs in zip(found["dragoman"], results, strict=True):
            for what in ("images", "rows", "vertices", "sum"):
                assert math.isclose(ours[what], theirs[what], rel_tol=1e-6), (side, what, ours[what], theirs[what])


# -- the sides: each says how many images there are, and yields its objects -----------------------------------------


def _dragoman(folder: Path, kind: str) -> tuple[int, Iterator[Any]]:
    from dragoman.formats.coco import CocoReader

    reader = CocoReader(folder)
    return sum(1 for _ in reader.items()), reader.rows()


def _labelformat(folder: Path, kind: str) -> tuple[int, Iterator[Any]]:
    formats: Any = importlib.import_module("labelformat.formats")
    made = formats.COCOInstanceSegmentationInput if kind == "polygons" else formats.COCOObjectDetectionInput
    reader = made(input_file=folder / "annotations" / "instances_train.json")
    count = sum(1 for _ in reader.get_images())
    return count, (one for label in reader.get_labels() for one in label.objects)


def _datumaro(folder: Path, kind: str) -> tuple[int, Iterator[Any]]:
    datumaro: Any = importlib.import_module("datumaro")
    dataset = datumaro.Dataset.import_from(str(folder), "coco_instances")
    wanted = datumaro.AnnotationType.polygon if kind == "polygons" else datumaro.AnnotationType.bbox
    return len(dataset), (one for item in dataset for one in item.annotations if one.type == wanted)


SIDES: dict[str, Callable[[Path, str], tuple[int, Iterator[Any]]]] = {
    "dragoman": _dragoman,
    "labelformat": _labelformat,
    "datumaro": _datumaro,
}


MODULES = {"dragoman": "dragoman.formats.coco", "labelformat": "labelformat.formats", "datumaro": "datumaro"}
SHAPES: dict[str, Callable[[Any, bool], Sequence[Any]]] = {
    "dragoman": lambda row, ring: row.geometry.parts[0][0] if ring else (row.geometry.x, 0, 0, 0),
    "labelformat": lambda one, ring: sum(one.segmentation.polygons[0], ()) if ring else (one.box.xmin, 0, 0, 0),
    "datumaro": lambda one, ring: one.points,
}
"""What numbers an object of a side holds; the first of them, and how many there are, is compared."""


def _read(side: str, kind: str, folder: Path) -> Result:
    """Read a dataset and drop what is read, which is timed; then read it again and count, which is not."""
    importlib.import_module(MODULES[side])  # `benchmarks.imports` is about imports
    start = time.process_time()
    images, objects = SIDES[side](folder / kind, kind)
    deque(objects, maxlen=0)
    taken = time.process_time() - start
    peak = peak_mib()
    shapes = [SHAPES[side](one, kind == "polygons") for one in SIDES[side](folder / kind, kind)[1]]
    vertices, total = sum(map(len, shapes)), math.fsum(shape[0] for shape in shapes)
    return {"cpu": taken, "peak_mib": peak, "images": images, "rows": len(shapes), "vertices": vertices, "sum": total}


if __name__ == "__main__":
    print(json.dumps(_read(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
