"""Masks of videos, through the SDK alone."""

from __future__ import annotations

import base64
import io
from typing import Any

import labelbox
import numpy as np
import pytest
import requests
from labelbox.schema.annotation_import import LabelImport
from PIL import Image

from dragoman.emulate import Live

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def lines(task: Any) -> list[dict[str, Any]]:
    """All lines of an export."""
    task.wait_till_done()
    return [line.json for line in task.get_buffered_stream()] if task.has_result() else []


def png(*colors: tuple[int, int, int]) -> bytes:
    """An image of one row of pixels."""
    out = io.BytesIO()
    Image.fromarray(np.array([colors], np.uint8)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def videos(client: Any, dataset: Any, ontology: Any) -> Any:
    """A project with the video."""
    made = client.create_project(name="videos", media_type=labelbox.MediaType.Video)
    made.connect_ontology(client.create_ontology("v", ontology.normalized))
    made.create_batch("first", global_keys=["v"])
    return made


def row_of(frames: list[dict[str, Any]], *colors: tuple[int, int, int]) -> dict[str, Any]:
    """An import row of masks of the sky."""
    instances = [{"name": "sky", "colorRGB": color} for color in colors]
    return {"uuid": "u", "dataRow": {"globalKey": "v"}, "masks": {"frames": frames, "instances": instances}}


def test_each_colour_is_an_object_on_the_frames_that_show_it(client: Any, videos: Any, live: Live[Any]) -> None:
    both = {"index": 1, "imBytes": base64.b64encode(png((1, 0, 0), (0, 2, 0))).decode()}
    hosted = {"index": 2, "instanceURI": client.upload_data(png((0, 0, 0), (0, 2, 0)), "f.png", "image/png")}
    row = row_of([both, hosted], (1, 0, 0), (0, 2, 0))
    job = LabelImport.create_from_objects(client, videos.uid, "n", [row])
    assert [status["status"] for status in job.statuses] == ["SUCCESS"]
    (line,) = lines(videos.export())
    shown = line["projects"][videos.uid]["labels"][0]["annotations"]
    assert {number: len(frame["objects"]) for number, frame in shown["frames"].items()} == {"1": 2, "2": 1}
    assert sorted(shown["segments"].values()) == [[[1, 1]], [[1, 2]]]
    (drawn,) = [one["composite_mask"] for one in shown["frames"]["2"]["objects"].values()]
    assert drawn["color_rgb"] == [0, 2, 0]
    assert requests.get(drawn["url"], timeout=10).status_code == 401
    content = client.connection.get(drawn["url"]).content
    assert np.asarray(Image.open(io.BytesIO(content))).tolist() == [[[0, 0, 0], [0, 2, 0]]]


@pytest.mark.parametrize(
    "frame",
    [
        {"index": 0, "imBytes": base64.b64encode(png((1, 0, 0))).decode()},
        {"index": 1, "imBytes": "nonsense!"},
        {"index": 1, "imBytes": base64.b64encode(b"no image").decode()},
        {"index": 1, "instanceURI": "https://example.com/elsewhere.png"},
    ],
)
def test_what_is_no_image_of_a_frame_is_refused(client: Any, videos: Any, frame: dict[str, Any]) -> None:
    job = LabelImport.create_from_objects(client, videos.uid, "n", [row_of([frame], (1, 0, 0))])
    assert [status["status"] for status in job.statuses] == ["FAILURE"]


def test_a_model_run_takes_none(run: Any) -> None:
    frame = {"index": 1, "imBytes": base64.b64encode(png((1, 0, 0))).decode()}
    (status,) = run.add_predictions("n", [row_of([frame], (1, 0, 0))]).statuses
    assert (status["status"], "labels of videos" in status["errors"][0]["message"]) == ("FAILURE", True)
