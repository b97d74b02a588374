"""Where the files of a COCO dataset are, which split each is, and where its images are.

Known layouts: `annotations/instances_train2017.json` beside `train2017/` or `images/` (COCO, CVAT), a folder per split
with `_annotations.coco.json` in it (Roboflow), `labels.json` beside `data/` (FiftyOne), and single files anywhere.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from dragoman.errors import InvalidData

_SPLIT = re.compile(
    r"(?:^|[_.\- ])((?:train|val|valid|validation|test|minival|unlabeled)(?:[_\-]?dev)?)(?:\d{4})?$", re.I
)
_FOLDERS = ("", "annotations", "*")
_KEYS = (b'"images"', b'"annotations"', b'"categories"')
_BEGINNING = 1 << 16


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
    found = sorted({file for folder in _FOLDERS for file in path.glob(f"{folder}/{pattern or '*.json'}".lstrip("/"))})
    found = [file for file in found if pattern or _looks_like_coco(file)]
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
    return any(_looks_like_coco(file) for folder in _FOLDERS for file in path.glob(f"{folder}/*.json".lstrip("/")))


def recognise_results(path: Path) -> bool:
    """Whether the path looks like COCO results: a JSON list whose first element names an image, a category, a score."""
    if not path.is_file() or path.suffix != ".json":
        return False
    with path.open("rb") as file:
        start = file.read(_BEGINNING).lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"[") and all(key in start for key in (b'"image_id"', b'"category_id"', b'"score"'))


def file_of_split(root: Path, split: str | None) -> Path:
    """Return the file that a split is written to; `sources` finds the split again in its name."""
    return root / "annotations" / f"instances_{quote(split or 'default', safe='').replace('.', '%2E')}.json"


def image_folder(source: Source, names: list[str]) -> Path | None:
    """Return the folder that holds the images, judged by the first few of their names, or None."""
    for folder in source.folders:
        if any((folder / name).is_file() for name in names[:3]):
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


def _looks_like_coco(path: Path) -> bool:
    """Whether the beginning of the file, or its end, names one of COCO's tables."""
    with path.open("rb") as file:
        start = file.read(_BEGINNING)
        if not start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return False
        file.seek(max(0, file.seek(0, 2) - _BEGINNING))
        text = start + file.read()
    return sum(key in text for key in _KEYS) >= 2
