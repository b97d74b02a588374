"""Annotations of videos: tracks of keyframes and answers that hold over frames. Frames count from 1."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

from dragoman_labelbox.emulator import video_masks
from dragoman_labelbox.emulator.answers import RowError
from dragoman_labelbox.emulator.objects import Stored

Json = dict[str, Any]

KINDS = {
    "bbox": ("VideoBoundingBox", "bounding_box"),
    "point": ("VideoPoint", "point"),
    "line": ("VideoPolyline", "line"),
}
"""Shape of a keyframe on import to its kind and key in exports."""


class Box(msgspec.Struct):
    top: float
    left: float
    width: float
    height: float


class XY(msgspec.Struct):
    x: float
    y: float


class Keyframe(msgspec.Struct):
    """Where an object is on a frame. Exactly one of the shapes is there."""

    frame: int
    bbox: Box | None = None
    point: XY | None = None
    line: list[XY] | None = None
    classifications: list[Json] | None = None


class Segment(msgspec.Struct):
    keyframes: list[Keyframe] = []


class Stretch(msgspec.Struct):
    """Frames from one to another; both are in it."""

    start: int
    end: int


def track_of(segments: list[Segment]) -> tuple[str, list[Json]]:
    """Return the shape of a track and its segments, the keyframes in order.

    Raises:
        RowError: There is no keyframe, or one is without a frame or of another shape.
    """
    shapes = set()
    made = []
    for segment in segments:
        keyframes = []
        for keyframe in segment.keyframes:
            shape = next((shape for shape in KINDS if getattr(keyframe, shape) is not None), None)
            if shape is None or keyframe.frame < 1:
                raise RowError("InvalidAnnotation", "A keyframe needs a frame from 1 on and a box, point or line.")
            shapes.add(shape)
            said, drawn = keyframe.classifications or [], getattr(keyframe, shape)
            keyframes.append({"frame": keyframe.frame, "shape": drawn, "classifications": said})
        made.append({"keyframes": sorted(keyframes, key=lambda keyframe: keyframe["frame"])})
    if len(shapes) != 1 or not all(segment["keyframes"] for segment in made):
        raise RowError("InvalidAnnotation", "A track needs keyframes, all of one shape.")
    return shapes.pop(), made


def framed(frames: list[Json] | None, answer: Any) -> list[tuple[list[list[int]], Any]]:
    """Return over which frames which answer to a question holds; nothing if it holds for the whole.

    Frames come beside the answer, or within it: with each text (`value`) and with each option.
    """
    if frames:
        return [(_stretches(frames), answer)]
    if isinstance(answer, dict) and answer.get("frames"):
        return [(_stretches(answer["frames"]), answer)]
    if isinstance(answer, list) and any(isinstance(part, dict) and part.get("frames") for part in answer):
        return [(_stretches(part["frames"]), part.get("value", [part])) for part in answer]
    return []


def _stretches(frames: Any) -> list[list[int]]:
    return [[part.start, part.end] for part in msgspec.convert(frames, list[Stretch])]


def video_json(rows: list[Stored], url: video_masks.Url, *, interpolated: bool = False) -> Json:
    """Return the annotations of a video as exports show them: keyframes by frame, segments and keyframes by feature.

    Args:
        rows: The annotations.
        url: Makes addresses of masks.
        interpolated: Whether objects are shown on the frames between two keyframes, too.
    """
    made: Json = {"frames": {}, "segments": {}, "key_frame_feature_map": {}, "classifications": []}
    for stored in rows:
        if stored.kind == "classification":
            made["classifications"].append(msgspec.Raw(stored.raw))
        elif stored.kind == "frames":
            _show_answer(made, stored)
        elif stored.kind == "track":
            _show_track(made, stored, interpolated=interpolated)
        elif stored.kind == "masks":
            video_masks.show(made, stored.feature_id, msgspec.json.decode(stored.raw), url, _frame)
    return made


def _frame(made: Json, number: int) -> Json:
    frame: Json = made["frames"].setdefault(str(number), {"objects": {}, "classifications": []})
    return frame


def _show_answer(made: Json, stored: Stored) -> None:
    held = msgspec.json.decode(stored.raw)
    stretches = [(frames, answered["answer"]) for answered in held["answers"] for frames in answered["frames"]]
    made["segments"][stored.feature_id] = [frames for frames, _ in stretches]
    made["key_frame_feature_map"][stored.feature_id] = {str(first): True for (first, _), _ in stretches}
    for (first, _), answer in stretches:
        _frame(made, first)["classifications"].append(answer)


def _show_track(made: Json, stored: Stored, *, interpolated: bool) -> None:
    track = msgspec.json.decode(stored.raw)
    kind, key = KINDS[track["shape"]]
    confidence = {"confidence": track["confidence"]} if "confidence" in track else {}
    head = {**track["head"], **confidence, "annotation_kind": kind}
    for segment in track["segments"]:
        for keyframe in between(segment["keyframes"]) if interpolated else segment["keyframes"]:
            shown = {**head, "classifications": keyframe["classifications"], key: keyframe["shape"]}
            _frame(made, keyframe["frame"])["objects"][stored.feature_id] = shown
    made["segments"][stored.feature_id] = [
        [segment["keyframes"][0]["frame"], segment["keyframes"][-1]["frame"]] for segment in track["segments"]
    ]
    made["key_frame_feature_map"][stored.feature_id] = {
        str(keyframe["frame"]): True for segment in track["segments"] for keyframe in segment["keyframes"]
    }


def between(keyframes: list[Json]) -> list[Json]:
    """Return keyframes together with the frames between them: boxes and points move evenly, lines stay."""
    made = []
    for first, second in itertools.pairwise(keyframes):
        span = second["frame"] - first["frame"]
        for frame in range(first["frame"], second["frame"]):
            shape = _moved(first["shape"], second["shape"], (frame - first["frame"]) / span)
            made.append({**first, "frame": frame, "shape": shape})
    return [*made, keyframes[-1]]


def _moved(first: Any, second: Any, share: float) -> Any:
    if isinstance(first, dict):
        return {name: value + (second[name] - value) * share for name, value in first.items()}
    return first
