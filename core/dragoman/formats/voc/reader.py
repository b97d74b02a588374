"""Reads Pascal VOC, one XML file after the other; the table of items is one pass over their heads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from dragoman.errors import InvalidData
from dragoman.formats.base import ErrorPolicy, Reader, inside
from dragoman.formats.common.archives import folder_of
from dragoman.formats.common.extras import KEY, from_json
from dragoman.formats.common.markup import Node, elements, whole_number
from dragoman.formats.common.tables import Ids, at
from dragoman.formats.voc.fidelity import READING
from dragoman.formats.voc.objects import Convention, rows
from dragoman.media import picture
from dragoman.schema import Feature, Item, Label, Ontology

ONTOLOGY_FILE = "ontology.json"
"""Written beside Annotations/, since VOC has no list of classes: features without rows would be lost."""
_HEAD = frozenset({"folder", "filename", "source", "size", "segmented", KEY})
_OF_A_CLASS = ("_train", "_val", "_trainval", "_test")
"""Ends of names in ImageSets/Main of lists that say for each image whether a class is in it, not of splits."""


class VocReader(Reader):
    """Reads a devkit's folder (Annotations/, JPEGImages/, ImageSets/), a flat folder of XML, or a zip archive of them.

    An item's key is its `filename`, in the folder in which its XML is below Annotations/. A part of an object is a row
    of its own, whose metadata has the object's id under `part_of`. Flags and the pose are attributes.

    Args:
        path: The folder or archive.
        convention: What a bndbox holds; see `Convention`.
        on_error: What to do with a bad file or object.
    """

    fidelity = READING

    def __init__(self, path: Path, *, convention: Convention = "devkit", on_error: ErrorPolicy = "raise") -> None:
        super().__init__(path, on_error=on_error)
        self._convention = convention
        root = folder_of(path, self)
        while root.is_dir() and not (root / "Annotations").is_dir() and (only := _only_folder(root)):
            root = only
        self._root = root.resolve()
        self._annotations = self._root / "Annotations" if (self._root / "Annotations").is_dir() else self._root
        self._images = self._root / "JPEGImages" if (self._root / "JPEGImages").is_dir() else self._annotations
        self._table: dict[Path, Item] | None = None
        if next(_files(self._annotations), None) is None:
            raise InvalidData(f"{path} has no XML files, so it is no Pascal VOC dataset.")

    def ontology(self) -> Ontology:
        """Return the classes: those in `ontology.json` if it is there, and else the names of all objects, in order."""
        path = self._root / ONTOLOGY_FILE
        if path.is_file():
            try:
                return Ontology.model_validate_json(path.read_bytes())
            except (ValidationError, ValueError) as error:
                raise InvalidData(f"{path} is no ontology: {error}") from error
        names = dict.fromkeys(name for file in self._items() for name in self._names(file))
        features = tuple(Feature(name=name) for name in names)
        return Ontology(name=self._root.name or "voc", features=features)

    def items(self) -> Iterator[Item]:
        """Yield the image of every XML file, those without objects too."""
        yield from self._items().values()

    def rows(self) -> Iterator[Label]:
        """Yield the objects of all files; an error names the file and the line at which the object starts."""
        for file, item in self._items().items():
            shown, ids = self._shown(file), Ids()
            try:
                for node in elements(file, "annotation", {"object"}, shown=shown):
                    yield from self._object(node, item, shown, ids)
            except InvalidData as error:
                self.refuse(error)

    def _object(self, node: Node, item: Item, shown: str, ids: Ids) -> Iterator[Label]:
        try:
            with at(shown, node.line):
                found = list(rows(node, item.key, self._convention))
        except InvalidData as error:
            self.refuse(error)
            return
        for row in found:
            yield msgspec.structs.replace(row, id=ids.of(row.id))

    def _names(self, file: Path) -> Iterator[str]:
        try:
            for node in elements(file, "annotation", {"object"}, shown=self._shown(file)):
                for named in (node, *node.all("part")):
                    if (name := named.text_of("name")) is not None:
                        yield name
        except InvalidData:
            return  # reading the rows says so

    def _items(self) -> dict[Path, Item]:
        if self._table is None:
            self._table = {}
            splits, keys = self._splits(), set[str]()
            for file in _files(self._annotations):
                try:
                    item = self._item(file, splits)
                    if item.key in keys:
                        raise InvalidData(f"{self._shown(file)}: another file is about the image {item.key!r} too.")
                except InvalidData as error:
                    self.refuse(error)
                else:
                    keys.add(item.key)
                    self._table[file] = item
        return self._table

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

    def _splits(self) -> dict[str, str]:
        """Return path below Annotations/, without its suffix, to split; what is in several is in the smallest list."""
        found: dict[str, str] = {}
        folder = self._root / "ImageSets" / "Main"
        lists = [file for file in sorted(folder.glob("*.txt")) if not file.stem.endswith(_OF_A_CLASS)]
        for file in sorted(lists, key=lambda file: file.stat().st_size):
            for line in file.read_bytes().split(b"\n"):
                if name := line.decode(errors="replace").strip("\r"):
                    found.setdefault(name, file.stem)
        return found

    def _shown(self, file: Path) -> str:
        return file.relative_to(self._root).as_posix()


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
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else None
