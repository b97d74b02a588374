"""Reading a label row: which rows of ours are in it, and where. Pure; no network.

What this leaves to `dragoman_encord.codec` is changing one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dragoman.errors import InvalidData, PlatformError
from dragoman.schema import (
    AnyAnswer,
    AnyGeometry,
    AttributeValue,
    Label,
    Prediction,
    Provenance,
    Whole,
    derive_id,
)
from dragoman_encord.answers import answer_in, answers_in
from dragoman_encord.notes import decoded
from dragoman_encord.places import Place
from dragoman_encord.shapes import SHAPE_KEYS, shape_in, shape_out
from dragoman_encord.structure import NOTE, Choice, Matter, Structure, Thing

Json = dict[str, Any]


@dataclass
class Held:
    """Where a row stands in a sheet: an object on some frames, or (no frames) a classification."""

    hash: str
    frames: list[int] = field(default_factory=list)


class Reading:
    """One label row, read in memory.

    Args:
        content: The label row as Encord gave it; a `Sheet` changes it in place.
        place: What it belongs to.
        structure: The project's ontology.
        now: Time stamp for what is written.
    """

    def __init__(self, content: Json, place: Place, structure: Structure, now: str = "") -> None:
        self._content = content
        self._place = place
        self._structure = structure
        self._now = now
        self._answers: Json = content["object_answers"]
        self._actions: Json = content["object_actions"]
        self._classifications: Json = content["classification_answers"]
        self._units = ordered_units(content)
        self._notes = {key: self._note_of_object(key) for key in self._answers}
        self._held: dict[str, Held] = {}
        self._on: dict[tuple[str, int], list[Json]] = {}
        self._frames_of: dict[str, set[int]] = {}
        for frame, objects in self._frames():
            for entry in objects:
                self._on[entry["objectHash"], frame] = objects
                self._frames_of.setdefault(entry["objectHash"], set()).add(frame)
        self._spans = {key: self._whole_spans(key) for key in self._notes}
        for key, frame in self._on:
            self._enter(key, frame)
        for key in self._classifications:
            self._held[key] = Held(key)

    # -- reading ------------------------------------------------------------------------------------------------------

    def labels(self) -> Iterator[Label]:
        """Yield the rows as labels."""
        return (Label(**row) for row, _ in self._rows())

    def predictions(self) -> Iterator[Prediction]:
        """Yield the rows as predictions."""
        return (Prediction(**row, confidence=confidence) for row, confidence in self._rows())

    def _rows(self) -> Iterator[tuple[Json, float | None]]:
        for frame, objects in self._frames():
            for entry in objects:
                note = self._notes.get(entry["objectHash"], {}).get(str(frame))
                if note is not None or not self._is_covered(entry["objectHash"], frame):
                    yield self._object_row(entry, frame, note or {}), _confidence(entry, note or {})
        for key, answer in self._classifications.items():
            # The SDK passes over entries without these, too: they are leftovers, no labels.
            if answer.get("featureHash") and answer.get("range"):
                yield from self._classification_rows(key, answer)

    def _object_row(self, entry: Json, frame: int, note: Json) -> Json:
        thing = self._structure.thing_by_hash.get(entry["featureHash"])
        if thing is None:
            raise PlatformError(f"The ontology lacks {entry['featureHash']}, which {self._place.key!r} has a label of.")
        key = entry["objectHash"]
        moving = self._place.kind != "IMAGE"
        row: Json = {
            "item": self._place.key,
            "feature": thing.feature,
            "geometry": self._shape(entry, frame, thing, note),
            "id": note.get("id") or self._default_id(key, frame),
            "track_id": note.get("track") if note else self._track(key) if moving else None,
            "provenance": _provenance(note, key, entry),
        }
        if moving:
            span = tuple(note.get("span") or ())
            whole = span in self._spans.get(key, ())
            row["frame"] = None if whole else frame
            row["span"] = span if whole or note.get("key") else None
        if metadata := note.get("metadata"):
            row["metadata"] = metadata
        if attributes := self._attributes(thing, key, frame) | _unasked(note):
            row["attributes"] = attributes
        if answer := note.get("answer"):
            row["answer"] = msgspec.convert(answer, AnyAnswer)
        return row

    def _shape(self, entry: Json, frame: int, thing: Thing, note: Json) -> AnyGeometry:
        """Return the geometry of an entry: the noted one, unless somebody has changed the entry since."""
        size = self._place.size(frame)
        if kept := note.get("geometry"):
            noted: AnyGeometry = msgspec.convert(kept, AnyGeometry)
            if _shows(entry, noted, size, thing):
                return noted
        found: AnyGeometry = shape_in(entry, *size, thing)
        return found

    def _attributes(self, thing: Thing, key: str, frame: int) -> Json:
        if not thing.questions:
            return {}
        said = self._answers.get(key, {}).get("classifications", ())
        by_hash = {answer["featureHash"]: answer["answers"] for answer in said}
        for action in self._actions.get(key, {}).get("actions", ()):
            if any(first <= frame <= last for first, last in action["range"]):
                by_hash[action["featureHash"]] = action["answers"]
        return answers_in(thing.questions, by_hash)

    def _classification_rows(self, key: str, answer: Json) -> Iterator[tuple[Json, float | None]]:
        matter = self._structure.matter_by_hash.get(answer["featureHash"])
        if matter is None:
            raise PlatformError(f"The ontology lacks {answer['featureHash']}, which {self._place.key!r} is said to be.")
        by_hash = {said["featureHash"]: said["answers"] for said in answer["classifications"]}
        said = option(matter, by_hash)
        note = decoded(by_hash.get(said.questions[NOTE].hash)) if said and NOTE in said.questions else {}
        row: Json = {
            "item": self._place.key,
            "feature": matter.feature,
            "geometry": Whole(),
            "track_id": note.get("track"),
            "metadata": note.get("metadata") or {},
            "provenance": _provenance(note, key, answer),
        }
        asked = matter.present.questions if matter.present else {}
        row["attributes"] = answers_in(asked, by_hash) | _unasked(note)
        if matter.present is None:
            row["answer"] = answer_in(matter.root, by_hash)
        elif "answer" in note:
            row["answer"] = msgspec.convert(note["answer"], AnyAnswer)
        ranges = answer["range"]
        for first, last in ranges:
            row_id = key if len(ranges) == 1 else derive_id("encord", key, first)
            yield {**row, "id": row_id, **self._noted_moment(note, first, last)}, _confidence(answer, note)

    def _noted_moment(self, note: Json, first: int, last: int) -> Json:
        """Return when a classification holds: as noted, unless somebody has changed its frames since."""
        if "moment" in note:
            frame, span = note["moment"]
            if [first, last] == (span if frame is None else [frame, frame]):
                return {"frame": frame, "span": tuple(span) if span else None}
        return self._moment(first, last)

    def _moment(self, first: int, last: int) -> Json:
        if self._place.kind == "IMAGE" or (first, last) == (0, self._place.frames - 1):
            return {}
        return {"frame": first} if first == last else {"span": (first, last)}

    def _frames(self) -> Iterator[tuple[int, list[Json]]]:
        for number, unit in enumerate(self._units):
            labels = unit["labels"]
            if self._place.kind == "VIDEO":
                for frame in sorted(labels, key=int):
                    yield int(frame), labels[frame]["objects"]
            else:
                yield number, labels.get("objects") or []

    def _whole_spans(self, key: str) -> list[tuple[int, int]]:
        """Return the noted spans of an object over which it still shows everywhere, and everywhere the same."""
        noted = (note["span"] for note in self._notes[key].values() if "span" in note and not note.get("key"))
        return [(first, last) for first, last in noted if self._is_same(key, range(first, last + 1))]

    def _is_same(self, key: str, frames: range) -> bool:
        if not self._frames_of.get(key, set()).issuperset(frames):
            return False
        shapes = [_geometry_of(self._on[key, frame], key) for frame in frames]
        return all(shape == shapes[0] for shape in shapes)

    def _is_covered(self, key: str, frame: int) -> bool:
        return any(first <= frame <= last for first, last in self._spans.get(key, ()))

    def _track(self, key: str) -> str:
        """Return the track of a frame without a note: that of another frame of the object, else the object itself."""
        named = (note["track"] for note in self._notes.get(key, {}).values() if "track" in note)
        return next(named, key)

    def _default_id(self, key: str, frame: int) -> str:
        return key if self._place.kind == "IMAGE" else derive_id("encord", self._place.data_hash, key, frame)

    def _note_of_object(self, key: str) -> Json:
        for answer in self._answers[key]["classifications"]:
            if answer["name"] == NOTE and isinstance(answer["answers"], str):
                return dict(decoded(answer["answers"]))
        return {}

    def _enter(self, key: str, frame: int) -> None:
        note = self._notes.get(key, {}).get(str(frame))
        if note is None and self._is_covered(key, frame):
            return
        span = tuple((note or {}).get("span") or ())
        frames = list(range(span[0], span[1] + 1)) if span in self._spans.get(key, ()) else [frame]
        self._held[(note or {}).get("id") or self._default_id(key, frame)] = Held(key, frames)


def ordered_units(content: Json) -> list[Json]:
    return sorted(content["data_units"].values(), key=lambda unit: int(unit.get("data_sequence") or 0))


def option(matter: Matter, by_hash: Json) -> Choice | None:
    """Return the option that a radio at the root has been answered with."""
    said = by_hash.get(matter.root.hash)
    if matter.root.kind != "radio" or not said:
        return None
    return next((c for c in matter.root.options.values() if c.hash == said[0]["featureHash"]), None)


def _geometry_of(objects: list[Json], key: str) -> Json:
    """Return what an entry says of its shape."""
    entry = next(entry for entry in objects if entry["objectHash"] == key)
    return {name: entry[name] for name in SHAPE_KEYS if name in entry}


def _shows(entry: Json, geometry: AnyGeometry, size: tuple[int, int], thing: Thing) -> bool:
    """Return whether an entry still shows a geometry."""
    try:
        shape = msgspec.to_builtins(shape_out(geometry, *size, thing))
    except InvalidData:
        # The skeleton has other points since.
        return False
    return all(entry.get(name) == value for name, value in shape.items())


def _unasked(note: Json) -> Json:
    kept = note.get("attributes")
    return msgspec.convert(kept, dict[str, AttributeValue]) if kept else {}


def _provenance(note: Json, key: str, entry: Json) -> Provenance:
    if found := note.get("provenance"):
        return msgspec.convert(found, Provenance)
    return Provenance("encord", key, entry.get("createdBy"))


def _confidence(entry: Json, note: Json) -> float | None:
    # Encord takes a missing confidence for 1.
    return None if note.get("unscored") else entry.get("confidence", 1.0)
