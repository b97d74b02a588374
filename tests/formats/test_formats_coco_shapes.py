"""Shapes in COCO: which of them is the geometry, what becomes of the others, and what pycocotools sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from coco_files import judge, one_annotation, write

from dragoman.formats.coco import CocoReader, CocoWriter
from dragoman.schema import Box, Keypoint, Keypoints, Label, Mask, Polygon, RotatedBox, Whole


@pytest.mark.parametrize("counts", ["compressed", "plain"])
def test_masks_are_what_pycocotools_reads(tmp_path: Path, counts: Any) -> None:
    pixels = np.zeros((30, 40), np.uint8)
    pixels[3:9, 5:20] = 1
    pixels[10, 7] = 1
    flat = pixels.flatten(order="F")
    edges = np.flatnonzero(np.diff(flat, prepend=0))
    runs = np.diff(np.concatenate([[0], edges, [flat.size]]))
    row = Label("i", "f", Mask(30, 40, tuple(runs.tolist())), "4")
    path = write(tmp_path / "out.json", [row], counts=counts)
    coco = judge(path)
    assert (coco.annToMask(coco.anns[4]) == pixels).all()
    assert coco.anns[4]["area"] == pixels.sum()
    assert coco.anns[4]["bbox"] == [5, 3, 15, 8]
    assert list(CocoReader(path).rows()) == [row]


def test_crowds_stay_crowds(tmp_path: Path) -> None:
    segmentation = {"size": [8, 10], "counts": [3, 4, 73]}
    reader = one_annotation(tmp_path, segmentation=segmentation, iscrowd=1, area=4, bbox=[0, 3, 1, 4])
    (row,) = reader.rows()
    assert row.geometry == Mask(8, 10, (3, 4, 73))
    path = tmp_path / "out.json"
    CocoWriter(path, counts="plain").write(reader.ontology(), reader.items(), reader.rows())
    (written,) = json.loads(path.read_text())["annotations"]
    assert (written["iscrowd"], written["segmentation"], written["area"]) == (1, segmentation, 4)


def test_keypoints_come_with_names_visibility_skeleton_and_the_other_shapes(tmp_path: Path) -> None:
    categories = [{"id": 0, "name": "cat", "keypoints": ["nose", "tail", "ear"], "skeleton": [[1, 2], [2, 3]]}]
    ring = [0, 0, 4, 0, 4, 4]
    annotation = {"keypoints": [1, 2, 2, 3, 4, 1, 0, 0, 0], "num_keypoints": 2, "segmentation": [ring], "area": 7.5}
    reader = one_annotation(tmp_path, categories, bbox=[0, 0, 4, 4], **annotation)
    (row,) = reader.rows()
    points = (Keypoint("nose", 1, 2, 2), Keypoint("tail", 3, 4, 1), Keypoint("ear", None, None, 0))
    assert row.geometry == Keypoints(points, ((0, 1), (1, 2)))
    path = tmp_path / "out.json"
    CocoWriter(path).write(reader.ontology(), reader.items(), reader.rows())
    written = json.loads(path.read_text())
    assert written["annotations"][0] | annotation | {"bbox": [0, 0, 4, 4]} == written["annotations"][0]
    assert written["categories"][0]["keypoints"] == ["nose", "tail", "ear"]
    assert written["categories"][0]["skeleton"] == [[1, 2], [2, 3]]


@pytest.mark.parametrize(
    ("shape", "kind"), [("auto", Keypoints), ("box", Box), ("segmentation", Polygon), ("keypoints", Keypoints)]
)
def test_the_caller_chooses_the_shape_and_the_others_are_kept(tmp_path: Path, shape: Any, kind: type) -> None:
    annotation = {
        "keypoints": [1, 2, 2],
        "num_keypoints": 1,
        "segmentation": [[0, 0, 4, 0, 4, 4]],
        "bbox": [0, 0, 4, 4],
    }
    one_annotation(tmp_path, **annotation)
    reader = CocoReader(tmp_path / "one.json", shape=shape)
    (row,) = reader.rows()
    assert isinstance(row.geometry, kind)
    path = write(tmp_path / "out.json", [row])
    (written,) = json.loads(path.read_text())["annotations"]
    assert written | annotation == written
    assert [again.geometry for again in CocoReader(path).rows()] == [row.geometry]


def test_facts_that_no_longer_fit_the_geometry_are_not_written(tmp_path: Path) -> None:
    (row,) = one_annotation(tmp_path, bbox=[0, 0, 4, 4], area=9, segmentation=[[0, 0, 4, 0, 4, 4]]).rows()
    moved = msgspec.structs.replace(row, geometry=Polygon.of([(20, 20), (22, 20), (22, 21)]))
    (written,) = json.loads(write(tmp_path / "out.json", [moved]).read_text())["annotations"]
    assert written["bbox"] == [20, 20, 2, 1]
    assert written["area"] == 1


def test_boxes_outside_the_image_are_not_clamped(tmp_path: Path) -> None:
    (row,) = one_annotation(tmp_path, bbox=[-5, -5, 100, 100]).rows()
    assert row.geometry == Box(-5, -5, 100, 100)


def test_second_parts_are_kept(tmp_path: Path) -> None:
    parts = [[0, 0, 4, 0, 4, 4], [6, 6, 9, 6, 9, 7]]
    (row,) = one_annotation(tmp_path, segmentation=parts, bbox=[0, 0, 9, 7]).rows()
    assert row.geometry == Polygon((((0, 0, 4, 0, 4, 4),), ((6, 6, 9, 6, 9, 7),)))


def test_holes_are_kept(tmp_path: Path) -> None:
    ring, hole = (2, 2, 12, 2, 12, 12, 2, 12), (4, 4, 4, 8, 8, 8, 8, 4)
    row = Label("i", "f", Polygon(((ring, hole),)), "1")
    path = write(tmp_path / "out.json", [row])
    assert list(CocoReader(path).rows()) == [row]
    mask = judge(path).annToMask(judge(path).anns[1])
    assert mask.sum() == 100 - 16
    assert not mask[5, 5]


def test_rotated_boxes_of_cvat_are_not_flattened(tmp_path: Path) -> None:
    attributes = {"rotation": 30.0, "occluded": True}
    (row,) = one_annotation(tmp_path, bbox=[0, 0, 4, 2], attributes=attributes).rows()
    assert row.geometry == RotatedBox(2, 1, 4, 2, 30)
    assert row.attributes == {"occluded": True}


def test_an_annotation_without_a_shape_is_about_the_whole_image(tmp_path: Path) -> None:
    (row,) = one_annotation(tmp_path).rows()
    assert row.geometry == Whole()
    path = write(tmp_path / "out.json", [row])
    assert judge(path).anns[5]["area"] == 0


def test_pycocotools_agrees_on_areas(tmp_path: Path) -> None:
    polygon = Polygon.of([(2, 2), (30, 2), (30, 20), (2, 20)])
    rows = [Label("i", "f", Box(1, 2, 3, 4), "1"), Label("i", "f", polygon, "2")]
    coco = judge(write(tmp_path / "out.json", rows))
    assert coco.anns[1]["area"] == 12
    assert coco.anns[2]["area"] == coco.annToMask(coco.anns[2]).sum() == 28 * 18
