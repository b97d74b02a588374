"""Masks: run lengths here, one index image per item there. Pure; no network.

Nucleus keeps one PNG per item, in which the value of a pixel is the index of its segment. So the masks of an item are
painted over each other, the largest first, and what is known of each mask is in its segment's metadata.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image

from dragoman.errors import InvalidData, PlatformError
from dragoman.geometry import array_of_mask, mask_of_array
from dragoman.schema import (
    CREATED,
    IGNORED,
    UPDATED,
    AnyAnswer,
    Label,
    Mask,
    Prediction,
    RowResult,
    derive_id,
)
from dragoman_nucleus.codec import joined, parted, provenance_in
from dragoman_nucleus.wire import Json, Segment

Indices = npt.NDArray[np.uint8]
MOST = 255
"""Segments of one image: a pixel is a byte, and one value is background."""

OTHER_SIZE = "The mask is {} x {} pixels, and the other masks of the item are {} x {}."
FULL = f"The item has {MOST} masks already, and Nucleus keeps no more in one image."
HIDDEN = "Smaller masks cover it whole, and Nucleus keeps one image per item, in which nothing would be left of it."
HIDES = "It would cover all that is left of a mask that the item has, and Nucleus keeps one image per item."


@dataclass(frozen=True)
class Canvas:
    """The masks of one item: indices of shape (height, width), and what each index is."""

    pixels: Indices
    segments: dict[int, Segment]

    @classmethod
    def of(cls, png: bytes, segments: Sequence[Segment]) -> Canvas:
        """Return the masks of an index image.

        Raises:
            PlatformError: It is no image of one channel.
        """
        try:
            with Image.open(io.BytesIO(png)) as image:
                pixels = np.asarray(image)
        except OSError as error:
            raise PlatformError(f"A mask of Nucleus is no image: {error}") from error
        if pixels.ndim != 2 or pixels.dtype != np.uint8:
            raise PlatformError(f"A mask of Nucleus has shape {pixels.shape} and type {pixels.dtype}.")
        return cls(pixels, {int(segment.index): segment for segment in segments})

    def png(self) -> bytes:
        """Return the index image."""
        out = io.BytesIO()
        Image.fromarray(self.pixels).save(out, "PNG")
        return out.getvalue()

    def by_id(self, item: str) -> dict[str, int]:
        """Return the indices by the ids of their masks."""
        return {id_of(segment, item): index for index, segment in self.segments.items()}

    def mask(self, index: int) -> Mask:
        """Return the mask of an index."""
        return mask_of_array(self.pixels == index)


_Results = dict[int | None, RowResult]
"""Results by the position of their row."""


class _Layer(NamedTuple):
    value: int
    segment: Segment
    pixels: npt.NDArray[np.bool_]
    area: int
    row: int | None
    """Position of the row that it shows; None for a mask that the item has."""


def compose(there: Canvas | None, rows: Sequence[Label], *, update: bool) -> tuple[Canvas | None, list[RowResult]]:
    """Paint masks onto an item and return its new index image, None if nothing changes, and one result per row.

    Args:
        there: What the item has.
        rows: Masks, all on that item.
        update: Replace a mask of the same id; otherwise it stays.
    """
    results: _Results = {}
    while True:
        layers = _layers(there, rows, update, results)
        pixels = _painted(layers, rows[0])
        lost = _lost(layers, pixels)
        if not lost:
            break
        results |= lost
    for layer in layers:
        if layer.row is not None:
            known = there is not None and layer.value in there.segments
            results[layer.row] = UPDATED if known else CREATED
    changed = any(layer.row is not None for layer in layers)
    canvas = Canvas(pixels, {layer.value: layer.segment for layer in layers}) if changed else None
    return canvas, [results[position] for position in range(len(rows))]


def _layers(there: Canvas | None, rows: Sequence[Label], update: bool, results: _Results) -> list[_Layer]:
    """Return all masks that the image is to show; rows that it is not to show get their result."""
    known = there.by_id(rows[0].item) if there else {}
    shape = there.pixels.shape if there else _shape(rows[0])
    free = iter([index for index in range(1, MOST + 1) if index not in known.values()])
    layers: dict[int, _Layer] = {}
    for position, row in enumerate(rows):
        if position in results:
            continue
        if _shape(row) != shape:
            results[position] = RowResult("rejected", reason=OTHER_SIZE.format(*_shape(row)[::-1], *shape[::-1]))
        elif row.id in known and not update:
            results[position] = IGNORED
        elif (index := known[row.id] if row.id in known else next(free, None)) is None:
            results[position] = RowResult("rejected", reason=FULL)
        else:
            try:
                layer = _layer(row, index, position)
            except InvalidData as error:
                # Others of the call may have been written by now, so the whole is not refused.
                results[position] = RowResult("rejected", reason=error.message)
                continue
            if index in layers:  # the same id twice in one batch: the later row overwrites the earlier
                results[layers[index].row] = UPDATED
            known[row.id] = index
            layers[index] = layer
    for index, segment in (there.segments if there else {}).items():
        if there is not None and index not in layers:
            pixels = there.pixels == index
            layers[index] = _Layer(index, segment, pixels, int(pixels.sum()), None)
    return list(layers.values())


def _layer(row: Label, index: int, position: int) -> _Layer:
    assert isinstance(row.geometry, Mask)
    pixels = array_of_mask(row.geometry)
    return _Layer(index, _segment(row, index), pixels, int(pixels.sum()), position)


def _shape(row: Label) -> tuple[int, int]:
    assert isinstance(row.geometry, Mask)
    return row.geometry.height, row.geometry.width


def _painted(layers: Sequence[_Layer], row: Label) -> Indices:
    used = {layer.value for layer in layers}
    background = next(value for value in range(MOST + 1) if value not in used)
    pixels = np.full(layers[0].pixels.shape if layers else _shape(row), background, np.uint8)
    for layer in sorted(layers, key=lambda layer: (-layer.area, layer.value)):
        pixels[layer.pixels] = layer.value
    return pixels


def _lost(layers: Sequence[_Layer], pixels: Indices) -> _Results:
    """Return the results of the rows that cannot be shown: nothing is left of them, or of what they would cover."""
    seen = np.bincount(pixels.ravel(), minlength=MOST + 1)
    lost: _Results = {}
    for hidden in layers:
        if not hidden.area or seen[hidden.value]:
            continue
        if hidden.row is not None:
            lost[hidden.row] = RowResult("rejected", reason=HIDDEN)
            continue
        over = [layer.row for layer in layers if layer.row is not None and (layer.pixels & hidden.pixels).any()]
        lost |= dict.fromkeys(over, RowResult("rejected", reason=HIDES))
    return lost


def _segment(row: Label, index: int) -> Segment:
    ours: Json = {"id": row.id, "track_id": row.track_id}
    ours |= {"provenance": msgspec.to_builtins(row.provenance), "answer": msgspec.to_builtins(row.answer)}
    if isinstance(row, Prediction):
        ours |= {"confidence": row.confidence, "class_pdf": row.class_pdf}
    kept = {name: value for name, value in ours.items() if value is not None}
    return Segment(row.feature, index, joined(row.metadata, kept))


def id_of(segment: Segment, item: str) -> str:
    """Return the id of a mask: the one it was written with, or one that follows from its item and index."""
    known: str | None = (segment.metadata or {}).get("dragoman_id")
    return known or derive_id("nucleus", item, int(segment.index))


def masks_in(kind: type[Label], canvas: Canvas, item: str) -> list[Label]:
    """Return the masks of an item as labels or predictions."""
    return [_row_in(kind, canvas, index, item) for index in canvas.segments]


def _row_in(kind: Any, canvas: Canvas, index: int, item: str) -> Any:
    segment = canvas.segments[index]
    metadata, ours = parted(segment.metadata or {})
    row_id = id_of(segment, item)
    said = {name: ours.get(name) for name in ("confidence", "class_pdf")} if kind is Prediction else {}
    return kind(
        item,
        segment.label,
        canvas.mask(index),
        row_id,
        track_id=ours.get("track_id"),
        answer=msgspec.convert(ours.get("answer"), AnyAnswer | None),
        metadata=metadata,
        provenance=provenance_in(ours, row_id),
        **said,
    )
