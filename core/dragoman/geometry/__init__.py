"""Masks, run lengths, polygons, boxes: conversions, overlap, suppression, clipping, simplification.

At the bottom arrays go in and come out (`rle`, `runs`, `outlines`, `boxes`, `suppress`); on top are functions of
canonical geometries (`convert`, `iou`, `clip`, `simplify`). Coordinates are continuous pixels: the pixel in row i and
column j covers [j, j + 1] x [i, i + 1].
"""

try:
    # Only to see whether they are there, before a module below fails in words that help nobody.
    import hotcoco  # noqa: F401
    import numpy  # noqa: F401
    import shapely  # noqa: F401
except ImportError as missing:
    raise ImportError(f"dragoman.geometry needs {missing.name}: pip install 'dragoman[geometry]'") from missing

from dragoman.geometry.boxes import bounding_box
from dragoman.geometry.clip import Clipped, clip, clip_boxes
from dragoman.geometry.convert import FORMS, convert, possible
from dragoman.geometry.matrix import iou_matrix
from dragoman.geometry.outlines import mask_of_polygon, polygon_of_mask
from dragoman.geometry.overlap import iou, iou_of_boxes, iou_of_masks, iou_of_polygons, iou_of_rotated
from dragoman.geometry.rle import (
    array_of_mask,
    mask_of_array,
    mask_of_rows,
    mask_of_string,
    rows_of_mask,
    string_of_mask,
)
from dragoman.geometry.similarity import distance, keypoint_similarity, similarity
from dragoman.geometry.simplify import simplify
from dragoman.geometry.suppress import suppress_boxes, suppress_polygons, suppress_rotated

__all__ = [
    "FORMS",
    "Clipped",
    "array_of_mask",
    "bounding_box",
    "clip",
    "clip_boxes",
    "convert",
    "distance",
    "iou",
    "iou_matrix",
    "iou_of_boxes",
    "iou_of_masks",
    "iou_of_polygons",
    "iou_of_rotated",
    "keypoint_similarity",
    "mask_of_array",
    "mask_of_polygon",
    "mask_of_rows",
    "mask_of_string",
    "polygon_of_mask",
    "possible",
    "rows_of_mask",
    "similarity",
    "simplify",
    "string_of_mask",
    "suppress_boxes",
    "suppress_polygons",
    "suppress_rotated",
]
