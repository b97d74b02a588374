"""What Labelbox has no field for, kept as JSON in the answer to a free-text question of each annotation. Pure.

Where an ontology does not ask the question (`nodes.KEEPER`), only a row's own id and provenance have no place, which
say nothing about the image; a row that says more is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.schema import AnyAnswer, Label, Prediction, Provenance
from dragoman.schema.rows import AttributeValue, Interpolation
from dragoman_labelbox.nodes import KEEPER, Known
from dragoman_labelbox.wire import Answered, Said


class Kept(msgspec.Struct, omit_defaults=True):
    """What an annotation keeps in the answer to the question `dragoman`."""

    id: str
    track_id: str | None = None
    span: tuple[int, int] | None = None
    interpolation: Interpolation = "none"
    answer: AnyAnswer | None = None
    attributes: dict[str, AttributeValue] = {}
    metadata: dict[str, Any] = {}
    provenance: Provenance | None = None
    class_pdf: dict[str, float] | None = None
    frame: int | None = None
    """The row's frame, where it has a span as well."""
    end: bool = False
    """Whether this keyframe only repeats the one before it, to end a stretch."""


_decode = msgspec.json.Decoder(Kept).decode
_encode = msgspec.json.Encoder().encode


def kept_of(row: Label, attributes: dict[str, Any], answer: AnyAnswer | None) -> Kept:
    """Return what is to be kept beside a row, besides the attributes and the answer that are left over."""
    return Kept(
        row.id,
        row.track_id,
        row.span,
        row.interpolation,
        answer,
        attributes,
        row.metadata,
        row.provenance,
        row.class_pdf if isinstance(row, Prediction) else None,
        row.frame if row.span is not None else None,
    )


def keeper_out(kept: Kept) -> Said:
    """Return the classification that keeps it."""
    return Said(KEEPER, _encode(kept).decode())


def unkept(row: Label, known: Known, kept: Kept) -> None:
    """Refuse a row of which more than its id would be lost, because the ontology does not ask the question.

    Raises:
        InvalidData: It says something that has no place.
    """
    if known.keeps:
        return
    lost = [name for name in ("metadata", "attributes", "answer", "class_pdf") if getattr(kept, name)]
    if kept.track_id is not None and row.frame is None and row.span is None:
        # On a video the platform has tracks of its own.
        lost.append("track_id")
    if lost:
        raise InvalidData(
            f"The ontology does not ask {KEEPER!r} under {row.feature!r}, so {', '.join(lost)} would be lost.",
            hint=f"Add a free-text question named {KEEPER!r} to it.",
            field=lost[0],
        )


def kept_in(nested: Sequence[Answered] | None) -> Kept | None:
    """Return what was kept beside an annotation, from its nested classifications; None if nothing was."""
    for one in nested or ():
        if one.name == KEEPER and one.text_answer is not None:
            return _decode(one.text_answer.content)
    return None
