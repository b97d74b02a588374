"""Writes COCO datasets: one file, or a folder with a file per split. Annotations are streamed, items are held."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from dragoman.errors import InvalidData
from dragoman.fidelity import EXACT, FidelityTable, approximate, stored
from dragoman.formats.base import Writer, completed
from dragoman.formats.coco.annotation import KNOWN, NESTED, is_nested
from dragoman.formats.coco.category import Skeleton, category_of, numbered, skeleton_in, whole
from dragoman.formats.coco.ids import SeenIds
from dragoman.formats.coco.image import image_of
from dragoman.formats.coco.info import members_of
from dragoman.formats.coco.layout import files_of_splits
from dragoman.formats.coco.plain import FACTS
from dragoman.formats.coco.shapes import shape_of
from dragoman.schema import Box, Item, Keypoints, Label, Ontology, Prediction, Whole

Counts = Literal["compressed", "plain"]
"""How run lengths are written: as COCO's strings, or as lists of numbers."""

FIDELITY = FidelityTable(
    {
        "box": EXACT,
        "polygon": EXACT,
        "polygon of parts": EXACT,
        "polygon with holes": approximate("other tools than Dragoman see a mask of whole pixels"),
        "mask": EXACT,
        "keypoints": EXACT,
        "whole": EXACT,
        "rotated_box": approximate("written as the polygon of its corners", to="polygon"),
        "polyline": stored("COCO has no lines; kept in the metadata of an annotation without a shape"),
        "point": stored("COCO has no single points; kept in the metadata of an annotation without a shape"),
        "cuboid": stored("COCO is flat; kept in the metadata of an annotation without a shape"),
    },
    {
        "frame": stored("COCO has images only"),
        "span": stored("COCO has images only"),
        "interpolation": stored("COCO has images only"),
        "answer": stored("a COCO category is the answer"),
        "class_pdf": stored("COCO has one score"),
    },
)

_encode = msgspec.json.Encoder().encode


class _Facts(msgspec.Struct):
    """What metadata under `FACTS` says in COCO's own words."""

    bbox: tuple[float, float, float, float] | None = None
    area: float | None = None
    iscrowd: int | None = None
    segmentation: Any = None
    keypoints: list[float] | None = None
    attributes: dict[str, Any] = {}


class CocoWriter(Writer):
    """Writes a COCO dataset; predictions become annotations with a `score`.

    Ids that are whole numbers are the ids in the file; others, and those that another row has, are kept beside a new
    number.

    Args:
        path: A `.json` file, or a folder that gets `annotations/instances_<split>.json`.
        counts: How run lengths are written.
    """

    fidelity = FIDELITY

    def __init__(self, path: Path, *, counts: Counts = "compressed") -> None:
        super().__init__(path)
        self._plain_counts = counts == "plain"

    def write(self, ontology: Ontology, items: Iterable[Item], rows: Iterable[Label]) -> None:
        """Write everything, or leave the path as it was; see `Writer`."""
        held = _unique(items)
        image_ids = dict(zip(held, numbered(item.id for item in held.values()), strict=True))
        categories = _Categories(ontology)
        single = self.path.suffix == ".json"
        with completed(self.path) as made, ExitStack() as stack:
            files: dict[str | None, _File] = {}
            paths = {None: made} if single else files_of_splits(made, {item.split for item in held.values()} or {None})
            for split, path in paths.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                mine = (item for item in held.values() if single or item.split == split)
                images = (image_of(item, image_ids[item.key]) for item in mine)
                files[split] = stack.enter_context(_File(path, ontology, images, made.parent))
            for number, row in enumerate(rows):
                try:
                    item = held.get(row.item)
                    if item is None:
                        raise InvalidData(f"There is no item {row.item!r}.", field="item")
                    annotation = self._annotation(row, item, image_ids[item.key], categories)
                    files[None if single else item.split].add(row, annotation)
                except InvalidData as error:
                    raise InvalidData(error.message, row=number, field=error.field, hint=error.hint) from error
            for file in files.values():
                file.finish(categories)

    def _annotation(self, row: Label, item: Item, image_id: int, categories: _Categories) -> dict[str, Any]:
        geometry = row.geometry
        if isinstance(geometry, Keypoints):
            categories.show(row.feature, geometry)
        shape = shape_of(geometry, item, categories.skeletons.get(row.feature), plain_counts=self._plain_counts)
        plain, nested = _split_metadata(row.metadata)
        annotation: dict[str, Any] = {**plain, "image_id": image_id, "category_id": categories.id(row.feature)}
        annotation |= {"iscrowd": 0, **shape}
        if row.attributes:
            annotation["attributes"] = dict(row.attributes)
        _put_back(annotation, row)
        if nested:
            annotation[NESTED] = nested
        if row.track_id is not None:
            number = whole(row.track_id)
            annotation["track_id"] = row.track_id if number is None else number
        if row.provenance is not None:
            annotation["dragoman_provenance"] = row.provenance
        if isinstance(row, Prediction):
            annotation["score"] = row.confidence
        return annotation


