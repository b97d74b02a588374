"""Answers full of rows to labels or predictions; masks are fetched for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.schema import Label, Prediction
from dragoman_nucleus.codec import label_in, prediction_in
from dragoman_nucleus.masks import Canvas, masks_in
from dragoman_nucleus.wire import FoundMask, Groups


def rows_in(connection: Any, kind: type[Label], groups: Groups, key: str | None) -> Iterator[Label]:
    """Yield the rows of an answer.

    Args:
        connection: Fetches the masks.
        kind: `Label` or `Prediction`.
        groups: The answer.
        key: Key of their item, where they do not name it.
    """
    row_in = prediction_in if kind is Prediction else label_in
    for type_of_row, wire in groups.rows():
        try:
            row = row_in(type_of_row, wire, key)
        except (InvalidData, msgspec.ValidationError) as error:
            raise _unreadable(type_of_row, wire, key, error) from error
        yield row
    for mask in groups.masks():
        canvas = canvas_of(connection, [mask])
        assert canvas is not None
        yield from masks_in(kind, canvas, key or mask.reference_id or "")


def _unreadable(
    type_of_row: str, wire: Any, key: str | None, error: InvalidData | msgspec.ValidationError
) -> InvalidData:
    """Name the row that cannot be read, which others than Dragoman wrote: its fault alone would have to be searched."""
    reason, field = (error.message, error.field) if isinstance(error, InvalidData) else (str(error), "metadata")
    name = f"{type_of_row} {wire.annotation_id!r}" if wire.annotation_id else type_of_row
    return InvalidData(
        f"The {name} on item {key or wire.reference_id!r} cannot be read: {reason}",
        field=field,
        hint="Write it anew with the SDK, or delete it.",
    )


def canvas_of(connection: Any, masks: Sequence[FoundMask]) -> Canvas | None:
    """Return the masks of an item, of which Nucleus keeps one image or none."""
    if not masks:
        return None
    return Canvas.of(connection.fetch(masks[0].mask_url), masks[0].annotations)
