"""Marks and canonical rows.

What a row has and Synapse has no place for stands under our key of the annotation; what an annotation has and a row has
no place for stands in the row's metadata under the key `synapse`, and goes back where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from dragoman.errors import InvalidData, PlatformError
from dragoman.schema import Keypoint, Keypoints, Label, Mask, Point, Prediction, Provenance, Whole
from dragoman.schema.rows import AttributeValue, derive_id
from dragoman_synapse.codec.marks import MEDIA, Json, Mark, wire_id
from dragoman_synapse.codec.shapes import OUT, shape_in
from dragoman_synapse.codec.v2 import VISIBILITY

THEIRS = "synapse"
"""Key of a row's metadata for what only Synapse knows: tool, data, flags, group, medium, lists as attributes."""
SCORE = "score"
"""The attribute in which a confidence travels: Synapse has no field for it."""
SCORES = (SCORE, "confidence", "conf")
"""Attributes in which plugins answer a confidence."""
_RESERVED = frozenset({"class", "visibility", "rotation", *SCORES})
_PLAIN = (str, bool, int, float)


# -- in ------------------------------------------------------------------------------------------------------------


def labels_of(marks: Iterable[Mark], item: str) -> list[Label]:
    """Return the labels of an item's marks.

    Raises:
        PlatformError: A mark is malformed; the message names it.
    """
    return [Label(**_fields(found, item)) for found in _joined(marks)]


def predictions_of(marks: Iterable[Mark], item: str, version: str | None = None) -> list[Prediction]:
    """Return the predictions of an item's marks; a confidence is looked for among the attributes.

    Raises:
        PlatformError: A mark is malformed; the message names it.
    """
    return [_prediction(found, item, version) for found in _joined(marks)]


def _joined(marks: Iterable[Mark]) -> Iterator[list[Mark]]:
    """Yield the marks of each row: one, or those of the points of one pose."""
    poses: dict[str, list[Mark]] = {}
    for mark in marks:
        if "pose" not in mark.ours:
            yield [mark]
            continue
        pose = poses.setdefault(mark.ours["pose"]["of"], [])
        pose.append(mark)
        if len(pose) == mark.ours["pose"]["points"]:
            yield pose
            poses[mark.ours["pose"]["of"]] = []
    # An annotator has deleted some of the points: what is left of the pose.
    yield from filter(None, poses.values())


def _fields(marks: list[Mark], item: str) -> Json:
    mark = marks[0]
    try:
        geometry = _pose(marks) if "pose" in mark.ours else shape_in(mark)
        theirs = _theirs(mark, known=geometry is not None)
        ours = mark.ours
        attributes = {name: value for name, value in mark.attributes.items() if _is_attribute(mark, name)}
        metadata = dict(ours.get("metadata") or {})
        return {
            "item": item,
            "feature": ours.get("feature") or mark.name or mark.tool,
            "geometry": geometry or Whole(),
            # Ids of annotations are unique within a document at best, and one stands for all frames.
            "id": ours.get("id") or derive_id("synapse", item, mark.id, mark.frame),
            "frame": mark.frame,
            "span": mark.span,
            # An annotation that was drawn on many frames is a track.
            "track_id": ours.get("track") if mark.frame is None or "id" in ours else mark.id,
            "attributes": attributes | msgspec.convert(ours.get("attributes") or {}, dict[str, AttributeValue]),
            "metadata": {**metadata, THEIRS: theirs} if theirs else metadata,
            "provenance": _provenance(mark),
        }
    except (InvalidData, KeyError, TypeError, ValueError, IndexError) as error:
        raise PlatformError(f"The {mark.tool} {mark.id!r} of {item!r} is malformed: {error}") from error


def _is_attribute(mark: Mark, name: str) -> bool:
    if mark.tool == "keypoint" and name == "visibility":
        return False
    return not name.startswith("_") and _fits(mark.attributes[name])


def _fits(value: Any) -> bool:
    """Return whether a row has a place for the value of an attribute; it has none for a list of texts."""
    return value is None or isinstance(value, _PLAIN)


def _theirs(mark: Mark, *, known: bool) -> Json:
    """Return what of a mark a row has no place for."""
    theirs: Json = {}
    if not known and mark.tool != "classification":
        # A span is a stretch of a video that was marked and no more; all else is kept as it is.
        theirs = {} if mark.tool == "segmentation" and mark.span else {"tool": mark.tool, "data": mark.data}
    if mark.media != MEDIA:
        theirs["media"] = mark.media
    if mark.flags:
        theirs["flags"] = mark.flags
    if mark.group is not None and "pose" not in mark.ours:
        theirs["group"] = mark.group
    if several := {name: value for name, value in mark.attributes.items() if not _fits(value)}:
        theirs["attributes"] = several
    seen = mark.attributes.get("visibility", "visible")
    if mark.tool == "keypoint" and "pose" not in mark.ours and seen != "visible":
        theirs["visibility"] = seen
    return theirs


def _pose(marks: list[Mark]) -> Keypoints:
    marks = sorted(marks, key=lambda mark: mark.ours["pose"]["number"])
    points = []
    for mark in marks:
        pose = mark.ours["pose"]
        # An annotator may have given the point a position since.
        x, y = (None, None) if pose.get("nowhere") and not any(mark.data) else mark.data
        points.append(Keypoint(pose["name"], x, y, VISIBILITY.index(mark.attributes["visibility"])))
    skeleton = marks[0].ours["pose"].get("skeleton") or []
    return Keypoints(tuple(points), tuple((start, end) for start, end in skeleton))