class _Categories:
    """Ids and skeletons of the features."""

    def __init__(self, ontology: Ontology) -> None:
        self._features = ontology.features
        numbers = numbered(feature.id for feature in ontology.features)
        self._ids = {feature.name: number for feature, number in zip(ontology.features, numbers, strict=True)}
        found = {feature.name: skeleton_in(feature) for feature in ontology.features}
        self.skeletons: dict[str, Skeleton] = {name: skeleton for name, skeleton in found.items() if skeleton}

    def id(self, feature: str) -> int:
        """Return the category id of a feature, or raise `InvalidData`."""
        if feature not in self._ids:
            raise InvalidData(f"There is no feature {feature!r}.", field="feature")
        return self._ids[feature]

    def show(self, feature: str, geometry: Keypoints) -> None:
        """Take over the keypoints of a feature's first row as its category's."""
        if feature not in self.skeletons:
            self.skeletons[feature] = Skeleton.of(geometry)

    def entries(self) -> list[dict[str, Any]]:
        """Return the categories as COCO has them."""
        return [
            category_of(feature, self._ids[feature.name], self.skeletons.get(feature.name))
            for feature in self._features
        ]


class _File:
    """One file on its way: images, annotations as they come, those without a number of their own, then categories."""

    def __init__(self, path: Path, ontology: Ontology, images: Iterator[dict[str, Any]], workshop: Path) -> None:
        self._seen = SeenIds()
        self._file: BinaryIO = path.open("wb")
        # Rows without a number of their own wait until the largest number is known.
        self._waiting = tempfile.TemporaryFile(dir=workshop)  # noqa: SIM115 - closed in __exit__
        self._count = 0
        self._some = False
        info, licenses = members_of(ontology)
        self._file.write(b'{"info": ' + _encode(info) + b',\n"licenses": ' + _encode(licenses) + b',\n"images": [')
        for position, image in enumerate(images):
            self._file.write((b",\n" if position else b"\n") + _encode(image))
        self._file.write(b'],\n"annotations": [')

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._waiting.close()

    def add(self, row: Label, annotation: dict[str, Any]) -> None:
        """Write a row's annotation; where another row has its number, its id is kept beside a new one."""
        number = whole(row.id)
        if number is None or not self._seen.add_all([number]):
            self._waiting.write(_encode({"dragoman_id": row.id, **annotation}) + b"\n")
            return
        self._element(_encode({"id": number, **annotation}))

    def finish(self, categories: _Categories) -> None:
        """Write what waited, and the categories."""
        self._waiting.seek(0)
        for number, line in enumerate(self._waiting, self._seen.largest + 1):
            self._element(b'{"id":%d,' % number + line[1:-1])
        self._file.write(b'],\n"categories": ' + _encode(categories.entries()) + b"}\n")
        self._file.close()

    def _element(self, text: bytes) -> None:
        self._file.write((b",\n" if self._some else b"\n") + text)
        self._some = True


def _unique(items: Iterable[Item]) -> dict[str, Item]:
    held: dict[str, Item] = {}
    for number, item in enumerate(items):
        if item.key in held:
            raise InvalidData(f"Two items have the key {item.key!r}.", row=number, field="key")
        held[item.key] = item
    return held


def _split_metadata(metadata: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what can be written under its own name, and what would be taken for something else."""
    if not metadata:
        return {}, {}
    nested = {name: value for name, value in metadata.items() if name in KNOWN}
    theirs = metadata.get(NESTED)
    if NESTED in metadata and (nested or is_nested(theirs)):
        nested[NESTED] = theirs
    return {name: value for name, value in metadata.items() if name not in nested}, nested


def _put_back(annotation: dict[str, Any], row: Label) -> None:
    """Put COCO's own facts where they were, as far as they fit the geometry that the row has now."""
    if FACTS not in row.metadata:
        return
    try:
        facts = msgspec.convert(row.metadata[FACTS], _Facts)
    except msgspec.ValidationError:
        return
    if facts.iscrowd in (0, 1):
        annotation["iscrowd"] = facts.iscrowd
    if facts.attributes:
        annotation["attributes"] = {**facts.attributes, **annotation.get("attributes", {})}
    if facts.segmentation and isinstance(row.geometry, Keypoints | Box | Whole):
        annotation["segmentation"] = facts.segmentation
    if facts.keypoints and "keypoints" not in annotation:
        annotation |= {"keypoints": facts.keypoints, "num_keypoints": sum(flag > 0 for flag in facts.keypoints[2::3])}
    if _is_another_shape(facts, row):
        annotation["dragoman_geometry"] = row.geometry
    if isinstance(row.geometry, Whole):
        return
    box = annotation["bbox"]
    if facts.bbox and (isinstance(row.geometry, Keypoints) or _near(facts.bbox, box)):
        box = annotation["bbox"] = facts.bbox
    if facts.area is not None and 0 <= facts.area <= box[2] * box[3] * 1.01 + 1:
        annotation["area"] = facts.area


def _is_another_shape(facts: _Facts, row: Label) -> bool:
    """Whether the shapes that were put back would be read before the row's geometry."""
    if isinstance(row.geometry, Keypoints):
        return False
    return any((facts.keypoints or ())[2::3]) or (bool(facts.segmentation) and isinstance(row.geometry, Box | Whole))


def _near(one: Iterable[float], other: Iterable[float]) -> bool:
    """Whether two boxes differ by a pixel at most, as when one was rounded."""
    return all(math.fabs(a - b) <= 1 for a, b in zip(one, other, strict=True))
