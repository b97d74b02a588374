"""COCO JSON: detection, segmentation and keypoints, and results files (https://cocodataset.org/#format-data)."""

from dragoman.formats.coco.layout import recognise, recognise_results
from dragoman.formats.coco.reader import CocoReader
from dragoman.formats.coco.results import CocoResultsWriter
from dragoman.formats.coco.writer import CocoWriter

__all__ = ["CocoReader", "CocoResultsWriter", "CocoWriter", "recognise", "recognise_results"]
