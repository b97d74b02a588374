"""Pure translation between canonical rows and Labelbox's rows: imports out, exports in. No network.

Coordinates are the same on both sides: absolute pixels, origin top-left. Rows are plain dictionaries, encoded by the
caller; the SDK's annotation objects are many times slower and lose a confidence of 0.

What Labelbox has no field for is kept beside each annotation: see `kept.py`. A row's metadata
`{"custom_metrics": {name: number}}` are Labelbox's custom metrics of the annotation as well; metrics of its item are in
`metrics.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import UNSET

from dragoman.errors import InvalidData
from dragoman.schema import AnyAnswer, Box, Label, Prediction, Provenance, Whole
from dragoman.schema.rows import AttributeValue, Interpolation
from dragoman_labelbox import wire
from dragoman_labelbox.answers import answer_in, answer_out, answers_in, attributes_out, fits, options_of
from dragoman_labelbox.kept import Kept, id_in, keeper_of, keeper_out, kept_in, kept_of
from dragoman_labelbox.keys import are_uuids, uuid_of
from dragoman_labelbox.nodes import Known
from dragoman_labelbox.shapes import Masks, shape_in, shape_out

Json = dict[str, Any]
Fields = dict[str, Any]
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
Find = Callable[[str, str], Known | None]
"""Says what the ontology knows of a feature of a kind."""
Place = Mapping[str, Any]
"""When and as what an exported annotation is found: fields of a row besides those that the annotation itself gives."""

CUSTOM = "custom_metrics"
"""Key of the metadata that holds custom metrics."""

# -- rows out ---------------------------------------------------------------------------------------------------------


def bare_out(rows: Sequence[Label], find: Find, key_out: Callable[[str], str]) -> list[wire.BareBox | None]:
    """Return rows as Labelbox imports them where they are boxes with at most a confidence and an origin; else None.

    Most rows are such, and take half as long as with `row_out`, which makes the same of them.

    Args:
        rows: The rows.
        find: Says what the ontology knows of a feature of a kind.
        key_out: Returns Labelbox's name of an item.
    """
    boxes = {row.feature for row in rows if type(row.geometry) is Box}
    if not boxes:
        return [None] * len(rows)
    named = are_uuids([row.id for row in rows])
    known = {feature: find(feature, Box.kind) for feature in boxes}
    on = {item: wire.ByGlobalKey(key_out(item)) for item in {row.item for row in rows}}
    return [_bare(row, named, known.get(row.feature), on[row.item]) for row in rows]


def _bare(row: Label, named: bool, known: Known | None, on: wire.ByGlobalKey) -> wire.BareBox | None:
    geometry, confidence, class_pdf = row.geometry, None, None
    if type(row) is Prediction:
        confidence, class_pdf = row.confidence, row.class_pdf
    if (
        known is None
        or type(geometry) is not Box
        or row.metadata
        or row.attributes
        or row.frame is not None
        or row.span is not None
        or row.track_id is not None
        or row.answer is not None
        or row.interpolation != "none"
        or class_pdf is not None
    ):
        return None
    row_id, origin = row.id, row.provenance
    uuid = row_id if named else uuid_of(row_id)
    bare = origin is None and uuid is row_id
    return wire.BareBox(
        uuid,
        on,
        row.feature,
        (keeper_of(uuid) if bare else keeper_out(Kept(row_id, provenance=origin)),) if known.keeps else UNSET,
        UNSET if confidence is None else confidence,
        wire.Box(geometry.y, geometry.x, geometry.height, geometry.width),
    )


def row_out(row: Label, known: Known, global_key: str) -> wire.ImportRow:
    """Return a row on an image, or a classification of a whole video, as Labelbox imports it.

    Args:
        row: The row.
        known: What the ontology says of its feature.
        global_key: Labelbox's name of the item.

    Raises:
        InvalidData: It says something that has no place.
    """
    geometry = row.geometry
    made = wire.ImportRow(uuid_of(row.id), wire.ByGlobalKey(global_key), row.feature)
    if type(geometry) is Whole:
        made.answer = whole_out(row, known)
    else:
        setattr(made, *shape_out(geometry))
        made.classifications = nested_out(row, known)
    if row.metadata and (custom := row.metadata.get(CUSTOM)):
        measured(made, "customMetrics", [wire.Metric(name, value) for name, value in custom.items()])
    if isinstance(row, Prediction) and row.confidence is not None:
        if made.answer is None:
            made.confidence = row.confidence
        else:
            measured(made, "confidence", row.confidence)
    return made


def nested_out(row: Label, known: Known) -> tuple[Any, ...]:
    """Return the nested classifications of a row with a shape."""
    asked, left = attributes_out(row.attributes, known.questions) if row.attributes else ([], {})
    return (*asked, keeper_out(kept_of(row, left, row.answer))) if known.keeps else tuple(asked)


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
    if known.keeps:
        first = made[0] if isinstance(made, list) else made
        first["classifications"] = [*first.get("classifications", ()), keeper_out(kept)]
    return made


def measured(made: wire.ImportRow, name: str, value: Any) -> None:
    """Put a measure where Labelbox wants it: within the answers of radios and checklists, else on the row."""
    answer = made.answer
    if isinstance(answer, str) or answer is None:
        setattr(made, name, value)
        return
    for option in answer if isinstance(answer, list) else [answer]:
        option[name] = value


# -- rows in ----------------------------------------------------------------------------------------------------------


def prediction_in(shown: wire.Shown, item: str, masks: Masks) -> Prediction:
    """Return the prediction that an exported annotation with a shape on an image is."""
    nested, confidence = shown.classifications, shown.confidence
    if (row_id := id_in(nested)) is not None:
        origin = Provenance("labelbox", shown.feature_id)
        return Prediction(item, shown.name, shape_in(shown, masks), row_id, provenance=origin, confidence=confidence)
    if (kept := _alone(nested)) is not None:
        return Prediction(*_common(shown, item, masks, kept), confidence, kept.class_pdf)
    return prediction_of(object_in(shown, {"item": item}, masks))


def label_in(shown: wire.Shown, item: str, masks: Masks) -> Label:
    """Return the label that an exported annotation with a shape on an image is."""
    nested = shown.classifications
    if (row_id := id_in(nested)) is not None:
        origin = Provenance("labelbox", shown.feature_id)
        return Label(item, shown.name, shape_in(shown, masks), row_id, provenance=origin)
    if (kept := _alone(nested)) is not None:
        return Label(*_common(shown, item, masks, kept))
    return label_of(object_in(shown, {"item": item}, masks))


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
    if custom := shown.custom_metrics:
        fields["metadata"] = _custom_in(custom)
    return finish(fields, shown.feature_id, nested, shown.confidence)


def whole_in(answered: wire.Answered, place: Place) -> Fields:
    """Return the fields of the row that an exported classification is; see `finish`."""
    options = options_of(answered)
    nested = options[0].classifications or () if options else ()
    confidence = answered.confidence
    if confidence is None and options:
        confidence = options[0].confidence
    fields = {**place, "feature": answered.name, "geometry": Whole()}
    if options and options[0].custom_metrics:
        fields["metadata"] = _custom_in(options[0].custom_metrics)
    if answered.radio_answer is not None and answered.radio_answer.name == answered.name:
        fields["attributes"] = answers_in(nested)
    else:
        fields["answer"] = answer_in(answered)
    return finish(fields, answered.feature_id, nested, confidence)


def _custom_in(metrics: Sequence[wire.Metric]) -> Json:
    return {CUSTOM: {metric.name: metric.value for metric in metrics}}


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
