"""Pure translation of rows to results: regions, answers, and the regions of videos with their sequences."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.common.stretches import Moment, Stretch, lanes
from dragoman.formats.labelstudio.answers import write_answer
from dragoman.formats.labelstudio.config import (
    CLASS,
    OF_ITEMS,
    OF_REGIONS,
    TIMELINE,
    VIDEO,
    control_of_item,
    control_of_region,
)
from dragoman.formats.labelstudio.records import Beside, Track, kept
from dragoman.formats.labelstudio.regions import ELLIPSE, Size, write_geometry, write_turned
from dragoman.formats.labelstudio.rows import RELATIONS
from dragoman.schema import (
    AnyAnswer,
    Box,
    Checklist,
    Item,
    Label,
    Number,
    Option,
    Prediction,
    Radio,
    RotatedBox,
    Text,
    Whole,
    derive_id,
)
from dragoman.schema.rows import AttributeValue

_NAMES = {"rectangle": "box", "keypoint": "point", "brush": "mask"}
"""Types of results whose control has another name; see `config.CONTROLS`."""
_RELATION = {"to", "direction", "labels"}


class KeyBox(msgspec.Struct, frozen=True):
    """A row of a video as it waits for the others of its object."""

    moment: Moment
    value: dict[str, float]
    beside: Beside
    size: tuple[int, int]


def _always(name: str, kind: str, value: dict[str, Any]) -> bool:
    return True


Asks = Callable[[str, str, dict[str, Any]], bool]
"""Whether there is a control of that name that takes an answer of that type and value."""


def results_of(
    row: Label, medium: str, size: Size | None, *, native: bool, asks: Asks = _always, taken: Container[str] = ()
) -> Iterator[dict[str, Any]]:
    """Yield the results of a row: its region or answer, the answers about its region, and its relations.

    Args:
        row: The row.
        medium: Name of the tag that it is on.
        size: The image's size; None for a row about the whole item.
        native: Whether the row's provenance is said by the prediction that the results go into.
        asks: Tells which answers the configuration has a place for; the others are kept beside.
        taken: Names of questions about the item, whose controls are no other question's.

    Raises:
        InvalidData: Label Studio has no such shape.
    """
    relations = row.metadata.get(RELATIONS)
    if size is None or not _are_relations(relations):
        relations = []
    metadata = {name: value for name, value in row.metadata.items() if name != RELATIONS or not relations}
    score = {"score": row.confidence} if isinstance(row, Prediction) and row.confidence is not None else {}
    common = {"id": row.id, "to_name": medium, **score}
    if size is None:
        yield {**common, **_whole(row, metadata, native=native, asks=asks)}
        return
    tag, value = write_geometry(row.geometry, size, row.metadata)
    if tag == "ellipse":
        del metadata[ELLIPSE]
    answers = dict(_answers(row, asks, taken))
    others = {name: answer for name, answer in row.attributes.items() if name not in answers}
    turned = isinstance(row.geometry, RotatedBox) and not row.geometry.angle
    beside = msgspec.structs.replace(_beside(row, native=native), turned=turned, attributes=others)
    region = {
        **common,
        "from_name": _NAMES.get(tag, tag),
        "type": f"{tag}labels",
        "value": {**value, f"{tag}labels": [row.feature]},
        "original_width": size[0],
        "original_height": size[1],
        "image_rotation": 0,
    }
    yield {**region, **_meta(metadata, beside)}
    for name, (control, kind, answer) in answers.items():
        multiple = isinstance(row.attributes[name], Checklist) if kind == "choices" else None
        hint = _meta({}, Beside(multiple=multiple))
        yield {"id": row.id, "to_name": medium, "from_name": control, "type": kind, "value": answer, **hint}
    for relation in relations or ():
        more = {"direction": relation["direction"], "labels": relation["labels"]}
        yield {"type": "relation", "from_id": row.id, "to_id": relation["to"], **more}


def key_of(row: Label, size: Size, *, native: bool) -> KeyBox:
    """Return a box of a video as it waits for the others of its object; see `results_of`.

    Raises:
        InvalidData: It is no box.
    """
    geometry = row.geometry
    if isinstance(geometry, Box):
        centre = (geometry.x + geometry.width / 2, geometry.y + geometry.height / 2)
        turned = RotatedBox(*centre, geometry.width, geometry.height, 0.0)
    elif isinstance(geometry, RotatedBox):
        turned = geometry
    else:
        raise InvalidData(f"a {geometry.form} on a video has no place in Label Studio.", field="geometry")
    predicted = isinstance(row, Prediction)
    beside = Beside(
        id=row.id,
        turned=isinstance(geometry, RotatedBox) and not geometry.angle,
        attributes=row.attributes,
        metadata=row.metadata,
        provenance=None if native else row.provenance,
        predicted=predicted,
        confidence=row.confidence if isinstance(row, Prediction) else None,
    )
    return KeyBox(Moment.of(row), write_turned(turned, size), beside, size)


def video_regions(
    item: Item, objects: Iterable[tuple[str, str | None, Iterable[KeyBox]]], used: set[Any]
) -> Iterator[dict[str, Any]]:
    """Yield the regions of a video's objects.

    Args:
        item: The video.
        objects: Feature, track id and boxes of each; boxes without a track id are objects of their own.
        used: Ids that other results of the annotation have; those of the regions are added.
    """
    for feature, track_id, keys in objects:
        for group in ([key] for key in keys) if track_id is None else [list(keys)]:
            for region in _regions(item, feature, track_id, group):
                name = track_id or ""
                while not name or name in used:
                    name = derive_id(item.key, feature, track_id, len(used), name)
                used.add(name)
                yield {"id": name, **region}


def _regions(item: Item, feature: str, track_id: str | None, keys: Iterable[KeyBox]) -> Iterator[dict[str, Any]]:
    """Yield the regions of one object, all but their ids: one, or several where its spans touch or overlap."""
    frames = {"framesCount": item.frames} if item.frames else {}
    for lane in lanes(keys):
        sequence = [key for stretch in lane for key in _sequence(stretch, item)]
        width, height = lane[0].keys[0].size
        yield {
            "from_name": VIDEO,
            "to_name": "video",
            "type": "videorectangle",
            "value": {**frames, "sequence": sequence, "labels": [feature]},
            "original_width": width,
            "original_height": height,
            "meta": kept(Beside(track=Track(track_id))),
        }


def _sequence(stretch: Stretch[KeyBox], item: Item) -> Iterator[dict[str, Any]]:
    """Yield the keys of a stretch. A key that is not enabled is the last one that is seen, until the next."""
    drawn = list(stretch.drawn())
    to_the_end = stretch.end is None or stretch.end + 1 == item.frames
    for position, (frame, key, copy) in enumerate(drawn):
        ends = key.moment.on_keyframes_only or (position + 1 == len(drawn) and frame == stretch.end and not to_the_end)
        beside = key.beside
        if not stretch.says(key, len(stretch.keys)):
            beside = msgspec.structs.replace(beside, moment=key.moment)
        yield _key(key, frame, item, Beside(copy=True) if copy else beside, enabled=not ends)
        if position + 1 == len(drawn) and not ends and not to_the_end and stretch.end is not None:
            yield _key(key, stretch.end, item, Beside(copy=True), enabled=False)


def _key(key: KeyBox, frame: int, item: Item, beside: Beside, *, enabled: bool) -> dict[str, Any]:
    time = {"time": frame / item.frame_rate} if item.frame_rate else {}
    return {**key.value, "frame": frame + 1, "enabled": enabled, **time, **kept(beside)}


def _whole(row: Label, metadata: dict[str, Any], *, native: bool, asks: Asks) -> dict[str, Any]:
    """Return a result about the whole item, a frame of it or a span."""
    if not isinstance(row.geometry, Whole):
        raise InvalidData(f"the {row.geometry.form} has no size to be a part of.", field="geometry")
    beside = msgspec.structs.replace(_beside(row, native=native), attributes=row.attributes)
    moment = Moment.of(row)
    timed = row.answer is None and moment.interpolation == "none" and (moment.frame is None) != (moment.span is None)
    if timed and (moment.span is None or moment.span[0] < moment.span[1]):
        start, end = moment.span or (moment.frame or 0, moment.frame or 0)
        value = {"ranges": [{"start": start + 1, "end": end + 1}], "timelinelabels": [row.feature]}
        beside = msgspec.structs.replace(beside, moment=None)
        return {"from_name": TIMELINE, "type": "timelinelabels", "value": value, **_meta(metadata, beside)}
    said = None if row.answer is None else write_answer(row.feature, row.answer)
    kind, answer = said or ("choices", {"choices": _chosen(row.answer)})
    controls = (control_of_item(row.feature), OF_ITEMS + row.feature, row.feature)
    control = None if row.answer is None else next((one for one in controls if asks(one, kind, answer)), None)
    if control is None:
        beside = msgspec.structs.replace(beside, answer=row.answer)
        value = {"choices": [row.feature]}
        return {"from_name": CLASS, "type": "choices", "value": value, **_meta(metadata, beside)}
    whole = row.answer if said is None else None
    multiple = isinstance(row.answer, Checklist) if kind == "choices" else None
    beside = msgspec.structs.replace(beside, answer=whole, multiple=multiple)
    return {"from_name": control, "type": kind, "value": answer, **_meta(metadata, beside)}


def _chosen(answer: AnyAnswer | None) -> list[str]:
    options: tuple[Option, ...] = ()
    match answer:
        case Radio(option):
            options = (option,)
        case Checklist(several):
            options = several
    return [option.name for option in options]


def _beside(row: Label, *, native: bool) -> Beside:
    moment = Moment.of(row)
    return Beside(
        provenance=None if native else row.provenance,
        moment=None if moment == Moment() else moment,
        track=None if row.track_id is None else Track(row.track_id),
    )


def _meta(metadata: dict[str, Any], beside: Beside) -> dict[str, Any]:
    meta = {**metadata, **kept(beside)}
    return {"meta": meta} if meta else {}


def _answers(row: Label, asks: Asks, taken: Container[str]) -> Iterator[tuple[str, tuple[str, str, dict[str, Any]]]]:
    """Yield the attributes that a control asks for, with its name, and the type and value of the answer."""
    for name, answer in row.attributes.items():
        said = _said(name, answer)
        controls = (control_of_region(name, taken), OF_REGIONS + name, name)
        control = next((one for one in controls if asks(one, *said)), None) if said is not None else None
        if said is not None and control is not None:
            yield name, (control, *said)


def _said(name: str, answer: AttributeValue) -> tuple[str, dict[str, Any]] | None:
    """Return an answer as a result has it; None for plain values, which would come back as answers."""
    return write_answer(name, answer) if isinstance(answer, Radio | Checklist | Text | Number) else None


def _are_relations(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict) and set(one) == _RELATION and isinstance(one["to"], str) for one in value
    )
