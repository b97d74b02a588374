"""Pure translation between canonical rows and Viam's messages. No network.

Viam's boxes are the fractions of the image's width and height at which their corners lie. A box with a confidence was
made by a model; it is read as a `Prediction`, which is a label with one. A tag is a classification.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from dragoman.errors import InvalidData
from dragoman.schema import Box, Label, Prediction, Provenance, Whole, derive_id

PLATFORM = "viam"
CORNERS = ("x_min_normalized", "y_min_normalized", "x_max_normalized", "y_max_normalized")
DECIMALS = 9
"""Decimals of a pixel that survive the way through fractions, for images of up to 100 000 pixels."""
SLACK = 1e-9
"""How far, as a fraction, a corner may be outside by rounding alone."""


class Size(NamedTuple):
    """An image's size in pixels, as it is seen."""

    width: int
    height: int


class Shape(NamedTuple):
    """What makes a box the box that it is: its label and corners, as Viam holds them."""

    label: str
    x_min: float
    y_min: float
    x_max: float
    y_max: float


def shape_of(box: Any) -> Shape:
    """Return what makes a box of Viam's the box that it is."""
    return Shape(box.label, *(getattr(box, corner) for corner in CORNERS))


def shape_out(row: Label, size: Size) -> Shape:
    """Return a row with a box as Viam holds it.

    Raises:
        InvalidData: The box leaves the image, or the row has none.
    """
    box = row.geometry
    if not isinstance(box, Box):
        raise InvalidData(f"Viam has no {box.form} annotations.", field="geometry")
    (width, height), x, y = size, box.x, box.y
    left, right = x / width, (x + box.width) / width
    top, bottom = y / height, (y + box.height) / height
    # One look for the common case, a box that is well inside.
    if 0.0 < left <= right <= 1.0 and 0.0 < top <= bottom <= 1.0:
        return Shape(row.feature, left, top, right, bottom)
    corners = (left, top, right, bottom)
    if min(corners) < -SLACK or max(corners) > 1 + SLACK:
        raise InvalidData(
            f"The box leaves the image of {size.width} x {size.height} pixels, and Viam holds fractions of it.",
            field="geometry",
        )
    return Shape(row.feature, *(min(1.0, max(0.0, corner)) for corner in corners))


def box_out(row: Label, shape: Shape, request: Any) -> Any:
    """Put a box into a request that writes one, and return the request.

    Args:
        row: The box.
        shape: What `shape_out` makes of it.
        request: The message, which says already where the box is to be written.
    """
    (
        request.label,
        request.x_min_normalized,
        request.y_min_normalized,
        request.x_max_normalized,
        request.y_max_normalized,
    ) = shape
    if isinstance(row, Prediction) and row.confidence is not None:
        request.confidence = row.confidence
    return request


def box_in(box: Any, item: str, size: Size) -> Label:
    """Return a box of Viam's as a label, or as a prediction if it has a confidence."""
    corners = (
        box.x_min_normalized * size.width,
        box.y_min_normalized * size.height,
        box.x_max_normalized * size.width,
        box.y_max_normalized * size.height,
    )
    left, top, right, bottom = corners
    # The larger corner comes first in boxes that others made only.
    geometry = Box(
        round(min(left, right), DECIMALS),
        round(min(top, bottom), DECIMALS),
        round(abs(right - left), DECIMALS),
        round(abs(bottom - top), DECIMALS),
    )
    made = Provenance(PLATFORM, box.id)
    if box.HasField("confidence"):
        # What a model gives is not always a probability.
        confidence = min(1.0, max(0.0, box.confidence))
        return Prediction(item, box.label, geometry, confidence=confidence, provenance=made)
    return Label(item, box.label, geometry, provenance=made)


def tag_in(tag: str, item: str) -> Label:
    """Return a tag as a label of the whole image."""
    return Label(item, tag, Whole(), provenance=Provenance(PLATFORM))


def class_in(found: Any, item: str) -> Label:
    """Return a classification of Viam's, which only its own models make."""
    made = Provenance(PLATFORM, found.id)
    if found.HasField("confidence"):
        return Prediction(item, found.label, Whole(), confidence=found.confidence, provenance=made)
    return Label(item, found.label, Whole(), provenance=made)


def labels_in(metadata: Any, item: str, size: Size | None) -> Iterator[Label]:
    """Yield what is on an image.

    Args:
        metadata: The image's `BinaryMetadata`.
        item: Its key.
        size: Its size; needed only if there are boxes.
    """
    for box in metadata.annotations.bboxes:
        if size is None:
            raise InvalidData(f"{item!r} has boxes and is no image whose size can be read.", field="width")
        yield box_in(box, item, size)
    for found in metadata.annotations.classifications:
        yield class_in(found, item)
    for tag in metadata.capture_metadata.tags:
        yield tag_in(tag, item)


def own_id(row: Label) -> str:
    """Return the id that a row of this content is read back with."""
    return derive_id(row.item, row.feature, row.geometry)
