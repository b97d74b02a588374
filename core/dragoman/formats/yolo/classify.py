"""Reads images that are sorted into folders by class, as Ultralytics and torchvision have them for classification.

Source: https://docs.ultralytics.com/datasets/classify/: a folder per split, in it a folder per class, in it the images.
Without splits, the folders of classes stand in the dataset's folder itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from dragoman.errors import InvalidData
from dragoman.formats.base import ErrorPolicy, Reader
from dragoman.formats.common.archives import folder_of
from dragoman.formats.common.pictures import item_at
from dragoman.formats.yolo.layout import SPLITS, find_data_file, images_in, only_folder
from dragoman.schema import Feature, Item, Label, Ontology, Whole


class YoloClassifyReader(Reader):
    """Reads folders of classes, or a zip archive of them. Each image is an item with one label, its class.

    An item's key is its path in the dataset. Hidden folders are passed over.

    Args:
        path: The folder or archive.
        on_error: What to do with a bad image.

    Raises:
        InvalidData: There is no folder of a class.
    """

    def __init__(self, path: Path, *, on_error: ErrorPolicy = "raise") -> None:
        super().__init__(path, on_error=on_error)
        self._root = only_folder(folder_of(path, self))
        found = _classes(self._root) if self._root.is_dir() else ()
        self._classes = list(dict.fromkeys(folder.name for _, folder in found))
        if not self._classes:
            raise InvalidData(f"{path} has no folders of classes.")

    def ontology(self) -> Ontology:
        """Return the classes in order of their names, which is the order of their numbers for Ultralytics."""
        features = tuple(Feature(name=name, geometries=("whole",)) for name in sorted(self._classes))
        return Ontology(name=self._root.name or "yolo", features=features)

    def items(self) -> Iterator[Item]:
        """Yield all images."""
        return (item for item, _ in self._table)

    def rows(self) -> Iterator[Label]:
        """Yield the class of each image."""
        return (Label(item.key, feature, Whole()) for item, feature in self._table)

    @cached_property
    def _table(self) -> list[tuple[Item, str]]:
        """Each image's item and class."""
        table = []
        for split, folder in _classes(self._root):
            for path in images_in(folder):
                key = path.relative_to(self._root).as_posix()
                try:
                    item = item_at(path, key, "val" if split == "valid" else split)
                except InvalidData as error:
                    self.refuse(error)
                else:
                    table.append((item, folder.name))
        return table


def recognise_classify(path: Path) -> bool:
    """Whether there are folders of splits that hold folders of images, and no data file."""
    if not path.is_dir() or find_data_file(path) is not None:
        return False
    found = [folder for split, folder in _classes(path) if split is not None]
    return bool(found) and any(next(images_in(folder), None) for folder in found)


def _classes(root: Path) -> Iterator[tuple[str | None, Path]]:
    """Yield split and folder of each class, in order of their names."""
    splits: list[str | None] = [name for name in SPLITS if (root / name).is_dir()]
    for split in splits or [None]:
        above = root if split is None else root / split
        for folder in sorted(above.iterdir()):
            if folder.is_dir() and not folder.name.startswith("."):
                yield split, folder
