"""Writes CVAT's XML: shapes grouped by image, and by object in videos; alone or with the images at hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import IO

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.base import Writer, completed
from dragoman.formats.common.extras import KEY, item_json, to_json
from dragoman.formats.common.markup import element, parent, writable
from dragoman.formats.common.names import Names
from dragoman.formats.common.pictures import COPIED, Images, place
from dragoman.formats.common.spool import Spool
from dragoman.formats.common.stretches import Moment, lanes
from dragoman.formats.common.tables import Tables, take_in
from dragoman.formats.cvat.fidelity import WRITING
from dragoman.formats.cvat.labels import Skeleton, write_labels
from dragoman.formats.cvat.marks import attribute_of, beside_of, marks_of
from dragoman.formats.cvat.reader import ANNOTATIONS, TrackBeside
from dragoman.formats.cvat.shapes import draw, element_of
from dragoman.formats.cvat.tracks import KeyShape, track
from dragoman.schema import Item, Keypoints, Label, Ontology, Whole

_encoder = msgspec.json.Encoder()
_keys = msgspec.json.Decoder(KeyShape)


class CvatWriter(Writer):
    """Writes one XML file if the path ends with .xml, and else a folder with `annotations.xml` and `images/`.

    Args:
        path: The file or folder to make.
        images: Which images are copied into the folder.
    """

    fidelity = WRITING
    dataset_fidelity = COPIED

    def __init__(self, path: Path, *, images: Images = "present") -> None:
        super().__init__(path)
        self._images = images

    def write(self, ontology: Ontology, items: Iterable[Item], rows: Iterable[Label]) -> None:
        """Write the dataset; see `Writer.write`."""
        tables = Tables(ontology, items)
        with completed(self.path) as made, Spool() as spool:
            held = _Held(tables, spool)
            take_in(rows, held.add)
            alone = self.path.suffix == ".xml"
            if not alone:
                made.mkdir()
            with (made if alone else made / ANNOTATIONS).open("w", encoding="utf-8", newline="\n") as file:
                names = Names()
                file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
                file.write(_meta(ontology, tables, held.skeletons) + "\n")
                for item_number, item in enumerate(tables.items.values()):
                    if item.media == "video":
                        _write_video(file, item, item_number, held)
                        continue
                    name = names.path(item.key).as_posix()
                    file.writelines(_image(item, item_number, name, spool))
                    if not alone:
                        place(item, made / "images" / name, self._images)
                file.write("</annotations>\n")


class _Held:
    """Rows on their way: images' shapes as XML, videos' keyframes by object."""

    def __init__(self, tables: Tables, spool: Spool) -> None:
        self._tables = tables
        self.spool = spool
        self.objects: dict[str, dict[tuple[str | None, str], None]] = {}
        self.skeletons: dict[str, Skeleton] = {}
        self.track_number = count()

    def add(self, row: Label, number: int) -> None:
        item = self._tables.item(row, number)
        size = (item.width, item.height) if item.width and item.height else None
        drawn = draw(row.geometry, size, row.metadata)
        if drawn.tag == "skeleton" and isinstance(row.geometry, Keypoints):
            names = tuple(point.name for point in row.geometry.points)
            self.skeletons.setdefault(row.feature, (names, row.geometry.skeleton))
        beside, (marks, inner) = beside_of(row, drawn), marks_of(row)
        if item.media == "video":
            if isinstance(row.geometry, Whole):
                raise InvalidData("a classification of a video has no place in CVAT's XML.", field="geometry")
            key = KeyShape(drawn, marks, inner, beside, Moment.of(row))
            self.objects.setdefault(item.key, {})[row.track_id, row.feature] = None
            self.spool.add((item.key, row.track_id, row.feature), _encoder.encode(key).decode())
            return
        if row.frame is not None or row.span is not None or row.track_id is not None:
            raise InvalidData(f"the row is on a frame or in a track, and item {item.key!r} is an image.", field="frame")
        attributes = {"label": row.feature, **marks, **attribute_of(beside)}
        self.spool.add(item.key, element_of(drawn, attributes, inner))


def _image(item: Item, number: int, name: str, spool: Spool) -> Iterator[str]:
    attributes: dict[str, object] = {"id": number, "name": name}
    if item.split and writable(item.split):
        attributes["subset"] = item.split
    if item.width and item.height:
        attributes |= {"width": item.width, "height": item.height}
    yield parent("image", (), **attributes, **{KEY: item_json(item)}).removesuffix("</image>") + "\n"
    yield from (f"{shape}\n" for shape in spool.of(item.key))
    yield "</image>\n"


def _write_video(file: IO[str], item: Item, number: int, held: _Held) -> None:
    for track_id, feature in held.objects.get(item.key, {}):
        keys = map(_keys.decode, held.spool.of((item.key, track_id, feature)))
        objects = ([key] for key in keys) if track_id is None else iter([keys])
        own = {KEY: to_json(TrackBeside(track_id))}
        for lane in (lane for found in objects for lane in lanes(found)):
            attributes = {"id": next(held.track_number), "label": feature, "source": "manual", "task_id": number}
            file.write(track(lane, item.frames, **attributes, **own) + "\n")


def _meta(ontology: Ontology, tables: Tables, skeletons: dict[str, Skeleton]) -> str:
    labels = write_labels(ontology, skeletons)
    name = element("name", ontology.name if writable(ontology.name) else "dragoman")
    videos = [(number, item) for number, item in enumerate(tables.items.values()) if item.media == "video"]
    own = element(KEY, json.dumps(ontology.model_dump(mode="json", exclude_defaults=True)))
    if not videos:
        task = (name, element("size", len(tables.items)), element("mode", "annotation"), labels)
        return parent("meta", (parent("task", task), own))
    if len(videos) == len(tables.items) == 1:
        return parent("meta", (parent("task", (*_video(*videos[0]), labels)), own))
    tasks = parent("tasks", (parent("task", _video(number, item)) for number, item in videos))
    return parent("meta", (parent("project", (name, labels, tasks)), own))


def _video(number: int, item: Item) -> Iterator[str]:
    shown = item.key if writable(item.key) else f"video {number}"
    yield element("id", number)
    yield element("name", shown)
    if item.frames:
        yield element("size", item.frames)
    yield element("mode", "interpolation")
    if item.width and item.height:
        yield parent("original_size", (element("width", item.width), element("height", item.height)))
    yield element("source", shown)
    yield element(KEY, item_json(item))
