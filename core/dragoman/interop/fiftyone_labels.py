"""One row as a FiftyOne label, and what a FiftyOne label shows in our terms.

Coordinates in FiftyOne are relative: x by the item's width, y by its height. Which label goes where, and how a row
that was kept beside its label is joined with it, is `fiftyone`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isfinite, isnan, nan, radians
from typing import Any

import fiftyone as fo
import msgspec
import numpy as np
import shapely

from dragoman.errors import InvalidData
from dragoman.geometry.boxes import bounding_box
from dragoman.geometry.rle import array_of_mask, mask_of_array
from dragoman.geometry.shapes import pairs
from dragoman.schema import (
    AnyAnswer,
    AnyGeometry,
    AttributeValue,
    Box,
    Item,
    Keypoint,
    Keypoints,
    Label,
    Mask,
    Number,
    Point,
    Polygon,
    Polyline,
    Prediction,
    Radio,
    RotatedBox,
    Text,
    Whole,
)

OBJECT_ID = re.compile(r"[0-9a-f]{24}")
"""What FiftyOne takes as the id of a label or an instance."""

LONG = range(-(2**63), 2**63)
"""Whole numbers that FiftyOne's database holds."""

TAKEN = frozenset({"dragoman", "instance", "location", "dimensions", "rotation"})
"""Names of custom attributes that mean something: our row, the object in time, and a place in a 3-D scene."""

Vertex = tuple[float, float]


class Shown(msgspec.Struct):
    """What a label shows, as fields of a row; `metadata` holds tags, logits, points' confidences, lists and objects."""

    feature: str
    geometry: AnyGeometry
    confidence: float | None
    track_id: str | None
    attributes: dict[str, AttributeValue]
    metadata: dict[str, Any]


def render(row: Label, item: Item) -> tuple[str, Any]:
    """Return the kind of list that the row's label belongs into, and the label without the row itself.

    Raises:
        InvalidData: The geometry is a cuboid, the item has no size, or the mask has another one.
    """
    common: dict[str, Any] = {"label": row.feature, "tags": _tags(row)}
    if OBJECT_ID.fullmatch(row.id):
        common["id"] = row.id
    confidence = row.confidence if isinstance(row, Prediction) else None
    kind, label = _drawn(row.geometry, item, common)
    if kind == "keypoints":
        label.confidence = None if confidence is None else [confidence] * len(label.points)
    else:
        label.confidence = confidence
    if kind != "classifications" and row.track_id is not None:
        # FiftyOne counts objects; what is no plain number, such as "007", stays with the row.
        if re.fullmatch("0|[1-9][0-9]{0,17}", row.track_id):
            label.index = int(row.track_id)
        elif OBJECT_ID.fullmatch(row.track_id):
            label.instance = fo.Instance(id=row.track_id)
    for name, value in row.attributes.items():
        plain = _plain(value)
        if plain is not None and _free(label, name):
            label[name] = plain
    return kind, label


def shown(label: Any, item: Item) -> Shown:
    """Return what a label shows, on an item.

    Raises:
        InvalidData: It has no class name, a shape that is none, or an attribute that is not JSON; or the item has no
            size.
    """
    if not label.label:
        raise InvalidData("The label has no class name.", field="label")
    confidence, metadata = _confidence(label)
    if label.tags:
        metadata["tags"] = list(label.tags)
    if getattr(label, "logits", None) is not None:
        metadata["logits"] = np.asarray(label.logits).tolist()
    attributes: dict[str, AttributeValue] = {}
    for name, value in sorted(label.iter_attributes()):
        if name in TAKEN or value is None:
            continue
        value = value.item() if isinstance(value, np.generic) else value
        if isinstance(value, str | bool | int | float):
            attributes[name] = value
        else:
            metadata[name] = _json(name, value)
    index, instance = getattr(label, "index", None), getattr(label, "instance", None)
    track = str(index) if index is not None else None
    if track is None and instance is not None:
        track = str(instance.id)
    return Shown(label.label, _seen(label, item), confidence, track, attributes, metadata)


