"""Reads Pascal VOC, one XML file after the other; the table of items is one pass over their heads."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.base import ErrorPolicy, Reader, inside
from dragoman.formats.common.archives import folder_of
from dragoman.formats.common.extras import KEY, from_json, is_derived
from dragoman.formats.common.markup import Node, elements, whole_number
from dragoman.formats.common.ontologies import ONTOLOGY_FILE, read_ontology
from dragoman.formats.common.pictures import item_at
from dragoman.formats.common.tables import Ids, at
from dragoman.formats.voc.fidelity import READING
from dragoman.formats.voc.objects import Convention, rows
from dragoman.formats.voc.segmentation import OBJECTS, Segmentation
from dragoman.media import SUFFIXES, picture
from dragoman.schema import Box, Feature, Item, Label, Mask, Ontology

Shape = Literal["auto", "box"]
"""What an object is that is segmented: its mask (`auto`) or its box."""
_HEAD = frozenset({"folder", "filename", "source", "size", "segmented", KEY})
_OF_A_CLASS = ("_train", "_val", "_trainval", "_test")
"""Ends of names in ImageSets/Main of lists that say for each image of a split whether a class is in it."""
_FLAGGED = re.compile(r"(.*\S)\s+(?:-1|0|1)")
"""A line of such a list: the image, and whether the class is in it."""
SPLITS = {"train": "train", "val": "val", "valid": "val", "test": "test"}
"""Folders that stand for splits where the XML lies beside the images, as Roboflow exports them."""


class VocReader(Reader):
    """Reads a devkit's folder (Annotations/, JPEGImages/, ImageSets/), a folder of XML, or a zip archive of them.

    An item's key is its `filename`, in the folder in which its XML is below Annotations/. A part of an object is a row
    of its own, whose metadata has the object's id under `part_of`. Flags and the pose are attributes. An object that
    is segmented is a mask, with its box in the metadata under `bbox`; classes that are segmented without objects, and
    images without XML, are read too. Of a folder of XML, the folders train/, val/ or valid/, and test/ are splits.

    Args:
        path: The folder or archive.
        convention: What a bndbox holds; see `Convention`.
        shape: `"box"` to leave out the segmentation.
        on_error: What to do with a bad file or object.
    """

    fidelity = READING

    def __init__(
        self,
        path: Path,
        *,
        convention: Convention = "devkit",
        shape: Shape = "auto",
        on_error: ErrorPolicy = "raise",
    ) -> None:
        super().__init__(path, on_error=on_error)
        self._convention = convention
        root = folder_of(path, self)
        while root.is_dir() and not (root / "Annotations").is_dir() and (only := _only_folder(root)):
            root = only
        self._root = root.resolve()
        self._annotations = self._root / "Annotations" if (self._root / "Annotations").is_dir() else self._root
        self._images = self._root / "JPEGImages" if (self._root / "JPEGImages").is_dir() else self._annotations
        self._table: dict[str, Item] | None = None
        self._segmented = Segmentation.of(self._root) if shape == "auto" else Segmentation(self._root)
        self._stems = frozenset(self._segmented.stems() if shape == "auto" else ())
        empty = next(_files(self._annotations), None) is None and not self._stems
        # Our writer makes these two of a dataset without items.
        if empty and (self._annotations == self._root or not (self._root / ONTOLOGY_FILE).is_file()):
            raise InvalidData(f"{path} has no XML files, so it is no Pascal VOC dataset.")

    def ontology(self) -> Ontology:
        """Return the classes: those in `ontology.json` if it is there, and else the names of all objects, in order."""
        if (own := read_ontology(self._root)) is not None:
            return own
        names = dict.fromkeys(name for stem in self._items() for name in self._names(stem))
        features = tuple(Feature(name=name) for name in names)
        return Ontology(name=self._root.name or "voc", features=features)

    def items(self) -> Iterator[Item]:
        """Yield the image of every XML file, those without objects too, then those that are segmented without XML."""
        yield from self._items().values()

    def rows(self) -> Iterator[Label]:
        """Yield the objects of all files; an error names the file and the line at which the object starts."""
        for stem, item in self._items().items():
            ids = Ids()
            for row in self._rows(stem, item):
                yield msgspec.structs.replace(row, id=ids.of(row.id))

    def _rows(self, stem: str, item: Item) -> Iterator[Label]:
        file = self._annotations / f"{stem}.xml"
        masks, classes = self._masks(stem, item)
        try:
            if file.is_file():
                for number, node in enumerate(elements(file, "annotation", {"object"}, shown=self._shown(file)), 1):
                    # Where there are no images of objects, a number is that of a class.
                    mask = masks.pop(number, None) if self._has_objects(stem) else None
                    yield from self._object(node, item, self._shown(file), mask)
        except InvalidData as error:
            self.refuse(error)
            return
        for number, mask in masks.items():
            if number in classes:
                yield Label(item.key, classes[number], mask)
            else:
                self.refuse(InvalidData(f"{stem}.png: number {number} has neither an <object> nor a class."))

    def _object(self, node: Node, item: Item, shown: str, mask: Mask | None) -> Iterator[Label]:
        try:
            with at(shown, node.line):
                whole, *parts = rows(node, item.key, self._convention)
        except InvalidData as error:
            self.refuse(error)
            return
        yield whole if mask is None else _masked(whole, mask)
        yield from parts

    def _masks(self, stem: str, item: Item) -> tuple[dict[int, Mask], dict[int, str]]:
        """Return masks by number, and the classes of some; see `Segmentation.masks`. None where they are refused."""
        if stem in self._stems:
            try:
                return self._segmented.masks(stem, (item.width, item.height) if item.width and item.height else None)
            except InvalidData as error:
                self.refuse(error)
        return {}, {}

    def _has_objects(self, stem: str) -> bool:
        return (self._root / OBJECTS / f"{stem}.png").is_file()

    def _names(self, stem: str) -> Iterator[str]:
        file = self._annotations / f"{stem}.xml"
        if not file.is_file() or (stem in self._stems and not self._has_objects(stem)):
            yield from self._segmented.names.values()
        if not file.is_file():
            return
        try:
            for node in elements(file, "annotation", {"object"}, shown=self._shown(file)):
                for named in (node, *node.all("part")):
                    if (name := named.text_of("name")) is not None:
                        yield name
        except InvalidData:
            return  # reading the rows says so

    def _items(self) -> dict[str, Item]:
        """Return path below Annotations/, without its suffix, to item."""
        if self._table is None:
            self._table = {}
            files = {
                file.relative_to(self._annotations).with_suffix("").as_posix(): file
                for file in _files(self._annotations)
            }
            stems = (*files, *sorted(self._stems - files.keys()))
            splits, keys = self._splits(frozenset(stems)), set[str]()
            for stem in stems:
                try:
                    item = self._item(files[stem], splits) if stem in files else self._bare(stem, splits)
                    if item.key in keys:
                        raise InvalidData(f"{stem}.xml: another file is about the image {item.key!r} too.")
                except InvalidData as error:
                    self.refuse(error)
                else:
                    keys.add(item.key)
                    self._table[stem] = item
        return self._table

    def _bare(self, stem: str, splits: dict[str, str]) -> Item:
        """Return the item of an image that is segmented and has no XML."""
        images = (self._images / f"{stem}{suffix}" for suffix in sorted(SUFFIXES))
        image = next((file for file in images if file.is_file()), None)
        if image is not None:
            return item_at(image, image.relative_to(self._images).as_posix(), splits.get(stem))
        width, height = self._segmented.size(stem)
        return Item(stem, width=width, height=height, split=splits.get(stem))

    def _item(self, file: Path, splits: dict[str, str]) -> Item:
        shown = self._shown(file)
        head = {node.tag: node for node in elements(file, "annotation", _HEAD, shown=shown)}
        with at(shown):
            below = file.relative_to(self._annotations)
            named = head["filename"].text.strip("\n\t") if "filename" in head else ""
            key = (below.parent / (named or below.stem)).as_posix()
            image = inside(self._images, key)
            there = image.is_file()
            if KEY in head:
                item = from_json(head[KEY].text, Item)
                return msgspec.structs.replace(item, uri=str(image)) if there else item
            size, orientation = _size(head.get("size")), 1
            if size is None and there:
                seen = picture(image)
                size, orientation = (seen.width, seen.height), seen.orientation
            return Item(
                key,
                uri=str(image) if there else None,
                width=size[0] if size else None,
                height=size[1] if size else None,
                orientation=orientation,
                split=splits.get(below.with_suffix("").as_posix()),
                metadata=_metadata(head),
            )

    def _splits(self, stems: frozenset[str]) -> dict[str, str]:
        """Return path below Annotations/, without its suffix, to split.

        What is in several lists is in the smallest, and in those of classes only if it is in no other.
        """
        found: dict[str, str] = {}
        folders = ("Main", "Segmentation") if self._stems else ("Main",)
        files = (file for name in folders for file in sorted((self._root / "ImageSets" / name).glob("*.txt")))
        for file in sorted(files, key=lambda file: (file.stem.endswith(_OF_A_CLASS), file.stat().st_size)):
            for line in file.read_text(encoding="utf-8-sig", errors="replace").split("\n"):
                name, split = line.strip(), file.stem
                if name not in stems and (flagged := _FLAGGED.fullmatch(name)):
                    name, split = flagged[1], split.rpartition("_")[2] if split.endswith(_OF_A_CLASS) else split
                found.setdefault(name, split)
        if self._annotations == self._root:
            for stem in stems:
                above, _, below = stem.partition("/")
                if below and above in SPLITS:
                    found.setdefault(stem, SPLITS[above])
        return found

    def _shown(self, file: Path) -> str:
        return file.relative_to(self._root).as_posix()


def _masked(row: Label, mask: Mask) -> Label:
    """Return an object as its mask, with its box in the metadata."""
    box = row.geometry
    if not isinstance(box, Box):
        return row
    metadata = {**row.metadata, "bbox": [box.x, box.y, box.width, box.height]}
    derived = is_derived(row)
    return msgspec.structs.replace(row, geometry=mask, metadata=metadata, id="" if derived else row.id)


def _size(node: Node | None) -> tuple[int, int] | None:
    """Return width and height; None where there are none, or zeros, as some tools write who do not know them."""
    if node is None:
        return None
    width, height = (whole_number(node.text_of(name) or "0", f"size.{name}") for name in ("width", "height"))
    return (width, height) if width > 0 and height > 0 else None


def _metadata(head: dict[str, Node]) -> dict[str, Any]:
    """Return what the devkit says of an image besides: where it is from, and whether it is segmented."""
    found: dict[str, Any] = {}
    if "segmented" in head and head["segmented"].text.strip():
        found["segmented"] = head["segmented"].text.strip() == "1"
    if "source" in head and head["source"].children:
        found["source"] = {node.tag: node.text for node in head["source"].children}
    return found


def _files(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(here, name) for name in sorted(files) if name.lower().endswith(".xml"))


def _only_folder(path: Path) -> Path | None:
    entries = list(path.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() and entries[0].name not in SPLITS else None
