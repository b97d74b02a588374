"""Label rows: how one looks to a client, and what a save is checked for.

A save replaces a row as a whole, and a request with several rows saves all of them or none.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

from dragoman_encord.emulator.errors import Refusal
from dragoman_encord.emulator.label_row import LabelRow
from dragoman_encord.emulator.people import OWNER
from dragoman_encord.emulator.state import Item, Ontology

Json = dict[str, Any]
LOWER = {
    "image": "image",
    "video": "video",
    "imageGroup": "img_group",
    "audio": "audio",
    "plainText": "plain_text",
    "group": "group",
}
UPPER = {kind: name.upper() for kind, name in LOWER.items()}
SEEN = ("image", "imageGroup", "group")
"""Kinds whose units hold one frame each; what is heard or read has no frames at all."""


def unit_hashes(row: LabelRow, item: Item) -> list[str]:
    """Return the hashes of a row's data units: one for each image of a group, else one for the data itself."""
    return list(item.children) if item.type == "imageGroup" else [row.data_hash]


def empty_labels(item: Item) -> Json:
    return {"objects": [], "classifications": []} if item.type in SEEN else {}


def heard(item: Item) -> Json:
    """Return what is told of the sound of audio, nothing of other kinds."""
    if item.type != "audio":
        return {}
    sound = item.sound
    return {
        "audio_codec": sound.codec if sound else None,
        "audio_sample_rate": sound.sample_rate if sound else None,
        "audio_bit_depth": sound.bit_depth if sound else None,
        "audio_num_channels": sound.channels if sound else None,
        "data_duration": item.duration,
    }


def check(row: Json, item: Item, ontology: Ontology, members: dict[str, Item]) -> None:
    """Refuse content that the ontology or the item does not have a place for.

    Args:
        row: The content.
        item: What is labelled.
        ontology: The project's ontology.
        members: The files of a data group by their spaces.

    Raises:
        Refusal: It names a feature, a frame or an answer that is not there, or holds a number that is not finite.
    """
    known = {entry["featureNodeHash"] for entry in ontology.editor["objects"]}
    answers = row["object_answers"]
    if missing := [key for key in row.get("spaces") or {} if key not in members]:
        raise Refusal("CORRUPTED_LABEL_ERROR", f"There is no space {missing[0]}.")
    for frame, labels, shown in _all_frames(row, item, members):
        if not 0 <= frame < (shown.frames or 1):
            raise Refusal("CORRUPTED_LABEL_ERROR", f"There is no frame {frame}.")
        for entry in labels["objects"]:
            if entry["featureHash"] not in known:
                raise Refusal("FEATURE_DOES_NOT_EXIST_ERROR")
            if entry["objectHash"] not in answers:
                raise Refusal("ANSWER_DICTIONARY_ERROR")
            if not isfinite(entry.get("confidence", 1.0)):
                raise Refusal("INVALID_ARGUMENTS_ERROR", "A confidence is not finite.")
    if any(answer.get("featureHash", None) not in {None, *known} for answer in answers.values()):
        raise Refusal("FEATURE_DOES_NOT_EXIST_ERROR")
    roots = {entry["featureNodeHash"] for entry in ontology.editor["classifications"]}
    for answer in row["classification_answers"].values():
        if answer["featureHash"] not in roots:
            raise Refusal("FEATURE_DOES_NOT_EXIST_ERROR")


def credit(row: Json, item: Item, members: dict[str, Item]) -> None:
    """Say of labels that name no author, in place, that the user made them."""
    made = [entry for _, labels, _ in _all_frames(row, item, members) for entry in labels["objects"]]
    # What is heard or read has no entries on frames: there the answers name the author.
    answers = [answer for answer in row["object_answers"].values() if "createdBy" in answer]
    for entry in (*made, *answers, *row["classification_answers"].values()):
        entry["createdBy"] = entry.get("createdBy") or OWNER


def _all_frames(row: Json, item: Item, members: dict[str, Item]) -> Iterator[tuple[int, Json, Item]]:
    """Yield all frames of a row with their labels and the file that they are of."""
    for unit in row["data_units"].values():
        for frame, labels in _frames(unit["labels"], item):
            yield frame, labels, item
    for key, shown in members.items():
        for frame, labels in ((row.get("spaces") or {}).get(key) or {}).get("labels", {}).items():
            yield int(frame), labels, shown


def _frames(labels: Json, item: Item) -> list[tuple[int, Json]]:
    if item.type in SEEN:
        return [(0, labels)]
    return [(int(frame), entries) for frame, entries in labels.items()]


def only(content: Json, objects: list[str] | None, classifications: list[str] | None) -> Json:
    """Return a label row with the labels of some features; all where none are named.

    Args:
        content: The label row as a client gets it.
        objects: Hashes of objects.
        classifications: Hashes of classifications.
    """
    if objects is not None:
        parts = {
            part: {key: _without(unit, objects) for key, unit in content[part].items()}
            for part in ("data_units", "spaces")
        }
        content = {**content, **parts}
        frames = (labels for part in parts.values() for unit in part.values() for labels in _by_frame(unit["labels"]))
        left = {entry["objectHash"] for labels in frames for entry in labels["objects"]}
        # What is heard or read is on no frames: there the answers name the feature.
        left |= {key for key, answer in content["object_answers"].items() if answer.get("featureHash") in objects}
        for part in ("object_answers", "object_actions"):
            content[part] = {key: answer for key, answer in content[part].items() if key in left}
    if classifications is not None:
        answers = content["classification_answers"].items()
        kept = {key: answer for key, answer in answers if answer.get("featureHash") in classifications}
        content = {**content, "classification_answers": kept}
    return content


def _without(unit: Json, features: list[str]) -> Json:
    """Return a data unit without the objects of other features."""

    def few(labels: Json) -> Json:
        return {**labels, "objects": [one for one in labels["objects"] if one["featureHash"] in features]}

    labels = unit["labels"]
    if "objects" in labels:
        return {**unit, "labels": few(labels)}
    return {**unit, "labels": {frame: few(held) for frame, held in labels.items()}}


def _by_frame(labels: Json) -> list[Json]:
    return [labels] if "objects" in labels else list(labels.values())
