"""Rows of one item as a FiftyOne sample, and back. Needs the extra `fiftyone`; no database, and no dataset, is touched.

A FiftyOne field holds labels of one class, so rows go by their geometry into four fields: boxes and masks into `field`
itself, polygons, rotated boxes and lines into `field_polylines`, points into `field_keypoints`, classifications into
`field_classifications`. The row itself travels as JSON in the custom attribute `dragoman` of its label; what was edited
in FiftyOne since then wins over it. What a label shows in our terms is found out in `fiftyone_labels`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from dragoman.errors import InvalidData, Unsupported
from dragoman.schema import AnyGeometry, Item, Keypoint, Keypoints, Label, Point, Polygon, Prediction, RotatedBox

if TYPE_CHECKING:
    import fiftyone as fo

    from dragoman.interop.fiftyone_labels import Shown

OURS = "dragoman"
"""Name of the custom attribute of labels, and of the field of samples, that hold the row and the item."""

SUFFIXES = {
    "detections": "",
    "polylines": "_polylines",
    "keypoints": "_keypoints",
    "classifications": "_classifications",
}
"""What follows the field's name for each class of labels; the same on all samples, whatever rows they have."""


class _Ours(msgspec.Struct):
    label: Label | None = None
    prediction: Prediction | None = None


def to_sample(item: Item, rows: Iterable[Label], field: str = "ground_truth") -> fo.Sample:
    """Return a sample of the item with its rows; coordinates become relative to the item's size.

    FiftyOne opens local files only: the sample's path is the item's uri if that is a path, else the item's key.

    Args:
        item: An image; all rows but classifications need its size.
        rows: Labels or predictions on the item.
        field: Name of the field, such as `"ground_truth"` or `"predictions"`; see the module for the other three.

    Raises:
        InvalidData: A row is on another item or on a frame, is a cuboid, or has a mask of another size; the item is a
            video or has no size; or the field's name is none. The error names the row.
        Unsupported: FiftyOne is not installed.
    """
    fo = _library()
    from dragoman.interop.fiftyone_labels import render

    if item.media != "image":
        raise InvalidData(f"The item {item.key!r} is a {item.media}, not an image.", field="media")
    sized = item.width is not None and item.height is not None
    sample = fo.Sample(
        filepath=item.uri if item.uri and "://" not in item.uri else item.key,
        metadata=fo.ImageMetadata(width=item.width, height=item.height) if sized else None,
        tags=[item.split] if item.split else [],
    )
    if not field.isidentifier() or field.startswith("_") or field == OURS or hasattr(sample, field):
        raise InvalidData(f"A sample has no place for a field {field!r}.", hint="Choose another name.", field="field")
    made: dict[str, list[Any]] = {kind: [] for kind in SUFFIXES}
    for number, row in enumerate(rows):
        _check(row, number, item)
        try:
            kind, label = render(row, item)
        except InvalidData as error:
            raise InvalidData(error.message, hint=error.hint, row=number, field=error.field) from error
        label[OURS] = _text({"prediction" if isinstance(row, Prediction) else "label": row}, number)
        made[kind].append(label)
    sample[OURS] = _text(msgspec.structs.replace(item, data=None))
    for kind, labels in made.items():
        # An empty list of detections says that somebody looked: a sample without any field would say nothing.
        if labels or kind == "detections":
            sample[field + SUFFIXES[kind]] = getattr(fo, kind.capitalize())(**{kind: labels})
    return sample


def from_sample(sample: fo.Sample, field: str, item: Item | None = None) -> Iterator[Label]:
    """Yield the rows of a sample's field, and of the fields beside it that `to_sample` makes: each class in its order.

    Rows that `to_sample` put there come back as they were, save for what has been edited since. Other labels become
    predictions if they have a confidence, else labels, with FiftyOne's id: closed or filled polylines become polygons
    (a shape inside another is a hole), a keypoint of one point a point, a NaN an unlabelled keypoint, custom
    attributes the row's attributes or, where they are lists or objects, its metadata. Points that differ in their
    confidence keep them in `metadata["confidence"]`.

    Args:
        sample: A sample of an image, in a dataset or not.
        field: Name of a field of labels.
        item: The item; if None, it is the one that `to_sample` was given, or else one whose key is the sample's path.

    Raises:
        InvalidData: The sample has no such field, a size is needed and not known, or a label holds something that
            rows cannot; the error names the label by its place.
        Unsupported: FiftyOne is not installed.
    """
    _library()
    from dragoman.interop.fiftyone_labels import labels_of

    names = [name for suffix in SUFFIXES.values() if sample.has_field(name := field + suffix)]
    if not names:
        raise InvalidData(f"The sample has no field {field!r}.", field=field)
    item = item or _item_of(sample)
    for name in names:
        for number, label in enumerate(labels_of(sample[name], name)):
            try:
                yield _row(label, item)
            except InvalidData as error:
                place = f"{name}[{number}]" + (f".{error.field}" if error.field else "")
                raise InvalidData(error.message, hint=error.hint, row=number, field=place) from error


