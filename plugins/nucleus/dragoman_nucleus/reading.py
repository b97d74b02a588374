"""Answers full of rows to labels or predictions; masks are fetched for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

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
        yield row_in(type_of_row, wire, key)
    for mask in groups.masks():
        canvas = canvas_of(connection, [mask])
        assert canvas is not None
        yield from masks_in(kind, canvas, key or mask.reference_id or "")


def canvas_of(connection: Any, masks: Sequence[FoundMask]) -> Canvas | None:
    """Return the masks of an item, of which Nucleus keeps one image or none."""
    if not masks:
        return None
    return Canvas.of(connection.fetch(masks[0].mask_url), masks[0].annotations)
