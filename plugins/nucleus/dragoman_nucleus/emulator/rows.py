"""The annotation rows of Nucleus, ground truth and predictions alike, and the stores that hold them.

The structs are the validation: a row that msgspec decodes has a complete, finite geometry. They are also
the answer format, since Nucleus reads back the shape that was sent. Which item a row belongs to is decided
in `uploads`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, Struct

SAFE = 2**53
Number = Annotated[int, Meta(ge=-SAFE, le=SAFE)] | float
Key = str | tuple[str, ...]
"""What makes a row unique on its item."""


class BoxGeometry(Struct, gc=False):
    x: Number
    y: Number
    width: Number
    height: Number


class Point(Struct, gc=False):
    x: Number
    y: Number


class Point3D(Struct, gc=False):
    x: Number
    y: Number
    z: Number


class Vertices(Struct, gc=False):
    vertices: Annotated[list[Point], Meta(min_length=1)]


class Keypoint(Struct, gc=False):
    x: Number | None = None
    y: Number | None = None
    visible: bool = True


class KeypointsGeometry(Struct, gc=False):
    keypoints: Annotated[list[Keypoint], Meta(min_length=1)]
    names: list[str]
    skeleton: list[list[int]] | None = []

    def __post_init__(self) -> None:
        if len(self.names) != len(self.keypoints):
            raise ValueError("`names` and `keypoints` have different lengths")


class CuboidGeometry(Struct, gc=False):
    position: Point3D
    dimensions: Point3D
    yaw: Number


class Segment(Struct, gc=False, omit_defaults=True):
    label: str
    index: Annotated[int, Meta(ge=0, le=255)] | str | None
    """Pixel value of the segment; the SDK's own examples send it as a string, and its class allows none."""
    metadata: dict[str, Any] | None = None


class Row(Struct, kw_only=True, omit_defaults=True, gc=False, tag_field="type"):
    """What all rows have. `item_id` and `dataset_id` are targets on the way in and never sent back."""

    kind: ClassVar[str]
    """Key of the lists in which such rows are sent back."""

    reference_id: str | None = None
    dataset_item_id: str | None = None
    item_id: str | None = None
    dataset_id: str | None = None
    annotation_id: str | None = None
    metadata: dict[str, Any] | None = None
    track_reference_id: str | None = None
    task_id: str | None = None

    def key(self) -> Key:
        """Return what makes this row unique on its item; `annotation_id` must have been set."""
        identity = self.annotation_id or ""
        return identity if self.task_id is None else ("task", self.task_id, identity)

    def labels(self) -> list[str]:
        """Return the class names that occur in this row."""
        raise NotImplementedError


class Labelled(Row, kw_only=True):
    """A row with one class name and, if it is a prediction, a confidence."""

    label: str
    confidence: Number | None = None
    class_pdf: dict[str, Number] | None = None

    def labels(self) -> list[str]:
        return [self.label]


class Box(Labelled, kw_only=True, tag="box"):
    kind = "box"
    geometry: BoxGeometry
    embedding_vector: list[Number] | None = None


class Polygon(Labelled, kw_only=True, tag="polygon"):
    kind = "polygon"
    geometry: Vertices
    embedding_vector: list[Number] | None = None


class Line(Labelled, kw_only=True, tag="line"):
    kind = "line"
    geometry: Vertices


class Keypoints(Labelled, kw_only=True, tag="keypoints"):
    kind = "keypoints"
    geometry: KeypointsGeometry


class Cuboid(Labelled, kw_only=True, tag="cuboid"):
    kind = "cuboid"
    geometry: CuboidGeometry


class Category(Labelled, kw_only=True, tag="category"):
    """One per item or scene and taxonomy; it has no annotation id."""

    kind = "category"
    taxonomy_name: str | None = None

    def key(self) -> Key:
        return ("category", self.taxonomy_name or "")


class MultiCategory(Row, kw_only=True, tag="multicategory"):
    """Ground truth only, one per item and taxonomy."""

    kind = "multicategory"
    labels_: list[str] = msgspec.field(name="labels")
    taxonomy_name: str | None = None

    def key(self) -> Key:
        return ("multicategory", self.taxonomy_name or "")

    def labels(self) -> list[str]:
        return self.labels_


class Mask(Row, kw_only=True, tag="mask"):
    """One per item; its annotation id makes no difference."""

    kind = "segmentation"
    mask_url: str
    annotations: list[Segment]

    def key(self) -> Key:
        return ("mask",)

    def labels(self) -> list[str]:
        return [segment.label for segment in self.annotations]


GroundTruthRow = Box | Polygon | Line | Keypoints | Cuboid | Category | MultiCategory | Mask
PredictionRow = Box | Polygon | Line | Keypoints | Cuboid | Category | Mask
RunFreeRow = Box | Polygon | Cuboid
UNIDENTIFIED = (Category, MultiCategory, Mask)
"""Rows whose identity is not an annotation id."""


class Rows:
    """The rows of one run, one model or one ground truth, by item id; in the order of the first arrival."""

    def __init__(self) -> None:
        self._by_item: dict[str, dict[Key, Row]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_item.values()))

    def __iter__(self) -> Iterator[Row]:
        for rows in self._by_item.values():
            yield from rows.values()

    def on(self, item_id: str) -> list[Row]:
        """Return the rows on one item."""
        return list(self._by_item.get(item_id, {}).values())

    def item_ids(self) -> list[str]:
        """Return the ids of the items, and of the scenes, that have rows."""
        return list(self._by_item)

    def get(self, item_id: str, key: Key) -> Row | None:
        """Return the row of an item that has a key."""
        return self._by_item.get(item_id, {}).get(key)

    def find(self, item_id: str, annotation_id: str) -> Row | None:
        """Return the row on an item that has an annotation id, whatever its task id."""
        return next((row for row in self.on(item_id) if row.annotation_id == annotation_id), None)

    def put(self, item_id: str, row: Row, update: bool) -> bool:
        """Store a row and say whether it was; without `update`, a row that is there stays as it was."""
        rows = self._by_item.get(item_id)
        if rows is None:
            rows = self._by_item[item_id] = {}
        key = row.key()
        if key in rows and not update:
            return False
        rows[key] = row
        return True

    def discard(self, item_id: str) -> int:
        """Remove the rows on an item and return how many there were."""
        return len(self._by_item.pop(item_id, {}))

    def clear(self) -> None:
        """Remove all rows."""
        self._by_item.clear()

    def discard_where(self, doomed: Callable[[Row], bool], item_ids: Iterable[str]) -> None:
        """Remove some of the rows on some items."""
        for item_id in item_ids:
            kept = {key: row for key, row in self._by_item.get(item_id, {}).items() if not doomed(row)}
            if item_id in self._by_item:
                self._by_item[item_id] = kept


def grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Group rows by type, as in every answer that shows all rows of an item."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.kind, []).append(row)
    return groups
