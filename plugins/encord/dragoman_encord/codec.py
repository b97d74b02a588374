"""Pure translation between canonical rows and Encord's label rows. No network.

A label row holds all labels of one piece of data. An object in it may show on many frames and is one track; what is
said of it once stands apart from the frames. So rows are put into a `Sheet`, which is one label row being changed.

What Encord has no field for (our ids on tracks, spans, metadata, provenance, attributes that the ontology does not ask
for, digits that its fractions lose) is written into a text attribute of the object, or of the chosen option of a
classification, as JSON: the note. `ontologies.create` puts that attribute there.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from dragoman.errors import DragomanError, InvalidData
from dragoman.schema import (
    CREATED,
    IGNORED,
    UPDATED,
    AnyAnswer,
    Label,
    Prediction,
    RowResult,
)
from dragoman_encord.answers import answers_out, chosen, note_out
from dragoman_encord.notes import encoded
from dragoman_encord.ranges import without
from dragoman_encord.reading import Held, Reading, option
from dragoman_encord.shapes import comes_back, shape_out
from dragoman_encord.structure import NOTE, Matter, Question, Thing, snake

Json = dict[str, Any]


class Sheet(Reading):
    """One label row, read and changed in memory."""

    def put(self, row: Label, *, update: bool) -> RowResult:
        """Put a row in and return what became of it. A row that does not fit is rejected and changes nothing."""
        there = self._held.get(row.id)
        if there is not None and not update:
            return IGNORED
        try:
            if row.geometry.form == "whole":
                self._put_classification(row)
                if there is not None and there.frames:
                    self._take_out(there)
            else:
                self._put_object(row, there)
        except DragomanError as error:
            return RowResult("rejected", reason=f"{error.message} {error.hint or ''}".strip())
        return UPDATED if there is not None else CREATED

    def discard(self, ids: Iterable[str] | None = None) -> None:
        """Take rows out; all of them if none is named."""
        for row_id in list(self._held if ids is None else ids):
            if held := self._held.pop(row_id, None):
                self._take_out(held)

    def holds(self, row_id: str) -> bool:
        """Return whether a row of that id is there."""
        return row_id in self._held

    def content(self) -> Json:
        """Return the label row, ready to be encoded and saved."""
        return self._content

    def _put_object(self, row: Label, there: Held | None) -> None:
        thing = self._structure.thing(row.feature, row.geometry.kind)
        frames = self._place.frames_of(row)
        key = _object_hash(row, thing)
        asked, unasked = _parted(row, thing.questions)
        note = self._note(row, unasked, row.answer)
        if note and thing.note is None:
            raise _no_place_for_note(row.feature)
        shapes = {}
        for size in {self._place.size(frame) for frame in frames}:
            shapes[size] = shape_out(row.geometry, *size, thing)
            if thing.note and not comes_back(row.geometry, shapes[size], *size, thing):
                # Fractions of the image do not give every number back.
                note["geometry"] = msgspec.to_builtins(row.geometry)
        answers = answers_out(asked, thing.questions)
        static = [answer for question, answer in answers if not question.dynamic]
        if key in self._frames_of:
            self._check_track(row, key, there, frames, static)
        if there is not None:
            self._take_out(there)
        head = self._head(row, thing, key)
        for frame in frames:
            objects = self._objects_on(frame)
            objects.append({**head, **shapes[self._place.size(frame)]})
            self._on[key, frame] = objects
        self._frames_of.setdefault(key, set()).update(frames)
        self._say(key, static, [answer for question, answer in answers if question.dynamic], frames)
        self._take_note(key, thing, str(frames[0]), note)
        if row.span is not None and row.frame is None:
            self._spans.setdefault(key, []).append(row.span)
        self._held[row.id] = Held(key, list(frames))

    def _check_track(self, row: Label, key: str, there: Held | None, frames: range, static: list[Json]) -> None:
        """Raise if another row of the track is on a frame, or has another answer to what is asked of a track once."""
        mine = there.frames if there and there.hash == key else ()
        others = self._frames_of[key].difference(mine)
        if not others.isdisjoint(frames):
            raise InvalidData(f"The track {row.track_id!r} has another row on that frame.", field="frame")
        if others and static != self._static(key):
            raise InvalidData(
                "The ontology asks that of a track once, and another frame of it has another answer.",
                field="attributes",
            )

    def _head(self, row: Label, thing: Thing, key: str) -> Json:
        return {
            "name": thing.name,
            "color": thing.color,
            "shape": thing.shape,
            "value": snake(thing.name),
            "createdAt": self._now,
            "createdBy": None,
            "confidence": _scored(row),
            "objectHash": key,
            "featureHash": thing.hash,
            "manualAnnotation": not isinstance(row, Prediction),
        }

    def _static(self, key: str) -> list[Json]:
        said = self._answers.get(key, {"classifications": []})["classifications"]
        return [answer for answer in said if answer["name"] != NOTE]

    def _say(self, key: str, static: list[Json], dynamic: list[Json], frames: range) -> None:
        self._answers[key] = {"objectHash": key, **self._answers.get(key, {}), "classifications": static}
        if dynamic:
            moment = {"dynamic": True, "range": [[frames[0], frames[-1]]], "shouldPropagate": False}
            actions = self._actions.setdefault(key, {"objectHash": key, "actions": []})["actions"]
            actions += [{**answer, **moment} for answer in dynamic]

    def _take_note(self, key: str, thing: Thing, frame: str, note: Json) -> None:
        if note:
            self._notes.setdefault(key, {})[frame] = note
        if (notes := self._notes.get(key)) and thing.note is not None:
            self._answers[key]["classifications"] = [*self._static(key), note_out(encoded(notes), thing.note)]

    def _note(self, row: Label, unasked: Json, answer: AnyAnswer | None) -> Json:
        """Return what Encord has no field for; on frames the id too, which else would be made from the track's.

        Args:
            row: The row.
            unasked: Its attributes that the ontology does not ask for.
            answer: Its answer, where the ontology has no question to it.
        """
        note: Json = {}
        if unasked:
            note["attributes"] = msgspec.to_builtins(unasked)
        if answer is not None:
            note["answer"] = msgspec.to_builtins(answer)
        if self._place.kind != "IMAGE" and row.geometry.form != "whole":
            note["id"] = row.id
            if row.span is not None:
                note["span"] = list(row.span)
                if row.frame is not None:
                    note["key"] = True
        if row.track_id is not None:
            note["id"], note["track"] = row.id, row.track_id
        if row.metadata:
            note["metadata"] = row.metadata
        if row.provenance is not None:
            note["provenance"] = msgspec.to_builtins(row.provenance)
        if isinstance(row, Prediction) and row.confidence is None:
            note["unscored"] = True
        return note

    def _put_classification(self, row: Label) -> None:
        matter = self._structure.matter(row.feature)
        frames = self._place.frames_of(row)
        first, last = frames[0], frames[-1]
        for key, other in self._classifications.items():
            overlaps = any(start <= last and first <= end for start, end in other.get("range") or ())
            if key != row.id and other.get("featureHash") == matter.hash and overlaps:
                raise InvalidData(
                    f"{self._place.key!r} has an answer to {row.feature!r} there; Encord holds one per frame.",
                    field="answer",
                )
        said = self._said(row, matter)
        self._classifications[row.id] = {
            "classificationHash": row.id,
            "featureHash": matter.hash,
            "classifications": said,
            "range": [[first, last]],
            "confidence": _scored(row),
            "manualAnnotation": not isinstance(row, Prediction),
            "createdBy": None,
            "createdAt": self._now,
            "lastEditedBy": None,
            "lastEditedAt": self._now,
            "spaces": {},
        }
        self._held[row.id] = Held(row.id)

    def _said(self, row: Label, matter: Matter) -> list[Json]:
        asked, unasked = _parted(row, matter.present.questions if matter.present else {})
        if matter.present is None:
            if row.answer is None:
                raise InvalidData(f"{row.feature!r} is a question and the row has no answer.", field="answer")
            said = [
                answer for _, answer in answers_out({matter.root.name: row.answer}, {matter.root.name: matter.root})
            ]
        else:
            said = [answer for _, answer in answers_out(asked, matter.present.questions)]
            root = {"name": matter.root.name, "value": snake(matter.root.name), "answers": [chosen(matter.present)]}
            said.append({**root, "featureHash": matter.root.hash, "manualAnnotation": True})
        note = self._note(row, unasked, row.answer if matter.present else None)
        note.pop("id", None)
        chosen_option = option(matter, {answer["featureHash"]: answer["answers"] for answer in said})
        place = chosen_option.questions.get(NOTE) if chosen_option else None
        if note and place is None:
            raise _no_place_for_note(row.feature)
        if place is not None and self._place.kind != "IMAGE":
            # A span of one frame, or of all, would else come back as that frame or as none.
            note["moment"] = [row.frame, list(row.span) if row.span else None]
        if note and place is not None:
            said.insert(0, note_out(encoded(note), place.hash))
        return said

    def _objects_on(self, frame: int) -> list[Json]:
        if self._place.kind == "VIDEO":
            labels = self._units[0]["labels"].setdefault(str(frame), {"objects": [], "classifications": []})
        else:
            labels = self._units[frame]["labels"]
        objects: list[Json] = labels.setdefault("objects", [])
        labels.setdefault("classifications", [])
        return objects

    def _take_out(self, held: Held) -> None:
        if not held.frames:
            self._classifications.pop(held.hash, None)
            return
        key = held.hash
        for frame in held.frames:
            objects = self._on.pop((key, frame), [])
            objects[:] = [entry for entry in objects if entry["objectHash"] != key]
            if self._place.kind == "VIDEO" and not objects:
                self._units[0]["labels"].pop(str(frame), None)
            self._frames_of[key].discard(frame)
            self._notes.get(key, {}).pop(str(frame), None)
        if not self._frames_of[key]:
            for part in (self._answers, self._actions, self._notes, self._spans):
                part.pop(key, None)
            return
        if key in self._actions:
            self._actions[key]["actions"] = list(without(self._actions[key]["actions"], held.frames))
        for answer in self._answers.get(key, {}).get("classifications", ()):
            if answer["name"] == NOTE:
                answer["answers"] = encoded(self._notes.get(key, {}))


def _object_hash(row: Label, thing: Thing) -> str:
    """Return Encord's id of a row's object: the row's own id, or one for its track and feature in Encord's form."""
    if row.track_id is None:
        return row.id
    digest = hashlib.blake2b(f"{row.track_id}\0{thing.hash}".encode(), digest_size=6).digest()
    return base64.b64encode(digest).decode()


def _no_place_for_note(feature: str) -> InvalidData:
    return InvalidData(
        f"{feature!r} has no text attribute {NOTE!r}, which holds ids of tracks, metadata and provenance.",
        hint="ontologies.create gives it one, to objects and to classifications whose root is a radio.",
        field="metadata",
    )


def _parted(row: Label, questions: Mapping[str, Question]) -> tuple[Json, Json]:
    """Part a row's attributes in those that the ontology asks for and those that it does not."""
    if not row.attributes:
        return {}, {}
    known = questions.keys() - {NOTE}
    asked = {name: value for name, value in row.attributes.items() if name in known and value is not None}
    return asked, {name: value for name, value in row.attributes.items() if name not in asked}


def _scored(row: Label) -> float:
    confidence = row.confidence if isinstance(row, Prediction) else None
    return 1.0 if confidence is None else confidence
