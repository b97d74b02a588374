"""Rows of an import: what they must look like, and how they fit an ontology."""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman_labelbox.emulator.answers import Answers, RowError
from dragoman_labelbox.emulator.masks import Mask, png_of
from dragoman_labelbox.emulator.metrics import check_metric
from dragoman_labelbox.emulator.objects import TIMED, DataRow, Ontology, Stored
from dragoman_labelbox.emulator.schemas import TOOLS, named, slug
from dragoman_labelbox.emulator.state import State
from dragoman_labelbox.emulator.tracks import XY, Box, Segment, framed, track_of
from dragoman_labelbox.emulator.video_masks import Masks, frames_with, images_of

Json = dict[str, Any]


class Ref(msgspec.Struct):
    id: str | None = None
    globalKey: str | None = None


class Span(msgspec.Struct):
    """Characters of a text; the end is in it."""

    start: int
    end: int


class Selection(msgspec.Struct):
    """Tokens on a page of a document."""

    groupId: str
    page: int
    tokenIds: list[str] = []


class Message(msgspec.Struct):
    """A choice among the messages of a chat; the format is that of the tool."""

    format: str
    data: Json


class Related(msgspec.Struct):
    """Two annotations by their uuids."""

    source: str
    target: str
    type: str = "unidirectional"


class Metric(msgspec.Struct):
    name: str
    value: float


class Row(msgspec.Struct):
    """One line of an import. Exactly one of the shapes, `answer`, or `metricValue` is there."""

    dataRow: Ref
    uuid: str | None = None
    name: str | None = None
    schemaId: str | None = None
    classifications: list[Json] = []
    confidence: float | None = None
    customMetrics: list[Metric] = []
    bbox: Box | None = None
    polygon: list[XY] | None = None
    line: list[XY] | None = None
    point: XY | None = None
    mask: Mask | None = None
    location: Span | None = None
    textSelections: list[Selection] | None = None
    messageId: str | None = None
    messageEvaluationTask: Message | None = None
    relationship: Related | None = None
    page: int | None = None
    unit: str | None = None
    answer: Any = None
    frames: list[Json] | None = None
    segments: list[Segment] | None = None
    masks: Masks | None = None
    metricValue: Any = None
    metricName: str | None = None
    featureName: str | None = None
    aggregation: str | None = None


ROW = msgspec.json.Decoder(Row)
SHAPES = ("bbox", "polygon", "line", "point", "mask", "location", "textSelections")
KINDS = {
    "bbox": ("ImageBoundingBox", "bounding_box"),
    "polygon": ("ImagePolygon", "polygon"),
    "line": ("ImagePolyline", "line"),
    "point": ("ImagePoint", "point"),
    "mask": ("ImageSegmentationMask", "composite_mask"),
    "location": ("TextEntity", "location"),
    "textSelections": ("DocumentEntityToken", "location"),
}
"""Shape on import to its kind and key in exports."""
LEAST = {"polygon": 3, "line": 2}

_encode = msgspec.json.Encoder().encode


