"""Annotations of videos: tracks of keyframes and answers that hold over frames. Frames count from 1."""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman_labelbox.emulator import video_masks
from dragoman_labelbox.emulator.answers import RowError
from dragoman_labelbox.emulator.state import Stored

Json = dict[str, Any]

KINDS = {
    "bbox": ("VideoBoundingBox", "bounding_box"),
    "point": ("VideoPoint", "point"),
    "line": ("VideoPolyline", "line"),
}
"""Shape of a keyframe on import to its kind and key in exports."""


def track_of(segments: list[Json]) -> tuple[str, list[Json]]:
    """Return the shape of a track and its segments, the keyframes in order.

    Raises:
        RowError: There is no keyframe, or one is without a frame or of another shape.
    """
    shapes = set()
    made = []
    for segment in segments:
        keyframes = []
        for keyframe in segment.get("keyframes") or ():
            shape = next((shape for shape in KINDS if keyframe.get(shape) is not None), None)
            if shape is None or not isinstance(keyframe.get("frame"), int) or keyframe["frame"] < 1:
                raise RowError("InvalidAnnotation", "A keyframe needs a frame from 1 on and a box, point or line.")
            shapes.add(shape)
            said = keyframe.get("classifications") or []
            keyframes.append({"frame": keyframe["frame"], "shape": keyframe[shape], "classifications": said})
        made.append({"keyframes": sorted(keyframes, key=lambda keyframe: keyframe["frame"])})
    if len(shapes) != 1 or not all(segment["keyframes"] for segment in made):
        raise RowError("InvalidAnnotation", "A track needs keyframes, all of one shape.")
    return shapes.pop(), made


def frames_of(frames: list[Json] | None, answer: Any) -> tuple[list[list[int]], Any]:
    """Return the frames over which an answer holds, and the answer itself.

    Free text brings its frames within the answer, the others beside it.
    """
    if isinstance(answer, list) and answer and "value" in answer[0]:
        return [[part["start"], part["end"]] for part in answer[0].get("frames") or ()], answer[0]["value"]
    return [[part["start"], part["end"]] for part in frames or ()], answer


def video_json(rows: list[Stored], url: video_masks.Url) -> Json:
    """Return the annotations of a video as exports show them: keyframes by frame, segments and keyframes by feature."""
    made: Json = {"frames": {}, "segments": {}, "key_frame_feature_map": {}, "classifications": []}
    for stored in rows:
        if stored.kind == "classification":
            made["classifications"].append(msgspec.Raw(stored.raw))
        elif stored.kind == "frames":
            _show_answer(made, stored)
        elif stored.kind == "track":
            _show_track(made, stored)
        elif stored.kind == "masks":
            video_masks.show(made, stored.feature_id, msgspec.json.decode(stored.raw), url, _frame)
    return made


def _frame(made: Json, number: int) -> Json:
    frame: Json = made["frames"].setdefault(str(number), {"objects": {}, "classifications": []})
    return frame


def _show_answer(made: Json, stored: Stored) -> None:
    held = msgspec.json.decode(stored.raw)
    made["segments"][stored.feature_id] = held["frames"]
    for first, _ in held["frames"]:
        _frame(made, first)["classifications"].append(held["answer"])
    made["key_frame_feature_map"][stored.feature_id] = {str(first): True for first, _ in held["frames"]}


def _show_track(made: Json, stored: Stored) -> None:
    track = msgspec.json.decode(stored.raw)
    kind, key = KINDS[track["shape"]]
    confidence = {"confidence": track["confidence"]} if "confidence" in track else {}
    keys: Json = {}
    for segment in track["segments"]:
        for keyframe in segment["keyframes"]:
            shown = {
                **track["head"],
                **confidence,
                "annotation_kind": kind,
                "classifications": keyframe["classifications"],
                key: keyframe["shape"],
            }
            _frame(made, keyframe["frame"])["objects"][stored.feature_id] = shown
            keys[str(keyframe["frame"])] = True
    made["segments"][stored.feature_id] = [
        [segment["keyframes"][0]["frame"], segment["keyframes"][-1]["frame"]] for segment in track["segments"]
    ]
    made["key_frame_feature_map"][stored.feature_id] = keys
