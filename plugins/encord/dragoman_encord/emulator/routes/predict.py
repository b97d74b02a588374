"""Routes about inference. Predictions come from the ground truth of the project, moved a little.

What a prediction shows is decided by a digest of the training, the object and the frame: the same request always gets
the same answer, and another training another one. So geometry can be checked from end to end.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.label_row import LabelRow
from dragoman_encord.emulator.ml import Attachment
from dragoman_encord.emulator.people import OWNER
from dragoman_encord.emulator.routes.attachments import exposed, features_of
from dragoman_encord.emulator.routes.names import post, read
from dragoman_encord.emulator.shapes import Ring, bounds, moved, overlap, ring_of, simplified
from dragoman_encord.emulator.state import Item, Project, State, found

Json = dict[str, Any]
LOOKED_AT = ("image", "imageGroup", "video")
"""Kinds of data that models are shown."""


class Wanted(msgspec.Struct):
    conf_thresh: float
    data_uuid: str | None = None
    data_base64: str | None = None
    frame_range_from: int | None = None
    frame_range_to: int | None = None
    allocation_enabled: bool = False
    iou_thresh: float = 1.0
    rdp_thresh: float | None = None


@dataclass(frozen=True)
class Found:
    """One object on one frame that a model is made to find."""

    feature: str
    object: str
    ring: Ring
    confidence: float


class Predict:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        one = "projects/{project}/models-attachments/{attachment}/iterations/{training}"
        return [
            post(f"{one}/classification/predict", self.classify),
            post(f"{one}/instance-segmentation/predict", self.segment),
            post(f"{one}/object-detection/predict", self.detect),
        ]

    async def classify(self, request: Request) -> object:
        wanted, project, attachment, place = await self._asked(request, "classification")
        training = request.path_params["training"]
        known = self._known(project, attachment)
        answer: dict[str, Json | None] = {str(frame): None for frame in _frames(wanted, place)}
        for answers in _row(project, place).classification_answers.values():
            for attribute, option in _options(answers):
                confidence = _draw(training, answers["classificationHash"], 0)[0]
                if option not in known or confidence < wanted.conf_thresh:
                    continue
                shown = {
                    **self._made(confidence, known[option]["name"]),
                    "classificationUuid": self._state.new_id(),
                    "featureIdParent": attribute,
                    "featureIdChild": option,
                }
                covered = {frame for first, last in answers["range"] for frame in range(first, last + 1)}
                answer |= {key: shown for key in answer if int(key) in covered}
        return {"result": answer}

    async def segment(self, request: Request) -> object:
        wanted, project, attachment, place = await self._asked(request, "segmentation")

        def polygon(one: Found) -> Json:
            ring = simplified(one.ring, wanted.rdp_thresh) if wanted.rdp_thresh else one.ring
            return {"polygon": [{"x": x, "y": y} for x, y in ring]}

        return self._answer(request, wanted, project, attachment, place, polygon)

    async def detect(self, request: Request) -> object:
        wanted, project, attachment, place = await self._asked(request, "objectDetection")

        def box(one: Found) -> Json:
            x, y, w, h = bounds(one.ring)
            return {"boundingBox": {"x": x, "y": y, "w": w, "h": h}}

        return self._answer(request, wanted, project, attachment, place, box)

    def _answer(
        self,
        request: Request,
        wanted: Wanted,
        project: Project,
        attachment: Attachment,
        place: Place | None,
        shape: Any,
    ) -> Json:
        known = self._known(project, attachment)
        training = request.path_params["training"]
        frames: dict[str, list[Json]] = {}
        for frame in _frames(wanted, place):
            kept = _suppressed(_found(project, known, place, training, frame, wanted.conf_thresh), wanted.iou_thresh)
            frames[str(frame)] = [
                {
                    **self._made(one.confidence, known[one.feature]["name"]),
                    **shape(one),
                    "color": known[one.feature]["color"],
                    "featureId": one.feature,
                    "objectId": one.object if wanted.allocation_enabled else f"{one.object}-{frame}",
                }
                for one in kept
            ]
        return {"result": frames}

    def _known(self, project: Project, attachment: Attachment) -> dict[str, Json]:
        """Return the features that an attachment is mapped to, without those that the ontology has lost since."""
        known = features_of(self._state.ontology(project.ontology).editor)
        return {target: known[target] for target in attachment.features.values() if target in known}

    def _made(self, confidence: float, name: str) -> Json:
        return {
            "confidence": confidence,
            "createdAt": self._state.clock.now().isoformat(),
            "createdBy": OWNER,
            "manualAnnotation": False,
            "name": name,
            "value": name.lower().replace(" ", "_"),
        }

    async def _asked(self, request: Request, kind: str) -> tuple[Wanted, Project, Attachment, Place | None]:
        wanted = await read(request, Wanted)
        project = self._state.project(request.path_params["project"])
        attachment = found(project.attachments, request.path_params["attachment"], "attachment")
        model = self._state.model(attachment.model)
        if request.path_params["training"] not in exposed(model, attachment):
            raise ApiError(404, "The attachment does not expose that iteration.")
        if model.group()["type"] != kind:
            raise ApiError(400, f"The model does {model.group()['type']}.")
        if (wanted.data_uuid is None) == (wanted.data_base64 is None):
            raise ApiError(400, "Either data or a file is needed, not both.")
        if not (0 <= wanted.conf_thresh <= 1 and 0 <= wanted.iou_thresh <= 1):
            raise ApiError(400, "Thresholds lie between 0 and 1.")
        first, last = wanted.frame_range_from or 0, wanted.frame_range_to
        if first < 0 or (last is not None and last < first):
            raise ApiError(400, "Frames are counted from 0, and a range of them does not end before it begins.")
        place = self._place(project, wanted)
        if place is not None and place.item.type not in LOOKED_AT:
            raise ApiError(400, "A model looks at images and videos.")
        return wanted, project, attachment, place

    def _place(self, project: Project, wanted: Wanted) -> Place | None:
        if wanted.data_uuid is not None:
            _, item = self._state.place(project, wanted.data_uuid)
            return Place(wanted.data_uuid, item)
        try:
            content = base64.b64decode(wanted.data_base64 or "", validate=True)
        except binascii.Error:
            raise ApiError(400, "The file is not base64.") from None
        digest = hashlib.sha256(content).hexdigest()
        for key in project.datasets:
            for data_hash, item_id in self._state.datasets[key].rows.items():
                item = self._state.items[item_id]
                if item.object_key and self._state.blobs.digest(item.object_key) == digest:
                    return Place(data_hash, item)
        return None


@dataclass(frozen=True)
class Place:
    """The data that a file or an id stands for."""

    data_hash: str
    item: Item


def _frames(wanted: Wanted, place: Place | None) -> range:
    count = place.item.frames or 1 if place else 1
    last = count - 1 if wanted.frame_range_to is None else min(wanted.frame_range_to, count - 1)
    return range(wanted.frame_range_from or 0, last + 1)


def _row(project: Project, place: Place | None) -> LabelRow:
    nothing = LabelRow(label_hash="", branch="", data_hash="", created=project.created, edited=project.created)
    return project.rows.get(("main", place.data_hash), nothing) if place else nothing


def _options(answers: Json) -> Iterator[tuple[str, str]]:
    """Yield the attribute and the option of each choice of a classification; texts and numbers are none."""
    for entry in answers["classifications"]:
        if isinstance(entry["answers"], list):
            yield from ((entry["featureHash"], option["featureHash"]) for option in entry["answers"])


def _found(
    project: Project, known: dict[str, Json], place: Place | None, training: str, frame: int, least: float
) -> Iterator[Found]:
    row = _row(project, place)
    if place is None:
        return
    for number, labels in enumerate(row.units.values()):
        if place.item.type == "video":
            labels = labels.get(str(frame), {"objects": ()})
        elif number != frame:
            continue
        for entry in labels["objects"]:
            ring = ring_of(entry)
            if entry["featureHash"] not in known or ring is None:
                continue
            confidence, dx, dy = _draw(training, entry["objectHash"], frame)
            if confidence >= least:
                yield Found(entry["featureHash"], entry["objectHash"], moved(ring, dx, dy), confidence)


def _draw(training: str, name: str, frame: int) -> tuple[float, float, float]:
    """Return a confidence between 0.5 and 1, and two shifts of at most two hundredths of the object's size."""
    digest = hashlib.blake2b(f"{training}/{name}/{frame}".encode(), digest_size=12).digest()
    confidence, dx, dy = (number / 0xFFFFFFFF for number in struct.unpack(">3I", digest))
    return round(0.5 + confidence / 2, 6), (dx - 0.5) / 25, (dy - 0.5) / 25


def _suppressed(candidates: Iterator[Found], most: float) -> list[Found]:
    """Leave out the weaker of two objects of one feature whose boxes overlap more than `most`."""
    kept: list[Found] = []
    for one in sorted(candidates, key=lambda found: -found.confidence):
        if all(one.feature != other.feature or overlap(one.ring, other.ring) <= most for other in kept):
            kept.append(one)
    return kept
