"""Reads CVAT's XML in a stream: one <image> or <track> at a time."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from dragoman.errors import InvalidData
from dragoman.formats.base import ErrorPolicy, Reader, inside
from dragoman.formats.common.archives import folder_of
from dragoman.formats.common.extras import KEY, from_json
from dragoman.formats.common.markup import Node, elements, whole_number
from dragoman.formats.common.stretches import Moment
from dragoman.formats.common.tables import Ids, at
from dragoman.formats.cvat.fidelity import READING
from dragoman.formats.cvat.labels import input_types, read_labels, skeletons
from dragoman.formats.cvat.marks import read_beside, row_of
from dragoman.formats.cvat.shapes import TAGS, Size, read
from dragoman.formats.cvat.tracks import moments
from dragoman.media import picture
from dragoman.schema import Item, Label, Ontology

ANNOTATIONS = "annotations.xml"


class TrackBeside(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands in the attribute `dragoman` of a track: the row's own track id, where CVAT's number is another."""

    track_id: str | None = None


class CvatReader(Reader):
    """Reads CVAT's XML 1.1: the file, a folder that holds `annotations.xml`, or a zip archive of it.

    Images are items by their names; a task over a video is one item by the name of its source. Tracks give their
    keyframes: one shape is a row over its span, several are rows at frames of a span with straight lines in between.
    Whether a shape is occluded is an attribute; `z_order`, `group_id` and a source other than manual are metadata. An
    ellipse is the polygon of its outline, with its own numbers in the metadata.

    Args:
        path: The file, folder or archive.
        on_error: What to do with a bad image, track or shape.
    """

    fidelity = READING

    def __init__(self, path: Path, *, on_error: ErrorPolicy = "raise") -> None:
        super().__init__(path, on_error=on_error)
        found = folder_of(path, self)
        self._file = found / ANNOTATIONS if found.is_dir() else found
        if not self._file.is_file():
            raise InvalidData(f"{path} has no {ANNOTATIONS}, so it is no export of CVAT.")
        self._shown = self._file.name if found != path or path.is_dir() else str(path)
        self._images = self._file.parent / "images"
        meta = next(self._elements("meta"), Node("meta", {}, 1))
        with at(self._shown, meta.line):
            self._meta(meta)
        self._table: dict[str, Item] | None = None
        self._refused: set[int] = set()

    def _meta(self, meta: Node) -> None:
        groups = [node for node in meta.children if node.tag in ("task", "job", "project")]
        labels = [label for group in groups for listed in group.all("labels") for label in listed.all("label")]
        self._types, self._edges = input_types(iter(labels)), skeletons(iter(labels))
        name = next((text for group in groups if (text := group.text_of("name"))), "cvat")
        own = meta.text_of(KEY)
        try:
            self._ontology = Ontology.model_validate_json(own) if own else read_labels(iter(labels), name)
        except ValidationError as error:
            raise InvalidData(f"the ontology under {KEY!r} makes no sense: {error.errors()[0]['msg']}.") from error
        self._features = {feature.name for feature in self._ontology.features}
        tasks = [node for group in groups for node in (group, *_tasks(group)) if node.text_of("mode") or group is node]
        self._videos = {node.text_of("id"): node for node in tasks if node.text_of("mode") == "interpolation"}
        self._tasks = {node.text_of("id"): node for node in tasks}

    def ontology(self) -> Ontology:
        """Return the labels; the points of a skeleton are no features."""
        return self._ontology

    def items(self) -> Iterator[Item]:
        """Yield all images and videos, those without shapes too; a video that was exported as images is no item."""
        yield from self._items().values()

    def rows(self) -> Iterator[Label]:
        """Yield the shapes in the file's order; an error names the file and the line at which the shape starts."""
        self._items()  # which of them are refused: their shapes are no rows
        try:
            for number, node in enumerate(self._elements("image", "track")):
                if number not in self._refused:
                    yield from self._image(node) if node.tag == "image" else self._track(node)
        except InvalidData as error:
            self.refuse(error)

    def _image(self, node: Node) -> Iterator[Label]:
        item, ids = self._item(node), Ids()
        for shape in self._shapes(node):
            row = None
            with self._refusing(shape):
                row = self._row(shape, item, shape.attribute("label"))
            if row is not None:
                yield msgspec.structs.replace(row, id=ids.of(row.id))

    def _track(self, node: Node) -> Iterator[Label]:
        keys: list[tuple[Node, Moment]] = []
        item, shapes = self._video(node), list(self._shapes(node))
        with self._refusing(node):
            feature, track_id = node.attribute("label"), _track_id(node)
            keys = list(moments(shapes, item.frames - 1 if item.frames else None))
        ids = Ids()
        for shape, moment in keys:
            row = None
            with self._refusing(shape):
                row = self._row(shape, item, feature, **msgspec.structs.asdict(moment), track_id=track_id)
            if row is not None:
                yield msgspec.structs.replace(row, id=ids.of(row.id))

    def _shapes(self, node: Node) -> Iterator[Node]:
        """Yield the shapes of an image or a track; what is none is refused, so that it is not lost without a word."""
        for shape in node.children:
            if shape.tag in TAGS:
                yield shape
                continue
            with self._refusing(shape):
                raise InvalidData(
                    f"<{shape.tag}> is no shape of CVAT's.", hint=f"There are: {', '.join(sorted(TAGS))}."
                )

    def _row(self, shape: Node, item: Item, feature: str, **when: Any) -> Label:
        if self._features and feature not in self._features:
            raise InvalidData(f"the label {feature!r} is not among the labels.", field="feature")
        size: Size | None = (item.width, item.height) if item.width and item.height else None
        beside = read_beside(shape)
        edges = self._edges.get(feature, ()) if beside.edges is None else beside.edges
        geometry = read(shape, size, edges, beside.size)
        return row_of(shape, item.key, feature, geometry, self._types, **when)

    def _items(self) -> dict[str, Item]:
        if self._table is None:
            table: dict[str, Item] = {}
            as_images = set[str | None]()
            try:
                for number, node in enumerate(self._elements("image", "track")):
                    self._refused.add(number)
                    with self._refusing(node):
                        self._add(node, table)
                        self._refused.remove(number)
                    if node.tag == "image":
                        as_images.add(self._task_of(node))
            except InvalidData as error:
                self.refuse(error)
            self._table = {video.key: video for video in self._whole_videos(as_images)} | table
        return self._table

    def _whole_videos(self, as_images: Container[str | None]) -> Iterator[Item]:
        """Yield the tasks' videos, those without tracks too, but none whose frames the file has as images."""
        for number, task in self._videos.items():
            with self._refusing(task):
                if number not in as_images:
                    yield self._video_of(task)

    def _task_of(self, image: Node) -> str | None:
        """Return the number of the task that an image is in: it says so, or there is one task only."""
        return image.attributes.get("task_id") or (next(iter(self._tasks)) if len(self._tasks) == 1 else None)

    def _add(self, node: Node, table: dict[str, Item]) -> None:
        if node.tag == "track":
            video = self._video(node)
            table.setdefault(video.key, video)
            return
        item = self._item(node)
        if item.key in table:
            left_out = f"this one is left out with its shapes, {len(node.children)} in all"
            hint = "Export each task or subset by itself."
            raise InvalidData(f"the image {item.key!r} is there twice; {left_out}.", hint=hint, field="name")
        table[item.key] = item

    def _item(self, node: Node) -> Item:
        name = node.attribute("name")
        path = inside(self._images, name)
        there = path.is_file()
        if KEY in node.attributes:
            item = from_json(node.attributes[KEY], Item)
            return msgspec.structs.replace(item, uri=str(path)) if there else item
        sizes = [whole_number(node.attributes.get(side) or "0", side) or None for side in ("width", "height")]
        if None in sizes and there:
            seen = picture(path)
            sizes = [seen.width, seen.height]
        uri = str(path) if there else None
        return Item(name, uri=uri, width=sizes[0], height=sizes[1], split=node.attributes.get("subset") or None)

    def _video(self, track: Node) -> Item:
        """Return the video that a track is in: its task's, or the only one."""
        task = self._tasks.get(track.attributes.get("task_id"))
        if task is None:
            task = next(iter({**self._tasks, **self._videos}.values()), None)
            task = next(iter(self._videos.values()), task)
        return self._video_of(task) if task is not None else Item("video", media="video")

    def _video_of(self, task: Node) -> Item:
        if (own := task.text_of(KEY)) is not None:
            return from_json(own, Item)
        size = task.child("original_size") or Node("original_size", {}, task.line)
        width, height = (whole_number(size.text_of(side) or "0", side) or None for side in ("width", "height"))
        frames = whole_number(task.text_of("size") or "0", "size") or None
        stop = task.text_of("stop_frame")
        return Item(
            task.text_of("source") or task.text_of("name") or "video",
            width=width,
            height=height,
            media="video",
            frames=whole_number(stop, "stop_frame") + 1 if stop else frames,
            split=task.text_of("subset"),
        )

    def _elements(self, *tags: str) -> Iterator[Node]:
        return elements(self._file, "annotations", frozenset(tags), shown=self._shown)

    @contextmanager
    def _refusing(self, node: Node) -> Iterator[None]:
        """Refuse an error of the block, with the node's line in front."""
        try:
            with at(self._shown, node.line):
                yield
        except InvalidData as error:
            self.refuse(error)


def _track_id(track: Node) -> str | None:
    own = from_json(track.attributes[KEY], TrackBeside) if KEY in track.attributes else None
    return own.track_id if own else track.attributes.get("id")


def _tasks(group: Node) -> Iterator[Node]:
    return (task for listed in group.all("tasks") for task in listed.all("task"))
