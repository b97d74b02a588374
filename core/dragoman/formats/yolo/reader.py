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
from dragoman.formats.yolo.layout import ITEMS_FILE, Listed, folder_name, only_folder, read_layout, splits_of
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

    An item's key is its image's path in the dataset, without a leading `images/` unless another item has that key. An
    image that several splits name is one item; its metadata lists them under `splits`. Where the numbers end with a
    confidence, the row is a prediction.

    `items.ndjson` says more of an image, but not its size where the image is there, nor its split where it was moved.

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
            labels = layout.labels(file)
            if labels.is_file():
                yield from self._lines(labels, item, reading)

    def _lines(self, file: Path, item: Item, reading: Reading) -> Iterator[Label]:
        shown = file.relative_to(self._layout.home).as_posix()
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
            listed = self._listed()
            keys = {item.key for item in listed.values()}
            found = self._found(listed, keys)
            self._follow(found, listed)
            for file, item in listed.items():
                if file not in found:
                    found[file] = self._item(file, item.split, item, keys)
            self._table = {file: item for file, item in found.items() if item is not None}
            self._refuse_orphans(self._table)
        return self._table

    def _found(self, listed: dict[str, Item], keys: set[str]) -> dict[str, Item | None]:
        """Return the images that splits name; None where one is refused."""
        found: dict[str, Item | None] = {}
        for split, file in self._files():
            if file not in found:
                found[file] = self._item(file, split, listed.get(file), keys)
            elif (item := found[file]) is not None:
                found[file] = _also_in(item, split)
        return found

    def _files(self) -> Iterator[tuple[str, str]]:
        """Yield split and path of each image, once for each split that it is in."""
        for split in self._layout.splits:
            try:
                for image in self._layout.images(split):
                    yield split, image.relative_to(self._layout.root).as_posix()
            except InvalidData as error:
                self.refuse(error)

    def _item(self, file: str, split: str | None, known: Item | None, keys: set[str]) -> Item | None:
        """Return the item of an image, or None where it is refused; an image need not be there if it is listed."""
        image = self._layout.root / file
        if known is not None and not image.is_file():
            return known
        try:
            seen = item_at(image, self._key(file, keys), split)
        except InvalidData as error:
            self.refuse(error)
            return None
        return seen if known is None else _as_seen(known, seen)

    def _key(self, file: str, keys: set[str]) -> str:
        """Return an image's path without `images/`, unless that is another image's path or a listed item's key."""
        bare = file.removeprefix("images/")
        return file if bare in keys or (bare != file and (self._layout.root / bare).is_file()) else bare

    def _follow(self, found: dict[str, Item | None], listed: dict[str, Item]) -> None:
        """Give images that were moved from split to split since the list was written their items, in the new split.

        They are known by their paths below the splits' folders, of which our writer gives no two images the same.
        """
        strangers = {file: item for file, item in found.items() if item is not None and file not in listed}
        gone = {self._below_split(file): file for file in listed if file not in found} if strangers else {}
        for file, seen in strangers.items():
            if (old := gone.pop(self._below_split(file), None)) is not None:
                found[file] = msgspec.structs.replace(_as_seen(listed.pop(old), seen), split=seen.split)

    def _below_split(self, file: str) -> str:
        folders = (f"{place}/" for places in self._layout.splits.values() for place in places)
        return file.removeprefix(max(filter(file.startswith, folders), key=len, default=""))

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
        home = self._layout.home
        known = set(map(self._layout.labels, table))
        for folder in sorted(set(filter(None, (_labels_above(label, home) for label in known)))):
            for file in sorted(folder.rglob("*.txt")):
                if file not in known and file.name not in _NO_LABELS:
                    shown = file.relative_to(home).as_posix()
                    self.refuse(InvalidData(f"{shown}: there is no image that these labels are of.", field="item"))

    def _recognised(self) -> YoloTask:
        if self._layout.points:
            return "pose"
        labels = map(self._layout.labels, self._items())
        counts = set(chain.from_iterable(_word_counts(file) for file in islice(filter(Path.is_file, labels), SAMPLE)))
        if counts <= {5, 6}:
            return "detect"
        return "obb" if counts <= {9, 10} else "segment"


def _word_counts(file: Path) -> set[int]:
    with file.open("rb") as lines:
        return {len(line.split()) for line in lines} - {0}


def _as_seen(listed: Item, seen: Item) -> Item:
    """Return a listed item as its image is now: lines are parts of that image's size."""
    size = (seen.width, seen.height)
    same = (listed.width, listed.height) in (size, (None, None))
    return msgspec.structs.replace(
        listed,
        uri=seen.uri,
        width=seen.width,
        height=seen.height,
        orientation=seen.orientation,
        content_hash=listed.content_hash if same else None,
    )


def _also_in(item: Item, split: str) -> Item:
    splits = splits_of(item)
    if split in map(folder_name, splits):
        return item
    return msgspec.structs.replace(item, metadata={**item.metadata, "splits": [*splits, split]})


def _labels_above(label: Path, home: Path) -> Path | None:
    """Return the outermost folder `labels` that a label file is in, or None if it stands beside its image."""
    parts = label.relative_to(home).parts
    return home.joinpath(*parts[: parts.index("labels") + 1]) if "labels" in parts[:-1] else None
