"""Pure translation between canonical rows and Nucleus's JSON. No network.

Nucleus's coordinates are ours: absolute pixels, origin top-left; a box has its top-left corner. What Nucleus has no
place for travels in the metadata under keys that begin with `dragoman_` and is taken out again on the way back. Rows
come here as the fidelity table says that they are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from dragoman.errors import InvalidData, PlatformError
from dragoman.schema import (
    Box,
    Geometry,
    Item,
    Keypoint,
    Keypoints,
    Label,
    Model,
    Polygon,
    Polyline,
    Prediction,
    Provenance,
    Task,
    Whole,
)

OURS = "dragoman_"
Json = dict[str, Any]

# -- geometries out ---------------------------------------------------------------------------------------------------


def _vertices(run: tuple[float, ...]) -> Json:
    return {"vertices": [{"x": x, "y": y} for x, y in zip(run[::2], run[1::2], strict=True)]}


def _keypoints(keypoints: Keypoints) -> Json:
    return {
        "keypoints": [{"x": point.x, "y": point.y, "visible": point.visibility == 2} for point in keypoints.points],
        "names": [point.name for point in keypoints.points],
        "skeleton": [list(edge) for edge in keypoints.skeleton],
    }


_OUT: dict[type[Geometry], tuple[str, Callable[[Any], Json]]] = {
    Box: ("box", lambda box: {"x": box.x, "y": box.y, "width": box.width, "height": box.height}),
    Polygon: ("polygon", lambda polygon: _vertices(polygon.parts[0][0])),
    Polyline: ("line", lambda line: _vertices(line.vertices)),
    Keypoints: ("keypoints", _keypoints),
    Whole: ("category", lambda _: {}),
}

# -- geometries in ----------------------------------------------------------------------------------------------------


def _run(geometry: Json) -> tuple[float, ...]:
    return tuple(number for vertex in geometry["vertices"] for number in (vertex["x"], vertex["y"]))


def _read_keypoints(geometry: Json) -> Keypoints:
    points = zip(geometry["names"], geometry["keypoints"], strict=True)
    return Keypoints(
        tuple(Keypoint(name, point["x"], point["y"], 2 if point["visible"] else 1) for name, point in points),
        tuple((start, end) for start, end in geometry.get("skeleton") or ()),
    )


_IN: dict[str, Callable[[Json], Any]] = {
    "box": lambda geometry: Box(geometry["x"], geometry["y"], geometry["width"], geometry["height"]),
    "polygon": lambda geometry: Polygon(((_run(geometry),),)),
    "line": lambda geometry: Polyline(_run(geometry)),
    "keypoints": _read_keypoints,
    "category": lambda _: Whole(),
}

# -- rows -------------------------------------------------------------------------------------------------------------


def row_out(row: Label) -> Json:
    """Return a label or prediction as Nucleus takes it."""
    kind, translate = _OUT[type(row.geometry)]
    wire: Json = {
        "type": kind,
        "label": row.feature,
        "geometry": translate(row.geometry),
        "reference_id": row.item,
        "metadata": _row_metadata(row, kind),
    }
    if kind != "category":
        wire["annotation_id"] = row.id
    if row.track_id is not None:
        wire["track_reference_id"] = row.track_id
    if isinstance(row, Prediction):
        if row.confidence is not None:
            wire["confidence"] = row.confidence
        if row.class_pdf is not None:
            wire["class_pdf"] = row.class_pdf
    return wire


def _row_metadata(row: Label, kind: str) -> Json:
    ours: Json = {}
    if kind == "category":
        ours["id"] = row.id
    if row.provenance is not None:
        ours["provenance"] = msgspec.to_builtins(row.provenance)
    return joined(row.metadata, ours)


def joined(theirs: Json, ours: Json) -> Json:
    """Put our keys beside the user's.

    Raises:
        InvalidData: One of the user's has our prefix, and would be taken for ours on the way back.
    """
    for key in theirs:
        if key.startswith(OURS):
            raise InvalidData(
                f"The metadata key {key!r} begins with {OURS!r}, which is kept for ours.", field="metadata"
            )
    return {**theirs, **{OURS + name: value for name, value in ours.items()}} if ours else theirs


def label_in(wire: Json) -> Label:
    """Return an annotation of Nucleus as a label.

    Raises:
        PlatformError: It is of a type that has no counterpart.
    """
    return Label(**_common(wire))


def prediction_in(wire: Json) -> Prediction:
    """Return a prediction of Nucleus as ours.

    Raises:
        PlatformError: It is of a type that has no counterpart.
    """
    return Prediction(**_common(wire), confidence=wire.get("confidence"), class_pdf=wire.get("class_pdf"))


def _common(wire: Json) -> dict[str, Any]:
    kind = wire["type"]
    if kind not in _IN:
        raise PlatformError(
            f"Nucleus holds a {kind} annotation on {wire.get('reference_id')!r}, which is not read yet."
        )
    metadata, ours = parted(wire.get("metadata") or {})
    row_id = ours.get("id") or wire.get("annotation_id") or ""
    provenance = ours.get("provenance")
    return {
        "item": wire["reference_id"],
        "feature": wire["label"],
        "geometry": _IN[kind](wire.get("geometry") or {}),
        "id": row_id,
        "track_id": wire.get("track_reference_id"),
        "metadata": metadata,
        "provenance": msgspec.convert(provenance, Provenance) if provenance else Provenance("nucleus", row_id or None),
    }


def parted(metadata: Mapping[str, Any]) -> tuple[Json, Json]:
    """Part the user's metadata from what we put beside it."""
    theirs = {key: value for key, value in metadata.items() if not key.startswith(OURS)}
    if len(theirs) == len(metadata):
        return theirs, {}
    return theirs, {key.removeprefix(OURS): value for key, value in metadata.items() if key.startswith(OURS)}


