"""Pascal VOC: one XML file per image, as the devkit of 2012 has it or as a flat folder of XML.

Source: https://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc_07-Jun-2012.pdf. Coordinates are the devkit's pixel
indices: they count from 1 and the last one is inside, so a box over a whole image of W x H is (1, 1, W, H), here
`Box(0, 0, W, H)`. Polygons are as Roboflow and supervision write them, turned boxes as roLabelImg does. What else a row
has is kept in elements that other readers pass over. The devkit's segmentation is read (`segmentation`), not written.
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

from dragoman.formats.voc.reader import SPLITS, VocReader
from dragoman.formats.voc.segmentation import CLASSES
from dragoman.formats.voc.writer import VocWriter

__all__ = ["VocReader", "VocWriter", "recognise"]


def recognise(path: Path) -> bool:
    """Whether there is a folder of annotations as in the devkit, or XML of its kind in the folder or its splits'."""
    if any((path / name).is_dir() for name in ("Annotations", CLASSES)):
        return True
    folders = (path, *(path / split for split in SPLITS))
    first = next(chain.from_iterable(sorted(folder.glob("*.xml")) for folder in folders if folder.is_dir()), None)
    if first is None:
        return False
    with first.open("rb") as file:
        return re.search(rb"<annotation[\s>]", file.read(1000)) is not None