def _library() -> Any:
    try:
        import fiftyone

        import dragoman.geometry  # noqa: F401 - its libraries are part of the extra
    except ImportError as error:
        raise Unsupported("Samples need FiftyOne.", hint="Install dragoman[fiftyone].") from error
    return fiftyone


def _check(row: Label, number: int, item: Item) -> None:
    if row.item != item.key:
        raise InvalidData(f"The row is on {row.item!r}, not on {item.key!r}.", row=number, field="item")
    for name in ("frame", "span"):
        if getattr(row, name) is not None:
            raise InvalidData(f"A sample of an image has no {name}.", row=number, field=name)


def _text(value: Any, number: int | None = None) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:
        raise InvalidData(f"The row or the item is not JSON: {error}.", row=number) from error


def _item_of(sample: Any) -> Item:
    if sample.has_field(OURS) and sample[OURS] is not None:
        try:
            return msgspec.json.decode(sample[OURS], type=Item)
        except (msgspec.MsgspecError, TypeError) as error:
            raise InvalidData(f"The sample's field {OURS!r} holds something else: {error}.", field=OURS) from error
    size = sample.metadata
    width, height = getattr(size, "width", None), getattr(size, "height", None)
    return Item(sample.filepath, uri=sample.filepath, width=width, height=height)


def _row(label: Any, item: Item) -> Label:
    from dragoman.interop.fiftyone_labels import render, shown

    now = shown(label, item)
    text = label.get_attribute_value(OURS, None)
    if text is not None:
        row = _row_of(text)
        if row.item != item.key:
            raise InvalidData(f"The row is on {row.item!r}, not on {item.key!r}.", field="item")
        return _edited(row, shown(render(row, item)[1], item), now)
    common = {"id": label.id, "track_id": now.track_id, "attributes": now.attributes, "metadata": now.metadata}
    if now.confidence is None and not now.metadata.get("confidence"):
        return Label(item.key, now.feature, now.geometry, **common)
    return Prediction(item.key, now.feature, now.geometry, **common, confidence=now.confidence)


def _row_of(text: Any) -> Label:
    try:
        found = msgspec.json.decode(text, type=_Ours)
    except (msgspec.MsgspecError, TypeError) as error:
        raise InvalidData(f"The attribute {OURS!r} holds something else: {error}.", field=OURS) from error
    row = found.prediction or found.label
    if row is None:
        raise InvalidData(f"The attribute {OURS!r} holds something else.", field=OURS)
    return row


def _edited(row: Label, before: Shown, after: Shown) -> Label:
    """Return the row with what its label shows now where it showed something else when it was made."""
    changes: dict[str, Any] = {}
    for name in ("feature", "confidence", "track_id"):
        if getattr(before, name) != getattr(after, name):
            changes[name] = getattr(after, name)
    if before.geometry != after.geometry:
        changes["geometry"] = _regained(row.geometry, after.geometry)
    for name in ("attributes", "metadata"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            untouched = {key: value for key, value in getattr(row, name).items() if key not in old or key in new}
            changed = {key: value for key, value in new.items() if key not in old or old[key] != value}
            changes[name] = untouched | changed
    if not changes:
        return row
    if changes.get("confidence") is not None and not isinstance(row, Prediction):
        row = Prediction(**msgspec.structs.asdict(row))
    return msgspec.structs.replace(row, **changes)


def _regained(stored: AnyGeometry, now: AnyGeometry) -> AnyGeometry:
    """Return an edited geometry as the sort that it was before FiftyOne, if it still is one."""
    from dragoman.geometry.boxes import are_rectangles, rotated_of_corners
    from dragoman.geometry.shapes import pairs

    match stored, now:
        case RotatedBox(), Polygon(parts=((ring,),)) if len(ring) == 8 and are_rectangles([pairs(ring)])[0]:
            return RotatedBox(*rotated_of_corners([pairs(ring)])[0].tolist())
        case Keypoints(), Keypoints() if len(stored.points) == len(now.points):
            return Keypoints(tuple(map(_moved, stored.points, now.points)), stored.skeleton)
        case Keypoints(), Point() if len(stored.points) == 1:
            return Keypoints((_moved(stored.points[0], Keypoint("", now.x, now.y)),), stored.skeleton)
    return now


def _moved(stored: Keypoint, now: Keypoint) -> Keypoint:
    seen = stored.visibility if stored.visibility and now.visibility else now.visibility
    return Keypoint(stored.name, now.x, now.y, seen)
