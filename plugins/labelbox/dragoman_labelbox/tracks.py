"""Videos: rows on frames and spans here, one import row per tracked object there. Pure; no network.

Labelbox draws a straight line between the keyframes of a segment and shows an object from a segment's first keyframe to
its last. So a row on one frame is a segment of one keyframe, keyframes of one span are one segment, and a row that is
the same over a span is a segment whose two keyframes are equal. How a row said it itself is kept beside each keyframe.

Masks are held otherwise: all masks of a video are one import row, with an image for each frame and a colour for each
object, and nothing can be kept beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dragoman.errors import InvalidData
from dragoman.schema import Label, Mask, Prediction, Whole
from dragoman_labelbox import wire
from dragoman_labelbox.codec import Json, measured, nested_out, object_in, whole_in, whole_out
from dragoman_labelbox.kept import Kept, keeper_out
from dragoman_labelbox.keys import frame_in, frame_out, uuid_of
from dragoman_labelbox.masks import color_of, frame_image
from dragoman_labelbox.nodes import Known
from dragoman_labelbox.shapes import Masks, shape_out

VIDEO_SHAPES = ("bbox", "point", "line")
Groups = dict[tuple[str, str, str, str], list[int]]


def is_timed(row: Label) -> bool:
    """Say whether a row is on a frame or a span of a video."""
    return row.frame is not None or row.span is not None


def grouped(rows: Sequence[Label], positions: Sequence[int]) -> list[list[int]]:
    """Group the positions of timed rows by what is one import row: a tracked object, or all masks of a video."""
    groups: Groups = {}
    for position in positions:
        row = rows[position]
        if isinstance(row.geometry, Mask):
            groups.setdefault((row.item, "", row.geometry.kind, ""), []).append(position)
            continue
        # An answer holds over one stretch; only shapes make tracks.
        own = row.id if row.track_id is None or isinstance(row.geometry, Whole) else row.track_id
        groups.setdefault((row.item, row.feature, row.geometry.kind, own), []).append(position)
    return list(groups.values())


def track_out(rows: Sequence[Label], known: Known, global_key: str) -> wire.ImportRow:
    """Return the rows of one object as Labelbox imports it.

    Args:
        rows: Timed rows of one item, feature and track.
        known: What the ontology says of the feature.
        global_key: Labelbox's name of the item.

    Raises:
        InvalidData: Labelbox has no such shape on videos.
    """
    first = rows[0]
    made = wire.ImportRow(uuid_of(first.id), wire.ByGlobalKey(global_key), first.feature)
    confidences = [row.confidence for row in rows if isinstance(row, Prediction) and row.confidence is not None]
    if isinstance(first.geometry, Whole):
        return _with_answer(made, first, known)
    if confidences:
        if len(set(confidences)) > 1 or len(confidences) < len(rows):
            raise InvalidData("The keyframes of one Labelbox track share one confidence.", field="confidence")
        made.confidence = confidences[0]
    made.segments = [{"keyframes": keyframes} for keyframes in _segments(rows, known)]
    return made


def masks_out(rows: Sequence[Label], global_key: str) -> wire.ImportRow:
    """Return all masks on one video as Labelbox imports them.

    Raises:
        InvalidData: One is on no frame of its own, or they are of different sizes.
    """
    colors: dict[tuple[str, str], tuple[int, int, int]] = {}
    frames: dict[int, list[tuple[tuple[int, int, int], Any]]] = {}
    for row in rows:
        if row.frame is None or row.span is not None:
            raise InvalidData("Labelbox holds masks on videos frame by frame.", field="span")
        color = colors.setdefault((row.feature, row.track_id or row.id), color_of(len(colors)))
        frames.setdefault(row.frame, []).append((color, row.geometry))
    made = wire.ImportRow(uuid_of("\n".join(row.id for row in rows)), wire.ByGlobalKey(global_key))
    made.masks = wire.VideoMasks(
        [wire.MaskFrame(frame_out(frame), frame_image(shown)) for frame, shown in sorted(frames.items())],
        [wire.MaskInstance(feature, color) for (feature, _), color in colors.items()],
    )
    return made


def _segments(rows: Sequence[Label], known: Known) -> Iterator[list[Json]]:
    spans: dict[tuple[int, int], list[Label]] = {}
    for row in rows:
        if row.span is not None and row.frame is not None and row.interpolation != "none":
            spans.setdefault(row.span, []).append(row)
        elif row.frame is not None:
            yield [_keyframe(row, row.frame, known)]
        elif row.span is not None:
            first, last = row.span
            yield [_keyframe(row, first, known), *([_closing(row, last, known)] if last > first else [])]
    for (_, last), stretch in spans.items():
        stretch.sort(key=lambda row: row.frame or 0)
        keyframes = [_keyframe(row, row.frame or 0, known) for row in stretch]
        end = stretch[-1]
        if end.frame != last:
            keyframes.append(_closing(end, last, known))
        yield keyframes


def _keyframe(row: Label, frame: int, known: Known) -> Json:
    key, shape = shape_out(row.geometry)
    if key not in VIDEO_SHAPES:
        raise InvalidData(
            f"Labelbox takes no {row.geometry.kind} on frames of a model run or import.", field="geometry"
        )
    return {"frame": frame_out(frame), key: shape, "classifications": nested_out(row, known)}


def _closing(row: Label, frame: int, known: Known) -> Json:
    """Return the keyframe that ends a stretch with the shape that it has had."""
    key, shape = shape_out(row.geometry)
    kept = [keeper_out(Kept(row.id, end=True))] if known.keeps else []
    return {"frame": frame_out(frame), key: shape, "classifications": kept}


def _with_answer(made: wire.ImportRow, row: Label, known: Known) -> wire.ImportRow:
    first, last = row.span or (row.frame or 0, row.frame or 0)
    frames = [{"start": frame_out(first), "end": frame_out(last)}]
    made.answer = whole_out(row, known)
    if isinstance(row, Prediction) and row.confidence is not None:
        measured(made, "confidence", row.confidence)
    if isinstance(made.answer, str):
        # Free text brings its frames within the answer.
        made.answer = [{"value": made.answer, "frames": frames}]
    else:
        made.frames = frames
    return made


# -- in ---------------------------------------------------------------------------------------------------------------


def video_in(item: str, annotations: wire.Annotations, masks: Masks) -> Iterator[dict[str, Any]]:
    """Yield the fields of the rows that the exported annotations of a video are.

    Frames between keyframes, which an export may hold, are left out.
    """
    segments = annotations.segments or {}
    keys = {feature: _frames(frames) for feature, frames in (annotations.key_frame_feature_map or {}).items()}
    for answered in annotations.classifications or ():
        yield whole_in(answered, {"item": item})
    for number, frame in sorted((annotations.frames or {}).items(), key=lambda pair: int(pair[0])):
        for feature, shown in (frame.objects or {}).items():
            if feature in keys and int(number) not in keys[feature]:
                continue
            # A mask is the one of its frame; nothing is drawn between two.
            stretches = [] if shown.composite_mask or shown.mask else segments.get(feature) or []
            place = _place(item, int(number), stretches)
            fields = object_in(shown, {**place, "track_id": feature}, masks)
            kept: Kept | None = fields.get("kept")
            if kept is None or not kept.end:
                yield fields
        for answered in frame.classifications or ():
            place = _place(item, int(number), segments.get(answered.feature_id) or [])
            fields = whole_in(answered, {**place, "interpolation": "none"})
            if "kept" not in fields and fields.get("span") is not None:
                fields["frame"] = None
            yield fields


def _frames(frames: Any) -> set[int]:
    """Return the numbers of keyframes, which exports hold as a list or as a map to true."""
    return {int(frame) for frame in frames}


def _place(item: str, number: int, segments: list[tuple[int, int]]) -> dict[str, Any]:
    frame = frame_in(number)
    for first, last in segments:
        if first <= number <= last and first != last:
            return {
                "item": item,
                "frame": frame,
                "span": (frame_in(first), frame_in(last)),
                "interpolation": "linear",
            }
    return {"item": item, "frame": frame}
