"""Where the files of a COCO dataset are, which split each is, and where its images are.

Known layouts: `annotations/instances_train2017.json` beside `train2017/` or `images/` (COCO, CVAT), a folder per split
with `_annotations.coco.json` in it (Roboflow), `labels.json` beside `data/` (FiftyOne), and single files anywhere.
"""

from __future__ import annotations

import os.path
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from dragoman.errors import InvalidData

_SPLIT = re.compile(
    r"(?:^|[_.\- ])((?:train|val|valid|validation|test|minival|unlabeled)(?:[_\-]?dev)?)(?:\d{4})?$", re.I
)
_FOLDERS = ("", "annotations", "*")
_TABLES = (b'"images"', b'"annotations"', b'"categories"')
_ELEMENTS = ((b'"file_name"',), (b'"image_id"', b'"category_id"'), (b'"supercategory"',))
"""Keys that an element has, table by table, where other JSON has such tables, too."""
_BEGINNING = 1 << 16
"""Bytes of a file's beginning, and of its end, that tell what it is; most tables are longer than that."""
_SPACE = b"\xef\xbb\xbf \t\r\n"


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a dataset.

    Args:
        path: The file.
        split: The split that its name or its folder tells, or None.
        folders: Folders in which its images may be, most likely first.
        label: What tells its items from those of other files where names collide.
    """

    path: Path
    split: str | None
    folders: tuple[Path, ...]
    label: str


def sources(path: Path, pattern: str | None) -> list[Source]:
    """Return the files of a dataset.

    Args:
        path: A file, or a folder in a known layout.
        pattern: Names of the files to take from the folder, such as `"person_keypoints_*.json"`.

    Raises:
        InvalidData: There is none, or the folder holds several kinds of annotations and no pattern says which.
    """
    if path.is_file():
        return [_source(path, path.parent)]
    if not path.is_dir():
        raise InvalidData(f"There is no {path}.")
    found = [file for file in _files(path, pattern or "*.json") if pattern or _is_of_the_dataset(file)]
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for file in found:
        kinds[_kind(file)].append(file.name)
    if len(kinds) > 1:
        names = ", ".join(sorted(name for files in kinds.values() for name in files))
        raise InvalidData(
            f"{path} holds several kinds of annotations: {names}.", hint='Choose, as in pattern="instances_*.json".'
        )
    if not found:
        raise InvalidData(f"{path} holds no COCO file.", hint="Name the file, or give pattern=.")
    return [_source(file, path) for file in found]


def recognise(path: Path) -> bool:
    """Whether the path looks like COCO: a JSON file with COCO's tables, or a folder that holds one."""
    if path.is_file():
        return path.suffix == ".json" and _looks_like_coco(path)
    return any(_looks_like_coco(file) for file in _files(path, "*.json"))


def recognise_results(path: Path) -> bool:
    """Whether the path looks like COCO results: a JSON list whose first element names an image, a category, a score."""
    if not path.is_file() or path.suffix != ".json":
        return False
    with path.open("rb") as file:
        start = file.read(_BEGINNING).lstrip(_SPACE)
    return start.startswith(b"[") and all(key in start for key in (b'"image_id"', b'"category_id"', b'"score"'))


def files_of_splits(root: Path, splits: Iterable[str | None]) -> dict[str | None, Path]:
    """Return the file that each split is written to, one for those without; `sources` finds the split in its name.

    No two are one file, even where the file system takes upper and lower case for the same: the later then has its
    whole name escaped.
    """
    files: dict[str | None, Path] = {}
    taken: set[str] = set()
    for split in sorted(splits, key=lambda split: (split is not None, split or "")):
        name = "default" if split is None else quote(split, safe="").replace(".", "%2E")
        if split is not None and name.casefold() in taken:
            name = "".join(f"%{byte:02X}" for byte in split.encode())
        taken.add(name.casefold())
        files[split] = root / "annotations" / f"instances_{name}.json"
    return files


def image_folder(source: Source, names: list[str]) -> Path | None:
    """Return the folder that holds the images, judged by the first few of their names, or None."""
    for folder in source.folders:
        # Not `Path.is_file`, which raises where a name is longer than the file system takes.
        if any(os.path.isfile(folder / name) for name in names[:3]):
            return folder
    return None


def _source(path: Path, root: Path) -> Source:
    token = _token(path, root)
    found = _SPLIT.search(token)
    here, above = path.parent, path.parent.parent
    folders = [here, root / token, root / "images" / token, root / "images", root / "data", root]
    if here.name == "annotations":
        folders += [above / token, above / "images" / token, above / "images", above]
    return Source(path, found[1] if found else None, tuple(dict.fromkeys(folders)), token)


def _token(path: Path, root: Path) -> str:
    """Return the part of the name that tells files of one dataset apart: `train2017`."""
    stem = path.stem.removesuffix(".coco")
    if stem in ("_annotations", "annotations", "labels") and path.parent != root:
        return path.parent.name
    for kind in _KINDS:
        stem = stem.removeprefix(f"{kind}_")
    return unquote(stem)


_KINDS = ("instances", "person_keypoints", "captions", "image_info", "panoptic", "stuff")


def _kind(path: Path) -> str:
    return next((kind for kind in _KINDS if path.stem.startswith(f"{kind}_")), "")


def _files(path: Path, pattern: str) -> list[Path]:
    try:
        found = {file for folder in _FOLDERS for file in path.glob(f"{folder}/{pattern}".lstrip("/"))}
    except ValueError as error:
        raise InvalidData(f"{pattern!r} is no pattern of file names: {error}.", field="pattern") from error
    return sorted(file for file in found if file.is_file())


def _is_of_the_dataset(path: Path) -> bool:
    """Whether a folder's file belongs to its dataset; what bears COCO's name and is no list of results always does.

    If such a file is broken, reading it says so; to pass it over would lose it without a word.
    """
    if _looks_like_coco(path):
        return True
    if not (_kind(path) or path.stem == "_annotations.coco"):
        return False
    with path.open("rb") as file:
        return not file.read(_BEGINNING).lstrip(_SPACE).startswith(b"[")


def _looks_like_coco(path: Path) -> bool:
    """Whether the beginning of the file, or its end, names two of COCO's tables, or one and what its elements have."""
    with path.open("rb") as file:
        start = file.read(_BEGINNING)
        if not start.lstrip(_SPACE).startswith(b"{"):
            return False
        file.seek(max(len(start), file.seek(0, 2) - _BEGINNING))
        text = start + file.read()
    tables = sum(table in text for table in _TABLES)
    return tables > 0 and tables + sum(all(key in text for key in keys) for keys in _ELEMENTS) > 1
