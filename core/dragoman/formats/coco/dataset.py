"""The part of a COCO dataset that is held in memory: its files, images and categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.coco.category import Category, Id, PlainCategory, Skeleton, feature_of, skeleton_of
from dragoman.formats.coco.decode import value
from dragoman.formats.coco.image import Image, PlainImage, checked_name, item_of, key_of, plain_items
from dragoman.formats.coco.info import about
from dragoman.formats.coco.layout import Source, image_folder, sources
from dragoman.formats.coco.records import Table
from dragoman.formats.coco.scan import Section, sections
from dragoman.schema import Feature, Item, Ontology

TABLES = frozenset({"images", "categories"})
Refuse = Callable[[InvalidData], None]


@dataclass(slots=True)
class File:
    """One file of a dataset: its sections, its items by image id and its features by category id."""

    source: Source
    sections: dict[str, Section]
    info: dict[str, Any]
    licenses: list[Any]
    items: dict[Id, Item] = field(default_factory=dict)
    features: dict[Id, str] = field(default_factory=dict)


class Dataset:
    """The images and categories of a dataset, read when they are first asked for.

    Args:
        path: A file or a folder.
        pattern: Names of the files to take from a folder.
        refuse: What to do with a bad element.

    Raises:
        InvalidData: There is no such dataset, or a file is no COCO.
    """

    def __init__(self, path: Path, pattern: str | None, refuse: Refuse) -> None:
        self.path = path
        self._refuse = refuse
        self._files = [_open(source) for source in sources(path, pattern)]
        self._skeletons: dict[str, Skeleton] = {}

    @cached_property
    def files(self) -> list[File]:
        """The files, with their tables; items of one name in several files get the file's name before their keys."""
        for file in self._files:
            file.items = _items(file, self._refuse)
        if len(self._files) > 1:
            names = Counter(item.key for file in self._files for item in file.items.values())
            if max(names.values(), default=0) > 1:
                self._tell_apart()
        return self._files

    @cached_property
    def ontology(self) -> Ontology:
        """The categories of all files, in their order, and what the files say of themselves."""
        features: dict[str, Feature] = {}
        for file in self._files:
            self._categories(file, features)
        name = next((str(text) for file in self._files if (text := file.info.get("description"))), self.path.stem)
        said = about([(file.source.label, file.info, file.licenses) for file in self._files])
        return Ontology(name=name or "coco", features=tuple(features.values()), **said)

    @property
    def skeletons(self) -> dict[str, Skeleton]:
        """The keypoints of the features that have some."""
        self.ontology  # noqa: B018 - reads the categories
        return self._skeletons

    def _tell_apart(self) -> None:
        labels = [file.source.label for file in self._files]
        if len(set(labels)) < len(labels):
            raise InvalidData(
                f"Several files of {self.path} have images of the same names.", hint="Read the files one by one."
            )
        for file, label in zip(self._files, labels, strict=True):
            for image_id, item in file.items.items():
                file.items[image_id] = msgspec.structs.replace(item, key=f"{label}/{item.key}")

    def _categories(self, file: File, features: dict[str, Feature]) -> None:
        mine: set[str] = set()
        for run in _CATEGORIES.read(file.source.path, file.sections["categories"], self._refuse):
            for place, category in enumerate(run.found):
                extra = run.extras[place] if run.extras else {}
                try:
                    feature, skeleton = feature_of(category, extra), skeleton_of(category)
                    _refuse_twice(category, feature, file, mine)
                except InvalidData as error:
                    self._refuse(run.refused(error, run.first + place))
                    continue
                mine.add(feature.name)
                file.features[category.id] = feature.name
                features.setdefault(feature.name, feature)
                if skeleton:
                    self._skeletons.setdefault(feature.name, skeleton)


_IMAGES = Table(Image, PlainImage)
_CATEGORIES = Table(Category, PlainCategory)


def _open(source: Source) -> File:
    found = sections(source.path, streamed="annotations", tables=TABLES)
    for name in sorted(TABLES - found.keys()):
        raise InvalidData(f"{source.path} has no {name!r}, so it is no COCO dataset.")
    info, licenses = (value(source.path, found[name], Any) if name in found else None for name in ("info", "licenses"))
    return File(source, found, info if isinstance(info, dict) else {}, licenses if isinstance(licenses, list) else [])


def _items(file: File, refuse: Refuse) -> dict[Id, Item]:
    path, root = file.source.path, file.source.path.parent
    items: dict[Id, Item] = {}
    names: set[str] = set()
    folder: Path | None = None
    for run in _IMAGES.read(path, file.sections["images"], refuse):
        folder = folder or image_folder(file.source, [image.file_name for image in run.found[:3]])
        if run.plain and _all_plain(run.found, items, names, folder, file.source.split):
            continue
        for place, image in enumerate(run.found):
            try:
                image.file_name = checked_name(root, image.file_name)
                key = key_of(image)
                if image.id in items:
                    raise InvalidData(f"The image id {image.id!r} is there twice.", field="id")
                if key in names:
                    raise InvalidData(f"Two images have the file name {key!r}.", field="file_name")
                extra = run.extras[place] if run.extras else {}
                items[image.id] = item_of(image, extra, key=key, folder=folder, split=file.source.split)
            except InvalidData as error:
                refuse(run.refused(error, run.first + place))
                continue
            names.add(key)
    return items


def _all_plain(
    found: Sequence[Image], items: dict[Id, Item], names: set[str], folder: Path | None, split: str | None
) -> bool:
    """Add the items of images and their names, or nothing if one of the images needs a closer look."""
    try:
        new = plain_items(found, folder=folder, split=split)
    except InvalidData:
        return False
    keys = {item.key for item in new.values()}
    if len(keys) < len(found) or not items.keys().isdisjoint(new) or not names.isdisjoint(keys):
        return False
    items |= new
    names |= keys
    return True


def _refuse_twice(category: Category, feature: Feature, file: File, mine: set[str]) -> None:
    if category.id in file.features:
        raise InvalidData(f"The category id {category.id!r} is there twice.", field="id")
    if feature.name in mine:
        raise InvalidData(
            f"Two categories have the name {feature.name!r}.",
            hint="Rename one: features are told apart by their names.",
            field="name",
        )