def labels_of(held: Any, name: str) -> Iterator[Any]:
    """Yield the labels of a field's value.

    Raises:
        InvalidData: The field holds something else, such as a segmentation.
    """
    single = (fo.Detection, fo.Polyline, fo.Keypoint, fo.Classification)
    if held is None:
        return
    if isinstance(held, single):
        yield held
    elif isinstance(held, fo.Detections | fo.Polylines | fo.Keypoints | fo.Classifications):
        yield from held[held._LABEL_LIST_FIELD]
    else:
        raise InvalidData(
            f"The field {name!r} holds a {type(held).__name__}.",
            hint="Rows come from detections, polylines, keypoints and classifications.",
            field=name,
        )


def _size(item: Item) -> tuple[int, int]:
    if item.width is None or item.height is None:
        raise InvalidData(
            f"Relative coordinates need a size, and the item {item.key!r} has none.",
            hint="Give the item its width and height; FiftyOne's compute_metadata() finds them for a sample.",
            field="width",
        )
    return item.width, item.height


def _drawn(geometry: AnyGeometry, item: Item, common: dict[str, Any]) -> tuple[str, Any]:
    if isinstance(geometry, Whole):
        return "classifications", fo.Classification(**common)
    width, height = _size(item)
    match geometry:
        case Box():
            return "detections", fo.Detection(bounding_box=_relative(geometry, width, height), **common)
        case Mask():
            box, pixels = _cut(geometry, width, height)
            return "detections", fo.Detection(bounding_box=box, mask=pixels, **common)
        case RotatedBox(cx=cx, cy=cy, angle=angle):
            # Their angle turns from x to y. They call that counter-clockwise; as y points down, it is clockwise.
            turned = (cx, cy, geometry.width, geometry.height, radians(angle))
            made = fo.Polyline.from_rotated_box(*turned, frame_size=(width, height), filled=True, **common)
            return "polylines", made
        case Polygon():
            rings = [_scaled(ring, width, height) for rings in geometry.parts for ring in rings]
            return "polylines", fo.Polyline(points=rings, closed=True, filled=True, **common)
        case Polyline():
            points = [_scaled(geometry.vertices, width, height)]
            return "polylines", fo.Polyline(points=points, closed=False, filled=False, **common)
        case Point():
            return "keypoints", fo.Keypoint(points=_scaled((geometry.x, geometry.y), width, height), **common)
        case Keypoints():
            return "keypoints", fo.Keypoint(points=[_place(one, width, height) for one in geometry.points], **common)
    raise InvalidData(f"A sample of an image has no {geometry.kind}.", hint="Leave such rows out.", field="geometry")


def _seen(label: Any, item: Item) -> AnyGeometry:
    if isinstance(label, fo.Classification):
        return Whole()
    width, height = _size(item)
    if isinstance(label, fo.Detection):
        return _detected(label, width, height)
    if isinstance(label, fo.Keypoint):
        return _keypoints(label.points, width, height)
    rings = [tuple(number for x, y in shape for number in (x * width, y * height)) for shape in label.points]
    if label.closed or label.filled:
        return _nested(rings)
    if len(rings) != 1:
        raise InvalidData(f"The polyline has {len(rings)} open shapes.", hint="Split it.", field="points")
    return Polyline(rings[0])


def _tags(row: Label) -> list[str]:
    tags = row.metadata.get("tags")
    return tags if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags) else []


def _free(label: Any, name: str) -> bool:
    """Say whether the name can be that of a custom attribute of this label."""
    refused = not name or name[0] in "_$" or "." in name or "\0" in name
    return not refused and name not in TAKEN and not hasattr(label, name)


def _plain(value: AttributeValue) -> str | bool | int | float | None:
    """Return what FiftyOne can show and filter by of an answer; a list has no place, so a checklist is None."""
    answers: AnyAnswer | str | int | float | bool | None = value
    if isinstance(answers, Radio):
        return answers.option.name
    plain = answers.text if isinstance(answers, Text) else answers.value if isinstance(answers, Number) else answers
    if isinstance(plain, int) and plain not in LONG:
        return None
    return plain if isinstance(plain, str | bool | int | float) else None


def _json(name: str, value: Any) -> Any:
    try:
        return msgspec.to_builtins(value.tolist() if isinstance(value, np.ndarray) else value, str_keys=True)
    except (msgspec.MsgspecError, TypeError) as error:
        raise InvalidData(f"The attribute {name!r} is a {type(value).__name__}.", field=name) from error


