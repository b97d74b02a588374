"""Label rows: what is kept of one, how it looks to a client, and what a save is checked for.

A save replaces a row as a whole, and a request with several rows saves all of them or none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from dragoman_encord.emulator.errors import Refusal

if TYPE_CHECKING:
    from dragoman_encord.emulator.state import Item, Ontology

Json = dict[str, Any]
UPPER = {"image": "IMAGE", "video": "VIDEO", "imageGroup": "IMG_GROUP"}
LOWER = {"image": "image", "video": "video", "imageGroup": "img_group"}


@dataclass(kw_only=True)
class LabelRow:
    """The labels of one piece of data on one branch. `units` maps a unit's hash to its `labels`."""

    label_hash: str
    branch: str
    data_hash: str
    created: datetime
    edited: datetime
    units: dict[str, Json] = field(default_factory=dict)
    object_answers: Json = field(default_factory=dict)
    object_actions: Json = field(default_factory=dict)
    classification_answers: Json = field(default_factory=dict)


def unit_hashes(row: LabelRow, item: Item) -> list[str]:
    """Return the hashes of a row's data units: one for each image of a group, else one for the data itself."""
    return list(item.children) if item.type == "imageGroup" else [row.data_hash]


def empty_labels(item: Item) -> Json:
    return {} if item.type == "video" else {"objects": [], "classifications": []}


def check(row: Json, item: Item, ontology: Ontology) -> None:
    """Refuse content that the ontology or the item does not have a place for.

    Raises:
        Refusal: It names a feature, a frame or an answer that is not there, or holds a number that is not finite.
    """
    known = {entry["featureNodeHash"] for entry in ontology.editor["objects"]}
    answers = row["object_answers"]
    for unit in row["data_units"].values():
        for frame, labels in _frames(unit["labels"], item):
            if not 0 <= frame < (item.frames or 1):
                raise Refusal("CORRUPTED_LABEL_ERROR", f"There is no frame {frame}.")
            for entry in labels["objects"]:
                if entry["featureHash"] not in known:
                    raise Refusal("FEATURE_DOES_NOT_EXIST_ERROR")
                if entry["objectHash"] not in answers:
                    raise Refusal("ANSWER_DICTIONARY_ERROR")
                if not isfinite(entry.get("confidence", 1.0)):
                    raise Refusal("INVALID_ARGUMENTS_ERROR", "A confidence is not finite.")
    roots = {entry["featureNodeHash"] for entry in ontology.editor["classifications"]}
    for answer in row["classification_answers"].values():
        if answer["featureHash"] not in roots:
            raise Refusal("FEATURE_DOES_NOT_EXIST_ERROR")


def _frames(labels: Json, item: Item) -> list[tuple[int, Json]]:
    if item.type == "video":
        return [(int(frame), entries) for frame, entries in labels.items()]
    return [(0, labels)]
