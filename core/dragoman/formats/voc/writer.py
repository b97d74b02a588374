"""Writes Pascal VOC in the devkit's folders: objects grouped by image, the images at hand, and the lists of splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.base import Writer, completed
from dragoman.formats.common.extras import KEY, item_json
from dragoman.formats.common.markup import element, parent, writable
from dragoman.formats.common.names import Names
from dragoman.formats.common.ontologies import write_ontology
from dragoman.formats.common.pictures import COPIED, Images, image_name, place
from dragoman.formats.common.spool import Spool
from dragoman.formats.common.tables import Tables, in_row
from dragoman.formats.voc.fidelity import WRITING
from dragoman.formats.voc.objects import PART_OF, Convention, write
from dragoman.schema import Item, Label, Ontology

_END = "</object>"


class _Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row as it waits for the others of its image: as an object, and as a part if it is one of the object named."""

    id: str
    node: str
    part_of: str | None = None
    part: str = ""


_entries = msgspec.json.Decoder(_Entry)


class VocWriter(Writer):
    """Writes the devkit's layout.

    Args:
        path: The folder to make.
        convention: What a bndbox holds; see `Convention`.
        images: Which images are copied into the folder.
    """

    fidelity = WRITING
    dataset_fidelity = COPIED

    def __init__(self, path: Path, *, convention: Convention = "devkit", images: Images = "present") -> None:
        super().__init__(path)
        self._convention = convention
        self._images = images

    def write(self, ontology: Ontology, items: Iterable[Item], rows: Iterable[Label]) -> None:
        """Write the dataset; see `Writer.write`."""
        tables = Tables(ontology, items)
        with completed(self.path) as folder, Spool() as spool:
            for number, row in enumerate(rows):
                tables.item(row, number)
                with in_row(number):
                    spool.add(row.item, msgspec.json.encode(self._entry(row)).decode())
            for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
                (folder / name).mkdir(parents=True)
            # VOC has no list of classes: features without rows would be lost.
            write_ontology(folder, ontology)
            self._write_items(folder, tables, spool)

    def _entry(self, row: Label) -> _Entry:
        node, part_of = write(row, "object", self._convention), row.metadata.get(PART_OF)
        if not isinstance(part_of, str):
            return _Entry(row.id, node)
        bare = {name: value for name, value in row.metadata.items() if name != PART_OF}
        part = write(msgspec.structs.replace(row, metadata=bare), "part", self._convention)
        return _Entry(row.id, node, part_of, part)

    def _write_items(self, folder: Path, tables: Tables, spool: Spool) -> None:
        names, splits = Names(), defaultdict[str, list[str]](list)
        for key in list(tables.items):
            item = _sized(tables, key)
            name = names.path(image_name(item))
            stem = name.with_suffix("").as_posix()
            place(item, folder / "JPEGImages" / name, self._images)
            objects = _assembled([_entries.decode(text) for text in spool.of(item.key)])
            file = folder / "Annotations" / f"{stem}.xml"
            file.parent.mkdir(parents=True, exist_ok=True)
            lines = (*_head(item, name), *objects)
            file.write_text("\n".join(("<annotation>", *lines, "</annotation>", "")), encoding="utf-8", newline="\n")
            if item.split:
                splits[item.split].append(stem)
        lists = Names()
        for split, stems in splits.items():
            file = folder / "ImageSets" / "Main" / f"{lists.path(split).as_posix().replace('/', '-')}.txt"
            file.write_text("".join(f"{stem}\n" for stem in stems), encoding="utf-8", newline="\n")


def _assembled(entries: list[_Entry]) -> Iterator[str]:
    """Yield the objects of one image with their parts in them; a part whose object is not there is an object."""
    objects = {entry.id for entry in entries if entry.part_of is None}
    parts = defaultdict[str, list[str]](list)
    for entry in entries:
        if entry.part_of in objects and entry.part_of is not None:
            parts[entry.part_of].append(entry.part)
    for entry in entries:
        if entry.part_of is None:
            yield entry.node.removesuffix(_END) + "".join(parts.pop(entry.id, [])) + _END
        elif entry.part_of not in objects:
            yield entry.node


def _sized(tables: Tables, key: str) -> Item:
    item = tables.items[key]
    if item.width is None or item.height is None:
        try:
            tables.size(item)
        except InvalidData:
            return item  # VOC can do without; only pixels are written
    return tables.items[key]


def _head(item: Item, name: PurePosixPath) -> Iterator[str]:
    """Yield the elements before the objects; what they do not say of the item is added as JSON."""
    yield element("folder", "JPEGImages")
    yield element("filename", name.name)
    source = item.metadata.get("source")
    texts = {name: text for name, text in source.items() if _plain(name, text)} if isinstance(source, dict) else {}
    if texts:
        yield parent("source", (element(tag, text) for tag, text in texts.items()))
    if item.width and item.height:
        size = {"width": item.width, "height": item.height, "depth": 3}
        yield parent("size", (element(tag, value) for tag, value in size.items()))
    segmented = item.metadata.get("segmented")
    yield element("segmented", "1" if segmented is True else "0")
    yield element(KEY, item_json(item))


def _plain(name: object, text: object) -> bool:
    tag = isinstance(name, str) and name.isascii() and name.isidentifier()
    return tag and isinstance(text, str) and writable(text)
