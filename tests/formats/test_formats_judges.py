"""CVAT and Label Studio files judged by others: what Dragoman writes they read alike, and the other way round.

The judges are Datumaro, which CVAT itself exports with, and Label Studio's own converter. Both are too heavy for the
environment of all, so that these tests have one of their own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

datumaro = pytest.importorskip("datumaro", reason="run `make test-judges`")
converter = pytest.importorskip("label_studio_sdk.converter", reason="run `make test-judges`")

from label_studio_sdk.converter import brush  # noqa: E402
from label_studio_sdk.converter.imports.coco import convert_coco_to_ls  # noqa: E402

from dragoman.formats.coco import CocoWriter  # noqa: E402
from dragoman.formats.cvat import CvatReader, CvatWriter  # noqa: E402
from dragoman.formats.labelstudio import LabelStudioReader, LabelStudioWriter  # noqa: E402
from dragoman.formats.voc import VocReader  # noqa: E402
from dragoman.geometry import array_of_mask, iou, mask_of_array  # noqa: E402
from dragoman.schema import (  # noqa: E402
    Attribute,
    Box,
    Feature,
    Item,
    Label,
    Mask,
    Number,
    Ontology,
    Point,
    Polygon,
    Polyline,
    RotatedBox,
    Whole,
)

WIDTH, HEIGHT = 64, 48
PIXELS = np.zeros((HEIGHT, WIDTH), np.bool_)
PIXELS[5:9, 10:20] = True
PIXELS[20, 3] = True
FARM = Ontology(
    name="farm",
    features=(Feature(name="sheep", attributes=(Attribute(name="age", kind="number"),)), Feature(name="dog")),
)
SHAPES: list[Any] = [
    RotatedBox(30, 20, 20, 10, 30),
    Polygon.of([(1, 1), (10, 1), (10, 9)]),
    Polyline((1, 1, 5, 5, 9, 1)),
    Point(3, 4),
    mask_of_array(PIXELS),
    Whole(),
]
ROWS = [
    Label("a.png", "sheep", Box(1, 2, 30, 20), attributes={"occluded": True, "age": Number(3)}),
    *(Label("a.png", "dog", shape) for shape in SHAPES),
]


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    """An image with rows and one in a folder without."""
    made = []
    for key in ("a.png", "sub/b.png"):
        path = tmp_path / "images" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT)).save(path)
        made.append(Item(key, uri=str(path), width=WIDTH, height=HEIGHT))
    return made


class TestCvat:
    @pytest.fixture
    def theirs(self, tmp_path: Path, items: list[Item]) -> Any:
        """What Datumaro makes of our export."""
        CvatWriter(tmp_path / "ours").write(FARM, items, ROWS)
        return datumaro.Dataset.import_from(str(tmp_path / "ours"), "cvat")

    def test_datumaro_reads_our_shapes(self, theirs: Any) -> None:
        found = {item.id: item.annotations for item in theirs}
        assert found.keys() == {"a", "sub/b"}
        assert found["sub/b"] == []
        box, turned, polygon, line, point, mask, tag = found["a"]
        assert [one.type.name for one in found["a"]] == [
            *("bbox", "rotated_bbox", "polygon", "polyline", "points", "mask", "label")
        ]
        assert (box.points, box.attributes) == ([1, 2, 31, 22], {"age": 3, "occluded": True})
        assert turned.points == [30, 20, 20, 10, 30]
        assert (polygon.points, line.points, point.points) == ([1, 1, 10, 1, 10, 9], [1, 1, 5, 5, 9, 1], [3, 4])
        assert (mask.image.astype(bool) == PIXELS).all()
        names = [label.name for label in theirs.categories()[datumaro.AnnotationType.label]]
        assert [names[one.label] for one in (box, tag)] == ["sheep", "dog"]

    def test_we_read_what_datumaro_writes(self, tmp_path: Path, theirs: Any) -> None:
        theirs.export(str(tmp_path / "theirs"), "cvat", save_media=True)
        (file,) = (tmp_path / "theirs").rglob("*.xml")
        reader = CvatReader(file)
        assert [item.key for item in reader.items()] == ["a.png", "sub/b.png"]
        assert [(row.feature, row.geometry) for row in reader.rows()] == [(row.feature, row.geometry) for row in ROWS]
        assert next(reader.rows()).attributes == {"occluded": True, "age": "3.0"}


def test_we_read_segmentation_that_datumaro_writes(tmp_path: Path) -> None:
    labels = [f"class {number}" for number in range(3)]
    first, second = PIXELS.copy(), np.zeros_like(PIXELS)
    second[30:40, 30:50] = True
    masks = [datumaro.Mask(image=image, label=n + 1, group=n + 1) for n, image in enumerate((first, second))]
    image = datumaro.Image.from_numpy(data=np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    item = datumaro.DatasetItem("a", subset="train", media=image, annotations=masks)
    dataset = datumaro.Dataset.from_iterable([item], categories=labels, media_type=datumaro.Image)
    dataset.export(str(tmp_path / "voc"), "voc_segmentation", save_media=True)
    rows = [row for row in VocReader(tmp_path / "voc").rows() if isinstance(row.geometry, Mask)]
    assert [row.feature for row in rows] == ["class 1", "class 2"]
    for row, pixels in zip(rows, (first, second), strict=True):
        assert isinstance(row.geometry, Mask)
        assert (array_of_mask(row.geometry) == pixels).all()


class TestLabelStudio:
    def test_its_converter_reads_our_shapes(self, tmp_path: Path, items: list[Item]) -> None:
        kinds = ("box", "polygon")
        farm = Ontology(name="farm", features=tuple(Feature(name=name, geometries=kinds) for name in ("sheep", "dog")))
        ours, theirs = tmp_path / "ours", tmp_path / "theirs"
        LabelStudioWriter(ours).write(farm, items, [ROWS[0], Label("a.png", "dog", SHAPES[1])])
        made = converter.Converter(str(ours / "config.xml"), str(tmp_path), download_resources=False)
        made.convert_to_coco(
            str(ours / "tasks.json"), str(theirs), output_image_dir=str(theirs / "images"), is_dir=False
        )
        found = json.loads((theirs / "result.json").read_text())
        names = {category["id"]: category["name"] for category in found["categories"]}
        box, polygon = found["annotations"]
        assert [names[one["category_id"]] for one in (box, polygon)] == ["sheep", "dog"]
        assert box["bbox"] == pytest.approx([1, 2, 30, 20])
        assert polygon["segmentation"] == [pytest.approx([1, 1, 10, 1, 10, 9])]

    def test_its_converter_reads_our_brushes_and_we_write_its_bytes(self, tmp_path: Path, items: list[Item]) -> None:
        LabelStudioWriter(tmp_path / "tasks.json").write(FARM, items, [Label("a.png", "dog", SHAPES[4])])
        task, _ = json.loads((tmp_path / "tasks.json").read_text())
        (result,) = task["annotations"][0]["result"]
        packed = result["value"]["rle"]
        assert (np.reshape(brush.decode_rle(packed), (HEIGHT, WIDTH, 4))[:, :, 3] > 0).tolist() == PIXELS.tolist()
        assert list(brush.encode_rle(np.repeat(np.where(PIXELS, 255, 0).astype(np.uint8).ravel(), 4))) == packed

    def test_we_read_tasks_that_its_converter_makes_of_coco(self, tmp_path: Path, items: list[Item]) -> None:
        rows = [Label("a.png", "dog", SHAPES[1], "1"), Label("a.png", "sheep", Box(1, 2, 30, 20), "2")]
        CocoWriter(tmp_path / "coco.json").write(FARM, items, rows)
        convert_coco_to_ls(str(tmp_path / "coco.json"), str(tmp_path / "tasks.json"), image_root_url="/images")
        found = {row.feature: row for row in LabelStudioReader(tmp_path / "tasks.json").rows()}
        assert found.keys() == {"sheep", "dog"}
        for row in rows:
            assert iou(found[row.feature].geometry, row.geometry) == pytest.approx(1, abs=1e-3)
