"""The first form of annotation documents ("DM schema V1"): per medium, what an annotation is and where it is, apart.

{"annotations": {"image_1": [{"id", "tool", "classification": {"class", ...}, ...}]},
 "annotationsData": {"image_1": [{"id", "coordinate": ...}]},
 "annotationGroups": {"image_1": [{"id", "annotationIds"}]}, "relations": {}, "extra": {"image_1": {"width", ...}}}
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from dragoman.errors import PlatformError
from dragoman_synapse.codec.marks import OURS, Json, Mark, kind_of, listed

FLAGS = {"isLocked": False, "isVisible": True, "isValid": False, "isDrawCompleted": True, "label": []}
"""What an annotation says of itself besides, with the values that go without saying."""
_BASE = frozenset({"id", "tool", "classification", OURS})


def recognised(document: Mapping[str, Any]) -> bool:
    """Return whether a document is of this form."""
    return isinstance(document.get("annotations"), dict)


def read(document: Mapping[str, Any]) -> list[Mark]:
    """Return the marks of a document.

    Raises:
        PlatformError: It is malformed.
    """
    marks: list[Mark] = []
    places = {} if document.get("annotationsData") is None else document["annotationsData"]
    if not isinstance(places, dict):
        raise PlatformError("An annotation document of Synapse has no object in annotationsData.")
    for media, made in document["annotations"].items():
        kind_of(media)
        size = _size((document.get("extra") or {}).get(media))
        data = listed(places.get(media) or [], f"annotationsData.{media}")
        marks += _of_media(media, listed(made, f"annotations.{media}"), data, size, _groups(document, media))
    for media, relations in (document.get("relations") or {}).items():
        marks += [_relation(media, one) for one in listed(relations, f"relations.{media}")]
    return marks


def write(marks: Iterable[Mark]) -> Json:
    """Return the document of marks."""
    document: Json = {
        name: defaultdict(list) for name in ("annotations", "annotationsData", "relations", "annotationGroups")
    }
    extra: Json = {}
    members: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for mark in marks:
        if mark.size is not None:
            extra[mark.media] = {"width": mark.size[0], "height": mark.size[1]}
        if mark.flags.get("edge"):
            document["relations"][mark.media].append(_written_relation(mark))
            continue
        document["annotations"][mark.media].append(_written(mark))
        document["annotationsData"][mark.media].append(_placed(mark))
        if mark.group is not None:
            members[mark.media][mark.group].append(mark.id)
    for media, groups in members.items():
        document["annotationGroups"][media] = [{"id": key, "annotationIds": ids} for key, ids in groups.items()]
    return {**{name: dict(value) for name, value in document.items()}, "extra": extra, "assignmentId": None}


# -- reading -------------------------------------------------------------------------------------------------------


def _of_media(
    media: str, annotations: list[Json], data: list[Json], size: tuple[int, int] | None, groups: Mapping[str, str]
) -> list[Mark]:
    # An annotation of a video has a place for every frame that it was drawn on.
    places: dict[str, list[Json]] = defaultdict(list)
    for place in data:
        places[str(place.get("id"))].append(place)
    return [
        _mark(media, annotation, place, size, groups)
        for annotation in annotations
        for place in places.get(str(annotation.get("id")), [{}])
    ]


def _mark(media: str, annotation: Json, place: Json, size: tuple[int, int] | None, groups: Mapping[str, str]) -> Mark:
    if not isinstance(annotation.get("id"), str) or not isinstance(annotation.get("tool"), str):
        raise PlatformError(f"An annotation of {media} has no id or no tool.")
    classification = dict(annotation.get("classification") or {})
    tool = annotation["tool"]
    section = place.get("section") or {}
    framed = "startFrame" in section
    return Mark(
        id=annotation["id"],
        tool=tool,
        name=str(classification.pop("class", "") or ""),
        attributes=classification,
        data=_data(tool, place),
        media=media,
        size=size,
        frame=place.get("frameIndex"),
        span=(section["startFrame"], section["endFrame"]) if framed else None,
        group=groups.get(annotation["id"]),
        flags={key: value for key, value in annotation.items() if key not in _BASE and FLAGS.get(key, ...) != value},
        ours=annotation.get(OURS) or {},
    )


def _data(tool: str, place: Json) -> Any:
    """Return the place of an annotation as the second form has it."""
    at = place.get("coordinate")
    match tool:
        case "bounding_box" if at:
            box = [at["x"], at["y"], at["width"], at["height"]]
            return [*box, at["rotation"]] if at.get("rotation") else box
        case "polygon" | "polyline" if at:
            return [[vertex["x"], vertex["y"]] for vertex in at]
        case "keypoint" if at:
            return [at["x"], at["y"]]
        case "segmentation" if "pixel_indices" in place:
            return {"pixels": place["pixel_indices"], "runs": place.get("isCompressed") is True}
        case "3d_bounding_box":
            return place.get("psr")
    kept = {name: value for name, value in place.items() if name not in ("id", "frameIndex")}
    return {**kept.pop("section"), **kept} if "section" in kept else kept


def _size(extra: Any) -> tuple[int, int] | None:
    if not isinstance(extra, dict) or not extra.get("width") or not extra.get("height"):
        return None
    return extra["width"], extra["height"]


def _groups(document: Mapping[str, Any], media: str) -> dict[str, str]:
    groups = listed((document.get("annotationGroups") or {}).get(media) or [], f"annotationGroups.{media}")
    return {member: group["id"] for group in groups for member in group.get("annotationIds") or ()}


def _relation(media: str, edge: Json) -> Mark:
    classification = dict(edge.get("classification") or {})
    ends = {name: edge.get(name) for name in ("annotationId", "targetAnnotationId")}
    name = str(classification.pop("class", "") or "")
    return Mark(str(edge.get("id")), "relation", name, ends, classification, media, flags={"edge": True})


# -- writing -------------------------------------------------------------------------------------------------------


def _written(mark: Mark) -> Json:
    classification = {"class": mark.name, **mark.attributes} if mark.name else dict(mark.attributes)
    written = {"id": mark.id, "tool": mark.tool, "classification": classification, **FLAGS, **mark.flags}
    return {**written, OURS: mark.ours} if mark.ours else written


def _placed(mark: Mark) -> Json:
    place: Json = {"id": mark.id}
    data = mark.data
    match mark.tool:
        case "bounding_box":
            names = ("x", "y", "width", "height", "rotation")
            place["coordinate"] = dict(zip(names, data, strict=False))
        case "polygon" | "polyline":
            # The editor wants an id per vertex; it means nothing outside of it.
            place["coordinate"] = [{"x": x, "y": y, "id": f"v{number:09d}"} for number, (x, y) in enumerate(data)]
        case "keypoint":
            place["coordinate"] = {"x": data[0], "y": data[1]}
        case "segmentation" if "pixels" in data:
            runs = data["runs"]
            place |= {
                "pixel_indices": data["pixels"],
                "isCompressed": runs,
                "compressionFormat": "rle" if runs else None,
            }
        case "segmentation" | "time_range":
            place["section"] = {name: data[name] for name in ("start", "end") if name in data}
            place |= {name: value for name, value in data.items() if name not in ("start", "end")}
        case "3d_bounding_box":
            place["psr"] = data
        case _:
            place |= data or {}
    if mark.frame is not None:
        place["frameIndex"] = mark.frame
    if mark.span is not None:
        place["section"] = {"startFrame": mark.span[0], "endFrame": mark.span[1]}
    return place


def _written_relation(mark: Mark) -> Json:
    classification = {"class": mark.name, **mark.attributes} if mark.name else dict(mark.attributes)
    return {"id": mark.id, "tool": "relation", "classification": classification, **mark.data}
