"""Labels on Encord: 20 boxes on each of 5 000 images, through Dragoman and through the SDK's documented bundles.

Both sides write to and read from one emulator, each to a dataset of its own and in a process of its own, and hand back
what they read: how many boxes, and the sum of their corners.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import dragoman
from benchmarks.measure import emulator, peak_mib, report
from dragoman import Box, Feature, Item, Label, Ontology

IMAGES, BOXES = 5_000, 20
WIDTH, HEIGHT = 640, 480

Result = dict[str, float]


def run() -> None:
    """Print the ratios of wall time, and the growth of memory with the images."""
    with emulator("encord") as ready:
        access = {"domain": ready["url"], **ready["credentials"]}
        found = {side: _child(access, side, IMAGES) for side in SIDES}
        small = _child(access, "dragoman", IMAGES // 5)
    ours, theirs = found["dragoman"], found["sdk"]
    for fact in ("boxes", "sum"):
        assert abs(ours[fact] - theirs[fact]) <= 1e-6 * abs(theirs[fact]), (fact, ours, theirs)
    rows = IMAGES * BOXES
    report(f"Encord: write {rows} boxes / SDK's bundles", ours["write"], theirs["write"], limit=1.0, unit="s")
    report(f"Encord: read {rows} boxes / SDK's bundles", ours["read"], theirs["read"], limit=1.0, unit="s")
    report(f"Encord: peak memory, {rows} boxes / a fifth", ours["peak_mib"], small["peak_mib"], limit=1.15, unit="MiB")


def _child(access: dict[str, str], side: str, images: int) -> Result:
    dataset = _prepared(access, f"{side} {images}", images)
    order = json.dumps({"access": access, "side": side, "images": images, "dataset": dataset})
    done = subprocess.run([sys.executable, "-m", __name__], input=order, capture_output=True, text=True, check=True)
    result: Result = json.loads(done.stdout)
    return result


def _prepared(access: dict[str, str], name: str, images: int) -> str:
    """Make a dataset of images with an ontology, and return its id."""
    with dragoman.connect("encord", **access) as backend:
        dataset = backend.datasets.create(name)
        items = (Item(f"{n}", uri=f"s3://bucket/{n}.jpg", width=WIDTH, height=HEIGHT) for n in range(images))
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
        features = (Feature(name="car", geometries=("box",)),)
        backend.ontologies.create(Ontology(name=name, features=features), dataset=dataset)
        return dataset.id


def _boxes(images: int) -> Iterator[tuple[int, float, float]]:
    """Yield image, x and y of the boxes of 20 x 30 pixels."""
    return ((n, k * 10 + 0.5, float(n % 300)) for n in range(images) for k in range(BOXES))


def _dragoman(access: dict[str, str], images: int, dataset: str) -> Result:
    with dragoman.connect("encord", **access) as backend:
        start = time.perf_counter()
        rows = (Label(f"{n}", "car", Box(x, y, 20, 30)) for n, x, y in _boxes(images))
        backend.labels.write(rows, dataset=dataset).raise_for_problems()
        written = time.perf_counter()
        count, total = 0, 0.0
        for row in backend.labels.read(dataset):
            assert isinstance(row.geometry, Box)
            count, total = count + 1, total + row.geometry.x + row.geometry.y
        return {"write": written - start, "read": time.perf_counter() - written, "boxes": count, "sum": total}


def _sdk(access: dict[str, str], images: int, dataset: str) -> Result:
    from encord import EncordUserClient
    from encord.objects.coordinates import BoundingBoxCoordinates

    with dragoman.connect("encord", **access) as backend:
        project_id = backend.projects.of(dataset)
    client = EncordUserClient.create_with_ssh_private_key(access["ssh_private_key"], domain=access["domain"])
    start = time.perf_counter()
    project = client.get_project(project_id)
    rows = _initialised(project)
    car = next(found for found in project.ontology_structure.objects if found.name == "car")
    by_title = {row.data_title: row for row in rows}
    for n, x, y in _boxes(images):
        shape = BoundingBoxCoordinates(
            height=30 / HEIGHT, width=20 / WIDTH, top_left_x=x / WIDTH, top_left_y=y / HEIGHT
        )
        box = car.create_instance()
        box.set_for_frames(shape, frames=0)
        by_title[f"{n}"].add_object_instance(box)
    with project.create_bundle() as bundle:
        for row in rows:
            row.save(bundle=bundle)
    written = time.perf_counter()
    count, total = 0, 0.0
    for row in _initialised(client.get_project(project_id)):
        for found in row.get_object_instances():
            at = found.get_annotation(0).coordinates
            count, total = count + 1, total + at.top_left_x * WIDTH + at.top_left_y * HEIGHT
    return {"write": written - start, "read": time.perf_counter() - written, "boxes": count, "sum": total}


def _initialised(project: Any) -> list[Any]:
    rows: list[Any] = project.list_label_rows_v2()
    with project.create_bundle() as bundle:
        for row in rows:
            row.initialise_labels(bundle=bundle)
    return rows


SIDES = {"dragoman": _dragoman, "sdk": _sdk}

if __name__ == "__main__":
    order = json.load(sys.stdin)
    result = SIDES[order["side"]](order["access"], order["images"], order["dataset"])
    result["peak_mib"] = peak_mib()
    print(json.dumps(result))
