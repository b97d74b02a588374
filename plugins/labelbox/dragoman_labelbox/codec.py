"""Pure translation between canonical rows and Labelbox's rows: imports out, exports in. No network.

Coordinates are the same on both sides: absolute pixels, origin top-left. Rows are plain dictionaries, encoded by the
caller; the SDK's annotation objects are many times slower and lose a confidence of 0.

What Labelbox has no field for is kept beside each annotation: see `kept.py`. A row's metadata
`{"custom_metrics": {name: number}}` are Labelbox's custom metrics as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dragoman.errors import InvalidData, PlatformError
from dragoman.schema import (
    AnyAnswer,
    Box,
    Geometry,
    Label,
    Mask,
    Point,
    Polygon,
    Polyline,
    Prediction,
    Provenance,
    Whole,
)
from dragoman.schema.rows import AttributeValue, Interpolation
from dragoman_labelbox import wire
from dragoman_labelbox.answers import answer_in, answer_out, answers_in, attributes_out, fits, options_of
from dragoman_labelbox.kept import Kept, keeper_out, kept_in, kept_of, unkept
from dragoman_labelbox.keys import uuid_of
from dragoman_labelbox.masks import mask_out
from dragoman_labelbox.nodes import Known

Json = dict[str, Any]
Fields = dict[str, Any]
Masks = Callable[[wire.Drawn], Mask]
Common = tuple[
    str,
    str,
    Any,
    str,
    int | None,
    tuple[int, int] | None,
    Interpolation,
    str | None,
    AnyAnswer | None,
    dict[str, AttributeValue],
    dict[str, Any],
    Provenance,
]
"""The fields of a label, by position."""
Place = Mapping[str, Any]
"""When and as what an exported annotation is found: fields of a row besides those that the annotation itself gives."""

METRICS = "custom_metrics"

# -- geometries -------------------------------------------------------------------------------------------------------


def _pairs(run: Sequence[float]) -> list[Json]:
    return [{"x": x, "y": y} for x, y in zip(run[::2], run[1::2], strict=True)]


def _ring(polygon: Polygon) -> list[Json]:
    if len(polygon.parts) != 1 or len(polygon.parts[0]) != 1:
        raise InvalidData("A Labelbox polygon has one ring.", field="geometry")
    ring = polygon.parts[0][0]
    return _pairs((*ring, *ring[:2]))


_OUT: dict[type[Geometry], tuple[str, Callable[[Any], Any]]] = {
    Box: ("bbox", lambda box: wire.Box(box.y, box.x, box.height, box.width)),
    Polygon: ("polygon", _ring),
    Polyline: ("line", lambda line: _pairs(line.vertices)),
    Point: ("point", lambda point: {"x": point.x, "y": point.y}),
    Mask: ("mask", mask_out),
}


def shape_out(geometry: Geometry) -> tuple[str, Any]:
    """Return the key and value of a shape in an import.

    Raises:
        InvalidData: Labelbox has no such shape.
    """
    try:
        key, translate = _OUT[type(geometry)]
    except KeyError:
        raise InvalidData(f"Labelbox has no {geometry.kind} on images and videos.", field="geometry") from None
    return key, translate(geometry)


def _run(pairs: list[wire.XY]) -> tuple[float, ...]:
    return tuple(number for pair in pairs for number in (pair.x, pair.y))


def shape_in(shown: wire.Shown, masks: Masks) -> Any:
    """Return the geometry of an exported annotation.

    Args:
        shown: The annotation.
        masks: Fetches a mask by where it is drawn.

    Raises:
        PlatformError: It is of a kind that has no counterpart.
    """
    if (box := shown.bounding_box) is not None:
        return Box(box.left, box.top, box.width, box.height)
    if shown.polygon is not None:
        run = _run(shown.polygon)
        # Exports repeat the first vertex at the end.
        return Polygon(((run[:-2] if len(run) > 6 and run[:2] == run[-2:] else run,),))
    if shown.line is not None:
        return Polyline(_run(shown.line))
    if (point := shown.point) is not None:
        return Point(point.x, point.y)
    if (drawn := shown.composite_mask or shown.mask) is not None:
        return masks(drawn)
    raise PlatformError(f"Labelbox holds an annotation of kind {shown.annotation_kind!r}, which is not read yet.")


# -- rows out ---------------------------------------------------------------------------------------------------------


def row_out(row: Label, known: Known, global_key: str) -> wire.ImportRow:
    """Return a row on an image, or a classification of a whole video, as Labelbox imports it.

    Args:
        row: The row.
        known: What the ontology says of its feature.
        global_key: Labelbox's name of the item.

    Raises:
        InvalidData: It says something that has no place.
    """
    made = wire.ImportRow(uuid_of(row.id), wire.ByGlobalKey(global_key), row.feature)
    if isinstance(row.geometry, Whole):
        made.answer = whole_out(row, known)
    else:
        key, shape = shape_out(row.geometry)
        setattr(made, key, shape)
        made.classifications = nested_out(row, known)
    if metrics := row.metadata.get(METRICS):
        made.customMetrics = [wire.Metric(name, value) for name, value in metrics.items()]
    if isinstance(row, Prediction) and row.confidence is not None:
        confident(made, row.confidence)
    return made


def nested_out(row: Label, known: Known) -> tuple[Any, ...]:
    """Return the nested classifications of a row with a shape."""
    asked, left = attributes_out(row.attributes, known.questions) if row.attributes else ([], {})
    kept = kept_of(row, left, row.answer)
    unkept(row, known, kept)
    return (*asked, keeper_out(kept)) if known.keeps else tuple(asked)


def whole_out(row: Label, known: Known) -> Any:
    """Return the answer that a classification is."""
    question = known.question
    assert question is not None
    asked, left = attributes_out(row.attributes, known.questions) if row.attributes else ([], {})
    if known.alone:
        kept = kept_of(row, left, row.answer)
        made: Any = {"name": row.feature, "classifications": asked}
    elif row.answer is not None and fits(row.answer, question):
        kept = kept_of(row, left, None)
        made = answer_out(row.answer, question)
    else:
        raise InvalidData(
            f"The ontology asks {row.feature!r} for a {question.kind}; the answer is none.", field="answer"
        )
    unkept(row, known, kept)
    if known.keeps:
        first = made[0] if isinstance(made, list) else made
        first["classifications"] = [*first.get("classifications", ()), keeper_out(kept)]
    return made


def confident(made: wire.ImportRow, confidence: float) -> None:
    """Put a confidence where Labelbox wants it: within the answers of radios and checklists, else on the row."""
    answer = made.answer
    if isinstance(answer, str) or answer is None:
        made.confidence = confidence
        return
    for option in answer if isinstance(answer, list) else [answer]:
        option["confidence"] = confidence


# -- rows in ----------------------------------------------------------------------------------------------------------


def prediction_in(shown: wire.Shown, item: str, masks: Masks) -> Prediction:
    """Return the prediction that an exported annotation with a shape on an image is."""
    kept = _alone(shown.classifications)
    if kept is None:
        return prediction_of(object_in(shown, {"item": item}, masks))
    return Prediction(*_common(shown, item, masks, kept), shown.confidence, kept.class_pdf)


def label_in(shown: wire.Shown, item: str, masks: Masks) -> Label:
    """Return the label that an exported annotation with a shape on an image is."""
    kept = _alone(shown.classifications)
    if kept is None:
        return label_of(object_in(shown, {"item": item}, masks))
    return Label(*_common(shown, item, masks, kept))


def _alone(nested: Sequence[wire.Answered] | None) -> Kept | None:
    """Return what was kept beside a shape if nothing else was asked about it, which is how most come."""
    return kept_in(nested) if nested is not None and len(nested) == 1 else None


def _common(shown: wire.Shown, item: str, masks: Masks, kept: Kept) -> Common:
    """Return the fields of a label by position: building rows by name takes twice as long."""
    return (
        item,
        shown.name,
        shape_in(shown, masks),
        kept.id,
        kept.frame,
        kept.span,
        kept.interpolation,
        kept.track_id,
        kept.answer,
        kept.attributes,
        kept.metadata,
        kept.provenance or Provenance("labelbox", shown.feature_id),
    )


def object_in(shown: wire.Shown, place: Place, masks: Masks) -> Fields:
    """Return the fields of the row that an exported annotation with a shape is; see `finish`."""
    nested = shown.classifications or ()
    fields = {**place, "feature": shown.name, "geometry": shape_in(shown, masks)}
    if attributes := answers_in(nested):
        fields["attributes"] = attributes
    if metrics := shown.custom_metrics:
        fields["metadata"] = {METRICS: {metric.name: metric.value for metric in metrics}}
    return finish(fields, shown.feature_id, nested, shown.confidence)


def whole_in(answered: wire.Answered, place: Place) -> Fields:
    """Return the fields of the row that an exported classification is; see `finish`."""
    options = options_of(answered)
    nested = options[0].classifications or () if options else ()
    confidence = answered.confidence
    if confidence is None and options:
        confidence = options[0].confidence
    fields = {**place, "feature": answered.name, "geometry": Whole()}
    if answered.radio_answer is not None and answered.radio_answer.name == answered.name:
        fields["attributes"] = answers_in(nested)
    else:
        fields["answer"] = answer_in(answered)
    return finish(fields, answered.feature_id, nested, confidence)


def finish(fields: Fields, feature: str, nested: Sequence[wire.Answered], confidence: float | None) -> Fields:
    """Complete the fields of a row with what was kept beside it, or with what Labelbox itself says."""
    if confidence is not None:
        fields["confidence"] = confidence
    kept = kept_in(nested)
    if kept is not None:
        return _restored(fields, feature, kept)
    fields["id"] = feature
    fields["provenance"] = Provenance("labelbox", feature)
    return fields


def _restored(fields: Fields, feature: str, kept: Kept) -> Fields:
    fields["id"], fields["metadata"] = kept.id, kept.metadata
    fields["span"], fields["interpolation"] = kept.span, kept.interpolation
    if kept.span is not None:
        fields["frame"] = kept.frame
    fields["track_id"], fields["class_pdf"] = kept.track_id, kept.class_pdf
    fields["provenance"] = kept.provenance or Provenance("labelbox", feature)
    fields["kept"] = kept
    if kept.attributes:
        fields["attributes"] = {**fields.get("attributes", {}), **kept.attributes}
    if kept.answer is not None:
        fields["answer"] = kept.answer
    return fields


def label_of(fields: Fields) -> Label:
    """Return a label from the fields that the functions above give."""
    for name in ("confidence", "class_pdf", "kept"):
        fields.pop(name, None)
    return Label(**fields)


def prediction_of(fields: Fields) -> Prediction:
    """Return a prediction from the fields that the functions above give."""
    fields.pop("kept", None)
    return Prediction(**fields)
