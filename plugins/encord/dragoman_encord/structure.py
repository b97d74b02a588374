"""An ontology of Encord, indexed by feature and by hash: what the codec of labels looks things up in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dragoman.errors import InvalidData
from dragoman.formats.coco.category import Skeleton
from dragoman.schema import Keypoints, Label
from dragoman_encord.skeletons import joints_of, skeleton_of, templates_of, together

Json = dict[str, Any]

SHAPES = {
    "box": "bounding_box",
    "rotated_box": "rotatable_bounding_box",
    "polygon": "polygon",
    "polyline": "polyline",
    "point": "point",
    "mask": "bitmask",
    "keypoints": "skeleton",
}
"""Kind of geometry to Encord's shape."""
KINDS = {shape: kind for kind, shape in SHAPES.items()} | {"circle": "polygon", "ellipse": "polygon"}
QUESTIONS = {"radio": "radio", "checklist": "checklist", "text": "text", "numeric": "number"}
"""Encord's type of an attribute to ours."""
NOTE = "dragoman"
"""Name of the text attribute that holds what Encord has no field for: ids, metadata, provenance."""
PRESENT = "dragoman_present"
"""Value of the option that stands for a feature being there."""


@dataclass(frozen=True)
class Question:
    """An attribute in the ontology. `options` maps an option's name to the option."""

    name: str
    kind: str
    hash: str
    dynamic: bool = False
    required: bool = False
    options: Mapping[str, Choice] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """An option in the ontology, with the questions that follow from it."""

    name: str
    value: str
    hash: str
    questions: Mapping[str, Question] = field(default_factory=dict)


@dataclass(frozen=True)
class Thing:
    """An object in the ontology.

    `note` is the hash of its note attribute, None where it has none; `joints` and `skeleton` are those of its template.
    """

    feature: str
    kind: str
    shape: str
    name: str
    color: str
    hash: str
    questions: Mapping[str, Question]
    note: str | None
    joints: tuple[Json, ...] = ()
    skeleton: Skeleton | None = None


@dataclass(frozen=True)
class Matter:
    """A classification in the ontology. `present` is its option where it only says that something is there."""

    feature: str
    hash: str
    root: Question
    present: Choice | None


