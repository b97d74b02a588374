"""Rows of an import: what they must look like, how they fit an ontology, and how exports show them."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from dragoman_labelbox.emulator.answers import Answers, RowError
from dragoman_labelbox.emulator.files import Composite
from dragoman_labelbox.emulator.masks import color, size_of
from dragoman_labelbox.emulator.metrics import check_metric
from dragoman_labelbox.emulator.schemas import TOOLS, named, slug
from dragoman_labelbox.emulator.state import Annotations, DataRow, Ontology, State, Stored
from dragoman_labelbox.emulator.tracks import frames_of, track_of, video_json
from dragoman_labelbox.emulator.video_masks import Masks, frames_with, images_of

Json = dict[str, Any]


class Ref(msgspec.Struct):
    id: str | None = None
    globalKey: str | None = None


class Box(msgspec.Struct):
    top: float
    left: float
    width: float
    height: float


class XY(msgspec.Struct):
    x: float
    y: float


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
    mask: Json | None = None
    answer: Any = None
    frames: list[Json] | None = None
    segments: list[Json] | None = None
    masks: Masks | None = None
    metricValue: Any = None
    metricName: str | None = None
    featureName: str | None = None
    aggregation: str | None = None


ROW = msgspec.json.Decoder(Row)
SHAPES = ("bbox", "polygon", "line", "point", "mask")
KINDS = {
    "bbox": ("ImageBoundingBox", "bounding_box"),
    "polygon": ("ImagePolygon", "polygon"),
    "line": ("ImagePolyline", "line"),
    "point": ("ImagePoint", "point"),
    "mask": ("ImageSegmentationMask", "composite_mask"),
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
        if row.answer is not None:
            return self._classification(row, data, uuid, feature_id)
        if row.metricValue is not None:
            check_metric(row.metricName, row.metricValue, row.aggregation)
            return Stored(uuid, feature_id, "metric", _encode(row))
        raise RowError("InvalidAnnotation", "The row has no shape and no answer that is taken here.")

    def _object(self, row: Row, shape: str, uuid: str, feature_id: str) -> Stored:
        tool = self._tool(row, shape)
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
        if shape == "mask":
            return Stored(uuid, feature_id, "mask", _encode(made), _png(row.mask or {}))
        geometry = getattr(row, shape)
        if len(geometry) < LEAST[shape] if shape in LEAST else False:
            raise RowError("InvalidAnnotation", f"The {shape} has {len(geometry)} points.")
        if shape == "polygon" and geometry[0] != geometry[-1]:
            geometry = [*geometry, geometry[0]]
        made[key] = geometry
        return Stored(uuid, feature_id, "object", _encode(made))

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
        frames, answer = frames_of(row.frames, row.answer)
        if frames and data.media != "VIDEO":
            raise RowError("InvalidAnnotation", "An image has no frames.")
        made = {**_head(feature_id, question), **self._answers.answer(question, answer)}
        if self._confident and row.confidence is not None:
            made["confidence"] = row.confidence
        if frames:
            return Stored(uuid, feature_id, "frames", _encode({"frames": frames, "answer": made}))
        return Stored(uuid, feature_id, "classification", _encode(made))

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


def _head(feature_id: str, node: Json) -> Json:
    return {
        "feature_id": feature_id,
        "feature_schema_id": node["featureSchemaId"],
        "name": node["name"],
        "value": slug(node["name"]),
    }


def _png(mask: Json) -> bytes:
    """Return the image of an inline mask."""
    try:
        png = base64.b64decode(mask["png"], validate=True)
    except (KeyError, TypeError, binascii.Error):
        raise RowError("InvalidAnnotation", "The mask has no inline png; hosted masks are not emulated.") from None
    if size_of(png) is None:
        raise RowError("InvalidAnnotation", "The mask is no image.")
    return png


def label_json(state: State, row_id: str, label: Annotations, task: str, base: str) -> Json:
    """Return a label, or the predictions of a run on one data row, as exports show it."""
    masks = f"{base}/api/v1/tasks/{task}/masks"
    if state.rows[row_id].media == "VIDEO":
        shown = video_json(label.rows, lambda token, frame: f"{masks}/{token}/index/{frame}")
        return {"label_kind": "Video", "version": "1.0.0", "id": label.id, "annotations": shown}
    objects = [stored.raw for stored in label.rows if stored.kind == "object"]
    objects += _masked(state, [stored for stored in label.rows if stored.mask is not None], masks)
    questions = [msgspec.Raw(stored.raw) for stored in label.rows if stored.kind == "classification"]
    annotations = {"objects": list(map(msgspec.Raw, objects)), "classifications": questions, "relationships": []}
    return {"label_kind": "Default", "version": "1.0.0", "id": label.id, "annotations": annotations}


def _masked(state: State, masks: list[Stored], base: str) -> list[bytes]:
    """Draw the masks of a label into one image and return the objects, each with its colour in it."""
    if not masks:
        return []
    sizes = [size_of(stored.mask or b"") or (1, 1) for stored in masks]
    height, width = max(h for h, _ in sizes), max(w for _, w in sizes)
    parts = [(color(number), stored.mask or b"") for number, stored in enumerate(masks)]
    token = state.files.put_composite(Composite(height, width, parts))
    url = f"{base}/{token}/index/1"
    return [
        _encode({**msgspec.json.decode(stored.raw), "composite_mask": {"url": url, "color_rgb": list(rgb)}})
        for stored, (rgb, _) in zip(masks, parts, strict=True)
    ]
