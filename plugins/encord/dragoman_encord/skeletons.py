"""Skeletons: the points and edges of a feature's keypoints, and the template of them that Encord wants. No network.

A feature of ours names them in its metadata, as COCO's categories do. Where it does not, Encord gets an object without
a template, and the template with the first rows that are written to it. Rows may lack points and edges of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from dragoman.errors import InvalidData
from dragoman.formats.coco.category import Skeleton
from dragoman.schema import Keypoints
from dragoman_encord.ids import hash_of

Json = dict[str, Any]
COLOR = "#000000"


def templates_of(editor: Json) -> list[Json]:
    """Return the templates of an ontology's skeletons."""
    return editor.get("skeleton_templates") or []


def joints_of(template: Json) -> tuple[Json, ...]:
    """Return the points of a template in their order."""
    return tuple(template["skeleton"][place] for place in _places(template))


def skeleton_of(template: Json) -> Skeleton:
    """Return the points and edges of a template."""
    order = _places(template)
    edges = tuple(
        (order.index(start), order.index(end))
        for start, ends in (template.get("skeletonEdges") or {}).items()
        for end in ends
    )
    return Skeleton(tuple(joint["name"] for joint in joints_of(template)), edges)


def _places(template: Json) -> list[str]:
    return sorted(template["skeleton"], key=int)


def edges_by_name(skeleton: Skeleton) -> set[frozenset[str]]:
    """Return which points a skeleton joins, in whatever order and direction."""
    return {frozenset((skeleton.names[start], skeleton.names[end])) for start, end in skeleton.edges}


def with_template(templates: list[Json], name: str, key: str, skeleton: Skeleton) -> list[Json]:
    """Return templates with one for an object, unless it has its own already.

    Args:
        templates: Those of the ontology.
        name: The object's name.
        key: The object's hash, which its template shares.
        skeleton: Its points and edges.

    Raises:
        InvalidData: It names a point twice, or the object's own template has other points or edges: its labels hold
            one position for each of those.
    """
    if len(set(skeleton.names)) != len(skeleton.names):
        raise InvalidData(f"The skeleton of {name!r} names a point twice.", field="metadata.keypoints")
    for entry in templates:
        if entry["template"]["feature_node_hash"] == key:
            held = skeleton_of(entry["template"])
            if sorted(held.names) != sorted(skeleton.names) or edges_by_name(held) != edges_by_name(skeleton):
                raise InvalidData(
                    f"The skeleton of {name!r} has other points or edges on Encord: {', '.join(held.names)}.",
                    hint="Give the feature another name, and it gets a skeleton of its own.",
                    field="metadata.keypoints",
                )
            return templates
    # The SDK keeps templates by name, and loses one of two that share it.
    taken = any(entry["template"]["name"] == name for entry in templates)
    return [*templates, _template(f"{name} ({key})" if taken else name, key, skeleton)]


def _template(name: str, key: str, skeleton: Skeleton) -> Json:
    """Return a template of a size of one; its points lie on a circle, since nobody says where else."""
    joints = {}
    for position, joint in enumerate(skeleton.names):
        turn = 2 * math.pi * position / len(skeleton.names)
        place = {"x": round(0.5 + math.sin(turn) / 2, 4), "y": round(0.5 - math.cos(turn) / 2, 4)}
        shown = {"color": COLOR, "value": joint, "featureHash": hash_of(key, joint)}
        joints[str(position)] = {**place, "name": joint, **shown}
    edges: dict[str, Json] = {}
    for start, end in skeleton.edges:
        edges.setdefault(str(start), {})[str(end)] = {"color": COLOR}
    drawn = {"width": 1.0, "height": 1.0, "skeleton": joints, "skeletonEdges": edges}
    return {"template": {"name": name, **drawn, "feature_node_hash": key, "shape": "skeleton"}}


def together(poses: Iterable[Keypoints]) -> Skeleton:
    """Return the skeleton that has all points and edges of some keypoints."""
    skeletons = [Skeleton.of(pose) for pose in poses]
    places = {name: place for place, name in enumerate(dict.fromkeys(n for one in skeletons for n in one.names))}
    edges = dict.fromkeys(
        (places[one.names[start]], places[one.names[end]]) for one in skeletons for start, end in one.edges
    )
    return Skeleton(tuple(places), tuple(edges))


def completed(editor: Json, skeletons: Mapping[str, tuple[str, Skeleton]]) -> Json:
    """Return an ontology with templates for objects that have none, as `Structure.untemplated` found them."""
    templates = templates_of(editor)
    for key, (name, skeleton) in skeletons.items():
        templates = with_template(templates, name, key, skeleton)
    return {**editor, "skeleton_templates": templates}
