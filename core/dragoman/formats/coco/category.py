"""Categories: COCO's side of features. What the schema has no field for is a feature's metadata, under COCO's names.

A category's `keypoints` and `skeleton` are there too, unless they are only what our writer found on the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from pydantic import ValidationError

from dragoman.errors import InvalidData
from dragoman.schema import Attribute, Feature, Keypoints

Id = int | str


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Names of a category's keypoints, and the pairs of zero-based positions that it joins."""

    names: tuple[str, ...]
    edges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, keypoints: Keypoints) -> Skeleton:
        """Return the skeleton of a row's geometry."""
        return cls(tuple(point.name for point in keypoints.points), keypoints.skeleton)


class Category(msgspec.Struct):
    """A category as the file has it; what stands after `color` is ours."""

    id: Id
    name: str
    keypoints: list[str] | None = None
    skeleton: list[tuple[int, int]] | None = None
    color: Any = None
    attributes: list[dict[str, Any]] | None = None
    geometries: list[str] | None = None
    metadata: Any = None
    dragoman_id: str | None = None
    dragoman_found: bool = False
    """Whether the keypoints are not the feature's own, but those of its first row."""


class PlainCategory(Category, forbid_unknown_fields=True):
    """A category without keys that others added."""


_COLOR = re.compile("#[0-9a-fA-F]{6}")
_OURS = frozenset(Category.__struct_fields__) - {"keypoints", "skeleton"}
_POSES = ("keypoints", "skeleton")
_ABOVE = "supercategory"
"""Every category that is written has one, as COCO's own; an empty one says nothing."""


def feature_of(category: Category, extra: Mapping[str, Any]) -> Feature:
    """Return the feature of a category.

    Args:
        category: The category.
        extra: Keys that others added.

    Raises:
        InvalidData: It has no name, or attributes that are none.
    """
    if not category.name:
        raise InvalidData(f"The category {category.id!r} has no name.", field="name")
    try:
        return Feature(
            name=category.name,
            id=str(category.id) if category.dragoman_id is None else category.dragoman_id,
            color=_color(category.color),
            geometries=tuple(category.geometries or ()),
            attributes=tuple(Attribute.model_validate(attribute) for attribute in category.attributes or ()),
            metadata=_metadata(category, extra),
        )
    except ValidationError as error:
        raise InvalidData(f"The category {category.name!r} is not what was expected: {error}.") from error


def _metadata(category: Category, extra: Mapping[str, Any]) -> dict[str, Any]:
    metadata = dict(extra)
    if not category.dragoman_found:
        poses = {name: value for name in _POSES if (value := getattr(category, name)) is not None}
        metadata |= msgspec.to_builtins(poses)
    if metadata.get(_ABOVE) == "":
        del metadata[_ABOVE]
    if isinstance(category.metadata, dict):
        return metadata | category.metadata
    return metadata if category.metadata is None else {**metadata, "metadata": category.metadata}


def skeleton_in(feature: Feature) -> Skeleton | None:
    """Return the keypoints that a feature's metadata names, or None where there are none of COCO's kind."""
    try:
        poses = {name: feature.metadata[name] for name in _POSES if name in feature.metadata}
        return skeleton_of(msgspec.convert({"id": 0, "name": feature.name, **poses}, Category))
    except (msgspec.ValidationError, InvalidData):
        return None


def skeleton_of(category: Category) -> Skeleton | None:
    """Return the keypoints of a category, or None.

    Raises:
        InvalidData: The skeleton joins keypoints that are not there.
    """
    if not category.keypoints:
        return None
    # COCO counts keypoints from one.
    edges = tuple((start - 1, end - 1) for start, end in category.skeleton or ())
    if any(not 0 <= place < len(category.keypoints) for edge in edges for place in edge):
        raise InvalidData(
            f"The skeleton of the category {category.name!r} joins keypoints that are not there.", field="skeleton"
        )
    return Skeleton(tuple(category.keypoints), edges)


def _color(value: Any) -> str | None:
    """Return a colour given as `"#rrggbb"` or, as panoptic COCO does, as red, green and blue."""
    if isinstance(value, str) and _COLOR.fullmatch(value):
        return value
    if isinstance(value, list) and len(value) == 3 and all(type(part) is int and 0 <= part < 256 for part in value):
        return "#{:02x}{:02x}{:02x}".format(*value)
    return None


def category_of(feature: Feature, category_id: int, skeleton: Skeleton | None) -> dict[str, Any]:
    """Return the category of a feature.

    Args:
        feature: The feature.
        category_id: Its id in the file.
        skeleton: Its keypoints.
    """
    theirs = skeleton_in(feature)
    own = _OURS if theirs else _OURS | set(_POSES)
    nested = {name: value for name, value in feature.metadata.items() if name in own or (name, value) == (_ABOVE, "")}
    plain = {name: value for name, value in feature.metadata.items() if name not in nested}
    category: dict[str, Any] = {_ABOVE: "", **plain, "id": category_id, "name": feature.name}
    if nested:
        category["metadata"] = nested
    if skeleton and skeleton != theirs:
        category["keypoints"] = list(skeleton.names)
        category["skeleton"] = [[start + 1, end + 1] for start, end in skeleton.edges]
        if not theirs:
            category["dragoman_found"] = True
    if feature.color:
        category["color"] = feature.color
    if feature.geometries:
        category["geometries"] = list(feature.geometries)
    if feature.attributes:
        category["attributes"] = [attribute.model_dump(exclude_defaults=True) for attribute in feature.attributes]
    if feature.id != str(category_id):
        category["dragoman_id"] = feature.id
    return category


def numbered(ids: Iterable[str]) -> list[int]:
    """Return an integer for each id: the id itself where it is one, else one after the largest.

    COCO's tools want integers; what comes from COCO had them, and gets them back.
    """
    given = [whole(value) for value in ids]
    following = max((value for value in given if value is not None), default=0) + 1
    taken: set[int] = set()
    numbers = []
    for value in given:
        if value is None or value in taken:
            value, following = following, following + 1
        taken.add(value)
        numbers.append(value)
    return numbers


def whole(value: str) -> int | None:
    """Return the integer that a text is, if it is written as COCO's JSON would write it."""
    if len(value) <= 18 and value.isascii() and value.removeprefix("-").isdigit() and str(int(value)) == value:
        return int(value)
    return None
