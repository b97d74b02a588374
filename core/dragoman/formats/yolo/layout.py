"""data.yaml: the names of the classes, the splits and where their images are, and what a pose consists of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, get_args

import msgspec
import yaml  # type: ignore[import-untyped]

from dragoman.errors import InvalidData
from dragoman.formats.base import inside
from dragoman.formats.common.numbers import whole
from dragoman.formats.common.ontologies import ONTOLOGY_FILE
from dragoman.formats.common.tables import at
from dragoman.formats.yolo.fidelity import YoloTask
from dragoman.media import SUFFIXES
from dragoman.schema import Item

DATA_FILES = ("data.yaml", "dataset.yaml", "data.yml", "dataset.yml")
ITEMS_FILE = "items.ndjson"
"""Written beside data.yaml: every item with its key, size and the file that its image has, or would have, here."""
SPLITS = ("train", "val", "valid", "test", "minival")
_FOLDERS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", None: "train"}
OTHER_SPLITS = "other_splits"
"""Key of data.yaml under which we keep splits that YOLO has no key for: name to folder."""
MOST_BYTES = 16 << 20


class Listed(msgspec.Struct, frozen=True):
    """A line of `ITEMS_FILE`: an item and the path of its image below the dataset's folder."""

    file: str
    item: Item


@dataclass(frozen=True)
class Pose:
    """What an object's points are: their names, and the lines that join them, as positions."""

    names: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Layout:
    """What data.yaml says.

    Args:
        file: The data file.
        root: Folder that holds everything.
        names: Class number to name.
        splits: Split to the folders and lists of images that it names.
        task: The task, where the file says it.
        points: Number of points and of values per point of a pose.
        poses: Class number to its points, where they have names.
    """

    file: Path
    root: Path
    names: dict[int, str]
    splits: dict[str, list[str]]
    task: YoloTask | None = None
    points: tuple[int, int] | None = None
    poses: dict[int, Pose] = field(default_factory=dict)

    @cached_property
    def home(self) -> Path:
        """The folder in which the data file stands; `root` is this or below it."""
        return self.file.parent.resolve()

    def labels(self, file: str) -> Path:
        """Return where the labels of an image are, whatever the folders above the dataset are named.

        Args:
            file: The image's path below `root`.
        """
        return self.home / label_file((self.root / file).relative_to(self.home))

    def images(self, split: str) -> Iterator[Path]:
        """Yield the images of a split in order of their names, or as a list of images has them.

        Raises:
            InvalidData: A name leads out of the dataset's folder, or there is nothing of that name.
        """
        for name in self.splits[split]:
            place = self._place(name)
            if place.is_dir():
                yield from images_in(place)
            elif place.suffix == ".txt" and place.is_file():
                yield from self._listed(place)
            else:
                raise InvalidData(f"{self.file}: the split {split!r} is at {name!r}, where there is nothing.")

    def _place(self, name: str) -> Path:
        # Roboflow's exports name ../train/images and mean train/images; Ultralytics reads them so too.
        return inside(self.root, _with_slashes(name).removeprefix("../"))

    def _listed(self, file: Path) -> Iterator[Path]:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                with at(file, number):
                    image = self._named(line, file.parent)
                if image is not None:
                    yield image

    def _named(self, line: bytes, here: Path) -> Path | None:
        """Return the image that a line of a list in the folder `here` names, or None if the line is blank."""
        try:
            name = _with_slashes(line.decode("utf-8-sig").strip(" \t\r\n"))
        except UnicodeDecodeError as error:
            raise InvalidData("the name of an image is not UTF-8.", hint="Save the list as UTF-8.") from error
        return inside(here if name.startswith("./") else self.root, name) if name else None


def images_in(folder: Path) -> Iterator[Path]:
    """Yield the images below a folder, in order of their names."""
    for here, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(here, name) for name in sorted(files) if os.path.splitext(name)[1].lower() in SUFFIXES)


def only_folder(path: Path) -> Path:
    """Return the one folder that an archive was made of, or the path itself if it holds more, or a split."""
    entries = list(path.iterdir()) if path.is_dir() else []
    if len(entries) == 1 and entries[0].is_dir() and entries[0].name not in SPLITS:
        return entries[0]
    return path


def folder_name(split: str | None) -> str:
    """Return what a split is named in YOLO."""
    return _FOLDERS.get(split, split or "train")


def splits_of(item: Item) -> list[str | None]:
    """Return the splits that an item is in: its own, and those that its metadata lists besides under `splits`."""
    listed = item.metadata.get("splits")
    if not isinstance(listed, list) or item.split not in listed:
        return [item.split]
    return [split for split in listed if isinstance(split, str)]


def label_file(image: PurePath) -> Path:
    """Return where an image's labels are: under labels/ instead of the last images/, or beside the image.

    Args:
        image: The image's path below the dataset's folder.
    """
    parts = list(image.parts)
    for position in range(len(parts) - 2, -1, -1):
        if parts[position] == "images":
            parts[position] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _with_slashes(name: str) -> str:
    """Return a path as other systems than Windows have it."""
    return name.replace("\\", "/")


def find_data_file(path: Path) -> Path | None:
    """Return the data file that a path is or holds, or None."""
    if path.is_file() and path.suffix in (".yaml", ".yml"):
        return path
    found = [path / name for name in DATA_FILES if (path / name).is_file()] or sorted(path.glob("*.y*ml"))
    return found[0] if found else None


