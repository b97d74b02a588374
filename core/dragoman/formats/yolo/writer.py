"""Writes YOLO: label lines grouped by image, the images that are at hand, the list of items, and data.yaml."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import yaml  # type: ignore[import-untyped]

from dragoman.errors import InvalidData
from dragoman.fidelity import FidelityTable
from dragoman.formats.base import Writer, completed
from dragoman.formats.common.extras import is_derived
from dragoman.formats.common.names import Names
from dragoman.formats.common.numbers import plain
from dragoman.formats.common.ontologies import write_ontology
from dragoman.formats.common.pictures import COPIED, Images, image_name, place
from dragoman.formats.common.spool import Spool
from dragoman.formats.common.tables import Tables, in_row
from dragoman.formats.yolo.fidelity import DERIVED, TABLES, YoloTask
from dragoman.formats.yolo.layout import ITEMS_FILE, OTHER_SPLITS, Listed, Pose, folder_name, label_file, splits_of
from dragoman.formats.yolo.lines import (
    ROUNDING,
    Size,
    bounds,
    corners_of,
    write_box,
    write_keypoints,
    write_vertices,
)
from dragoman.schema import Box, Item, Keypoints, Label, Ontology, Polygon, Prediction, RotatedBox


class YoloWriter(Writer):
    """Writes a dataset in Ultralytics' layout; `fidelity` of the object is that of its task.

    Args:
        path: The folder to make.
        task: What a line holds.
        images: Which images are copied into the folder.

    Raises:
        InvalidData: An item has no size, a row is of another shape than the task's, or reaches outside 0..1.
    """

    fidelity = TABLES["detect"]
    dataset_fidelity = COPIED

    def __init__(self, path: Path, *, task: YoloTask = "detect", images: Images = "present") -> None:
        super().__init__(path)
        self.task = task
        self.images = images
        # What is kept differs from task to task; the class shows the commonest.
        self.fidelity = TABLES[task]  # type: ignore[misc]

    def fidelity_of(self, row: Label) -> FidelityTable:
        """Return what is kept of a row: its id too, where reading derives the same one from what the row says."""
        return DERIVED[self.task] if is_derived(row) else self.fidelity

    def write(self, ontology: Ontology, items: Iterable[Item], rows: Iterable[Label]) -> None:
        """Write the dataset; see `Writer.write`."""
        tables = Tables(ontology, items)
        lines = _Lines(self.task, tables)
        with completed(self.path) as folder, Spool() as spool:
            for number, row in enumerate(rows):
                with in_row(number):
                    spool.add(row.item, lines.line(row, number))
            splits = self._write_items(folder, tables, spool)
            _write_data(folder, ontology, self.task, splits, lines)
            write_ontology(folder, ontology)

    def _write_items(self, folder: Path, tables: Tables, spool: Spool) -> dict[str, str | list[str]]:
        names, splits = Names(), _Splits()
        encoder = msgspec.json.Encoder()
        folder.mkdir()
        with (folder / ITEMS_FILE).open("wb") as listed:
            for item in tables.items.values():
                file = splits.file(item, names.path(image_name(item)))
                place(item, folder / file, self.images)
                bare = msgspec.structs.replace(item, data=None)
                listed.write(encoder.encode(Listed(str(file), bare)) + b"\n")
                labels = folder / label_file(file)
                if lines := "".join(f"{line}\n" for line in spool.of(item.key)):
                    labels.parent.mkdir(parents=True, exist_ok=True)
                    labels.write_text(lines, encoding="ascii", newline="\n")
        return splits.write(folder)


class _Splits:
    """Gives every split a folder; those that YOLO has no key for keep their name in our own table.

    An image of several splits lies in the folder of its own; the others name it in a list besides.
    """

    def __init__(self) -> None:
        self._folders = {"train": "train", "val": "val"}
        self._guests = defaultdict[str, list[PurePosixPath]](list)
        self._names = Names()
        for name in ("train", "val", "test"):
            self._names.path(name)

    def file(self, item: Item, name: PurePosixPath) -> PurePosixPath:
        """Return where an item's image of that name lies in the dataset."""
        own = folder_name(item.split)
        file = PurePosixPath("images", self._folder(own), name)
        for other in dict.fromkeys(map(folder_name, splits_of(item))):
            if other != own:
                self._folder(other)
                self._guests[other].append(file)
        return file

    def write(self, folder: Path) -> dict[str, str | list[str]]:
        """Make the folders and lists of all splits, and return where the images of each are."""
        lists, places = Names(), dict[str, str | list[str]]()
        for split, name in self._folders.items():
            images = PurePosixPath("images", name)
            places[split] = str(images)
            for needed in (images, label_file(images / "x").parent):
                (folder / needed).mkdir(parents=True, exist_ok=True)
            if guests := self._guests.get(split):
                listed = f"{lists.path(name.replace('/', '-'))}.txt"
                # Ultralytics takes a name that begins with ./ from the list's own folder.
                lines = "".join(f"./{guest}\n" for guest in guests)
                (folder / listed).write_text(lines, encoding="utf-8", newline="\n")
                places[split] = [str(images), listed]
        return places

    def _folder(self, split: str) -> str:
        if split not in self._folders:
            self._folders[split] = "test" if split == "test" else self._names.path(split).as_posix()
        return self._folders[split]