def _confidence(label: Any) -> tuple[float | None, dict[str, Any]]:
    """Return the confidence; points that differ in theirs have none together, and keep their own in the metadata."""
    if not isinstance(label, fo.Keypoint):
        return label.confidence, {}
    each = list(label.confidence or ())
    if each and all(one == each[0] for one in each):
        return each[0], {}
    return None, {"confidence": [None if one is None or isnan(one) else one for one in each]} if each else {}


def _relative(box: Box, width: int, height: int) -> list[float]:
    return [box.x / width, box.y / height, box.width / width, box.height / height]


def _scaled(run: Sequence[float], width: int, height: int) -> list[Vertex]:
    return [(x / width, y / height) for x, y in zip(run[::2], run[1::2], strict=True)]


def _place(point: Keypoint, width: int, height: int) -> Vertex:
    if point.x is None or point.y is None or not point.visibility:
        return nan, nan
    return point.x / width, point.y / height


def _cut(mask: Mask, width: int, height: int) -> tuple[list[float], Any]:
    """Return the relative box around the mask's pixels and the pixels in it; an empty mask's box is the image."""
    if (mask.width, mask.height) != (width, height):
        raise InvalidData(f"The mask is {mask.width} x {mask.height}, the item {width} x {height}.", field="geometry")
    box = bounding_box(mask) or Box(0, 0, width, height)
    top, left = int(box.y), int(box.x)
    pixels = array_of_mask(mask)[top : top + int(box.height), left : left + int(box.width)]
    return _relative(box, width, height), np.ascontiguousarray(pixels)


def _detected(label: Any, width: int, height: int) -> Box | Mask:
    if len(label.bounding_box or ()) != 4:
        raise InvalidData("The detection has no box of four numbers.", field="bounding_box")
    x, y, across, down = label.bounding_box
    box = Box(x * width, y * height, across * width, down * height)
    pixels = label.get_mask()
    if pixels is None:
        return box
    pixels = np.asarray(pixels)
    if pixels.ndim != 2 or not pixels.size:
        raise InvalidData(f"The detection's mask has shape {pixels.shape}.", field="mask")
    rows, from_rows = _lines(box.y, box.height, height, pixels.shape[0])
    columns, from_columns = _lines(box.x, box.width, width, pixels.shape[1])
    whole = np.zeros((height, width), bool)
    whole[np.ix_(rows, columns)] = pixels.astype(bool)[np.ix_(from_rows, from_columns)]
    return mask_of_array(whole)


def _lines(start: float, length: float, size: int, held: int) -> tuple[Any, Any]:
    """Return the image's rows or columns that a box covers, and for each the nearest of its mask's `held` ones."""
    first, count = round(start), round(length)
    lines = np.arange(max(first, 0), max(min(first + count, size), 0))
    return lines, ((lines - first + 0.5) * held / max(count, 1)).astype(int)


def _keypoints(points: Sequence[Vertex], width: int, height: int) -> Keypoints | Point:
    placed = [(x * width, y * height) if isfinite(x) and isfinite(y) else (None, None) for x, y in points]
    if len(placed) == 1 and placed[0][0] is not None and placed[0][1] is not None:
        return Point(*placed[0])
    return Keypoints(tuple(Keypoint(str(n), x, y, 0 if x is None else 2) for n, (x, y) in enumerate(placed)))


def _nested(rings: Sequence[tuple[float, ...]]) -> Polygon:
    """Return the polygon of rings of which those inside an odd number of others are holes of the innermost of them."""
    checked = Polygon(tuple((ring,) for ring in rings)).parts
    vertices = [pairs(ring) for (ring,) in checked]
    shapes = [shapely.Polygon(one) for one in vertices]
    clouds = [shapely.MultiPoint(one) for one in vertices]
    largest_first = sorted(range(len(shapes)), key=lambda place: -shapes[place].area)
    around: dict[int, list[int]] = {}
    parts: dict[int, list[tuple[float, ...]]] = {}
    for rank, place in enumerate(largest_first):
        around[place] = [other for other in largest_first[:rank] if shapely.covers(shapes[other], clouds[place])]
        outers = [other for other in around[place] if other in parts]
        if len(around[place]) % 2 and outers:
            parts[max(outers, key=lambda other: len(around[other]))].append(checked[place][0])
        else:
            parts[place] = [checked[place][0]]
    return Polygon(tuple(tuple(parts[place]) for place in sorted(parts)))
