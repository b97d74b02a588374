"""Turns one COCO annotation into a row: which of its shapes is the geometry, and where everything else goes.

Formats: https://cocodataset.org/#format-data and #format-results; `attributes` as CVAT writes them. What COCO says and
the canonical schema has no place for travels in the row's metadata: facts of COCO's own under `FACTS`, keys that others
added under their own names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

import msgspec
from msgspec import UNSET, UnsetType

from dragoman.errors import InvalidData
from dragoman.formats.coco.category import Skeleton
from dragoman.formats.coco.plain import FACTS, Id, is_area, polygon_of
from dragoman.schema import (
    AnyAnswer,
    AnyGeometry,
    Box,
    Keypoint,
    Keypoints,
    Label,
    Mask,
    Prediction,
    Provenance,
    RotatedBox,
    Whole,
    derive_id,
)

NESTED = "metadata"
"""Key of an annotation for metadata whose names mean something else in COCO."""

Shape = Literal["auto", "box", "segmentation", "keypoints"]
"""Which shape of an annotation becomes the geometry; `auto` takes keypoints before segmentation before box."""


class Rle(msgspec.Struct, gc=False):
    """Run lengths, plain or compressed; `size` is height and width."""

    size: tuple[int, int]
    counts: str | list[int]


class Annotation(msgspec.Struct, gc=False):
    """An annotation or a result; the keys that begin with `dragoman_` are ours, for what COCO's own cannot hold."""

    id: Id | UnsetType = UNSET
    image_id: Id | UnsetType = UNSET
    category_id: Id | UnsetType = UNSET
    bbox: tuple[float, ...] | None = None
    segmentation: tuple[tuple[float, ...], ...] | Rle | None = None
    area: float | None = None
    iscrowd: int | bool = 0
    keypoints: tuple[float, ...] | None = None
    num_keypoints: int | None = None
    score: float | UnsetType | None = UNSET
    attributes: dict[str, Any] | None = None
    track_id: Id | None = None
    dragoman_id: str | None = None
    dragoman_geometry: AnyGeometry | None = None
    dragoman_provenance: Provenance | None = None


KNOWN = frozenset(Annotation.__struct_fields__)


@dataclass(frozen=True, slots=True)
class Tables:
    """What annotations refer to.

    Args:
        items: Image id to item key.
        features: Category id to feature.
        skeletons: Feature to its keypoints, where it has some.
        source: What a row without an id is derived from, besides its content.
        exact: Whether Dragoman wrote the file, so that areas and boxes are what the shapes say.
        shape: See `Shape`.
    """

    items: Mapping[Id, str]
    features: Mapping[Id, str]
    skeletons: Mapping[str, Skeleton]
    source: str
    exact: bool
    shape: Shape


def to_row(annotation: Annotation, extra: dict[str, Any], position: int, tables: Tables) -> Label:
    """Return the row of an annotation.

    Args:
        annotation: The annotation.
        extra: Keys that others added.
        position: Place in the file.
        tables: What it refers to.

    Raises:
        InvalidData: It refers to nothing, or a shape is wrong; the error names the field.
    """
    item, feature = _referred(annotation, tables)
    facts: dict[str, Any] = {}
    geometry = _geometry(annotation, tables, feature, facts)
    attributes = _attributes(annotation.attributes, facts) if annotation.attributes else {}
    if type(geometry) is Box and attributes.get("rotation") and not tables.exact:
        geometry = _rotated(geometry, attributes)
    metadata = _metadata(extra, facts)
    row_id = annotation.dragoman_id
    if row_id is None and annotation.id is not UNSET:
        row_id = str(annotation.id)
    score = annotation.score
    if row_id is None:
        row_id = derive_id("coco", tables.source, position, item, feature, geometry, None if score is UNSET else score)
    rest: dict[str, Any] = {}
    if annotation.track_id is not None:
        rest["track_id"] = str(annotation.track_id)
    if annotation.dragoman_provenance is not None:
        rest["provenance"] = annotation.dragoman_provenance
    if score is UNSET:
        return Label(item, feature, geometry, row_id, attributes=attributes, metadata=metadata, **rest)
    return Prediction(
        item, feature, geometry, row_id, attributes=attributes, metadata=metadata, confidence=score, **rest
    )


def _referred(annotation: Annotation, tables: Tables) -> tuple[str, str]:
    item = tables.items.get(annotation.image_id)  # type: ignore[arg-type]
    if item is None:
        raise _dangling("image_id", "image", annotation.image_id)
    feature = tables.features.get(annotation.category_id)  # type: ignore[arg-type]
    if feature is None:
        raise _dangling("category_id", "category", annotation.category_id)
    return item, feature


