"""YOLO in Ultralytics' layout: data.yaml, images/, labels/, and one text file of normalised lines per image.

Source: https://docs.ultralytics.com/datasets/ (detect, obb, segment, pose). YOLO has no place for ids, attributes,
tracks or metadata, and a line is a prediction's only if it has a confidence. Numbers are written in full and read to a
millionth of a pixel, so that what had no more than six decimals comes back equal. The writer adds `items.ndjson`, for
images that are in no folder, and `ontology.json`, for what is known of classes besides their names. Folders of classes
are `classify`'s.
"""

from __future__ import annotations

from pathlib import Path

from dragoman.formats.yolo.classify import YoloClassifyReader, recognise_classify
from dragoman.formats.yolo.layout import find_data_file
from dragoman.formats.yolo.reader import YoloReader
from dragoman.formats.yolo.writer import YoloWriter

__all__ = ["YoloClassifyReader", "YoloReader", "YoloWriter", "recognise", "recognise_classify"]


def recognise(path: Path) -> bool:
    """Whether there is a data file with names beside folders of images or labels."""
    data_file = find_data_file(path)
    if data_file is None:
        return False
    return any((data_file.parent / name).exists() for name in ("images", "labels", "train", "valid", "test"))