def read_layout(path: Path) -> Layout:
    """Read the data file of a dataset.

    Raises:
        InvalidData: There is none, or it is not YAML, or its values make no sense.
    """
    file = find_data_file(path)
    if file is None:
        raise InvalidData(f"{path} has no data.yaml, so it is no YOLO dataset.")
    data = _yaml(file)
    names = _names(file, data.get("names"))
    points = _points(file, data.get("kpt_shape"))
    task = data.get("task")
    if task is not None and task not in get_args(YoloTask):
        raise InvalidData(f"{file}: the task is {task!r}; it is detect, obb, segment or pose.", field="task")
    return Layout(
        file=file,
        root=_root(file, data.get("path")),
        names=names,
        splits=_splits(file, data),
        task=task,
        points=points,
        poses=_poses(file, data, points) if points else {},
    )


def _yaml(file: Path) -> dict[str, Any]:
    if file.stat().st_size > MOST_BYTES:
        raise InvalidData(f"{file} has more than {MOST_BYTES} bytes, so it is no data file.")
    try:
        data = yaml.safe_load(file.read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}, line {mark.line + 1}" if mark else str(file)
        raise InvalidData(f"{place}: the YAML is broken: {getattr(error, 'problem', None) or error}.") from error
    if not isinstance(data, dict):
        raise InvalidData(f"{file} holds {type(data).__name__}, not keys and values.")
    return data


def _root(file: Path, named: Any) -> Path:
    """Return the dataset's folder: the one that `path` names if it is inside the data file's, else the data file's.

    Ultralytics takes `path` from a folder of the user's settings; what is read here stands beside its data file.
    """
    here = file.parent.resolve()
    if isinstance(named, str) and named:
        place = (here / named).resolve()
        if place.is_dir() and place.is_relative_to(here):
            return place
    return here


def _names(file: Path, names: Any) -> dict[int, str]:
    if names == {} and (file.parent / ONTOLOGY_FILE).is_file():
        return {}  # our writer has been given no features
    if not names or not isinstance(names, list | dict):
        raise InvalidData(f"{file}: there are no names of classes.", field="names")
    found: dict[int, str] = {}
    for number, name in _by_class(file, "names", dict(enumerate(names)) if isinstance(names, list) else names).items():
        if isinstance(name, dict | list) or name is None or not str(name):
            raise InvalidData(f"{file}: the name of class {number} is {name!r}.", field=f"names.{number}")
        found[number] = str(name)
    if len(set(found.values())) != len(found):
        twice = sorted(name for name in set(found.values()) if list(found.values()).count(name) > 1)
        raise InvalidData(f"{file}: several classes have the name {twice[0]!r}.", field="names")
    return dict(sorted(found.items()))


def _by_class(file: Path, key: str, table: dict[Any, Any]) -> dict[int, Any]:
    """Return a table by class number, which Ultralytics takes in quotes, too."""
    found: dict[int, Any] = {}
    for said, value in table.items():
        number = whole(said) if isinstance(said, str) else said
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise InvalidData(f"{file}: the class number {said!r} is no whole number.", field=key)
        if number in found:
            raise InvalidData(f"{file}: the class number {number} is there twice.", field=key)
        found[number] = value
    return found


def _splits(file: Path, data: dict[str, Any]) -> dict[str, list[str]]:
    others = data.get(OTHER_SPLITS) or {}
    if not isinstance(others, dict):
        raise InvalidData(f"{file}: {OTHER_SPLITS} is no table.", field=OTHER_SPLITS)
    found = {}
    for split, places in [*((name, data.get(name)) for name in SPLITS), *others.items()]:
        if not places:
            continue
        listed = places if isinstance(places, list) else [places]
        if not all(isinstance(place, str) for place in listed):
            raise InvalidData(f"{file}: the split {split!r} is at {places!r}, which is no path.", field=str(split))
        found["val" if split == "valid" else str(split)] = listed
    return found


def _points(file: Path, shape: Any) -> tuple[int, int] | None:
    if shape is None:
        return None
    if not (isinstance(shape, list) and len(shape) == 2 and all(type(size) is int for size in shape)):
        raise InvalidData(f"{file}: kpt_shape is {shape!r}; it has two whole numbers.", field="kpt_shape")
    count, values = shape
    if not (1 <= count <= 10_000 and values in (2, 3)):
        raise InvalidData(f"{file}: kpt_shape is {shape}; it is points by 2 or 3 values.", field="kpt_shape")
    return count, values


def _poses(file: Path, data: dict[str, Any], points: tuple[int, int]) -> dict[int, Pose]:
    names, skeletons = data.get("kpt_names") or {}, data.get("kpt_skeletons") or {}
    poses = {}
    if not isinstance(names, dict) or not isinstance(skeletons, dict):
        raise InvalidData(f"{file}: kpt_names is no table of classes.", field="kpt_names")
    skeletons = _by_class(file, "kpt_skeletons", skeletons)
    for number, listed in _by_class(file, "kpt_names", names).items():
        if not isinstance(listed, list) or len({str(name) for name in listed}) != points[0]:
            raise InvalidData(f"{file}: class {number} does not name {points[0]} points.", field=f"kpt_names.{number}")
        try:
            joined = tuple((int(start), int(end)) for start, end in skeletons.get(number) or ())
        except (TypeError, ValueError, OverflowError):
            raise InvalidData(f"{file}: the skeleton of class {number} has no pairs.", field="kpt_skeletons") from None
        poses[number] = Pose(tuple(str(name) for name in listed), joined)
    return poses
