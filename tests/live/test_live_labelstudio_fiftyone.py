"""Label Studio with a third party: what FiftyOne's own integration writes there is read, and the other way round."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from labelstudio_server import TOKEN
from servers import Server

os.environ |= {"FIFTYONE_DO_NOT_TRACK": "true", "FIFTYONE_DATABASE_VALIDATION": "false"}
fiftyone = pytest.importorskip("fiftyone", reason="run `make test-live-fiftyone`")

from dragoman import Box, Label  # noqa: E402
from dragoman.conformance.difficult import HEIGHT, WIDTH, png  # noqa: E402

pytestmark = pytest.mark.live_labelstudio

CLASSES = ["car", "bus"]
COUNT = 4
FIELD = "ground_truth"


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Any]:
    """A dataset of FiftyOne: pictures with a detection each."""
    made = fiftyone.Dataset()
    for number in range(COUNT):
        path = tmp_path / f"{number}.png"
        path.write_bytes(png(number))
        sample = fiftyone.Sample(filepath=str(path))
        box = [number / 8, 0.25, 0.25, 0.5]
        sample[FIELD] = fiftyone.Detections(detections=[fiftyone.Detection(label=CLASSES[0], bounding_box=box)])
        made.add_sample(sample)
    made.compute_metadata()
    yield made
    made.delete()


@pytest.fixture
def project(studio: Any, dataset: Any, labelstudio_server: Server) -> str:
    """The project that FiftyOne has made of the dataset, with the detections as predictions."""
    dataset.annotate(
        "ours",
        backend="labelstudio",
        url=labelstudio_server.url,
        api_key=TOKEN,
        label_field=FIELD,
        label_type="detections",
        classes=CLASSES,
    )
    (found,) = studio.datasets.list()
    return str(found.id)


def test_what_fiftyone_writes_is_read(studio: Any, dataset: Any, project: str) -> None:
    features = {feature.name: feature.geometries for feature in studio.ontologies.get(project).features}
    assert features == dict.fromkeys(CLASSES, ("box", "rotated_box"))
    items = list(studio.datasets.read_items(project))
    assert [(item.width, item.height) for item in items] == [(WIDTH, HEIGHT)] * COUNT
    assert [Path(item.uri or "").read_bytes() for item in items] == [png(number) for number in range(COUNT)]

    (version,) = studio.versions.list(project)
    rows = list(studio.predictions.read(version, dataset=project))
    boxes = [Box(number / 8 * WIDTH, 0.25 * HEIGHT, 0.25 * WIDTH, 0.5 * HEIGHT) for number in range(COUNT)]
    assert [(row.item, row.feature, row.geometry) for row in rows] == [
        (item.key, CLASSES[0], box) for item, box in zip(items, boxes, strict=True)
    ]
    assert {row.id for row in rows} == {label.id for found in dataset.values(f"{FIELD}.detections") for label in found}


def test_what_we_write_is_read_by_fiftyone(studio: Any, dataset: Any, project: str, labelstudio_server: Server) -> None:
    items = list(studio.datasets.read_items(project))
    labels = [
        Label(item.key, "bus", Box(number, 12, 16, 24), id=row.id)
        for number, (item, row) in enumerate(
            zip(items, studio.predictions.read("undefined", dataset=project), strict=True)
        )
    ]
    labels.append(Label(items[0].key, "car", Box(32, 0, 32, 48)))
    studio.labels.write(labels, dataset=project).raise_for_problems()

    dataset.load_annotations("ours", url=labelstudio_server.url, api_key=TOKEN)
    read = dataset.values([f"{FIELD}.detections.label", f"{FIELD}.detections.bounding_box"])
    found = [sorted(zip(names, map(tuple, boxes), strict=True)) for names, boxes in zip(*read, strict=True)]
    expected = [[("bus", (number / WIDTH, 0.25, 0.25, 0.5))] for number in range(COUNT)]
    expected[0].append(("car", (0.5, 0.0, 0.5, 1.0)))
    for ours, theirs in zip(expected, found, strict=True):
        assert [name for name, _ in ours] == [name for name, _ in theirs]
        assert [box for _, box in theirs] == [pytest.approx(box) for _, box in ours]
