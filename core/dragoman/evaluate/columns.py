"""Rows as columns: what an evaluation needs of labels and predictions, gathered while they stream by.

A million boxes take some hundred megabytes here, and most of that is their ids where these come as strings. Masks are
kept as COCO's compressed strings, polygons as they are until the size of their image is known.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dragoman.errors import InvalidData
from dragoman.evaluate.facts import facts_of
from dragoman.evaluate.ids import Ids
from dragoman.evaluate.index import Floats, Index, Integers, item_of
from dragoman.evaluate.numbers import Numbers
from dragoman.evaluate.sources import Batch
from dragoman.schema import Box, Label, Mask, Polygon, Prediction

KINDS = {"box": (Box,), "region": (Mask, Polygon)}
"""What is evaluated: boxes by their overlap, regions by the pixels they cover."""
MOST_PIXELS = 2**32 - 1
"""Most pixels of an image that COCO's run lengths can count."""


class Columns:
    """Rows of one kind of geometry as columns.

    Args:
        kind: `"box"` or `"region"`.
        units: Numbers of the images: an item's key, or its key and the frame.
        features: Numbers of the features.
        sizes: Width and height of items by key, as far as they are known; only regions need them.
    """

    def __init__(
        self, kind: str, units: Index, features: Index, sizes: Mapping[str, tuple[int, int]] | None = None
    ) -> None:
        self.kind = kind
        self.units = units
        self.features = features
        self.sizes = sizes or {}
        self.skipped = 0
        self.kinds: set[str] = set()
        self.ids = Ids()
        self.shapes: list[Mask | Polygon] = []
        self.areas: dict[int, float] = {}
        """Place of a label to its area, where its metadata say one: in COCO that need not be what its shape covers."""
        self._unit, self._feature = Numbers(np.int64), Numbers(np.int64)
        self._score, self._box = Numbers(np.float64), Numbers(np.float64)
        self._crowd = bytearray()

    def add(self, pieces: Iterable[Batch | Iterable[Label]]) -> None:
        """Add rows. Those of other kinds of geometry are counted in `skipped`.

        Raises:
            InvalidData: An id occurs twice.
        """
        for piece in pieces:
            batch = self._boxes_in(piece) if isinstance(piece, Batch) else self._batch_of(piece)
            if batch is not None:
                self._add_batch(batch)
        self.ids.check()

    def _add_batch(self, batch: Batch) -> None:
        first = len(self)
        self.areas.update({first + place: area for place, area in batch.areas.items()})
        self._unit.add(batch.unit)
        self._feature.add(batch.feature)
        self._score.add(batch.score)
        self._box.add(batch.boxes)
        self._crowd += batch.crowd
        self.ids.add(batch.ids)

    def _boxes_in(self, batch: Batch) -> Batch | None:
        """Return boxes if they are of this kind."""
        if len(batch.ids):
            self.kinds.add(Box.kind)
        if self.kind == "box":
            return batch
        self.skipped += len(batch.ids)
        return None

    def _batch_of(self, rows: Iterable[Label]) -> Batch:
        """Return the columns of rows of this kind; shapes that are no boxes go to `shapes`."""
        wanted, units, features = KINDS[self.kind], self.units, self.features
        unit, feature, score, boxes, crowd = array("q"), array("q"), array("d"), array("d"), bytearray()
        areas: dict[int, float] = {}
        ids: list[str] = []
        for row in rows:
            geometry = row.geometry
            self.kinds.add(geometry.kind)
            if not isinstance(geometry, wanted):
                self.skipped += 1
                continue
            unit.append(units[row.item if row.frame is None else (row.item, row.frame)])
            feature.append(features[row.feature])
            crowded, area, confidence = False, None, None
            if isinstance(row, Prediction):
                confidence = row.confidence
            elif row.metadata:
                crowded, area = facts_of(row.metadata)
            score.append(1.0 if confidence is None else confidence)
            if area is not None:
                areas[len(ids)] = area
            if isinstance(geometry, Box):
                boxes.extend((geometry.x, geometry.y, geometry.width, geometry.height))
            else:
                self.shapes.append(geometry)
            crowd.append(crowded)
            ids.append(row.id)
        return Batch(unit, feature, score, boxes, bytes(crowd), areas, ids, read=len(ids), left_out=0)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def unit(self) -> Integers:
        """Number of each row's image."""
        return self._unit.all

    @property
    def feature(self) -> Integers:
        """Number of each row's feature."""
        return self._feature.all

    @property
    def score(self) -> Floats:
        """Confidence of each row, 0 to 1; 1 where a prediction has none."""
        return self._score.all

    @property
    def crowd(self) -> npt.NDArray[np.bool_]:
        """Whether each row is a region with a crowd in it, where predictions count for nothing."""
        return np.frombuffer(self._crowd, np.bool_) if self.ids else np.empty(0, np.bool_)

    @property
    def boxes(self) -> Floats:
        """x, y, width, height of each row in pixels, shape (rows, 4); of a region the box around it."""
        if self.kind == "box":
            return self._box.all.reshape(-1, 4)
        from dragoman.geometry import bounding_box

        # An empty mask has no box; it covers nothing.
        around = (bounding_box(shape) or Box(0, 0, 0, 0) for shape in self.shapes)
        return np.array([(box.x, box.y, box.width, box.height) for box in around]).reshape(-1, 4)


