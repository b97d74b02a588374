"""Reads YOLO: the table of items from folders of images, then one label file after the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.base import ErrorPolicy, Reader, inside
from dragoman.formats.common.archives import folder_of
from dragoman.formats.common.ontologies import read_ontology
from dragoman.formats.common.pictures import item_at
from dragoman.formats.common.tables import Ids, at
from dragoman.formats.yolo.fidelity import READING, YoloTask
from dragoman.formats.yolo.layout import ITEMS_FILE, Listed, label_file, only_folder, read_layout
from dragoman.formats.yolo.lines import POINT_CONFIDENCES, Reading
from dragoman.schema import Feature, Item, Label, Ontology, Prediction

KINDS: dict[YoloTask, tuple[str, ...]] = {
    "detect": ("box",),
    "obb": ("rotated_box",),
    "segment": ("polygon",),
    "pose": ("keypoints",),
}
SAMPLE = 1000
"""Label files that are looked at to recognise the task."""
_NO_LABELS = frozenset({"classes.txt", "labels.txt"})


class YoloReader(Reader):
    """Reads a dataset in Ultralytics' layout: its folder, its data file, or a zip archive of them.

    An item's key is its image's path in the dataset, without a leading `images/`. An image that several splits name is
    one item; its metadata lists them under `splits`. Where the numbers end with a confidence, the row is a prediction.

    Args:
        path: The folder, data file or archive.
        task: What the numbers are; by default what data.yaml says, or what the first label files look like.
        on_error: What to do with a bad image or line.

    Raises:
        InvalidData: There is no data file, or it makes no sense.
    """

    fidelity = READING

    def __init__(self, path: Path, *, task: YoloTask | None = None, on_error: ErrorPolicy = "raise") -> None:
        super().__init__(path, on_error=on_error)
        self._layout = read_layout(only_folder(folder_of(path, self)))
        self._table: dict[str, Item] | None = None
        self._task = task or self._layout.task

    @property
    def task(self) -> YoloTask:
        """What the numbers of a line are."""
        if self._task is None:
            self._task = self._recognised()
        return self._task

    def ontology(self) -> Ontology:
        """Return the classes, in order of their numbers; `ontology.json` says what else is known of them."""
        own = read_ontology(self._layout.file.parent)
        if own is not None and [feature.name for feature in own.features] == list(self._layout.names.values()):
            return own
        kinds = KINDS[self.task]
        features = tuple(Feature(name=name, geometries=kinds) for name in self._layout.names.values())
        return Ontology(name=self._layout.file.parent.name or "yolo", features=features)

    def items(self) -> Iterator[Item]:
        """Yield all images, those without a label file too."""
        yield from self._items().values()

    def rows(self) -> Iterator[Label]:
        """Yield the lines of all label files; a line's errors name its file and number."""
        layout = self._layout
        with at(layout.file):
            reading = Reading(self.task, layout.points, layout.poses)
        for file, item in self._items().items():
            labels = label_file(layout.root / file)
            if labels.is_file():
                yield from self._lines(labels, item, reading)

    def _lines(self, file: Path, item: Item, reading: Reading) -> Iterator[Label]:
        shown = file.relative_to(self._layout.root).as_posix()
        ids = Ids()
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    with at(shown, number):
                        row = self._row(line, item, reading)
                    yield msgspec.structs.replace(row, id=ids.of(row.id))
                except InvalidData as error:
                    self.refuse(error)

    def _row(self, line: bytes, item: Item, reading: Reading) -> Label:
        if item.width is None or item.height is None:
            raise InvalidData(f"the size of {item.key!r} is not known, so the numbers have no unit.", field="width")
        try:
            words = line.decode("ascii").split()
        except UnicodeDecodeError:
            raise InvalidData("the line is not text of numbers.") from None
        said = reading.line(words, (item.width, item.height))
        feature = self._layout.names.get(said.category)
        if feature is None:
            raise InvalidData(f"the class {said.category} has no name in {self._layout.file.name}.", field="feature")
        metadata: dict[str, Any] = {}
        if (box := said.box) is not None:
            metadata["bbox"] = [box.x, box.y, box.width, box.height]
        if said.point_confidences:
            metadata[POINT_CONFIDENCES] = list(said.point_confidences)
        if said.confidence is None and not said.point_confidences:
            return Label(item.key, feature, said.geometry, metadata=metadata)
        return Prediction(item.key, feature, said.geometry, metadata=metadata, confidence=said.confidence)

    def _items(self) -> dict[str, Item]:
        """Return path of the image in the dataset to item, in order of splits and names."""
        if self._table is None:
            table: dict[str, Item] = {}
            listed = self._listed()
            for split in self._layout.splits:
                self._collect(split, listed, table)
            for file, item in listed.items():
                table.setdefault(file, item)
            self._refuse_orphans(table)
            self._table = table
        return self._table

    def _collect(self, split: str, listed: dict[str, Item], table: dict[str, Item]) -> None:
        try:
            for image in self._layout.images(split):
                file = image.relative_to(self._layout.root).as_posix()
                if file in table:
                    table[file] = _also_in(table[file], split)
                elif file in listed:
                    table[file] = msgspec.structs.replace(listed[file], uri=str(image))
                else:
                    self._add(file, image, split, table)
        except InvalidData as error:
            self.refuse(error)

    def _add(self, file: str, image: Path, split: str, table: dict[str, Item]) -> None:
        try:
            table[file] = item_at(image, file.removeprefix("images/"), split)
        except InvalidData as error:
            self.refuse(error)

    def _listed(self) -> dict[str, Item]:
        """Return what our own list of items says: path of the image to item."""
        path = self._layout.root / ITEMS_FILE
        if not path.is_file():
            return {}
        decoder = msgspec.json.Decoder(Listed)
        found: dict[str, Item] = {}
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    entry = decoder.decode(line)
                    inside(self._layout.root, entry.file)
                except (msgspec.MsgspecError, UnicodeDecodeError, InvalidData) as error:
                    self.refuse(InvalidData(f"{path}, line {number}: {error}.", row=number - 1))
                    continue
                found[entry.file] = entry.item
        return found

    def _refuse_orphans(self, table: dict[str, Item]) -> None:
        """Refuse label files that belong to no image: without its size their numbers cannot be read."""
        root = self._layout.root
        known = {label_file(root / file) for file in table}
        for folder in sorted(set(filter(None, (_labels_above(label, root) for label in known)))):
            for file in sorted(folder.rglob("*.txt")):
                if file not in known and file.name not in _NO_LABELS:
                    shown = file.relative_to(root).as_posix()
                    self.refuse(InvalidData(f"{shown}: there is no image that these labels are of.", field="item"))

    def _recognised(self) -> YoloTask:
        if self._layout.points:
            return "pose"
        root = self._layout.root
        labels = (label_file(root / file) for file in self._items())
        counts = set(chain.from_iterable(_word_counts(file) for file in islice(filter(Path.is_file, labels), SAMPLE)))
        if counts <= {5, 6}:
            return "detect"
        return "obb" if counts <= {9, 10} else "segment"


def _word_counts(file: Path) -> set[int]:
    with file.open("rb") as lines:
        return {len(line.split()) for line in lines} - {0}


def _also_in(item: Item, split: str) -> Item:
    splits = item.metadata.get("splits", [item.split])
    if split in splits:
        return item
    return msgspec.structs.replace(item, metadata={**item.metadata, "splits": [*splits, split]})


def _labels_above(label: Path, root: Path) -> Path | None:
    """Return the outermost folder `labels` that a label file is in, or None if it stands beside its image."""
    parts = label.relative_to(root).parts
    return root.joinpath(*parts[: parts.index("labels") + 1]) if "labels" in parts[:-1] else None
