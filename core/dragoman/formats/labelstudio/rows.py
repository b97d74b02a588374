"""Pure translation of a task's results to rows: regions with their answers, videos' keyframes, and relations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.common.numbers import pixel
from dragoman.formats.common.stretches import Moment, moment_of
from dragoman.formats.common.tables import Ids
from dragoman.formats.labelstudio.answers import read_answer
from dragoman.formats.labelstudio.config import BARE, CLASS, SHAPES, Config, question_of
from dragoman.formats.labelstudio.records import (
    KEY,
    PLATFORM,
    Annotation,
    Beside,
    Predicted,
    Result,
    Task,
    beside_of,
    check_text,
    convert,
    whole,
)
from dragoman.formats.labelstudio.regions import (
    Size,
    ellipse_metadata,
    read_geometry,
    read_rectangle,
)
from dragoman.schema import (
    AnyAnswer,
    AnyGeometry,
    Box,
    Item,
    Label,
    Prediction,
    Provenance,
    RotatedBox,
    Whole,
    derive_id,
)

RELATIONS = "relations"
"""Key of a row's metadata: the relations that start at its region."""
_SHAPES = {*SHAPES, *BARE} - {"timelinelabels"}


class TaskRows:
    """Makes the rows of one task.

    Args:
        task: The task.
        item: Its item.
        config: The labelling configuration.
        refuse: What is done with the error of a bad result.
    """

    def __init__(self, task: Task, item: Item, config: Config, refuse: Callable[[InvalidData], None]) -> None:
        self._task = task
        self._item = item
        self._config = config
        self._refuse = refuse

    def rows(self) -> Iterator[Label]:
        """Yield labels of all annotations, then predictions."""
        for ids, said in ((Ids(), self._task.annotations), (Ids(), self._task.predicted)):
            for one in said or ():
                for _, made in self.parted(one):
                    for row in made:
                        yield msgspec.structs.replace(row, id=ids.of(row.id))

    def parted(self, said: Annotation | Predicted) -> Iterator[tuple[list[Any], list[Label]]]:
        """Yield results of one id together, a region with what was answered about it, as they are and as rows.

        Results that cannot be read are refused, and have no rows.
        """
        groups: dict[object, list[tuple[Any, Result]]] = {}
        for position, value in enumerate(said.result):
            try:
                check_text(value, f"result {position}")
                result = convert(value, Result, f"result {position}")
            except InvalidData as error:
                self._refuse(error)
                yield [value], []
                continue
            name = result.from_id if result.type == "relation" else result.id
            groups.setdefault(position if name is None else name, []).append((value, result))
        for group in groups.values():
            yield [value for value, _ in group], self._made([result for _, result in group], said)

    def _made(self, group: list[Result], said: Annotation | Predicted) -> list[Label]:
        try:
            return list(self._group(group, said))
        except InvalidData as error:
            self._refuse(error)
            return []

    def _group(self, group: list[Result], said: Annotation | Predicted) -> Iterator[Label]:
        relations = [result for result in group if result.type == "relation"]
        shape = next((result for result in group if result.type in _SHAPES), None)
        if shape is None:
            for result in group:
                if result.type != "relation":
                    yield from self._whole(result, said)
            if len(relations) == len(group):
                raise InvalidData(
                    f"a relation starts at {relations[0].from_id!r}, which is not there.", field="from_id"
                )
            return
        labels = next((found for result in group if (found := _labels(result))), [])
        if not labels:
            raise InvalidData(f"the region {shape.id!r} has no label.", field="value")
        attributes = dict(self._attributes(group, shape))
        metadata: dict[str, Any] = {RELATIONS: list(map(_relation, relations))} if relations else {}
        for number, label in enumerate(labels):
            values = {"feature": label, "attributes": attributes, "metadata": metadata}
            made = self._keyframes if shape.type == "videorectangle" else self._region
            for row in made(shape, said, values):
                yield msgspec.structs.replace(row, id=derive_id(row.id, label)) if number else row

    def _region(self, shape: Result, said: Annotation | Predicted, values: dict[str, Any]) -> Iterator[Label]:
        beside = beside_of(shape.meta)
        tag = shape.type.removesuffix("labels")
        geometry = _turned(read_geometry(tag, shape.value, self._size(shape)), beside)
        if tag == "ellipse":
            values = {**values, "metadata": {**values["metadata"], **ellipse_metadata(shape.value)}}
        yield self._row(shape, said, {**values, "geometry": geometry}, beside)

    def _whole(self, result: Result, said: Annotation | Predicted) -> Iterator[Label]:
        """Yield the rows of a result without a shape: a class, an answer, or a stretch of a timeline."""
        beside, name = beside_of(result.meta), _question(result)
        made: list[tuple[str, AnyAnswer | None, Moment]]
        if result.type in ("timelinelabels", "choices") and (result.type == "timelinelabels" or name == CLASS):
            chosen = _labels(result) if result.type == "timelinelabels" else result.value.get("choices")
            if not isinstance(chosen, list) or not chosen or not all(isinstance(label, str) for label in chosen):
                raise InvalidData(f"{name!r} has chosen {chosen!r}.", field="value")
            moments = _ranges(result.value) if result.type == "timelinelabels" else [Moment()]
            made = [(label, beside.answer, moment) for label in chosen for moment in moments]
        else:
            made = [(name, beside.answer or self._answer(result, beside), Moment())]
        for number, (feature, said_so, moment) in enumerate(made):
            values = {"feature": feature, "answer": said_so, "geometry": Whole(), **msgspec.structs.asdict(moment)}
            row = self._row(result, said, values, beside)
            yield msgspec.structs.replace(row, id=derive_id(row.id, number)) if number else row

    def _keyframes(self, shape: Result, said: Annotation | Predicted, values: dict[str, Any]) -> Iterator[Label]:
        size, track = self._size(shape), beside_of(shape.meta).track
        count = shape.value.get("framesCount")
        if isinstance(count, int | float) and count >= 1 and whole(count) is None:
            raise InvalidData(f"framesCount is {count}; no video has so many.", field="value.framesCount")
        track_id = track.id if track else shape.id
        last = self._item.frames - 1 if self._item.frames else None
        for key, moment in _moments(shape.value.get("sequence"), last):
            beside = beside_of(key)
            when = {**msgspec.structs.asdict(moment), "track_id": track_id}
            geometry = _turned(read_rectangle(key, size), beside)
            more = {"metadata": {**values["metadata"], **beside.metadata}, "geometry": geometry, **when}
            yield self._row(msgspec.structs.replace(shape, id=None, meta=None), said, {**values, **more}, beside)

    def _row(self, result: Result, said: Annotation | Predicted, values: dict[str, Any], beside: Beside) -> Label:
        theirs = {name: value for name, value in (result.meta or {}).items() if name != KEY}
        made: dict[str, Any] = {
            "item": self._item.key,
            "id": beside.id or result.id or "",
            **values,
            "attributes": {**values.get("attributes", {}), **beside.attributes},
            "metadata": {**values.get("metadata", {}), **theirs},
            "provenance": beside.provenance or _provenance(said),
        }
        if beside.moment is not None:
            made |= msgspec.structs.asdict(beside.moment)
        if beside.track is not None:
            made["track_id"] = beside.track.id
        if isinstance(said, Predicted):
            own = beside.confidence if beside.predicted else result.score
            return Prediction(**made, confidence=said.score if own is None and not beside.predicted else own)
        if said.was_cancelled:
            made["metadata"]["was_cancelled"] = True
        if result.score is not None:
            made["metadata"]["score"] = result.score
        return Label(**made)

    def _attributes(self, group: list[Result], shape: Result) -> Iterator[tuple[str, AnyAnswer]]:
        for result in group:
            if result is not shape and result.type not in ("relation", "labels"):
                yield _question(result), self._answer(result, beside_of(result.meta))

    def _answer(self, result: Result, beside: Beside) -> AnyAnswer:
        multiple = self._multiple(result, beside)
        return read_answer(result.type, _question(result), result.value, multiple=multiple)

    def _multiple(self, result: Result, beside: Beside) -> bool:
        """Whether choices are a checklist: what we kept, or the configuration, or else their number."""
        control = self._config.controls.get(result.from_name or "")
        if beside.multiple is not None:
            return beside.multiple
        choices = result.value.get("choices")
        return control.multiple if control else isinstance(choices, list) and len(choices) > 1

    def _size(self, result: Result) -> Size:
        width, height = result.original_width or self._item.width, result.original_height or self._item.height
        sides = whole(width), whole(height)
        if sides[0] is None or sides[1] is None:
            said = f"it says {width} x {height}"
            raise InvalidData(f"the region {result.id!r} has no original size: {said}.", field="original_width")
        return sides[0], sides[1]


