"""Rows of imports that make no sense, and masks, through the SDK: each row has an outcome of its own."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from labelbox.schema.annotation_import import LabelImport
from PIL import Image

BOX = {"top": 0, "left": 0, "width": 2, "height": 2}


def on(key: str, **row: Any) -> dict[str, Any]:
    """A row on the data row of a global key."""
    return {"dataRow": {"globalKey": key}, **row}


def tracked(**keyframe: Any) -> dict[str, Any]:
    """A row of a car on a video."""
    return on("v", name="car", segments=[{"keyframes": [{"frame": 1, **keyframe}]}])


def png(size: tuple[int, int]) -> bytes:
    """An image of which every pixel is 1."""
    out = io.BytesIO()
    Image.new("L", size, 1).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    "row",
    [
        on("a", bbox=BOX),
        on("a", name="weather", answer={}),
        on("a", name="weather", answer={"name": "sun", "classifications": ["deep"]}),
        on("a", name="weather", answer=["sun"]),
        on("a", name="sky", mask={"instanceURI": 5, "colorRGB": [0, 0, 1]}),
        on("a", name="sky", mask={"imBytes": base64.b64encode(png((2, 2))).decode(), "colorRGB": [0, 0]}),
        on("a", name="sky", mask={"png": base64.b64encode(png((90, 90))[:60]).decode()}),
        on("v", name="car", segments=["first"]),
        on("v", name="weather", answer={"name": "sun"}, frames=[{"start": 1}]),
        tracked(bbox={"top": "high"}),
        tracked(bbox=BOX, classifications=["note"]),
        tracked(frame="first", bbox=BOX),
    ],
)
def test_a_row_that_makes_no_sense_fails_alone(client: Any, project: Any, tmp_path: Path, row: dict[str, Any]) -> None:
    project.create_batch("video", global_keys=["v"])
    path = tmp_path / "rows.ndjson"
    path.write_text(f"{json.dumps(row)}\n{json.dumps(on('a', name='car', bbox=BOX))}")
    done = LabelImport.create_from_file(client, project.uid, "n", str(path))
    assert [status["status"] for status in done.statuses] == ["FAILURE", "SUCCESS"]


def test_masks_of_one_label_may_differ_in_size(client: Any, project: Any) -> None:
    sizes = [(2, 4), (3, 1)]
    masks = [{"png": base64.b64encode(png(size)).decode()} for size in sizes]
    rows = [on("a", uuid=str(place), name="sky", mask=mask) for place, mask in enumerate(masks)]
    assert LabelImport.create_from_objects(client, project.uid, "n", rows).errors == []
    task = project.export(filters={"global_keys": ["a"]})
    (line,) = [found.json for found in task.get_buffered_stream()]
    shown = [each["composite_mask"] for each in line["projects"][project.uid]["labels"][0]["annotations"]["objects"]]
    image = np.asarray(Image.open(io.BytesIO(requests.get(shown[0]["url"], headers=client.headers).content)))
    assert image.shape == (4, 3, 3)
    assert [int(np.all(image == each["color_rgb"], axis=2).sum()) for each in shown] == [2 * 4 - 2, 3]


def test_a_data_row_on_which_every_row_is_refused_has_no_label(client: Any, project: Any, labeled: Any) -> None:
    rows = [on("a", name="nothing", bbox=BOX), on("b", name="nothing", bbox=BOX)]
    job = LabelImport.create_from_objects(client, project.uid, "refused", rows)
    assert [status["status"] for status in job.statuses] == ["FAILURE", "FAILURE"]
    (label,) = project.labels()
    assert (label.uid, label.updated_at) == (labeled.uid, labeled.updated_at)
    assert project.get_overview().to_label == 1