class Translator:
    """Turns rows into what is stored, for one ontology.

    Args:
        state: The account.
        ontology: The ontology that rows must fit.
        confident: Whether it is for a run: confidences are kept and masks of videos refused; of labels, the reverse.
    """

    def __init__(self, state: State, ontology: Ontology, *, confident: bool) -> None:
        self._new_id = state.ids.new
        self._files = state.files
        self._ontology = ontology
        self._confident = confident
        self._answers = Answers(state.ids.new, confident=confident)
        self._tools: dict[tuple[str | None, str | None, str], Json] = {}

    def take(self, row: Row, data: DataRow) -> list[Stored]:
        """Return what is stored of a row: one annotation, or one for each object of the masks of a video.

        Raises:
            RowError: It does not fit the ontology or the data row.
        """
        return self._masks(row, data, row.masks) if row.masks is not None else [self._one(row, data)]

    def _one(self, row: Row, data: DataRow) -> Stored:
        if row.confidence is not None and not 0 <= row.confidence <= 1:
            raise RowError("InvalidAnnotation", f"confidence is {row.confidence}.")
        feature_id = self._new_id()
        uuid = row.uuid or feature_id
        shape = next((shape for shape in SHAPES if getattr(row, shape) is not None), None)
        if shape is not None:
            if data.media == "VIDEO":
                raise RowError("InvalidAnnotation", f"A {shape} on a video needs segments.")
            return self._object(row, shape, uuid, feature_id)
        if row.segments is not None:
            return self._track(row, data, uuid, feature_id)
        if row.relationship is not None:
            return self._relationship(row, row.relationship, uuid, feature_id)
        if row.messageEvaluationTask is not None:
            return self._message(row, row.messageEvaluationTask, uuid, feature_id)
        if row.answer is not None:
            return self._classification(row, data, uuid, feature_id)
        if row.metricValue is not None:
            check_metric(row.metricName, row.metricValue, row.aggregation)
            return Stored(uuid, feature_id, "metric", _encode(row))
        raise RowError("InvalidAnnotation", "The row has no shape and no answer that is taken here.")

    def _object(self, row: Row, shape: str, uuid: str, feature_id: str) -> Stored:
        tool = self._tool(row, "location" if shape == "textSelections" else shape)
        kind, key = KINDS[shape]
        made: Json = {
            **_head(feature_id, tool),
            "annotation_kind": kind,
            "classifications": self._answers.nested(tool["classifications"], row.classifications),
        }
        if self._confident and row.confidence is not None:
            made["confidence"] = row.confidence
        if row.customMetrics:
            made["custom_metrics"] = row.customMetrics
        if row.page is not None:
            made |= {"annotation_kind": "DocumentBoundingBox", "page_number": row.page, "unit": row.unit}
        if row.mask is not None and shape == "mask":
            return self._mask(row.mask, made, uuid)
        geometry = getattr(row, shape)
        if len(geometry) < LEAST[shape] if shape in LEAST else False:
            raise RowError("InvalidAnnotation", f"The {shape} has {len(geometry)} points.")
        if shape == "polygon" and geometry[0] != geometry[-1]:
            geometry = [*geometry, geometry[0]]
        if shape == "textSelections":
            geometry = {"groups": [_group(selection) for selection in geometry]}
        if row.messageId is not None:
            key, geometry = "conversational_location", {"message_id": row.messageId, key: geometry}
        made[key] = geometry
        return Stored(uuid, feature_id, "object", _encode(made))

    def _mask(self, mask: Mask, made: Json, uuid: str) -> Stored:
        """Store a mask that came inline or was uploaded here; one elsewhere is not fetched and shown as it came."""
        uri = mask.instanceURI
        if uri is not None and self._files.at(uri) is None:
            made["composite_mask"] = {"url": uri, "color_rgb": mask.colorRGB}
            return Stored(uuid, made["feature_id"], "object", _encode(made))
        return Stored(uuid, made["feature_id"], "mask", _encode(made), png_of(mask, self._files))

    def _message(self, row: Row, message: Message, uuid: str, feature_id: str) -> Stored:
        tool = self._tool(row, "message")
        if tool["tool"] != message.format:
            raise RowError("InvalidAnnotation", f"{tool['name']!r} is for {tool['tool']}, not for {message.format}.")
        made = {**_head(feature_id, tool), "annotation_kind": tool["tool"], "classifications": []}
        return Stored(uuid, feature_id, "object", _encode({**made, message.format.replace("-", "_"): message.data}))

    def _relationship(self, row: Row, related: Related, uuid: str, feature_id: str) -> Stored:
        head = _head(feature_id, self._tool(row, "relationship"))
        kind = f"{related.type}_relationship"
        held = {"head": head, "type": kind, "ends": {"source": related.source, "target": related.target}}
        return Stored(uuid, feature_id, "relationship", _encode(held))

    def _tool(self, row: Row, shape: str) -> Json:
        key = (row.name, row.schemaId, shape)
        if key not in self._tools:
            fits = [
                tool for tool in named(self._ontology.tools, row.name, row.schemaId) if TOOLS[tool["tool"]] == shape
            ]
            if not fits:
                said = row.name or row.schemaId
                raise RowError("UnknownFeature", f"The ontology has no {shape} feature {said!r}.")
            self._tools[key] = fits[0]
        return self._tools[key]

    def _classification(self, row: Row, data: DataRow, uuid: str, feature_id: str) -> Stored:
        question = next(named(self._ontology.classifications, row.name, row.schemaId), None)
        if question is None:
            raise RowError("UnknownFeature", f"The ontology has no classification {row.name or row.schemaId!r}.")
        said = framed(row.frames, row.answer)
        if said and data.media not in TIMED:
            raise RowError("InvalidAnnotation", f"Data of kind {data.media} have no frames.")
        head = _head(feature_id, question)
        if row.messageId is not None:
            head["message_id"] = row.messageId
        if self._confident and row.confidence is not None:
            head["confidence"] = row.confidence
        if not said:
            return Stored(
                uuid, feature_id, "classification", _encode({**head, **self._answers.answer(question, row.answer)})
            )
        answers: list[Json] = [
            {"frames": frames, "answer": {**head, **self._answers.answer(question, _alone(question, answer))}}
            for frames, answer in said
        ]
        return Stored(uuid, feature_id, "frames", _encode({"head": head, "answers": answers}))

    def _track(self, row: Row, data: DataRow, uuid: str, feature_id: str) -> Stored:
        if data.media != "VIDEO":
            raise RowError("InvalidAnnotation", "An image has no segments.")
        shape, segments = track_of(row.segments or [])
        tool = self._tool(row, shape)
        for keyframe in (keyframe for segment in segments for keyframe in segment["keyframes"]):
            keyframe["classifications"] = self._answers.nested(tool["classifications"], keyframe["classifications"])
        made: Json = {"head": _head(feature_id, tool), "shape": shape, "segments": segments}
        if self._confident and row.confidence is not None:
            made["confidence"] = row.confidence
        return Stored(uuid, feature_id, "track", _encode(made))

    def _masks(self, row: Row, data: DataRow, masks: Masks) -> list[Stored]:
        if data.media != "VIDEO" or self._confident:
            raise RowError("InvalidAnnotation", "Masks by frames are for labels of videos.")
        images = images_of(masks, self._files)
        token = self._files.put_frames(images)
        made = []
        for instance in masks.instances:
            feature_id = self._new_id()
            tool = self._tool(Row(row.dataRow, name=instance.name), "mask")
            held = {
                "head": _head(feature_id, tool),
                "color": instance.colorRGB,
                "token": token,
                "frames": frames_with(instance.colorRGB, images),
            }
            made.append(Stored(row.uuid or feature_id, feature_id, "masks", _encode(held)))
        return made


def _alone(question: Json, answer: Any) -> Any:
    """Return the option itself where the answer to a radio is a list of one, as it is over frames."""
    return answer[0] if question["type"] == "radio" and isinstance(answer, list) and len(answer) == 1 else answer


def _group(selection: Selection) -> Json:
    return {"id": selection.groupId, "page_number": selection.page, "tokens": selection.tokenIds}


def _head(feature_id: str, node: Json) -> Json:
    return {
        "feature_id": feature_id,
        "feature_schema_id": node["featureSchemaId"],
        "name": node["name"],
        "value": slug(node["name"]),
    }
