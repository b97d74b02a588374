"""Pure translation between canonical rows, items and models and Nucleus's JSON. No network.

What Nucleus has no place for travels in the metadata under keys that begin with `dragoman_` and is taken out again on
the way back. Rows come here as the fidelity table says that they are kept. Shapes are in `shapes`, masks in `masks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from dragoman.errors import InvalidData
from dragoman.schema import (
    AnyAnswer,
    Box,
    Checklist,
    Item,
    Label,
    Model,
    Option,
    Prediction,
    Provenance,
    Radio,
    Task,
    Whole,
)
from dragoman_nucleus.shapes import SHAPES_IN, SHAPES_OUT
from dragoman_nucleus.wire import BareBox, FoundCategories, FoundCategory, Json, Rectangle, Row

OURS = "dragoman_"
ORIGIN = "dragoman_provenance"
EMBEDDING = "embedding_vector"
"""Key of the metadata that a box's or polygon's embedding has here; Nucleus has a field for it."""
EMBEDDED = ("box", "polygon")
STEPS = ("", ".", "..")
"""Keys that are no names in an address."""

# -- rows out ---------------------------------------------------------------------------------------------------------


def row_out(row: Label) -> Row | BareBox:
    """Return a label or prediction as Nucleus takes it."""
    geometry = row.geometry
    confidence = class_pdf = None
    if type(row) is Prediction:
        confidence, class_pdf = row.confidence, row.class_pdf
    bare, origin = not row.metadata and row.answer is None, row.provenance
    if bare and type(geometry) is Box:  # most rows are such
        corner = Rectangle(geometry.x, geometry.y, geometry.width, geometry.height)
        beside = row.metadata if origin is None else {ORIGIN: origin}
        return BareBox(corner, row.item, beside, row.feature, row.id, confidence, class_pdf, row.track_id)
    kind, make = SHAPES_OUT[type(geometry)]
    wire = Row(kind, make(geometry), row.item, row.metadata, row.feature, row.id, confidence, class_pdf, row.track_id)
    if not bare or origin is not None or kind == "category":
        _beside(row, wire)
    return wire


def _beside(row: Label, wire: Row) -> None:
    """Fill in what boxes seldom have: metadata, provenance, answers, an embedding, the id of a category."""
    theirs = row.metadata
    if wire.type in EMBEDDED and _is_vector(theirs.get(EMBEDDING)):
        wire.embedding_vector = theirs[EMBEDDING]
        theirs = {name: value for name, value in theirs.items() if name != EMBEDDING}
    ours: Json = {}
    if wire.type == "category":
        wire.annotation_id = None
        ours["id"] = row.id
    if row.provenance is not None:
        ours["provenance"] = msgspec.to_builtins(row.provenance)
    if row.answer is not None and not _answered(row, wire):
        ours["answer"] = msgspec.to_builtins(row.answer)
    wire.metadata = joined(theirs, ours)


def _is_vector(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(number) is float for number in value)


def _answered(row: Label, wire: Row) -> bool:
    """Say a category's answer in Nucleus's way, and return whether that says all of it."""
    if wire.type != "category":
        return False
    match row.answer:
        case Radio(Option(name, attributes)):
            wire.label, wire.taxonomy_name = name, row.feature
            return not attributes
        case Checklist(options) if options and type(row) is Label:
            # Predictions have no multicategory.
            wire.type, wire.label, wire.taxonomy_name = "multicategory", None, row.feature
            wire.labels = [option.name for option in options]
            return not any(option.attributes for option in options)
    return False


def category_of(row: Label) -> tuple[str, str | None]:
    """Return what a classification is on Nucleus, and its taxonomy; an item has one of each."""
    match row.answer:
        case Radio():
            return "category", row.feature
        case Checklist(options) if options and type(row) is Label:
            return "multicategory", row.feature
    return "category", None


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


def parted(metadata: Mapping[str, Any]) -> tuple[Json, Json]:
    """Part the user's metadata from what we put beside it."""
    theirs = {key: value for key, value in metadata.items() if not key.startswith(OURS)}
    if len(theirs) == len(metadata):
        return theirs, {}
    return theirs, {key.removeprefix(OURS): value for key, value in metadata.items() if key.startswith(OURS)}


