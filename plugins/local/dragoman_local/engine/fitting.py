"""Samples fitted to a network's input: images decoded and resized, targets in network pixels, as many kept as fit.

Masks are drawn at the input's full size, so that they can be moved with the image; `batches` makes them smaller.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dragoman.errors import InvalidData
from dragoman.geometry import array_of_mask, bounding_box
from dragoman.geometry.outlines import filled
from dragoman.schema import Mask, Polygon
from dragoman_local.engine.images import Pixels, Placement, letterbox, read_image
from dragoman_local.engine.targets import BoxTarget, Sample, ShapeTarget

Fitted = tuple[Pixels, int | BoxTarget]
"""An image `[h, w, 3]` and its target in network pixels."""


class FittedSamples:
    """Samples whose images are fitted to the network's size; as many stay in memory as `cache_mb` holds.

    Several threads may ask at a time.
    """

    def __init__(self, samples: Sequence[Sample], image_size: tuple[int, int], cache_mb: int) -> None:
        self._samples = samples
        self._image_size = image_size
        self._cache: dict[int, Fitted] = {}
        self._room = cache_mb * 2**20

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, row: int) -> Fitted:
        """Return the image and its target.

        Raises:
            InvalidData: The image cannot be decoded, or its target lies outside it; the error names the file.
        """
        fitted = self._cache.get(row)
        if fitted is None:
            fitted = self._fitted(row)
            size = _size(fitted)
            if size <= self._room:
                self._room -= size
                self._cache[row] = fitted
        return fitted

    def _fitted(self, row: int) -> Fitted:
        sample = self._samples[row]
        pixels, place = letterbox(_image(sample), self._image_size)
        if isinstance(sample.target, int):
            return pixels, sample.target
        if isinstance(sample.target, BoxTarget):
            boxes, masks = sample.target.boxes, None
        else:
            boxes = boxes_of(sample.target)
            masks = _drawn(sample.target, place, self._image_size)
        image_box = np.array([place.width, place.height] * 2, dtype=np.float64)
        boxes = np.clip(np.asarray(boxes, dtype=np.float64), 0.0, image_box)
        if (boxes[:, 2:] <= boxes[:, :2]).any():
            raise InvalidData(
                f"A label lies outside its image {sample.image} of {place.width} x {place.height} pixels.",
                hint="Coordinates are absolute pixels of the image as it is shown, after its EXIF orientation.",
                row=row,
                field="target.boxes",
            )
        return pixels, BoxTarget(place.to_network(boxes), sample.target.classes, masks)


def _image(sample: Sample) -> Pixels:
    if sample.frame is None:
        return read_image(sample.image)
    # FFmpeg is loaded only where there are videos.
    from dragoman_local.engine.video import read_frame

    return read_frame(sample.image, sample.frame)


def boxes_of(target: ShapeTarget) -> NDArray[np.float64]:
    """Return the boxes around shapes, xyxy `[n, 4]`."""
    boxes = [bounding_box(shape) for shape in target.shapes]
    # A mask without a pixel has no box; it gets one without area, which is refused with its image.
    corners = [(box.x, box.y, box.x + box.width, box.y + box.height) if box else (0, 0, 0, 0) for box in boxes]
    return np.array(corners, dtype=np.float64).reshape(-1, 4)


def _drawn(target: ShapeTarget, place: Placement, image_size: tuple[int, int]) -> NDArray[np.uint8]:
    masks = [_draw(shape, place, image_size) for shape in target.shapes]
    return np.stack(masks) if masks else np.zeros((0, *image_size), dtype=np.uint8)


def _draw(shape: Polygon | Mask, place: Placement, image_size: tuple[int, int]) -> NDArray[np.uint8]:
    height, width = image_size
    if isinstance(shape, Polygon):
        scale, shift = (place.scale_x, place.scale_y), (place.shift_x, place.shift_y)
        parts = [tuple(np.reshape(ring, (-1, 2)) * scale + shift for ring in part) for part in shape.parts]
        return filled(parts, height, width).astype(np.uint8) * 255
    if (shape.width, shape.height) != (place.width, place.height):
        raise InvalidData(
            f"A mask of {shape.width} x {shape.height} pixels lies on an image of {place.width} x {place.height}.",
            field="target.masks",
        )
    whole = array_of_mask(shape).astype(np.uint8) * 255
    drawn = np.zeros(image_size, dtype=np.uint8)
    inner = (round(place.width * place.scale_x), round(place.height * place.scale_y))
    how = cv2.INTER_AREA if inner[0] < place.width else cv2.INTER_LINEAR
    top, left = int(place.shift_y), int(place.shift_x)
    drawn[top : top + inner[1], left : left + inner[0]] = cv2.resize(whole, inner, interpolation=how)
    return drawn


def _size(fitted: Fitted) -> int:
    pixels, target = fitted
    masks = target.masks if isinstance(target, BoxTarget) else None
    return pixels.nbytes + (masks.nbytes if masks is not None else 0)
