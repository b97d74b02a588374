"""What Labelbox has no field for, kept as JSON in the answer to a free-text question of each annotation. Pure.

Where an ontology does not ask the question (`nodes.KEEPER`) nothing is kept; what that costs says `targets.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dragoman.schema import AnyAnswer, Label, Prediction, Provenance
from dragoman.schema.rows import AttributeValue, Interpolation
from dragoman_labelbox.nodes import KEEPER
from dragoman_labelbox.wire import Answered, Said


class Kept(msgspec.Struct, omit_defaults=True, gc=False):
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


def keeper_of(uuid: str) -> Said:
    """Return the classification that keeps nothing but a UUID, in which there is nothing to escape."""
    return Said(KEEPER, f'{{"id":"{uuid}"}}')


def keeper_out(kept: Kept) -> Said:
    """Return the classification that keeps it."""
    return Said(KEEPER, _encode(kept).decode())


def id_in(nested: Sequence[Answered] | None) -> str | None:
    """Return the id that was kept beside an annotation, if nothing else was kept or asked, which is how most come."""
    if nested is None or len(nested) != 1 or nested[0].name != KEEPER or (text := nested[0].text_answer) is None:
        return None
    content = text.content
    if content[:7] == '{"id":"' and content[-2:] == '"}' and content.count('"') == 4 and "\\" not in content:
        # As `keeper_of` writes it: that needs no decoder.
        return content[7:-2]
    return None


def kept_in(nested: Sequence[Answered] | None) -> Kept | None:
    """Return what was kept beside an annotation, from its nested classifications; None if nothing was."""
    for one in nested or ():
        if one.name == KEEPER and one.text_answer is not None:
            return _decode(one.text_answer.content)
    return None