# -- rows in ----------------------------------------------------------------------------------------------------------


def label_in(kind: str, wire: Any, item: str | None = None) -> Label:
    """Return an annotation of Nucleus as a label.

    Args:
        kind: Its type.
        wire: What came back of it.
        item: Key of its item, where the answer leaves it out.
    """
    return _row_in(Label, kind, wire, item or wire.reference_id, {})


def prediction_in(kind: str, wire: Any, item: str | None = None) -> Prediction:
    """Return a prediction of Nucleus as ours; arguments as in `label_in`."""
    if kind == "box" and not wire.metadata and wire.embedding_vector is None:
        return _box_in(wire, item or wire.reference_id)
    said = {name: getattr(wire, name, None) for name in ("confidence", "class_pdf")}
    return _row_in(Prediction, kind, wire, item or wire.reference_id, said)


def _box_in(wire: Any, item: str) -> Prediction:
    shape = wire.geometry
    return Prediction(
        item,
        wire.label,
        Box(shape.x, shape.y, shape.width, shape.height),
        wire.annotation_id or "",
        track_id=wire.track_reference_id,
        provenance=Provenance("nucleus", wire.annotation_id),
        confidence=wire.confidence,
        class_pdf=wire.class_pdf,
    )


def _row_in(kind_of_row: Any, kind: str, wire: Any, item: str, said: Json) -> Any:
    metadata, ours = parted(wire.metadata or {})
    if isinstance(wire, FoundCategory | FoundCategories):
        feature, answer, geometry = *_category_in(wire), Whole()
    else:
        feature, answer, geometry = wire.label, None, SHAPES_IN[kind](wire.geometry)
        if wire.embedding_vector is not None:
            metadata[EMBEDDING] = wire.embedding_vector
    if "answer" in ours:
        answer = msgspec.convert(ours["answer"], AnyAnswer)
    row_id = ours.get("id") or wire.annotation_id or ""
    return kind_of_row(
        item,
        feature,
        geometry,
        row_id,
        track_id=wire.track_reference_id,
        answer=answer,
        metadata=metadata,
        provenance=provenance_in(ours, row_id),
        **said,
    )


def _category_in(wire: FoundCategory | FoundCategories) -> tuple[str, AnyAnswer | None]:
    """Return feature and answer of a category: within a taxonomy its label answers, without one it is the feature."""
    if isinstance(wire, FoundCategories):
        return wire.taxonomy_name or "multicategory", Checklist.of(*dict.fromkeys(wire.labels))
    if wire.taxonomy_name:
        return wire.taxonomy_name, Radio.of(wire.label)
    return wire.label, None


def provenance_in(ours: Mapping[str, Any], row_id: str) -> Provenance:
    """Return the provenance that travelled beside a row, or say that it is Nucleus's own."""
    if provenance := ours.get("provenance"):
        return msgspec.convert(provenance, Provenance)
    return Provenance("nucleus", row_id or None)


# -- items ------------------------------------------------------------------------------------------------------------

_KEPT = ("width", "height", "split", "content_hash", "orientation")
"""Fields of an item that Nucleus takes or has no place for, and does not give back."""


def item_out(item: Item) -> Json:
    """Return an item as Nucleus takes it, without the place of its image."""
    kept = {name: value for name in _KEPT if (value := getattr(item, name)) is not None}
    if item.orientation == 1:
        del kept["orientation"]
    wire: Json = {"reference_id": item.key, "metadata": joined(item.metadata, kept)}
    if item.width and item.height:
        wire |= {"width": item.width, "height": item.height}
    return wire


def item_in(wire: Json) -> Item:
    """Return an item of Nucleus as ours."""
    metadata, ours = parted(wire.get("metadata") or {})
    places = ("original_image_url", "image_url", "processed_url", "pointcloud_url")
    return Item(
        key=wire.get("ref_id") or wire["reference_id"],
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
    """Return a key as one segment of a route.

    Raises:
        InvalidData: It is no name in a route but a step in it, which no encoding keeps: `..` leads to what holds it.
    """
    if key in STEPS:
        raise InvalidData(f"Nucleus cannot be asked for the key {key!r}: in an address it means another place.")
    return quote(key, safe="")