def flatten(groups: Mapping[str, Any]) -> Iterable[Json]:
    """Yield the rows of a map of type to rows, each with its `type`; masks, which are not read yet, too."""
    for kind, rows in groups.items():
        # Exports hold the one mask of an item as a bare object where other answers hold a list.
        for row in [rows] if isinstance(rows, dict) else rows or ():
            yield row if "type" in row else {**row, "type": kind}


# -- items ------------------------------------------------------------------------------------------------------------

_KEPT = ("width", "height", "split")
"""Fields of an item that Nucleus takes or has no place for, and does not give back."""


def item_out(item: Item) -> Json:
    """Return an item as Nucleus takes it, without the place of its image."""
    kept = {name: getattr(item, name) for name in _KEPT if getattr(item, name) is not None}
    wire: Json = {"reference_id": item.key, "metadata": joined(item.metadata, kept)}
    if item.width and item.height:
        wire |= {"width": item.width, "height": item.height}
    return wire


def item_in(wire: Json) -> Item:
    """Return an item of Nucleus as ours."""
    metadata, ours = parted(wire.get("metadata") or {})
    places = ("original_image_url", "image_url", "processed_url")
    return Item(
        key=wire.get("reference_id") or wire["ref_id"],
        id=wire.get("dataset_item_id") or wire.get("id") or "",
        uri=next((wire[place] for place in places if wire.get(place)), None),
        metadata=metadata,
        **{name: ours[name] for name in _KEPT if name in ours},
    )


# -- models -----------------------------------------------------------------------------------------------------------


def model_metadata(model: Model) -> Json:
    """Return the metadata of a model, with what Nucleus has no field for: task, features, description."""
    ours = {"task": model.task, "features": list(model.features), "description": model.description}
    return joined(model.metadata, {name: value for name, value in ours.items() if value})


def model_in(model: Any) -> Model:
    """Return one of the SDK's `Model` objects as ours."""
    metadata, ours = parted(model.metadata or {})
    return Model(
        id=model.id,
        name=model.name,
        key=model.reference_id,
        task=Task(ours["task"]) if "task" in ours else None,
        features=tuple(ours.get("features", ())),
        description=ours.get("description", ""),
        metadata=metadata,
    )


def escape(key: str) -> str:
    """Return a key as one segment of a route. The SDK escapes keys in some calls and not in others; we always do."""
    return quote(key, safe="")
