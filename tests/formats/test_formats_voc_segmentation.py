"""Pascal VOC's segmentation images: objects and classes as masks, pixel by pixel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dragoman import Box, InvalidData, Label, Mask
from dragoman.formats.convert import recognised
from dragoman.formats.voc import VocReader
from dragoman.formats.voc.segmentation import NAMES
from dragoman.geometry import array_of_mask

SIZE = (8, 6)
OBJECT = "<object><name>{}</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>3</ymax></bndbox></object>"
# Two objects side by side, the second of two parts, with a border around it.
PIXELS = np.array(
    [
        [1, 1, 255, 2, 2, 0, 0, 0],
        [1, 1, 255, 2, 2, 0, 0, 0],
        [0, 0, 255, 255, 255, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 2, 2],
        [0, 0, 0, 0, 0, 0, 2, 2],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ],
    np.uint8,
)
COLOURS = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 255: (224, 224, 192)}


def devkit(root: Path, *objects: str, size: tuple[int, int] = SIZE, **pngs: Any) -> Path:
    """Make an image `a` with objects, and a PNG in each folder named."""
    if objects:
        (root / "Annotations").mkdir(parents=True)
        head = f"<filename>a.jpg</filename><size><width>{size[0]}</width><height>{size[1]}</height></size>"
        text = "".join(map(OBJECT.format, objects))
        (root / "Annotations/a.xml").write_text(f"<annotation>{head}{text}</annotation>")
    for folder, pixels in pngs.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(pixels)
        if pixels.ndim == 2:
            image.putpalette([channel for number in range(256) for channel in (number, number, number)])
        image.save(root / folder / "a.png")
    return root


def coloured(numbers: np.ndarray) -> np.ndarray:
    return np.array([[COLOURS[number] for number in row] for row in numbers.tolist()], np.uint8)


def seen(row: Label) -> tuple[str, np.ndarray]:
    assert isinstance(row.geometry, Mask)
    return row.feature, array_of_mask(row.geometry)


def test_objects_are_masks_in_the_order_of_the_xml_and_the_border_belongs_to_none(tmp_path: Path) -> None:
    reader = VocReader(devkit(tmp_path, "cat", "dog", SegmentationObject=PIXELS))
    cat, dog = reader.rows()
    assert seen(cat)[0] == "cat"
    assert (seen(cat)[1] == (PIXELS == 1)).all()
    assert seen(dog)[0] == "dog"
    assert (seen(dog)[1] == (PIXELS == 2)).all(), "the second part is there too"
    assert cat.metadata == {"bbox": [0.0, 0.0, 4.0, 3.0]}
    assert cat.id != dog.id


def test_an_object_without_pixels_stays_a_box(tmp_path: Path) -> None:
    rows = list(VocReader(devkit(tmp_path, "cat", "dog", "cow", SegmentationObject=PIXELS)).rows())
    assert rows[2] == Label("a.jpg", "cow", Box(0, 0, 4, 3))


def test_boxes_are_read_where_they_are_asked_for(tmp_path: Path) -> None:
    root = devkit(tmp_path, "cat", "dog", SegmentationObject=PIXELS)
    assert [row.geometry for row in VocReader(root, shape="box").rows()] == [Box(0, 0, 4, 3)] * 2
    with pytest.raises(InvalidData, match="no shape 'mask'"):
        VocReader(root, shape="mask")  # type: ignore[arg-type]


def test_classes_without_objects_are_masks_beside_the_boxes(tmp_path: Path) -> None:
    reader = VocReader(devkit(tmp_path, "cat", SegmentationClass=PIXELS))
    box, first, second = reader.rows()
    assert box.geometry == Box(0, 0, 4, 3)
    assert (seen(first)[0], seen(second)[0]) == (NAMES[0], NAMES[1]) == ("aeroplane", "bicycle")
    assert {"cat", *NAMES} == {feature.name for feature in reader.ontology().features}


@pytest.mark.parametrize("draw", [np.asarray, coloured])
def test_what_cvat_writes_without_xml_is_read_with_its_table_of_classes(tmp_path: Path, draw: Any) -> None:
    classes = np.where(PIXELS == 1, 2, np.where(PIXELS == 2, 1, PIXELS)).astype(np.uint8)
    root = devkit(tmp_path, SegmentationObject=draw(PIXELS), SegmentationClass=draw(classes))
    (root / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:128,0,0::\ncat:0,128,0::\n", encoding="utf-8"
    )
    (root / "ImageSets/Segmentation").mkdir(parents=True)
    (root / "ImageSets/Segmentation/train.txt").write_text("a\n")
    assert recognised(root) == ["voc"]
    reader = VocReader(root)
    (item,) = reader.items()
    assert (item.key, item.width, item.height, item.split) == ("a", *SIZE, "train")
    assert [feature.name for feature in reader.ontology().features] == ["car", "cat"]
    first, second = map(seen, reader.rows())
    assert (first[0], second[0]) == ("cat", "car")
    assert (first[1] == (PIXELS == 1)).all()
    assert (second[1] == (PIXELS == 2)).all()


def test_a_table_of_classes_may_leave_out_the_colours(tmp_path: Path) -> None:
    root = devkit(tmp_path, SegmentationClass=PIXELS)
    (root / "labelmap.txt").write_text("background:::\ncar:::\ncat\n", encoding="utf-8")
    assert [row.feature for row in VocReader(root).rows()] == ["car", "cat"]


class TestBadInput:
    def test_an_image_of_another_size(self, tmp_path: Path) -> None:
        root = devkit(tmp_path, "cat", size=(9, 9), SegmentationObject=PIXELS)
        with pytest.raises(InvalidData, match=r"SegmentationObject/a\.png has 8 x 6 pixels; the image has 9 x 9"):
            list(VocReader(root).rows())
        reader = VocReader(root, on_error="collect")
        assert [row.geometry for row in reader.rows()] == [Box(0, 0, 4, 3)]
        assert len(reader.errors) == 1

    def test_a_number_that_nothing_names(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidData, match=r"a\.png: number 2 has neither an <object> nor a class"):
            list(VocReader(devkit(tmp_path, "cat", SegmentationObject=PIXELS)).rows())

    def test_an_image_that_is_none(self, tmp_path: Path) -> None:
        root = devkit(tmp_path, "cat", SegmentationObject=PIXELS)
        (root / "SegmentationObject/a.png").write_text("no image")
        with pytest.raises(InvalidData, match=r"SegmentationObject/a\.png is not an image"):
            list(VocReader(root).rows())

    @pytest.mark.parametrize(
        ("table", "reason"),
        [
            (b"cat:red::\n", "line 1: 'cat:red::' is no name with a colour"),
            (b"cat:1,2::\n", "line 1: 'cat:1,2::' is no name with a colour"),
            (b"cat:1,2," + b"9" * 5000, "line 1: 'cat:1,2,9+' is no name with a colour"),
            (b"k\xe4fer:1,2,3::\n", "is not UTF-8"),
        ],
    )
    def test_a_table_of_classes_that_is_none(self, tmp_path: Path, table: bytes, reason: str) -> None:
        root = devkit(tmp_path, "cat", SegmentationObject=PIXELS)
        (root / "labelmap.txt").write_bytes(table)
        with pytest.raises(InvalidData, match=rf"labelmap\.txt\S* {reason}"):
            VocReader(root)