class _Lines:
    """Makes lines of rows, and learns what the points of each class are."""

    def __init__(self, task: YoloTask, tables: Tables) -> None:
        self._task = task
        self._tables = tables
        self.poses: dict[int, Pose] = {}

    def line(self, row: Label, number: int) -> str:
        item = self._tables.item(row, number)
        size = self._tables.size(item, number)
        category = self._tables.features[row.feature]
        values = self._values(row, category, size)
        for position, value in enumerate(values):
            visibility = self._task == "pose" and position >= 4 and (position - 4) % 3 == 2
            if not visibility and not -ROUNDING <= value <= 1 + ROUNDING:
                raise InvalidData(
                    f"the {row.geometry.kind} on item {row.item!r} reaches outside the image, which YOLO refuses.",
                    hint="Clip it to the image first.",
                    field="geometry",
                )
        if isinstance(row, Prediction) and row.confidence is not None:
            values.append(row.confidence)
        return " ".join((str(category), *map(plain, values)))

    def _values(self, row: Label, category: int, size: Size) -> list[float]:
        geometry = row.geometry
        match self._task, geometry:
            case "detect", Box():
                return write_box(geometry, size)
            case "obb", RotatedBox():
                return write_vertices(corners_of(geometry), size)
            case "segment", Polygon(parts=((ring,),)):
                return write_vertices(ring, size)
            case "pose", Keypoints():
                self._learn(category, row.feature, geometry)
                return write_box(_box_of(row, geometry), size) + write_keypoints(geometry.points, size)
        raise InvalidData(f"a {geometry.form} has no place in the YOLO task {self._task!r}.", field="geometry")

    def _learn(self, category: int, feature: str, geometry: Keypoints) -> None:
        pose = Pose(tuple(point.name for point in geometry.points), geometry.skeleton)
        known = self.poses.setdefault(category, pose)
        if known != pose:
            raise InvalidData(f"{feature!r} has other points or another skeleton than before.", field="geometry.points")
        if len({len(pose.names) for pose in self.poses.values()}) > 1:
            raise InvalidData(
                f"{feature!r} has {len(pose.names)} points; in YOLO all classes have equally many.",
                field="geometry.points",
            )


def _box_of(row: Label, geometry: Keypoints) -> Box:
    if (bbox := row.metadata.get("bbox")) is None:
        return bounds(geometry.points)
    try:
        return Box(*msgspec.convert(bbox, tuple[float, float, float, float]))
    except msgspec.ValidationError as error:
        raise InvalidData(f"the box of the keypoints is {bbox!r}: {error}.", field="metadata.bbox") from error


def _write_data(
    folder: Path, ontology: Ontology, task: YoloTask, splits: dict[str, str | list[str]], lines: _Lines
) -> None:
    known = {name: place for name, place in splits.items() if name in ("train", "val", "test")}
    data: dict[str, Any] = {**known, "task": task}
    if others := {name: place for name, place in splits.items() if name not in known}:
        data[OTHER_SPLITS] = others
    data["names"] = {number: feature.name for number, feature in enumerate(ontology.features)}
    if task == "pose":
        data |= _pose_data(lines.poses)
    text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
    (folder / "data.yaml").write_text(text, encoding="utf-8", newline="\n")


def _pose_data(poses: dict[int, Pose]) -> dict[str, Any]:
    names = next(iter(poses.values())).names if poses else ("0",)
    data: dict[str, Any] = {"kpt_shape": [len(names), 3]}
    mirrored = _mirrored(names)
    if all(_mirrored(pose.names) == mirrored for pose in poses.values()) and mirrored != list(range(len(names))):
        data["flip_idx"] = mirrored
    data["kpt_names"] = {number: list(pose.names) for number, pose in sorted(poses.items())}
    skeletons = {number: [list(pair) for pair in pose.skeleton] for number, pose in sorted(poses.items())}
    return data | {"kpt_skeletons": {number: pairs for number, pairs in skeletons.items() if pairs}}


def _mirrored(names: tuple[str, ...]) -> list[int]:
    """Return for each point which one it becomes in a mirror: left and right change places, by their names."""
    places = {name: position for position, name in enumerate(names)}
    other = {"left": "right", "right": "left"}
    mirrored = []
    for position, name in enumerate(names):
        side = next((side for side in other if side in name), None)
        mirrored.append(places.get(name.replace(side, other[side]), position) if side else position)
    return mirrored
