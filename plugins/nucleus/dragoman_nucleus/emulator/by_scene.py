"""The export of a scene: its boxes grouped by track, in the shape in which labelling tasks show them.

The rules by which a row is assigned to a track are those of the SDK's `scene_and_annotation_generator`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from dragoman.emulate.app import ApiError
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.items import Scene
from dragoman_nucleus.emulator.rows import Box


def annotations_by_track(dataset: Dataset, scene: Scene) -> dict[str, Any]:
    """Return a scene with its boxes by track.

    Raises:
        ApiError: 400, the boxes name no tracks, and no annotation id occurs on two frames.
    """
    boxes = list(_boxes(dataset, scene))
    _check_ids([(frame, box) for frame, _, box in boxes], scene)
    tracks: dict[str, dict[str, Any]] = {}
    for frame, item_id, box in boxes:
        track_id = _track(box) or str(box.annotation_id)
        track = tracks.setdefault(track_id, {"label": box.label, "name": track_id, "frames": []})
        track["frames"].append(_shown(frame, item_id, box))
    return {"scene": {**scene.to_json(), "fileLocation": scene.video_url}, "annotations": tracks}


def _boxes(dataset: Dataset, scene: Scene) -> Iterator[tuple[int, str, Box]]:
    for number, frame in enumerate(scene.frames):
        for item_id in frame.values():
            for row in dataset.ground_truth.on(item_id):
                if isinstance(row, Box):
                    yield number, item_id, row


def _track(box: Box) -> str | None:
    metadata = box.metadata or {}
    track_id = box.track_reference_id or metadata.get("track_reference_id") or metadata.get("track_id")
    return None if track_id is None else str(track_id)


def _check_ids(boxes: list[tuple[int, Box]], scene: Scene) -> None:
    if any(_track(box) for _, box in boxes) or len({frame for frame, _ in boxes}) < 2:
        return
    if max(Counter(box.annotation_id for _, box in boxes).values()) < 2:
        raise ApiError(400, f"The annotations of scene {scene.reference_id} cannot be grouped into tracks.")


def _shown(frame: int, item_id: str, box: Box) -> dict[str, Any]:
    place = box.geometry
    return {
        "left": place.x,
        "top": place.y,
        "width": place.width,
        "height": place.height,
        "key": str(frame),
        "dataset_item_id": item_id,
        "metadata": box.metadata or {},
    }
