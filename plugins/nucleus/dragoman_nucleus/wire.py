"""Nucleus's JSON as structs: what is sent, and what comes back. Decoding checks it.

Structs are made and decoded several times as fast as dictionaries, and the collector need not look at them. A type of
row that is not here makes decoding fail, so that no row is passed over unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from msgspec import Struct

S = TypeVar("S")
Json = dict[str, Any]

# -- shapes -----------------------------------------------------------------------------------------------------------


class Rectangle(Struct, gc=False):
    """Of a box: its top-left corner and its size in pixels."""

    x: float
    y: float
    width: float
    height: float


class Vertex(Struct, gc=False):
    """A corner, in pixels."""

    x: float
    y: float


class Path(Struct, gc=False):
    """Of a polygon or a line."""

    vertices: list[Vertex]


class Joint(Struct, gc=False):
    """A keypoint; one that is not visible may have no position."""

    x: float | None = None
    y: float | None = None
    visible: bool = True


class Skeleton(Struct, gc=False):
    """Of keypoints. `skeleton` holds pairs of positions in `keypoints`."""

    keypoints: list[Joint]
    names: list[str]
    skeleton: list[tuple[int, int]] | None = None
    """The SDK sends none of labels that have none, and Nucleus gives that back."""


class Vector(Struct, gc=False):
    """Three numbers in the unit of the point cloud."""

    x: float
    y: float
    z: float


class Solid(Struct, gc=False):
    """Of a cuboid: centre, (length, width, height), radians about the z axis."""

    position: Vector
    dimensions: Vector
    yaw: float


class Shapeless(Struct, gc=False):
    """Of a category: nothing."""


Shape = Rectangle | Path | Skeleton | Solid | Shapeless

# -- rows that are sent -----------------------------------------------------------------------------------------------


class Row(Struct, gc=False, omit_defaults=True):
    """An annotation or prediction as it is sent. A multicategory has `labels`, all others have `label`."""

    type: str
    geometry: Shape
    reference_id: str
    metadata: Json
    label: str | None = None
    annotation_id: str | None = None
    confidence: float | None = None
    class_pdf: dict[str, float] | None = None
    track_reference_id: str | None = None
    embedding_vector: list[float] | None = None
    taxonomy_name: str | None = None
    labels: list[str] | None = None


class BareBox(Struct, gc=False, omit_defaults=True, tag_field="type", tag="box"):
    """A box of which no more is said than its origin: the same on the wire as a `Row`, and made in less time."""

    geometry: Rectangle
    reference_id: str
    metadata: Json
    label: str
    annotation_id: str
    confidence: float | None = None
    class_pdf: dict[str, float] | None = None
    track_reference_id: str | None = None


class Segment(Struct, gc=False, omit_defaults=True):
    """One object of a mask: the pixels whose value is its index."""

    label: str
    index: int | str
    """A string in the SDK's own examples."""
    metadata: Json | None = None


class MaskRow(Struct, gc=False):
    """All masks of an item as they are sent, beside the file that `mask_url` names."""

    mask_url: str
    annotations: list[Segment]
    reference_id: str
    annotation_id: str
    type: str = "mask"


class Upload(Struct, gc=False, omit_defaults=True):
    """Body of a synchronous upload."""

    update: bool
    annotations: list[Row | BareBox] = []


# -- rows that come back ----------------------------------------------------------------------------------------------


class Found(Struct, Generic[S], gc=False):
    """An annotation or prediction as it comes back."""

    label: str
    geometry: S
    reference_id: str | None = None
    annotation_id: str | None = None
    metadata: Json | None = None
    confidence: float | None = None
    class_pdf: dict[str, float] | None = None
    track_reference_id: str | None = None
    embedding_vector: list[float] | None = None
    dataset_item_id: str | None = None


class FoundCategory(Struct, gc=False):
    """A category; its geometry is empty, or not there."""

    label: str
    reference_id: str | None = None
    annotation_id: str | None = None
    metadata: Json | None = None
    confidence: float | None = None
    class_pdf: dict[str, float] | None = None
    track_reference_id: str | None = None
    taxonomy_name: str | None = None
    dataset_item_id: str | None = None


class FoundCategories(Struct, gc=False):
    """A multicategory."""

    labels: list[str]
    reference_id: str | None = None
    annotation_id: str | None = None
    metadata: Json | None = None
    track_reference_id: str | None = None
    taxonomy_name: str | None = None
    dataset_item_id: str | None = None


def is_category(row: Any) -> bool:
    """Say whether what came back is a category or a multicategory."""
    return isinstance(row, FoundCategory | FoundCategories)


class FoundMask(Struct, gc=False):
    """All masks of an item."""

    mask_url: str
    annotations: list[Segment]
    reference_id: str | None = None
    annotation_id: str | None = None
    dataset_item_id: str | None = None


class Groups(Struct, forbid_unknown_fields=True, gc=False):
    """Rows by type."""

    box: list[Found[Rectangle]] = []
    polygon: list[Found[Path]] = []
    line: list[Found[Path]] = []
    keypoints: list[Found[Skeleton]] = []
    cuboid: list[Found[Solid]] = []
    category: list[FoundCategory] = []
    multicategory: list[FoundCategories] = []
    segmentation: list[FoundMask] | FoundMask | None = None
    """Exports hold the one mask of an item as a bare object where other answers hold a list."""

    def rows(self) -> Iterator[tuple[str, Any]]:
        """Yield type and row of each row but the masks."""
        for kind in PLAIN:
            for row in getattr(self, kind):
                yield kind, row

    def masks(self) -> list[FoundMask]:
        """Return the masks."""
        if self.segmentation is None:
            return []
        return [self.segmentation] if isinstance(self.segmentation, FoundMask) else self.segmentation

    def where(self, keep: Callable[[Any], bool]) -> Groups:
        """Return only the rows and masks that `keep` says yes to."""
        left = Groups(segmentation=list(filter(keep, self.masks())))
        for kind in PLAIN:
            setattr(left, kind, list(filter(keep, getattr(self, kind))))
        return left


PLAIN = ("box", "polygon", "line", "keypoints", "cuboid", "category", "multicategory")


class Ungrouped(Groups, gc=False):
    """All rows of a run. An empty run is answered with `{"annotations": {}}`, a full one with the types on top."""

    annotations: Groups | None = None


class OnItem(Struct, gc=False):
    """The rows on one item."""

    annotations: Groups


class ExportedItem(Struct, gc=False):
    """What is needed of an item in an export."""

    reference_id: str | None = None
    ref_id: str | None = None

    @property
    def key(self) -> str:
        """Its reference id, whose other name wins, as in the SDK."""
        return self.ref_id or self.reference_id or ""


class ExportRow(Groups, kw_only=True, gc=False):
    """One item with its rows."""

    item: ExportedItem


class ExportPage(Struct, rename={"next": "nextPageToken"}, gc=False):
    """A page of an export."""

    data: list[ExportRow]
    next: str | None = None
