"""Small exports of Label Studio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dragoman import Item, Label
from dragoman.formats.labelstudio import LabelStudioReader, LabelStudioWriter
from dragoman.schema import Attribute, Feature, Ontology

FARM = Ontology(
    name="farm",
    features=(
        Feature(name="sheep", geometries=("box", "rotated_box"), color="#ff0000"),
        Feature(name="<b>&\u2028猫", geometries=("polygon", "polyline")),
        Feature(name="weather", geometries=("whole",), attributes=(Attribute(name="weather", kind="text"),)),
    ),
)
WIDTH, HEIGHT = 640, 427


def region(tag: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    size = {"original_width": 100, "original_height": 50}
    labels = {tag: ["car"]} if tag.endswith("labels") else {}
    return {"id": "r1", "from_name": "x", "to_name": "image", "type": tag, "value": {**value, **labels}, **size, **more}


RECTANGLE = region("rectanglelabels", {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0})


def task(*results: Any, **more: Any) -> dict[str, Any]:
    return {"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"result": list(results)}], **more}


def reader_of(tmp_path: Path, *tasks: Any, **options: Any) -> LabelStudioReader:
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    return LabelStudioReader(tmp_path, **options)


def round_trip(path: Path, items: list[Item], rows: list[Label]) -> LabelStudioReader:
    LabelStudioWriter(path).write(FARM, items, iter(rows))
    return LabelStudioReader(path)
