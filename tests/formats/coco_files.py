"""Small COCO files, and what pycocotools makes of one."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from pycocotools.coco import COCO

from dragoman.formats.coco import CocoReader, CocoWriter
from dragoman.schema import Feature, Item, Label, Ontology

DATASET: dict[str, Any] = {
    "info": {"description": "pets"},
    "images": [
        {"id": 0, "file_name": "a/1.jpg", "width": 10, "height": 8, "license": 3, "date_captured": "2020-01-01"},
        {"id": 7, "file_name": "b/1.jpg", "width": 10, "height": 8},
    ],
    "annotations": [
        {"id": 0, "image_id": 0, "category_id": 0, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0, "segmentation": []},
        {
            "id": 9,
            "image_id": 7,
            "category_id": 2,
            "bbox": [0, 0, 4, 4],
            "area": 8.5,
            "segmentation": [[0, 0, 4, 0, 4, 4]],
        },
    ],
    "categories": [{"id": 0, "name": "cat", "supercategory": "animal"}, {"id": 2, "name": "dog"}],
}


def put(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def changed(**members: Any) -> dict[str, Any]:
    return {**DATASET, **members}


def one_annotation(tmp_path: Path, /, categories: Any = None, **members: Any) -> CocoReader:
    annotation = {"id": 5, "image_id": 0, "category_id": 0, **members}
    content = changed(annotations=[annotation], categories=categories or DATASET["categories"])
    return CocoReader(put(tmp_path / "one.json", content))


def write(path: Path, rows: list[Label], items: list[Item] | None = None, **options: Any) -> Path:
    names = dict.fromkeys(row.feature for row in rows)
    ontology = Ontology(name="o", features=tuple(Feature(name=name) for name in names))
    keys = dict.fromkeys(row.item for row in rows)
    held = items if items is not None else [Item(key, width=40, height=30) for key in keys]
    CocoWriter(path, **options).write(ontology, held, rows)
    return path


def judge(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def rewritten(reader: CocoReader, path: Path) -> Any:
    """Return the JSON that writing what was read gives."""
    CocoWriter(path).write(reader.ontology(), reader.items(), reader.rows())
    return json.loads(path.read_text())
