"""Ontologies: ours into Encord's editor structure and back, and the index that the codec of labels looks things up in.

Encord matches by hash, and an object has one shape. So a feature with several kinds of geometry is several objects of
one name. A feature that is about the whole item is a classification. Its root is the question of that name, where the
feature asks one; else a radio with a single option, which stands for the feature being there.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dragoman.errors import InvalidData, Unsupported
from dragoman.schema import Attribute, AttributeOption, Feature, Ontology

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
TYPES = {"radio": "radio", "checklist": "checklist", "text": "text", "number": "numeric"}
QUESTIONS = {kind: name for name, kind in TYPES.items()}
ANY = ("box", "rotated_box", "polygon", "polyline", "point", "mask", "whole")
"""What a feature of any geometry becomes. A skeleton needs a template, which ours does not describe."""
NOTE = "dragoman"
"""Name of the text attribute that holds what Encord has no field for: ids, metadata, provenance."""
PRESENT = "dragoman_present"
"""Value of the option that stands for a feature being there."""
COLORS = ("#D33115", "#E27300", "#16406C", "#FE9200", "#68BC00", "#16A5A5", "#7B64FF", "#AB149E", "#0062B1")


# -- reading ----------------------------------------------------------------------------------------------------------


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
    """An object in the ontology. `note` is the hash of its note attribute, None where it has none."""

    feature: str
    kind: str
    shape: str
    name: str
    color: str
    hash: str
    questions: Mapping[str, Question]
    note: str | None
    points: tuple[Json, ...] = ()
    edges: tuple[tuple[int, int], ...] = ()


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
        templates = {entry["template"]["feature_node_hash"]: entry["template"] for entry in _templates(editor)}
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
            kinds = [known for name, known in self._things if name == feature]
            if not kinds:
                raise self._unknown(feature)
            raise InvalidData(f"The ontology has {feature!r} as {', '.join(kinds)}, not as {kind}.", field="geometry")
        return thing

    def matter(self, feature: str) -> Matter:
        """Return the classification for a feature about the whole item.

        Raises:
            InvalidData: The ontology has none.
        """
        matter = self._matters.get(feature)
        if matter is None:
            raise self._unknown(feature)
        return matter

    def _unknown(self, feature: str) -> InvalidData:
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
        for matter in self.matters:
            if matter.present is not None and matter.feature == feature:
                return matter.present.hash
            for option in matter.root.options.values():
                if feature in (option.name, option.hash) and matter.present is None:
                    return option.hash
        raise self._unknown(feature)

    def name(self, target: str) -> str:
        """Return the feature behind a hash; the hash itself where the ontology has it no more."""
        if target in self.thing_by_hash:
            return self.thing_by_hash[target].feature
        for matter in self.matters:
            for option in matter.root.options.values():
                if option.hash == target:
                    return matter.feature if matter.present else option.name
        return target


def _templates(editor: Json) -> list[Json]:
    return editor.get("skeleton_templates") or []


def _archived(entry: Json) -> bool:
    return bool(entry["attributes"][0].get("archived"))


def _thing(entry: Json, template: Json | None, *, twice: bool) -> Thing:
    questions = _questions(entry.get("attributes") or ())
    note = questions.pop(NOTE, None)
    points = tuple(template["skeleton"][key] for key in sorted(template["skeleton"], key=int)) if template else ()
    return Thing(
        feature=f"{entry['name']} ({entry['featureNodeHash']})" if twice else entry["name"],
        kind=KINDS.get(entry["shape"]) or entry["shape"],
        shape=entry["shape"],
        name=entry["name"],
        color=entry["color"],
        hash=entry["featureNodeHash"],
        questions=questions,
        note=note.hash if note else None,
        points=points,
        edges=tuple(_edges(template)) if template else (),
    )


def _edges(template: Json) -> Iterator[tuple[int, int]]:
    order = sorted(template["skeleton"], key=int)
    for start, ends in (template.get("skeletonEdges") or {}).items():
        for end in ends:
            yield order.index(start), order.index(end)


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


def ontology_in(editor: Json, name: str, key: str) -> Ontology:
    """Return an ontology of Encord as ours: objects and classifications of one name become one feature."""
    structure = Structure(editor)
    kinds: dict[str, list[str]] = {}
    questions: dict[str, dict[str, Question]] = {}
    first: dict[str, tuple[str, str | None]] = {}
    for thing in structure.things:
        kinds.setdefault(thing.feature, []).append(thing.kind)
        questions.setdefault(thing.feature, {}).update(thing.questions)
        first.setdefault(thing.feature, (thing.hash, thing.color))
    for matter in structure.matters:
        asked = matter.present.questions if matter.present else {matter.root.name: matter.root}
        kinds.setdefault(matter.feature, []).append("whole")
        questions.setdefault(matter.feature, {}).update(asked)
        first.setdefault(matter.feature, (matter.hash, None))
    features = tuple(
        Feature(
            name=feature,
            geometries=tuple(dict.fromkeys(kinds[feature])),
            color=first[feature][1],
            attributes=_attributes(questions[feature]),
            id=first[feature][0],
        )
        for feature in kinds
    )
    return Ontology(name=name, features=features, id=key)


def _attributes(questions: Mapping[str, Question]) -> tuple[Attribute, ...]:
    return tuple(
        Attribute(
            name=question.name,
            kind=question.kind,
            required=question.required,
            id=question.hash,
            options=tuple(
                AttributeOption(name=option.name, id=option.hash, attributes=_attributes(option.questions))
                for option in question.options.values()
            ),
        )
        for question in questions.values()
        if question.name != NOTE
    )


# -- writing ----------------------------------------------------------------------------------------------------------


def editor_out(ontology: Ontology, before: Json | None = None) -> Json:
    """Return an ontology as Encord's editor structure.

    Args:
        ontology: Ours.
        before: The structure that it takes the place of. What both have keeps its hash; what only the old one has is
            archived, so that its labels can still be read.

    Raises:
        Unsupported: A feature has keypoints and the old structure has no skeleton of that name.
        InvalidData: A checklist's option asks something, which Encord has no place for.
    """
    old = before or {"objects": [], "classifications": []}
    made: Json = {"objects": [], "classifications": [], "skeleton_templates": _templates(old)}
    for feature in ontology.features:
        for kind in feature.geometries or ANY:
            if kind == "whole":
                known = next((c for c in old["classifications"] if c["attributes"][0]["name"] == feature.name), None)
                made["classifications"].append(_classification(feature, known, len(made["classifications"]) + 1))
            else:
                made["objects"].append(_object(feature, kind, old, len(made["objects"]) + 1))
    return _with_archived(made, old)


def _with_archived(made: Json, old: Json) -> Json:
    for part in ("objects", "classifications"):
        kept = {entry["featureNodeHash"] for entry in made[part]}
        for entry in old[part]:
            if entry["featureNodeHash"] in kept:
                continue
            number = len(made[part]) + 1
            if part == "objects":
                archived: Json = {"archived": True}
            else:
                archived = {"attributes": [{**root, "archived": True} for root in entry["attributes"]]}
            made[part].append({**entry, "id": str(number), **archived})
    return made


def _object(feature: Feature, kind: str, old: Json, number: int) -> Json:
    if kind not in SHAPES:
        raise Unsupported(f"Encord has no {kind} on images and videos.", hint=f"{feature.name!r} is to have one.")
    shape = SHAPES[kind]
    known = next((e for e in old["objects"] if (e["name"], e["shape"]) == (feature.name, shape)), None)
    if shape == "skeleton" and known is None:
        raise Unsupported(
            f"The keypoints of {feature.name!r} need a skeleton template, which an ontology of ours does not describe.",
            hint="Make the skeleton on Encord and create the ontology again.",
        )
    key = known["featureNodeHash"] if known else _hash(feature.name, shape)
    before = {entry["name"]: entry for entry in (known or {}).get("attributes") or ()}
    attributes = [
        _attribute(attribute, f"{number}.{position}", key, before.get(attribute.name), dynamic=True)
        for position, attribute in enumerate(feature.attributes, 1)
    ]
    note = before.get(NOTE) or {"featureNodeHash": _hash(key, NOTE)}
    attributes.append(_text(NOTE, f"{number}.{len(attributes) + 1}", note["featureNodeHash"]))
    return {
        "id": str(number),
        "name": feature.name,
        "color": feature.color or (known or {}).get("color") or COLORS[(number - 1) % len(COLORS)],
        "shape": shape,
        "featureNodeHash": key,
        "required": False,
        "archived": False,
        "attributes": attributes,
    }


def _classification(feature: Feature, known: Json | None, number: int) -> Json:
    key = known["featureNodeHash"] if known else _hash(feature.name, "classification")
    asked = feature.attributes
    before = known["attributes"][0] if known else None
    if len(asked) == 1 and asked[0].name == feature.name:
        entry = _attribute(asked[0], f"{number}.1", key, before, notes=True)
    else:
        there = AttributeOption(name=feature.name, attributes=asked)
        entry = _attribute(
            Attribute(name=feature.name, kind="radio", options=(there,)), f"{number}.1", key, before, notes=True
        )
        entry["options"][0]["value"] = PRESENT
    return {"id": str(number), "featureNodeHash": key, "attributes": [entry]}


def _attribute(
    attribute: Attribute, place: str, above: str, known: Json | None, *, dynamic: bool = False, notes: bool = False
) -> Json:
    """Return an attribute; `notes` puts our note under each option of a radio."""
    key = known["featureNodeHash"] if known and known["type"] == TYPES[attribute.kind] else _hash(above, attribute.name)
    entry: Json = {
        "id": place,
        "name": attribute.name,
        "type": TYPES[attribute.kind],
        "featureNodeHash": key,
        "required": attribute.required,
        "archived": False,
        "dynamic": known.get("dynamic", dynamic) if known else dynamic,
    }
    if attribute.kind in ("radio", "checklist"):
        before = {option["label"]: option for option in (known or {}).get("options") or ()}
        entry["options"] = [
            _option(option, attribute.kind, f"{place}.{position}", key, before.get(option.name), notes=notes)
            for position, option in enumerate(attribute.options, 1)
        ]
    return entry


def _option(option: AttributeOption, kind: str, place: str, above: str, known: Json | None, *, notes: bool) -> Json:
    if kind == "checklist" and option.attributes:
        raise InvalidData(
            f"The option {option.name!r} of a checklist asks something; on Encord only options of radios do.",
            field="attributes",
        )
    key = known["featureNodeHash"] if known else _hash(above, option.name)
    entry: Json = {
        "id": place,
        "label": option.name,
        "value": known["value"] if known else snake(option.name),
        "featureNodeHash": key,
        "archived": False,
    }
    before = {nested["name"]: nested for nested in (known or {}).get("options") or ()}
    nested = [
        _attribute(attribute, f"{place}.{position}", key, before.get(attribute.name))
        for position, attribute in enumerate(option.attributes, 1)
    ]
    if notes and kind == "radio":
        nested.append(_text(NOTE, f"{place}.{len(nested) + 1}", _hash(key, NOTE)))
    return {**entry, "options": nested} if nested else entry


def _text(name: str, place: str, key: str) -> Json:
    return {
        "id": place,
        "name": name,
        "type": "text",
        "featureNodeHash": key,
        "required": False,
        "archived": False,
        "dynamic": False,
    }


def _hash(above: str, name: str) -> str:
    """Return a hash in Encord's own form, eight characters, that is the same for the same place in an ontology."""
    return hashlib.blake2b(f"{above}\0{name}".encode(), digest_size=4).hexdigest()


def snake(name: str) -> str:
    """Return a name as the SDK writes it in `value`."""
    return name.lower().replace(" ", "_")