def encoded(rows: Columns, sizes: dict[int, tuple[int, int]]) -> list[dict[str, Any]]:
    """Return the regions of rows as COCO's run lengths, `size` (height, width) and `counts`.

    Polygons are drawn as COCO's own tools draw them, since its averages depend on the rule.

    Args:
        rows: The rows.
        sizes: Number of an image to its height and width in pixels; see `sizes_of`.

    Raises:
        InvalidData: A mask is not of its image's size, or the image has more pixels than COCO's run lengths can count.
    """
    from dragoman.geometry import string_of_mask

    found = []
    for unit, shape, row_id in zip(rows.unit.tolist(), rows.shapes, rows.ids, strict=True):
        height, width = sizes[unit]
        if height * width > MOST_PIXELS:
            raise InvalidData(
                f"The image of {row_id} has {width} x {height} pixels; COCO's run lengths count up to {MOST_PIXELS}.",
                hint="Give the items' sizes: without them an image is as large as its polygons reach.",
                field="geometry",
            )
        if isinstance(shape, Polygon):
            found.append(_drawn(shape, height, width))
            continue
        if (shape.height, shape.width) != (height, width):
            raise InvalidData(
                f"The mask {row_id} is {shape.width} x {shape.height}; another of its image is {width} x {height}.",
                field="geometry",
            )
        found.append({"size": [height, width], "counts": string_of_mask(shape)})
    return found


def _drawn(polygon: Polygon, height: int, width: int) -> dict[str, Any]:
    from hotcoco import mask

    parts = []
    for outer, *holes in polygon.parts:
        (part,) = mask.frPyObjects([outer], height, width)
        if holes:
            inside = mask.merge(mask.frPyObjects(holes, height, width))
            part = mask.merge([part, _outside(inside)], intersect=True)
        parts.append(part)
    return parts[0] if len(parts) == 1 else mask.merge(parts)


def _outside(region: dict[str, Any]) -> dict[str, Any]:
    """Return the pixels that a region does not cover."""
    from dragoman.geometry import mask_of_string, string_of_mask

    covered = mask_of_string(region["counts"], *region["size"])
    counts = covered.counts
    # They begin with the pixels that are not covered, of which there may be none.
    turned = (0, *counts) if counts[0] else counts[1:]
    return {**region, "counts": string_of_mask(Mask(covered.height, covered.width, turned))}


def sizes_of(*sides: Columns) -> dict[int, tuple[int, int]]:
    """Return height and width of each image with regions, by its number.

    Those of its masks, else of its item where that is known, else as far as its polygons reach. What lies outside is
    cut off, as in COCO; where the item's size is not known, nothing is.
    """
    reach: dict[int, tuple[int, int]] = {}
    known: dict[int, tuple[int, int]] = {}
    fixed: dict[int, tuple[int, int]] = {}
    for rows in sides:
        units = rows.units.names()
        for unit, shape in zip(rows.unit.tolist(), rows.shapes, strict=True):
            if isinstance(shape, Mask):
                fixed.setdefault(unit, (shape.height, shape.width))
                continue
            if size := rows.sizes.get(item_of(units[unit])):
                known[unit] = size[1], size[0]
                continue
            height, width = reach.get(unit, (1, 1))
            for ring in (ring for part in shape.parts for ring in part):
                width, height = max(width, int(max(ring[::2])) + 1), max(height, int(max(ring[1::2])) + 1)
            reach[unit] = height, width
    return reach | known | fixed