def _provenance(mark: Mark) -> Provenance:
    kept = mark.ours.get("provenance")
    return msgspec.convert(kept, Provenance) if kept else Provenance("synapse", mark.id)


def _prediction(marks: list[Mark], item: str, version: str | None) -> Prediction:
    fields = _fields(marks, item)
    name = next((name for name in SCORES if name in marks[0].attributes), None)
    confidence = fields["attributes"].pop(name, None) if name else None
    provenance = fields["provenance"]
    if provenance.platform == "synapse" and version is not None:
        fields["provenance"] = msgspec.structs.replace(provenance, version=version)
    try:
        return Prediction(**fields, confidence=confidence)
    except (InvalidData, TypeError) as error:
        raise PlatformError(f"A prediction on {item!r} is malformed: {error}") from error


# -- out -----------------------------------------------------------------------------------------------------------


def marks_of(row: Label, size: tuple[int, int] | None = None, media: str = MEDIA) -> list[Mark]:
    """Return the marks of a row: one, or one per point of a pose.

    Args:
        row: The row, as the fidelity table says that it is kept.
        size: Width and height of the medium, which a mask needs beside its pixels.
        media: The medium that it is on.

    Raises:
        InvalidData: Its metadata has our key for Synapse's own facts, and holds something else.
    """
    theirs = row.metadata.get(THEIRS) or {}
    if not isinstance(theirs, dict):
        raise InvalidData(f"The metadata key {THEIRS!r} is kept for Synapse's own facts.", field=f"metadata.{THEIRS}")
    attributes, ours = _attributes(row)
    tool, data = _drawn(row, theirs)
    mark = Mark(
        id=_mark_id(row),
        tool=tool,
        name=row.feature,
        attributes=attributes | (theirs.get("attributes") or {}),
        data=data,
        media=theirs.get("media") or media,
        size=(row.geometry.width, row.geometry.height) if isinstance(row.geometry, Mask) else size,
        frame=row.frame,
        span=row.span,
        group=theirs.get("group"),
        flags=theirs.get("flags") or {},
        ours=ours | _kept(row),
    )
    if isinstance(row.geometry, Keypoints):
        return _points(row.geometry, mark, row.id)
    if isinstance(row.geometry, Point) and "visibility" in theirs:
        mark.attributes = {**mark.attributes, "visibility": theirs["visibility"]}
    return [mark]


def _mark_id(row: Label) -> str:
    """Return the id of a row's annotation: the one that it had, since relations and groups name it, or a new one.

    A row on a frame gets its own: the one that it had stands for other frames, too.
    """
    held = row.provenance.id if row.provenance and row.provenance.platform == "synapse" else None
    return wire_id(held if held and row.frame is None else row.id)


def _drawn(row: Label, theirs: Json) -> tuple[str, Any]:
    if type(row.geometry) in OUT:
        tool, translate = OUT[type(row.geometry)]
        return tool, translate(row.geometry)
    if isinstance(row.geometry, Keypoints):
        return "keypoint", None
    if "tool" in theirs:
        return theirs["tool"], theirs["data"]
    return ("segmentation", {}) if row.span is not None else ("classification", {})


def _attributes(row: Label) -> tuple[Json, Json]:
    """Part the attributes that an annotator can see from those that their editor would refuse or take for its own."""
    shown = {name: value for name, value in row.attributes.items() if _is_shown(name, value)}
    hidden = {name: msgspec.to_builtins(value) for name, value in row.attributes.items() if name not in shown}
    if isinstance(row, Prediction) and row.confidence is not None:
        shown[SCORE] = row.confidence
    return shown, {"attributes": hidden} if hidden else {}


def _is_shown(name: str, value: Any) -> bool:
    return bool(name) and name not in _RESERVED and not name.startswith("_") and isinstance(value, _PLAIN)


def _kept(row: Label) -> Json:
    metadata = {name: value for name, value in row.metadata.items() if name != THEIRS}
    kept = {
        "id": row.id,
        "track": row.track_id,
        "metadata": metadata,
        "provenance": msgspec.to_builtins(row.provenance) if row.provenance else None,
    }
    return {name: value for name, value in kept.items() if value not in (None, {})}


def _points(pose: Keypoints, mark: Mark, row_id: str) -> list[Mark]:
    """Return a mark per point, all of one group, the pose; the first carries what belongs to the row."""
    made = []
    for number, point in enumerate(pose.points):
        about: Json = {"of": row_id, "name": point.name, "number": number, "points": len(pose.points)}
        if number == 0 and pose.skeleton:
            about["skeleton"] = [list(edge) for edge in pose.skeleton]
        if point.x is None or point.y is None:
            about["nowhere"] = True
        ours: Json = {"pose": about, "feature": mark.name, "id": row_id}
        made.append(
            Mark(
                id=f"{mark.id}-{number}",
                tool="keypoint",
                name=point.name,
                attributes={**(mark.attributes if number == 0 else {}), "visibility": VISIBILITY[point.visibility]},
                data=[point.x or 0.0, point.y or 0.0],
                media=mark.media,
                size=mark.size,
                frame=mark.frame,
                span=mark.span,
                group=mark.id,
                flags=mark.flags,
                ours={**mark.ours, **ours} if number == 0 else ours,
            )
        )
    return made
