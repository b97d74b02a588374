"""Rows of one item as `supervision.Detections`, and back. Needs the extras `supervision` and `geometry`.

Detections hold arrays: a box, a mask or turned corners, a class, a confidence, a track. What has no place there
(attributes, metadata, exact vertices) travels as JSON in `data["dragoman"]`, row by row, so filtered detections come
back as the rows that they were made of; what a tracker, a smoother, a merge or you changed in the arrays wins over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import msgspec

from dragoman.errors import InvalidData, Unsupported
from dragoman.schema import AnyGeometry, Box, Item, Label, Mask, Polygon, Prediction, RotatedBox, derive_id

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import supervision as sv

OURS = "dragoman"
"""Key of `Detections.data` for the rows themselves."""

CLASS_NAME = "class_name"
CORNERS = "xyxyxyxy"
"""Keys of `Detections.data` that supervision itself uses."""

LONGEST_TRACK = 18
"""Digits of a number that is certainly below 2^63."""

_encode = msgspec.json.Encoder().encode


def to_detections(rows: Iterable[Label], classes: Sequence[str], item: Item) -> sv.Detections:
    """Return the rows of one item as detections, in their order.

    If one row is a mask or polygon, all get a mask (a box is filled); if all are rotated boxes, their corners are kept.

    Args:
        rows: Labels or predictions on the item: boxes, rotated boxes, polygons and masks.
        classes: Names of the features; a row's `class_id` is the position of its feature.
        item: The item; masks need its size.

    Raises:
        InvalidData: A row is on another item, has another feature, or a geometry without an area; the error names it.
        Unsupported: supervision is not installed.
    """
    np, supervision = _libraries()
    held = list(rows)
    places = {name: place for place, name in enumerate(classes)}
    for number, row in enumerate(held):
        _check(row, number, places, item)
    if not held:
        return supervision.Detections.empty()
    geometries = [row.geometry for row in held]
    data: dict[str, Any] = {
        CLASS_NAME: np.array([row.feature for row in held], dtype=object),
        OURS: np.array([_text(row) for row in held], dtype=object),
    }
    if all(isinstance(geometry, RotatedBox) for geometry in geometries):
        data[CORNERS] = np.array([_corners(geometry) for geometry in geometries]).reshape(-1, 4, 2)
    confidences = [row.confidence if isinstance(row, Prediction) else None for row in held]
    tracks = [row.track_id for row in held]
    known = all(map(_is_number, tracks))
    return supervision.Detections(
        xyxy=np.array([_xyxy(geometry) for geometry in geometries], dtype=np.float64).reshape(-1, 4),
        mask=_masks(geometries, item),
        confidence=None if None in confidences else np.array(confidences, dtype=np.float64),
        class_id=np.array([places[row.feature] for row in held], dtype=int),
        tracker_id=np.array([int(track or 0) for track in tracks]) if known else None,
        data=data,
    )


def from_detections(detections: sv.Detections, classes: Sequence[str], item: Item) -> Iterator[Label]:
    """Yield the rows of detections on one item: predictions if they have confidences, else labels.

    Detections that `to_detections` made come back as the rows that they were made of, save for what the arrays say
    otherwise now: the class, the confidence, the track, and the geometry. Corners count before the mask, and the mask
    before the box, so a box alone that has moved leaves a mask or turned box where it is, as long as their own array is
    there. Rounding to float32 is no change, and neither is an array that is not there. The id stays, unless the item is
    another one: then the row is a copy on that item, with an id of its own.

    Other detections get what they hold, the corners before the mask before the box.

    Raises:
        InvalidData: A class has no name, or an array holds something that rows cannot; the error names the detection.
    """
    ours = detections.data.get(OURS)
    for number in range(len(detections)):
        try:
            if ours is not None and ours[number]:
                yield _edited(_row_of(str(ours[number])), detections, number, classes, item)
            else:
                yield _made(detections, number, classes, item)
        except InvalidData as error:
            raise InvalidData(error.message, hint=error.hint, row=number, field=error.field) from error


def _made(detections: sv.Detections, number: int, classes: Sequence[str], item: Item) -> Label:
    """Return the row of a detection that nothing else is known of."""
    features = _features(detections, number, classes)
    if not features:
        raise InvalidData("The detection has no class.", field="class_id")
    feature, geometry, track = features[0], _geometry(detections, number), _track(detections, number)
    if detections.confidence is None:
        row_id = derive_id("supervision", item.key, number, feature, geometry)
        return Label(item.key, feature, geometry, row_id, track_id=track)
    confidence = float(detections.confidence[number])
    row_id = derive_id("supervision", item.key, number, feature, geometry, confidence)
    return Prediction(item.key, feature, geometry, row_id, track_id=track, confidence=confidence)


def _edited(row: Label, detections: sv.Detections, number: int, classes: Sequence[str], item: Item) -> Label:
    """Return the row with what the arrays say now where they said something else when they were made of it."""
    changes: dict[str, Any] = {}
    if row.item != item.key:
        changes |= {"item": item.key, "id": derive_id("supervision", item.key, row.id)}
    if others := [name for name in _features(detections, number, classes) if name != row.feature]:
        changes["feature"] = others[0]
    if (geometry := _moved(row.geometry, detections, number)) != row.geometry:
        changes["geometry"] = geometry
    track = _track(detections, number)
    if track is not None and not (_is_number(row.track_id) and int(row.track_id) == int(track)):
        changes["track_id"] = track
    if detections.confidence is not None:
        before = row.confidence if isinstance(row, Prediction) else None
        confidence = float(detections.confidence[number])
        if before is None or not _alike(before, confidence):
            changes["confidence"] = confidence
    if not changes:
        return row
    if "confidence" in changes and not isinstance(row, Prediction):
        row = Prediction(**msgspec.structs.asdict(row))
    return msgspec.structs.replace(row, **changes)


def _moved(stored: AnyGeometry, detections: sv.Detections, number: int) -> AnyGeometry:
    """Return the stored geometry, or what the arrays hold if that is another one by now."""
    import numpy as np

    corners, masks = detections.data.get(CORNERS), detections.mask
    if corners is not None and not (isinstance(stored, RotatedBox) and _alike(_corners(stored), corners[number])):
        return _geometry(detections, number)
    box_stays = _alike(_xyxy(stored), detections.xyxy[number])
    if masks is not None:
        pixels = np.asarray(masks[number])
        if not np.array_equal(pixels, _drawn(stored, *pixels.shape)):
            box = _box(detections, number)
            boxed = isinstance(stored, Box) and not box_stays and np.array_equal(pixels, _drawn(box, *pixels.shape))
            return box if boxed else _geometry(detections, number)
    if box_stays or not (isinstance(stored, Box) or corners is masks is None):
        return stored
    return _box(detections, number)


def _alike(before: Any, now: Any) -> bool:
    """Return whether numbers are the same in float32, which supervision and most models hold them in."""
    import numpy as np

    return np.array_equal(np.asarray(before, np.float32).ravel(), np.asarray(now, np.float32).ravel())


def _check(row: Label, number: int, places: dict[str, int], item: Item) -> None:
    if row.item != item.key:
        raise InvalidData(f"The row is on {row.item!r}, not on {item.key!r}.", row=number, field="item")
    if row.feature not in places:
        raise InvalidData(f"There is no class {row.feature!r}.", row=number, field="feature")
    if not isinstance(row.geometry, Box | RotatedBox | Polygon | Mask):
        raise InvalidData(
            f"Detections have no {row.geometry.kind}.", hint="Leave such rows out.", row=number, field="geometry"
        )


def _is_number(track: str | None) -> TypeGuard[str]:
    """Return whether a track is a number that an array of 64 bits holds; others stay with their rows."""
    return track is not None and track.isascii() and track.isdigit() and len(track) <= LONGEST_TRACK


def _text(row: Label) -> str:
    return _encode({"prediction" if isinstance(row, Prediction) else "label": row}).decode()


class _Ours(msgspec.Struct):
    label: Label | None = None
    prediction: Prediction | None = None


def _row_of(text: str) -> Label:
    try:
        found = msgspec.json.decode(text, type=_Ours)
    except msgspec.MsgspecError as error:
        raise InvalidData(f"data[{OURS!r}] holds something else: {error}.", field=OURS) from error
    row = found.prediction or found.label
    if row is None:
        raise InvalidData(f"data[{OURS!r}] holds something else.", field=OURS)
    return row


def _xyxy(geometry: AnyGeometry) -> tuple[float, float, float, float]:
    from dragoman.geometry.boxes import bounding_box

    box = geometry if isinstance(geometry, Box) else bounding_box(geometry)
    return (box.x, box.y, box.x + box.width, box.y + box.height) if box else (0.0, 0.0, 0.0, 0.0)


def _corners(geometry: AnyGeometry) -> tuple[float, ...]:
    from dragoman.geometry.shapes import rotated_corners

    assert isinstance(geometry, RotatedBox)
    return rotated_corners(geometry)


def _masks(geometries: Sequence[AnyGeometry], item: Item) -> npt.NDArray[np.bool_] | None:
    import numpy as np

    if not any(isinstance(geometry, Mask | Polygon) for geometry in geometries):
        return None
    if item.width is None or item.height is None:
        raise InvalidData(f"Masks need a size, and the item {item.key!r} has none.", field="width")
    masks = np.zeros((len(geometries), item.height, item.width), dtype=bool)
    for place, geometry in enumerate(geometries):
        if isinstance(geometry, Mask) and (geometry.height, geometry.width) != masks.shape[1:]:
            raise InvalidData(
                f"The mask is {geometry.width} x {geometry.height}, the item {item.width} x {item.height}.",
                row=place,
                field="geometry",
            )
        masks[place] = _drawn(geometry, item.height, item.width)
    return masks


def _drawn(geometry: AnyGeometry, height: int, width: int) -> npt.NDArray[np.bool_]:
    """Return the pixels of an image that a geometry covers; of a mask its own."""
    from dragoman.geometry.outlines import mask_of_polygon
    from dragoman.geometry.rle import array_of_mask
    from dragoman.geometry.shapes import box_corners

    if isinstance(geometry, Mask):
        return array_of_mask(geometry)
    ring = box_corners(geometry) if isinstance(geometry, Box) else None
    ring = _corners(geometry) if isinstance(geometry, RotatedBox) else ring
    polygon = geometry if isinstance(geometry, Polygon) else Polygon(((ring or (),),))
    return array_of_mask(mask_of_polygon(polygon, width, height))


def _features(detections: sv.Detections, number: int, classes: Sequence[str]) -> list[str]:
    """Return the names of a detection's class, that of its number first."""
    names = detections.data.get(CLASS_NAME)
    found = [] if names is None else [str(names[number])]
    if detections.class_id is not None:
        place = int(detections.class_id[number])
        if not 0 <= place < len(classes):
            raise InvalidData(f"The class {place} has no name.", field="class_id")
        found.insert(0, classes[place])
    return found


def _track(detections: sv.Detections, number: int) -> str | None:
    if detections.tracker_id is None:
        return None
    track = int(detections.tracker_id[number])
    # Trackers give -1 to what is on no track, or not yet.
    return str(track) if track >= 0 else None


def _geometry(detections: sv.Detections, number: int) -> AnyGeometry:
    from dragoman.geometry.boxes import rotated_of_corners
    from dragoman.geometry.rle import mask_of_array

    if CORNERS in detections.data:
        return RotatedBox(*rotated_of_corners([detections.data[CORNERS][number]])[0].tolist())
    if detections.mask is not None:
        return mask_of_array(detections.mask[number])
    return _box(detections, number)


def _box(detections: sv.Detections, number: int) -> Box:
    x, y, right, bottom = map(float, detections.xyxy[number])
    return Box(x, y, right - x, bottom - y)


def _libraries() -> tuple[Any, Any]:
    try:
        import numpy
        import supervision
    except ImportError as error:
        raise Unsupported("Detections need supervision.", hint="Install dragoman[supervision].") from error
    return numpy, supervision
