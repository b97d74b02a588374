"""The second form of annotation documents ("DM schema V2"): per kind of medium and tool, all in one place.

    {"classification": {"bounding_box": ["car"]},
     "images": [{"bounding_box": [{"id", "classification": "car", "attrs": [{"name", "value"}], "data": [x, y, w, h]}]
                }]}

Attributes whose names begin with an underscore are the writer's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from dragoman.errors import PlatformError
from dragoman_synapse.codec.marks import OURS, PLURALS, Json, Mark, kind_of, listed

KINDS = {plural: kind for kind, plural in PLURALS.items()}
VISIBILITY = ("missing", "occluded", "visible")
_OURS = f"_{OURS}"


def recognised(document: Mapping[str, Any]) -> bool:
    """Return whether a document is of this form."""
    return any(plural in document for plural in KINDS) or set(document) == {"classification"}


def read(document: Mapping[str, Any]) -> list[Mark]:
    """Return the marks of a document.

    Raises:
        PlatformError: It is malformed.
    """
    marks: list[Mark] = []
    for plural, kind in KINDS.items():
        for number, item in enumerate(listed(document.get(plural) or [], plural), start=1):
            media = f"{kind}_{number}"
            for tool, made in item.items():
                marks += [_mark(media, tool, one) for one in listed(made, f"{plural}.{tool}")]
    return marks


def write(marks: Iterable[Mark]) -> Json:
    """Return the document of marks."""
    items: dict[str, dict[str, list[Json]]] = defaultdict(lambda: defaultdict(list))
    classes: dict[str, set[str]] = defaultdict(set)
    for mark in marks:
        items[mark.media][mark.tool].append(_written(mark))
        if mark.name:
            classes[mark.tool].add(mark.name)
    document: Json = {"classification": {tool: sorted(names) for tool, names in sorted(classes.items())}}
    for media in sorted(items, key=_order):
        held = document.setdefault(PLURALS[kind_of(media)], [])
        held += [{} for _ in range(_order(media)[1] - len(held) - 1)]
        held.append(dict(items[media]))
    return document


def _order(media: str) -> tuple[str, int]:
    number = media.rpartition("_")[2]
    return kind_of(media), int(number) if number.isdigit() else 1


def _mark(media: str, tool: str, annotation: Json) -> Mark:
    if not isinstance(annotation.get("id"), str):
        raise PlatformError(f"An annotation of {media} has no id.")
    attributes = {str(one.get("name")): one.get("value") for one in annotation.get("attrs") or ()}
    ours = _decoded(attributes.pop(_OURS, None))
    if "visibility" in annotation:
        attributes["visibility"] = VISIBILITY[annotation["visibility"]]
    data, span = _placed(tool, annotation, attributes)
    return Mark(
        id=annotation["id"],
        tool=tool,
        name=str(annotation.get("classification") or ""),
        attributes=attributes,
        data=data,
        media=media,
        size=_pair(ours.pop("size", None)),
        frame=ours.pop("frame", None),
        span=span or _pair(ours.pop("span", None)),
        group=annotation.get("group_id") or ours.pop("group", None),
        flags=ours.pop("flags", {}),
        ours=ours,
    )


def _placed(tool: str, annotation: Json, attributes: Json) -> tuple[Any, tuple[int, int] | None]:
    """Return the data of a mark, and the span where that is all it is; a box takes its turn from the attributes."""
    data = annotation.get("data")
    match tool:
        case "bounding_box":
            turn = attributes.pop("rotation", None)
            return ([*data, turn] if data and turn else data), None
        case "segmentation" if isinstance(data, list):
            return {"pixels": data, "runs": annotation.get("encoding") == "dm_rle"}, None
        case "segmentation" if isinstance(data, dict) and "startFrame" in data:
            return {}, (data["startFrame"], data["endFrame"])
        case "relation" if isinstance(data, list) and len(data) == 2:
            return {"annotationId": data[0], "targetAnnotationId": data[1]}, None
    return data, None


def _written(mark: Mark) -> Json:
    attributes = dict(mark.attributes)
    written: Json = {"id": mark.id, "classification": mark.name, "attrs": [], "data": mark.data}
    beside: Json = {"frame": mark.frame, "span": mark.span, "size": mark.size, "group": mark.group}
    match mark.tool:
        case "bounding_box":
            written["data"] = mark.data[:4]
            attributes |= {"rotation": mark.data[4]} if len(mark.data) > 4 else {}
        case "keypoint":
            if "visibility" in attributes:
                written["visibility"] = _visibility(attributes.pop("visibility"))
            if mark.group is not None:
                written["group_id"], beside["group"] = mark.group, None
        case "segmentation" if "pixels" in mark.data:
            runs = mark.data["runs"]
            written["data"] = mark.data["pixels"]
            written |= {"encoding": "dm_rle" if runs else "raw_indices", "isCompressed": runs}
            written["compressionFormat"] = "rle" if runs else None
        case "segmentation" if mark.span is not None:
            written["data"], beside["span"] = {"startFrame": mark.span[0], "endFrame": mark.span[1]}, None
        case "relation" if "annotationId" in mark.data:
            written["data"] = [mark.data["annotationId"], mark.data["targetAnnotationId"]]
    ours = {**mark.ours, **{name: value for name, value in beside.items() if value is not None}}
    if mark.flags:
        ours["flags"] = mark.flags
    written["attrs"] = [{"name": name, "value": value} for name, value in attributes.items()]
    if ours:
        # A value is a text, a number, a boolean or a list of texts.
        written["attrs"].append({"name": _OURS, "value": msgspec.json.encode(ours).decode()})
    return written


def _visibility(value: Any) -> int:
    return VISIBILITY.index(value) if value in VISIBILITY else int(value)


def _decoded(text: Any) -> Json:
    if not isinstance(text, str):
        return {}
    found = msgspec.json.decode(text)
    return found if isinstance(found, dict) else {}


def _pair(value: Any) -> tuple[int, int] | None:
    return None if value is None else (value[0], value[1])