def _dangling(field: str, what: str, value: Any) -> InvalidData:
    if value is UNSET:
        return InvalidData(f"The annotation has no {field}.", field=field)
    return InvalidData(f"There is no {what} with the id {value!r}.", field=field)


def _geometry(a: Annotation, tables: Tables, feature: str, facts: dict[str, Any]) -> AnyGeometry:
    """Return the geometry, and add to `facts` what it leaves out."""
    if a.dragoman_geometry is not None:
        return a.dragoman_geometry
    if a.iscrowd:
        facts["iscrowd"] = int(a.iscrowd)
    shape = tables.shape
    points, segmentation = a.keypoints, a.segmentation
    if points and shape in ("auto", "keypoints") and any(points[2::3]):
        if not tables.exact:
            _add(facts, segmentation=segmentation or None, bbox=a.bbox, area=a.area)
        return _keypoints(points, tables.skeletons.get(feature))
    if points:
        facts["keypoints"] = points
    if segmentation and shape in ("auto", "segmentation"):
        if not tables.exact:
            _add(facts, bbox=a.bbox, area=a.area)
        return polygon_of(segmentation) if type(segmentation) is tuple else _mask(segmentation)  # type: ignore[arg-type]
    if segmentation:
        _add(facts, segmentation=segmentation)
    if a.bbox is None:
        return Whole()
    if len(a.bbox) != 4:
        raise InvalidData(f"The box has {len(a.bbox)} numbers; it needs 4.", field="bbox")
    box = Box(*a.bbox)
    if not tables.exact and not is_area(a.area, box.width, box.height):
        facts["area"] = a.area
    return box


def _add(facts: dict[str, Any], **values: Any) -> None:
    for name, value in values.items():
        if value is not None:
            facts[name] = msgspec.to_builtins(value) if isinstance(value, Rle) else value


def _mask(rle: Rle) -> Mask:
    height, width = rle.size
    if isinstance(rle.counts, list):
        return Mask(height, width, tuple(rle.counts))
    from dragoman.geometry import rle as runs

    return runs.mask_of_string(rle.counts, height, width)


def _keypoints(run: tuple[float, ...], skeleton: Skeleton | None) -> Keypoints:
    if len(run) % 3:
        raise InvalidData(f"There are {len(run)} numbers; a keypoint has 3.", field="keypoints")
    names = skeleton.names if skeleton else ()
    if names and len(names) * 3 != len(run):
        raise InvalidData(f"There are {len(run) // 3} keypoints; the category has {len(names)}.", field="keypoints")
    points = []
    for position in range(len(run) // 3):
        x, y, visibility = run[3 * position : 3 * position + 3]
        if visibility not in (0, 1, 2):
            raise InvalidData(f"A keypoint has visibility {visibility}; it is 0, 1 or 2.", field="keypoints")
        name = names[position] if names else str(position + 1)
        placed = visibility or x or y
        points.append(Keypoint(name, x if placed else None, y if placed else None, int(visibility)))
    return Keypoints(tuple(points), skeleton.edges if skeleton else ())


def _rotated(box: Box, attributes: dict[str, Any]) -> Box | RotatedBox:
    """Return the box as CVAT means it: turned clockwise about its centre by the attribute `rotation`, in degrees."""
    angle = attributes["rotation"]
    if not isinstance(angle, int | float) or isinstance(angle, bool):
        return box
    del attributes["rotation"]
    return RotatedBox(box.x + box.width / 2, box.y + box.height / 2, box.width, box.height, angle)


def _attributes(values: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """Return what the schema can hold; the rest becomes a fact."""
    held: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or isinstance(value, str | int | float | bool):
            held[name] = value
            continue
        try:
            held[name] = msgspec.convert(value, AnyAnswer)
        except (msgspec.ValidationError, InvalidData):
            rest[name] = value
    if rest:
        facts["attributes"] = rest
    return held


def _metadata(extra: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    metadata = extra
    if is_nested(nested := metadata.get(NESTED)):
        metadata = {name: value for name, value in metadata.items() if name != NESTED} | nested
    if not facts:
        return metadata
    theirs = metadata.get(FACTS)
    if isinstance(theirs, dict):
        return {**metadata, FACTS: {**facts, **theirs}}
    return {**metadata, FACTS: facts if theirs is None else {**facts, "extra": theirs}}


def is_nested(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a value under `NESTED` is the metadata whose names COCO uses itself, as the writer puts it there."""
    return isinstance(value, dict) and bool(value) and value.keys() <= KNOWN | {NESTED}