def _question(result: Result) -> str:
    return question_of(result.from_name) if result.from_name else result.type


def _labels(result: Result) -> list[str]:
    """Return the labels of a result."""
    for name in (result.type, f"{result.type}labels", "labels"):
        found = result.value.get(name)
        if name.endswith("labels") and isinstance(found, list) and all(isinstance(label, str) for label in found):
            return found
    return []


def _turned(geometry: AnyGeometry, beside: Beside) -> AnyGeometry:
    if beside.turned and isinstance(geometry, Box):
        x, y = geometry.x + geometry.width / 2, geometry.y + geometry.height / 2
        return RotatedBox(pixel(x), pixel(y), geometry.width, geometry.height, 0.0)
    return geometry


def _relation(result: Result) -> dict[str, Any]:
    return {"to": result.to_id, "direction": result.direction, "labels": result.labels}


def _provenance(said: Annotation | Predicted) -> Provenance | None:
    if isinstance(said, Predicted):
        check_text(said.model_version, "the model version")
        return Provenance(PLATFORM, version=said.model_version) if said.model_version else None
    person = said.completed_by
    check_text((said.id, person), "the annotation")
    author = person.get("email") or person.get("id") if isinstance(person, dict) else person
    if said.id is None and author is None:
        return None
    return Provenance(PLATFORM, None if said.id is None else str(said.id), None if author is None else str(author))