class Structure:
    """An ontology of Encord, indexed by feature and by hash."""

    def __init__(self, editor: Json) -> None:
        templates = {entry["template"]["feature_node_hash"]: entry["template"] for entry in templates_of(editor)}
        living = [entry for entry in editor["objects"] if not entry.get("archived")]
        count = Counter((entry["name"], entry["shape"]) for entry in living)
        self.thing_by_hash = {
            entry["featureNodeHash"]: _thing(
                entry, templates.get(entry["featureNodeHash"]), twice=count[entry["name"], entry["shape"]] > 1
            )
            for entry in editor["objects"]
        }
        self.matter_by_hash = {entry["featureNodeHash"]: _matter(entry) for entry in editor["classifications"]}
        # What is archived is read, and nothing new is written to it.
        self.things = [self.thing_by_hash[entry["featureNodeHash"]] for entry in living]
        self.matters = [
            self.matter_by_hash[entry["featureNodeHash"]] for entry in editor["classifications"] if not _archived(entry)
        ]
        self._things = {(thing.feature, thing.kind): thing for thing in self.things if thing.shape in SHAPES.values()}
        self._matters = {matter.feature: matter for matter in self.matters}

    def thing(self, feature: str, kind: str) -> Thing:
        """Return the object for a feature with a kind of geometry.

        Raises:
            InvalidData: The ontology has none; the error says what it has.
        """
        thing = self._things.get((feature, kind))
        if thing is None:
            raise self._unknown(feature, kind)
        return thing

    def untemplated(self, rows: Iterable[Label]) -> dict[str, tuple[str, Skeleton]]:
        """Return the name and the skeleton, by hash, of objects that rows need and that have no template yet.

        Args:
            rows: What is about to be written; all points and edges of an object's rows together are its skeleton.
        """
        names: dict[str, str] = {}
        poses: dict[str, list[Keypoints]] = {}
        for row in rows:
            if not isinstance(row.geometry, Keypoints):
                continue
            thing = self._things.get((row.feature, "keypoints"))
            if thing is not None and thing.skeleton is None:
                names[thing.hash] = thing.name
                poses.setdefault(thing.hash, []).append(row.geometry)
        return {key: (name, together(poses[key])) for key, name in names.items()}

    def matter(self, feature: str) -> Matter:
        """Return the classification for a feature about the whole item.

        Raises:
            InvalidData: The ontology has none.
        """
        matter = self._matters.get(feature)
        if matter is None:
            raise self._unknown(feature, "whole")
        return matter

    def _unknown(self, feature: str, kind: str) -> InvalidData:
        kinds = [known for name, known in self._things if name == feature]
        if feature in self._matters:
            kinds.append("whole")
        if kinds:
            return InvalidData(f"The ontology has {feature!r} as {', '.join(kinds)}, not as {kind}.", field="geometry")
        known = sorted({name for name, _ in self._things} | set(self._matters))
        return InvalidData(
            f"The ontology has no feature {feature!r}.", hint=f"It has: {', '.join(known) or 'none'}.", field="feature"
        )

    def target(self, feature: str, kind: str) -> str:
        """Return the hash that a model's feature is mapped to: of an object, or of the option of a classification.

        Raises:
            InvalidData: The ontology has no such feature for that kind of model.
        """
        if kind != "whole":
            return self.thing(feature, kind).hash
        known = []
        for matter in self.matters:
            if matter.present is not None and matter.feature == feature:
                return matter.present.hash
            for option in matter.root.options.values():
                if feature in (option.name, option.hash) and matter.present is None:
                    return option.hash
            known += [matter.feature] if matter.present else [option.name for option in matter.root.options.values()]
        raise InvalidData(
            f"The ontology has no option {feature!r} that a model could tell.",
            hint=f"It has: {', '.join(sorted(set(known))) or 'none'}.",
            field="feature",
        )

    def name(self, target: str) -> str:
        """Return the feature behind a hash; the hash itself where the ontology has it no more."""
        if target in self.thing_by_hash:
            return self.thing_by_hash[target].feature
        for matter in self.matters:
            for option in matter.root.options.values():
                if option.hash == target:
                    return matter.feature if matter.present else option.name
        return target


def _archived(entry: Json) -> bool:
    return bool(entry["attributes"][0].get("archived"))


def _thing(entry: Json, template: Json | None, *, twice: bool) -> Thing:
    questions = _questions(entry.get("attributes") or ())
    note = questions.pop(NOTE, None)
    return Thing(
        feature=f"{entry['name']} ({entry['featureNodeHash']})" if twice else entry["name"],
        kind=KINDS.get(entry["shape"]) or entry["shape"],
        shape=entry["shape"],
        name=entry["name"],
        color=entry["color"],
        hash=entry["featureNodeHash"],
        questions=questions,
        note=note.hash if note else None,
        joints=joints_of(template) if template else (),
        skeleton=skeleton_of(template) if template else None,
    )


def _matter(entry: Json) -> Matter:
    (root,) = _questions([{**attribute, "archived": False} for attribute in entry["attributes"]]).values()
    options = list(root.options.values())
    present = options[0] if len(options) == 1 and options[0].value == PRESENT else None
    return Matter(root.name, entry["featureNodeHash"], root, present)


def _questions(attributes: Iterable[Json]) -> dict[str, Question]:
    return {
        entry["name"]: Question(
            name=entry["name"],
            kind=QUESTIONS[entry["type"]],
            hash=entry["featureNodeHash"],
            dynamic=bool(entry.get("dynamic")),
            required=bool(entry.get("required")),
            options={
                option["label"]: Choice(
                    option["label"], option["value"], option["featureNodeHash"], _questions(option.get("options") or ())
                )
                for option in entry.get("options") or ()
                if not option.get("archived")
            },
        )
        for entry in attributes
        if not entry.get("archived")
    }


def snake(name: str) -> str:
    """Return a name as the SDK writes it in `value`."""
    return name.lower().replace(" ", "_")
