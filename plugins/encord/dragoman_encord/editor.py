"""Ontologies: ours into Encord's editor structure and back.

Encord matches by hash, and an object has one shape. So a feature with several kinds of geometry is several objects of
one name. A feature that is about the whole item is a classification. Its root is the question of that name, where the
feature asks one; else a radio with a single option, which stands for the feature being there.
"""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.errors import InvalidData, Unsupported
from dragoman.formats.coco.category import skeleton_in
from dragoman.schema import Attribute, AttributeOption, Feature, Ontology
from dragoman_encord.ids import hash_of
from dragoman_encord.notes import joined, parted
from dragoman_encord.skeletons import templates_of, with_template
from dragoman_encord.structure import NOTE, PRESENT, QUESTIONS, SHAPES, Json, Question, Structure, snake

TYPES = {name: kind for kind, name in QUESTIONS.items()}
ANY = ("box", "rotated_box", "polygon", "polyline", "point", "mask", "whole")
"""What a feature of any geometry becomes; with keypoints if its metadata names those."""
COLORS = ("#D33115", "#E27300", "#16406C", "#FE9200", "#68BC00", "#16A5A5", "#7B64FF", "#AB149E", "#0062B1")


def description_out(ontology: Ontology, before: str = "") -> str:
    """Return the description of an ontology, whose last line holds the metadata that Encord has no field for."""
    said = {feature.name: feature.metadata for feature in ontology.features if feature.metadata}
    return joined(parted(before)[0], {"metadata": ontology.metadata, "features": said})


def ontology_in(editor: Json, name: str, key: str, description: str = "") -> Ontology:
    """Return an ontology of Encord as ours: objects and classifications of one name become one feature."""
    structure = Structure(editor)
    kept = parted(description)[1]
    metadata = kept.get("features") or {}
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
            metadata=metadata.get(feature) or {},
        )
        for feature in kinds
    )
    return Ontology(name=name, features=features, id=key, metadata=kept.get("metadata") or {})


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


def editor_out(ontology: Ontology, before: Json | None = None) -> Json:
    """Return an ontology as Encord's editor structure.

    Args:
        ontology: Ours.
        before: The structure that it takes the place of. What both have keeps its hash; what only the old one has is
            archived, so that its labels can still be read.

    Raises:
        Unsupported: A feature has a kind of geometry that Encord has not.
        InvalidData: A checklist's option asks something, which Encord has no place for; or a skeleton is another than
            the old structure's.
    """
    old = before or {"objects": [], "classifications": []}
    made: Json = {"objects": [], "classifications": [], "skeleton_templates": templates_of(old)}
    for feature in ontology.features:
        skeleton = skeleton_in(feature)
        for kind in feature.geometries or (*ANY, *(("keypoints",) if skeleton else ())):
            if kind == "whole":
                known = next((c for c in old["classifications"] if c["attributes"][0]["name"] == feature.name), None)
                made["classifications"].append(_classification(feature, known, len(made["classifications"]) + 1))
            else:
                made["objects"].append(_object(feature, kind, old, len(made["objects"]) + 1))
            if kind == "keypoints" and skeleton:
                key = made["objects"][-1]["featureNodeHash"]
                made["skeleton_templates"] = with_template(made["skeleton_templates"], feature.name, key, skeleton)
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
    key = known["featureNodeHash"] if known else hash_of(feature.name, shape)
    before = {entry["name"]: entry for entry in (known or {}).get("attributes") or ()}
    attributes = [
        _attribute(attribute, f"{number}.{position}", key, before.get(attribute.name), dynamic=True)
        for position, attribute in enumerate(feature.attributes, 1)
    ]
    note = before.get(NOTE) or {"featureNodeHash": hash_of(key, NOTE)}
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
    key = known["featureNodeHash"] if known else hash_of(feature.name, "classification")
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
    key = (
        known["featureNodeHash"] if known and known["type"] == TYPES[attribute.kind] else hash_of(above, attribute.name)
    )
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
    key = known["featureNodeHash"] if known else hash_of(above, option.name)
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
        nested.append(_text(NOTE, f"{place}.{len(nested) + 1}", hash_of(key, NOTE)))
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