def _ranges(value: dict[str, Any]) -> list[Moment]:
    ranges, moments = value.get("ranges"), []
    if not isinstance(ranges, list) or not ranges:
        raise InvalidData("a timeline has no ranges.", field="value.ranges")
    for one in ranges:
        start, end = (_frame(one, name) for name in ("start", "end"))
        moments.append(Moment(start) if start == end else Moment(None, (start, end)))
    return moments


def _moments(sequence: Any, last: int | None) -> Iterator[tuple[dict[str, Any], Moment]]:
    """Yield the keys of a sequence that are rows; a key that is not enabled is the last of its stretch."""
    if not isinstance(sequence, list) or not sequence:
        raise InvalidData("a video's region has no sequence.", field="value.sequence")
    current: list[tuple[int, dict[str, Any]]] = []
    for frame, key in sorted(((_frame(key, "frame"), key) for key in sequence), key=lambda pair: pair[0]):
        current.append((frame, key))
        if key.get("enabled") is False:
            yield from _stretch(current, frame)
            current = []
    if current:
        yield from _stretch(current, max(current[-1][0], last or 0))


def _stretch(keys: list[tuple[int, dict[str, Any]]], end: int) -> Iterator[tuple[dict[str, Any], Moment]]:
    own = [(frame, key) for frame, key in keys if not beside_of(key).copy]
    for frame, key in own:
        yield key, moment_of(frame, (keys[0][0], end), alone=len(own) == 1)


def _frame(holder: Any, name: str) -> int:
    """Return a frame counted from 0; Label Studio counts from 1."""
    found = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise InvalidData(f"{name} is {found!r}; frames count from 1.", field=f"value.{name}")
    return found - 1
